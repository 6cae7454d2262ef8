"""What a recurrent module is made of: its cell's equations, its parameters by the papers' names.

Works for torch's modules as well as for gatewise's, which is why these are functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.cells import CELLS, CellSpec, Parameters
from gatewise.engines import Network
from gatewise.errors import InputError

SUFFIXES = ("", "_reverse")
"""How torch ends the parameter names of each direction."""


def check_model(model: Any, caller: str) -> None:
    """Raise InputError for what is no module, and say what to give instead."""
    if isinstance(model, torch.nn.Module):
        return
    got, instead = type(model).__name__, ""
    if isinstance(model, type):
        got, instead = f"the class {model.__name__}", f"; make one first: {model.__name__}(...)"
    elif isinstance(model, Mapping) and all(isinstance(own, Tensor) for own in model.values()):
        got, instead = "a state dict", "; load it into a model first"
    elif isinstance(model, list | tuple | set | Mapping):
        got, instead = f"a {got}", f"; call {caller} with each model"
    raise InputError(f"{caller}: model must be a torch.nn.Module; got {got}{instead}")


def spec_of(module: torch.nn.RNNBase | torch.nn.RNNCellBase) -> CellSpec:
    """Return the equations that `module` runs."""
    if isinstance(module, torch.nn.RNNBase):
        return CELLS[module.mode.lower()]
    if isinstance(module, torch.nn.LSTMCell):
        return CELLS["lstm"]
    if isinstance(module, torch.nn.GRUCell):
        return CELLS["gru"]
    if isinstance(module, torch.nn.RNNCell) and module.nonlinearity in ("tanh", "relu"):
        return CELLS[f"rnn_{module.nonlinearity}"]
    raise RuntimeError(f"Unknown nonlinearity: {getattr(module, 'nonlinearity', module)}")


def suffixes_of(module: torch.nn.RNNBase | torch.nn.RNNCellBase) -> list[str]:
    """Return the ending of the parameter names of each layer and direction: `_l0_reverse`, ..."""
    if isinstance(module, torch.nn.RNNCellBase):
        return [""]
    directions = SUFFIXES[: 2 if module.bidirectional else 1]
    return [f"_l{layer}{end}" for layer in range(module.num_layers) for end in directions]


def parameters_of(module: torch.nn.RNNBase | torch.nn.RNNCellBase, suffix: str) -> Parameters:
    """Return the parameters with that ending, read by name so that a replaced one is seen."""

    return _collected(lambda name: getattr(module, name, None), suffix)


def network_of(module: torch.nn.RNNBase) -> Network:
    """Return the layers of `module`, ready for an engine, with the weights of its last pass.

    These are the tensors that torch's own pass takes. A parametrized weight is computed anew at
    each reading by name, and in train mode `spectral_norm` moves on with each.
    """
    flat, size = module._flat_weights, 2 + 2 * module.bias + (module.proj_size > 0)
    own = [_in_order(flat[i : i + size], bias=module.bias) for i in range(0, len(flat), size)]
    depth = 2 if module.bidirectional else 1
    layers = tuple(tuple(own[i : i + depth]) for i in range(0, len(own), depth))
    return Network(spec_of(module), layers, module.dropout if module.training else 0.0)


def _in_order(own: Sequence[Any], *, bias: bool) -> Parameters:
    """Return the tensors of one layer and direction, given in torch's own order."""
    w_ih, w_hh, *rest = own
    return Parameters(w_ih, w_hh, *(rest if bias else (None, None, *rest)))


def _collected(find: Callable[[str], Tensor | None], suffix: str) -> Parameters:
    w_ih, w_hh = find(f"weight_ih{suffix}"), find(f"weight_hh{suffix}")
    assert w_ih is not None and w_hh is not None  # noqa: PT018 - every recurrent module has both
    rest = [find(f"{name}{suffix}") for name in ("bias_ih", "bias_hh", "weight_hr")]
    return Parameters(w_ih, w_hh, *rest)
