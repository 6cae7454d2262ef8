"""An engine: a name, the cells that it can run, its pass, and what a module may ask of it.

Sizes: T steps, B rows, N valid steps of all rows together, I inputs, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor

from gatewise.engines.layout import PassResult


class Plain(NamedTuple):
    """A plain call beside its tensors: a whole network of torch's, no gates, nobody looking on."""

    cell: str
    input_size: int
    hidden_size: int
    layers: int
    bidirectional: bool
    needs_gradient: bool  # whether input or weights may get one
    steps: int
    rows: int
    packed: bool
    bias: bool
    batch_first: bool
    proj_size: int  # 0: no projection
    dropout: float
    training: bool  # torch's mode of the module: whether there is dropout


Run: TypeAlias = Callable[..., PassResult]
"""`run(network, x, states, rows, *, gates) -> PassResult`, in the types that torch returns.

`x` is `[T, B, I]` or packed `[N, I]`, `states [L*D, B, *]` or None, `rows` None where every row has T
steps. With `takes_max_memory` also `max_memory=`.
"""


@dataclass(frozen=True)
class Engine:
    """One way to run a cell.

    Attributes:
        name: What the modules' `engine` calls it.
        run: The pass: see `Run`.
        why_not: `why_not(spec, like, weights) -> str`: why it does not run a cell on tensors such as
            `like` with weights of such classes; an empty string where it does.
        instead: What to write instead where it is named and cannot.
        run_plain: `run_plain(call, x, states, weights, batch_sizes)` returns the output and the
            states of a plain call, or None where `run` should be taken. `x` is in the form of the
            module's input, `weights` are in torch's order. None: the engine has no such way.
        hands_gates: Whether the gates come from the pass itself, and not from its output afterwards.
        takes_max_memory: Whether it can bound what it keeps for the backward pass.
        checks_tensors: Whether it looks itself whether each tensor is where it has to be, with memory.
        is_torchs: Whether it is what torch's module runs, whose `forward` then does for most calls.
    """

    name: str
    run: Run
    why_not: Callable[..., str]
    instead: str = "use engine='auto'"
    run_plain: Callable[[Plain, Tensor, Any, Sequence[Tensor], Tensor | None], Any] | None = None
    hands_gates: bool = True
    takes_max_memory: bool = False
    checks_tensors: bool = False
    is_torchs: bool = False
