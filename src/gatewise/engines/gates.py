"""The record of gates and states that every engine returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from gatewise.errors import UnknownNameError, nearest


class Gates(Mapping[str, Tensor]):
    """Activated gates and states by name, each also an attribute: `gates.forget`, `gates["cell"]`.

    The tensors of a module are `[layers, directions, time, batch, hidden]` (`[layers, directions,
    time, hidden]` for unbatched input) whatever `batch_first` says, in the batch's own order, with
    NaN past each row's length. Those of a cell are `[batch, hidden]`. With a projection, `hidden`
    has `proj_size` units and the others `hidden_size`.

    It is a read-only mapping rather than a dict, whose method `update` would hide the GRU's gate. Two
    are equal if they are the same object: tensors have no single answer to that.

    Attributes:
        kind: The name of the cell whose gates these are, such as "lstm". (`gates.cell` is the state.)
        lengths: int64 `[batch]`, the valid steps of each row (a scalar for unbatched input).
    """

    kind: str = ""
    lengths: Tensor
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, tensors: Mapping[str, Tensor], lengths: Tensor, kind: str = "") -> None:
        self._tensors = dict(tensors)
        self.kind = kind
        self.lengths = lengths

    def __getitem__(self, name: str) -> Tensor:
        """Return the gate or state called `name`; raises UnknownNameError, a KeyError."""
        if not isinstance(name, str) or name not in self._tensors:
            raise UnknownNameError(self._unknown(name))
        return self._tensors[name]

    def __getattr__(self, name: str) -> Tensor:
        """Return the gate or state called `name`."""
        # Names with an underscore are asked for by copy and pickle before `_tensors` exists.
        if name.startswith("_") or name not in self._tensors:
            raise AttributeError(
                name if name.startswith("_") else self._unknown(name), name=name, obj=self
            )
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the cell's order."""
        return iter(self._tensors)

    def __len__(self) -> int:
        """Return how many gates and states there are."""
        return len(self._tensors)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._tensors]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name}: {list(tensor.shape)}" for name, tensor in self.items())
        return f"Gates({shapes})"

    def detach(self) -> Gates:
        """Return the same values cut from the graph."""
        return Gates(
            {name: tensor.detach() for name, tensor in self.items()}, self.lengths, self.kind
        )

    def to(self, *args: Any, **kwargs: Any) -> Gates:
        """Return the same record on another device or in another precision; see `torch.Tensor.to`."""
        moved = {name: tensor.to(*args, **kwargs) for name, tensor in self.items()}
        device = next(iter(moved.values())).device if moved else self.lengths.device
        return Gates(moved, self.lengths.to(device), self.kind)

    def cpu(self) -> Gates:
        """Return the same record on the CPU."""
        return self.to("cpu")

    def _unknown(self, name: object) -> str:
        known = ", ".join(self) or "none"
        return f"no gate {name!r}; there are {known}.{nearest(name, self)}"
