"""Recurrent cells of other packages that `gw.accelerate` takes: which they are, and how each is read.

A cell is told by what its class is called, where it was defined and what it holds, so no package is
imported for it. Its parameters stay where they are: `state_dict` is the same before and after.
"""

from gatewise.nn.adapters.adapter import ADAPTERS, Adapter, adapter_of, register
from gatewise.nn.adapters.around import turn_around, turn_around_back
from gatewise.nn.adapters.beside import why_it_stays
from gatewise.nn.adapters.tirex2 import TIREX2
from gatewise.nn.adapters.turned import Turned, turn, turn_back
from gatewise.nn.adapters.xlstm import TIREX, XLSTM

register(TIREX)
register(XLSTM)
register(TIREX2)

__all__ = [
    "ADAPTERS",
    "Adapter",
    "Turned",
    "adapter_of",
    "register",
    "turn",
    "turn_around",
    "turn_around_back",
    "turn_back",
    "why_it_stays",
]
