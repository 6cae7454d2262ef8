"""The parts of a recurrent module: its cell's equations, its parameters by the papers' names.

Works for torch's modules as well as for gatewise's, which is why these are functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    elif isinstance(model, Mapping) and all(isinstance(value, Tensor) for value in model.values()):
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
    w_ih, w_hh = getattr(module, f"weight_ih{suffix}"), getattr(module, f"weight_hh{suffix}")
    names = ("bias_ih", "bias_hh", "weight_hr")
    rest = [getattr(module, f"{name}{suffix}", None) for name in names]
    extra = {one.name: getattr(module, f"{one.name}{suffix}") for one in spec_of(module).extra}
    return Parameters(w_ih, w_hh, *rest, extra=extra)


def network_of(module: torch.nn.RNNBase) -> Network:
    """Return the layers of `module`, ready for an engine, with the weights of its last pass.

    These are the tensors that torch's own pass takes. A parametrized weight is computed anew at
    each reading by name, and in train mode `spectral_norm` moves on with each.
    """
    spec, flat = spec_of(module), module._flat_weights
    stock = 2 + 2 * module.bias + (module.proj_size > 0)
    size = stock + len(spec.extra)
    sides = [_in_order(spec, flat[i : i + size], stock) for i in range(0, len(flat), size)]
    depth = 2 if module.bidirectional else 1
    layers = tuple(tuple(sides[i : i + depth]) for i in range(0, len(sides), depth))
    dropout = module.dropout if module.training else 0.0
    return Network(spec, layers, dropout, getattr(module, "heads", 1))


def _in_order(spec: CellSpec, flat: Sequence[Any], stock: int) -> Parameters:
    """Return the tensors of one layer and direction: `stock` in torch's order, then the cell's own."""
    w_ih, w_hh, *rest = flat[:stock]
    common = (w_ih, w_hh, *(rest if stock > 3 else (None, None, *rest)))  # biases come in pairs
    if not spec.extra:
        return Parameters(*common)
    names = (one.name for one in spec.extra)
    return Parameters(*common, extra=dict(zip(names, flat[stock:], strict=True)))
