"""Drop-in recurrent modules, their starting values and lengths, and swapping them into a model."""

from __future__ import annotations

from gatewise.engines import EngineChoice, Gates
from gatewise.nn import init
from gatewise.nn.accelerate import accelerate, restore
from gatewise.nn.cells import GRUCell, LSTMCell, RNNCell
from gatewise.nn.curriculum import LengthCurriculum
from gatewise.nn.custom import Recurrent
from gatewise.nn.modules import GRU, LSTM, RNN
from gatewise.nn.slstm import SLSTM

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SLSTM",
    "EngineChoice",
    "GRUCell",
    "Gates",
    "LSTMCell",
    "LengthCurriculum",
    "RNNCell",
    "Recurrent",
    "accelerate",
    "init",
    "restore",
]
