"""The recurrent modules inside a model, and which of them have a pass that gatewise knows."""

from __future__ import annotations

import torch

from gatewise.nn.accelerate import COUNTERPARTS
from gatewise.nn.custom import Recurrent
from gatewise.nn.watching import plain_forward

KNOWN_KINDS = (*COUNTERPARTS, *COUNTERPARTS.values(), Recurrent)
"""The classes whose forward is known: torch's, gatewise's, and that of a cell which a user added."""

_FORWARDS = {plain_forward(kind) for kind in KNOWN_KINDS}


def recurrent_parts(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """Return the recurrent modules and cells of `model` by path, with a known forward or another."""
    kinds = (torch.nn.RNNBase, torch.nn.RNNCellBase)
    return {name: part for name, part in model.named_modules() if isinstance(part, kinds)}


def has_known_forward(part: torch.nn.Module) -> bool:
    """Return whether calls of `part` are understood; a subclass's forward may take anything."""
    return plain_forward(type(part)) in _FORWARDS and "forward" not in vars(part)


def why_not_layered(part: torch.nn.Module) -> str:
    """Return what keeps gatewise from running a module layer by layer, or nothing."""
    if isinstance(part, torch.jit.ScriptModule):
        return "is a TorchScript module; give the Python model before scripting it"
    if not isinstance(part, torch.nn.RNNBase):
        return f"is a {type(part).__name__}, not an LSTM, GRU or RNN"
    if not has_known_forward(part):
        return f"is a {type(part).__name__} with a forward of its own"
    return ""
