"""The recurrence of another package's cell, as a layer that is traced and explained like any other.

Sizes: T steps, B rows, H units, D units a head, G gates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor
from torch.nn import Parameter

from gatewise.cells import CELLS
from gatewise.engines.onlookers import PLAIN
from gatewise.nn.adapters.adapter import Adapter
from gatewise.nn.custom import Recurrent
from gatewise.nn.slstm import Published
from gatewise.nn.state_form import StateForm

NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


class _Kept(NamedTuple):
    """The recurrent weights in gatewise's order, and the numbers of which they were made."""

    of: list[Tensor]
    weight_hh: Tensor

    def holds(self, weights: Sequence[Tensor]) -> bool:
        """Tell whether the weights are those numbers still.

        The numbers are compared: a change through `.data` or NumPy leaves a tensor's version as it was.
        """
        return all(
            old.dtype is new.dtype and torch.equal(old, new)
            for old, new in zip(self.of, weights, strict=True)
        )


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
        self._kept: _Kept | None = None
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
        """Return `[G*H, D]`, differentiable with respect to the cell's own weights.

        Without gradients they are kept for the next call: to bring the weights of a layer of TiRex
        into order takes three times as long as to see that they have not changed.
        """
        weights = self._held_weights()
        if not _may_keep(weights):
            return self._adapter.weight_hh(self._owner[0])
        if self._kept is None or not self._kept.holds(weights):
            # A tensor of inference mode could not stand in a later graph.
            with torch.inference_mode(False), torch.no_grad():
                found = self._adapter.weight_hh(self._owner[0])
                self._kept = _Kept([weight.clone() for weight in weights], found.clone())
        return self._kept.weight_hh

    @property
    def bias_ih_l0(self) -> Tensor:
        """Return `[G*H]`, differentiable with respect to the cell's own bias."""
        return self._adapter.bias(self._owner[0])

    @property
    def bias_hh_l0(self) -> Tensor:
        """Return zeros `[G*H]`."""
        return torch.zeros_like(self._adapter.bias(self._owner[0]), requires_grad=False)

    # torch's class keeps its weights in a list; here each is made when it is read.
    @property
    def _flat_weights(self) -> _Flat:  # type: ignore[override]
        return _Flat(self)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: what is kept can be made again."""
        return {**self.__dict__, "_kept": None}

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


class _Flat(Sequence[Tensor]):
    """The weights of a layer in torch's order, each read off its owner when it is asked for."""

    def __init__(self, layer: Products) -> None:
        self._layer = layer

    def __len__(self) -> int:
        return len(NAMES)

    @overload
    def __getitem__(self, place: int) -> Tensor: ...
    @overload
    def __getitem__(self, place: slice) -> list[Tensor]: ...
    def __getitem__(self, place: int | slice) -> Tensor | list[Tensor]:
        if isinstance(place, slice):
            return [getattr(self._layer, name) for name in NAMES[place]]
        found: Tensor = getattr(self._layer, NAMES[place])
        return found


def _may_keep(weights: Sequence[Tensor]) -> bool:
    """Tell whether nobody can want the way from these weights to their order, and all have numbers."""
    if torch.is_grad_enabled() and any(weight.requires_grad for weight in weights):
        return False
    return (
        not torch.compiler.is_compiling()
        and torch._C._get_tracing_state() is None
        and not torch._C._are_functorch_transforms_active()
        and all(type(weight) in PLAIN and weight.is_cpu for weight in weights)
    )
