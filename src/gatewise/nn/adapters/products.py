"""The recurrence of another package's cell, as a layer that is traced and explained like any other.

Sizes: T steps, B rows, H units, D units a head, G gates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from gatewise.cells import CELLS
from gatewise.nn.adapters.adapter import Adapter
from gatewise.nn.custom import Recurrent
from gatewise.nn.slstm import Published
from gatewise.nn.state_form import StateForm

NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


class Products(Recurrent):
    """One layer whose input is the products W x of each step, `[T, B, G*H]`.

    Its weights are read off the cell that it belongs to, each time anew, and are in no `state_dict`:
    `weight_ih_l0` is `[G*H, 0]`, `weight_hh_l0` `[G*H, D]`, `bias_hh_l0` zero.
    """

    def __init__(self, owner: torch.nn.Module, adapter: Adapter) -> None:
        torch.nn.Module.__init__(self)
        self._flat_weights_names, self._all_weights = list(NAMES), [list(NAMES)]
        self._flat_weight_refs: list[Any] = []
        self._owner = (owner,)  # in a tuple, which torch does not take for a module inside this one
        self._adapter = adapter
        self.mode, self.heads = adapter.cell, adapter.heads(owner)
        units, gates = len(adapter.bias(owner)), len(CELLS[adapter.cell].packing)
        self.input_size, self.hidden_size = units, units // gates
        self.num_layers, self.proj_size, self.dropout = 1, 0, 0.0
        self.bias, self.batch_first, self.bidirectional = True, False, False

    @property
    def state_form(self) -> StateForm | None:
        """Return the form in which the cell takes its states."""
        return Published() if "level" in CELLS[self.mode].states else None

    @property
    def weight_ih_l0(self) -> Tensor:
        """Return `[G*H, 0]`: the products come with the input."""
        return self._adapter.bias(self._owner[0])[:, None][:, :0]

    @property
    def weight_hh_l0(self) -> Tensor:
        """Return `[G*H, D]`, differentiable with respect to the cell's own weights."""
        return self._adapter.weight_hh(self._owner[0])

    @property
    def bias_ih_l0(self) -> Tensor:
        """Return `[G*H]`, differentiable with respect to the cell's own bias."""
        return self._adapter.bias(self._owner[0])

    @property
    def bias_hh_l0(self) -> Tensor:
        """Return zeros `[G*H]`."""
        return torch.zeros_like(self._adapter.bias(self._owner[0]), requires_grad=False)

    # torch's class keeps its weights in a list; here the list is made when it is read.
    @property
    def _flat_weights(self) -> list[Tensor]:  # type: ignore[override]
        return [getattr(self, name) for name in NAMES]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state as any module does: torch's class would read the weights of half an owner."""
        torch.nn.Module.__setstate__(self, state)  # type: ignore[no-untyped-call]

    def _init_flat_weights(self) -> None:
        """Do nothing: there is no list to keep."""

    def _update_flat_weights(self) -> None:
        """Do nothing: there is no list to keep."""

    def _held_weights(self) -> list[Tensor]:
        return list(self._owner[0].parameters(recurse=False))

    def named_parameters(self, *_: Any, **__: Any) -> Iterator[tuple[str, Parameter]]:
        """Return those of the cell, by which a record tells whether the weights have changed."""
        return self._owner[0].named_parameters(recurse=False)
