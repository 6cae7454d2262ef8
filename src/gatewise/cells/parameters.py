"""The parameters of one layer in one direction, and those that a cell adds to the common ones.

Sizes in shape comments: B rows, I inputs, H hidden units, P projected units, G blocks; D units a head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from gatewise.errors import OptionError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

State: TypeAlias = "tuple[Tensor, ...]"
"""The states in the spec's order, the hidden one first: `[B, P]`, then `[B, H]` each."""


@dataclass(frozen=True)
class Parameters:
    """The parameters of one layer in one direction, under the papers' symbols.

    What a cell adds of its own stands in `extra`: `parameters.extra["peephole_input"]`.

    A layer of several heads has a block-diagonal `W_hh`: the units of a head, D = H / heads that follow
    one another, see the old state of that head alone. Its zeros are not kept: `W_hh` is `[G*H, D]`, and
    its width is what tells the number of heads.
    """

    W_ih: Tensor  # [G*H, I]
    W_hh: Tensor  # [G*H, P], P = H without projection; [G*H, D] with heads
    b_ih: Tensor | None = None  # [G*H]
    b_hh: Tensor | None = None  # [G*H]
    W_hr: Tensor | None = None  # [P, H], the projection of the LSTM, else None
    extra: Mapping[str, Tensor] = field(default_factory=dict, kw_only=True)  # by name

    def to(self, dtype: torch.dtype) -> Parameters:
        """Return the parameters in `dtype`, differentiably; themselves where they have it."""
        return self.map(lambda tensor: tensor.to(dtype))

    def map(self, function: Callable[[Tensor], Tensor]) -> Parameters:
        """Return what `function` makes of each parameter that there is."""
        common = (self.W_ih, self.W_hh, self.b_ih, self.b_hh, self.W_hr)
        return Parameters(
            *(None if tensor is None else function(tensor) for tensor in common),  # type: ignore[arg-type]  # the weights stay weights
            extra={name: function(tensor) for name, tensor in self.extra.items()},
        )

    def flat(self) -> list[Tensor]:
        """Return the tensors there are: torch's in its own order, then the cell's own."""
        common = (self.W_ih, self.W_hh, self.b_ih, self.b_hh, self.W_hr)
        return [*(tensor for tensor in common if tensor is not None), *self.extra.values()]


@dataclass(frozen=True)
class ExtraParameter:
    """A parameter that a cell has beside weights and biases, once in every layer and direction.

    A module calls it `{name}_l0`, `{name}_l0_reverse` and so on, beside `weight_ih_l0`.

    Attributes:
        name: Its key in `Parameters.extra`.
        shape: Its sizes: numbers, "I" (inputs), "H" (hidden units), "P" (outputs) or "G*H" (the
            rows of all blocks). `()` is a single number.
        start: The value that a fresh one is filled with: 1 for a gain. None: drawn as weights are.
    """

    name: str
    shape: tuple[str | int, ...]
    start: float | None = None

    def __post_init__(self) -> None:
        wrong = [size for size in self.shape if isinstance(size, str) and size not in SIZES]
        if not self.name.isidentifier() or self.name.startswith(("_", "weight_", "bias_")):
            raise OptionError(
                f"extra parameter {self.name!r}: use an identifier that does not begin with an "
                "underscore, 'weight_' or 'bias_'"
            )
        if wrong:
            raise OptionError(
                f"extra parameter {self.name!r}: sizes are numbers or {', '.join(map(repr, SIZES))}; "
                f"got {wrong[0]!r}"
            )

    def sizes(self, *, inputs: int, hidden: int, outputs: int, blocks: int) -> tuple[int, ...]:
        """Return the shape in numbers, for a layer of I, H, P and G."""
        known = dict(zip(SIZES, (inputs, hidden, outputs, blocks * hidden), strict=True))
        return tuple(known[size] if isinstance(size, str) else size for size in self.shape)


SIZES = ("I", "H", "P", "G*H")
"""What the sizes of an extra parameter may be called."""
