"""What a recurrent module is made of: its cell's equations, its parameters by the papers' names.

Works for torch's modules as well as for gatewise's, which is why these are functions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.cells import CELLS, CellSpec, Parameters
from gatewise.engines import Network

SUFFIXES = ("", "_reverse")
"""How torch ends the parameter names of each direction."""


def spec_of(module: torch.nn.RNNBase | torch.nn.RNNCellBase) -> CellSpec:
    """Return the equations that `module` runs."""
    own = getattr(module, "cell_spec", None)
    if isinstance(own, CellSpec):
        return own
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

    def find(name: str) -> Tensor | None:
        found: Tensor | None = getattr(module, f"{name}{suffix}", None)
        return found

    w_ih, w_hh = find("weight_ih"), find("weight_hh")
    assert w_ih is not None and w_hh is not None  # noqa: PT018 - every recurrent module has both
    return Parameters(w_ih, w_hh, find("bias_ih"), find("bias_hh"), find("weight_hr"))


def network_of(module: torch.nn.RNNBase) -> Network:
    """Return the layers of `module`, ready for an engine."""
    own = [parameters_of(module, suffix) for suffix in suffixes_of(module)]
    depth = 2 if module.bidirectional else 1
    layers = tuple(tuple(own[i : i + depth]) for i in range(0, len(own), depth))
    return Network(spec_of(module), layers, module.dropout if module.training else 0.0)
