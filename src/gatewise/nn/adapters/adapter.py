"""What gatewise has to know of another package's recurrent cell to run it.

Sizes: B rows, T steps, H units, D units a head, G gates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.errors import OptionError

Read = Callable[[torch.nn.Module], Tensor]


@dataclass(frozen=True)
class Adapter:
    """One kind of cell. It takes the products W x of a whole sequence, `[B, T, G*H]`, and a state.

    Its forward is `forward(input, state)`, which returns the outputs `[B, heads, T, D]` and the state
    after them; a state is `[states, B, H]` or None. Another form of call has its own `turned`. All
    functions stand in a module, so that a model can be pickled.

    Attributes:
        package: What messages call it.
        module: How the name of the module begins that defines the class; "" for any.
        kind: The name of the class.
        cell: The registered cell whose equations it computes.
        heads: Returns the number of heads.
        weight_hh: Returns the recurrent weights in gatewise's order, `[G*H, D]`, of the cell's own.
        bias: Returns the bias, `[G*H]`, in that order.
        why_not: Returns why a cell of this class is left as it is, or an empty string.
        turned: The class that comes before the package's and runs its calls; None: `TurnedCell`.
    """

    package: str
    module: str
    kind: str
    cell: str
    heads: Callable[[torch.nn.Module], int]
    weight_hh: Read
    bias: Read
    why_not: Callable[[torch.nn.Module], str]
    turned: type[torch.nn.Module] | None = None


ADAPTERS: list[Adapter] = []
"""Every adapter, in the order in which they are asked."""


def register(adapter: Adapter) -> None:
    """Let `gw.accelerate` take cells of this kind; raises OptionError for an unknown `cell`."""
    if adapter.cell not in CELLS:
        raise OptionError(
            f"register: no cell {adapter.cell!r} is registered; there are {', '.join(CELLS)}"
        )
    if adapter not in ADAPTERS:
        ADAPTERS.append(adapter)


def adapter_of(module: torch.nn.Module) -> Adapter | None:
    """Return the adapter of a module's kind; None where there is none."""
    kind = type(module)
    for adapter in ADAPTERS:
        if kind.__name__ == adapter.kind and kind.__module__.startswith(adapter.module):
            return adapter
    return None
