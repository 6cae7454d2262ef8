"""The only description of a cell: one file each, in the paper's symbols, and their registry.

Nothing here imports torch: equations are methods of the tensors that they are given.
"""

from __future__ import annotations

from gatewise.cells.gru import GRU
from gatewise.cells.layer_norm_lstm import LAYER_NORM_LSTM
from gatewise.cells.lstm import LSTM
from gatewise.cells.mgu import MGU
from gatewise.cells.parameters import ExtraParameter, Parameters, State
from gatewise.cells.peephole_lstm import PEEPHOLE_LSTM
from gatewise.cells.rnn import RNN_RELU, RNN_TANH
from gatewise.cells.slstm import SLSTM, SLSTM_CLAMPED, SLSTM_EXPONENTIAL
from gatewise.cells.spec import CellSpec

CELLS: dict[str, CellSpec] = {
    spec.name: spec
    for spec in (
        LSTM,
        GRU,
        RNN_TANH,
        RNN_RELU,
        PEEPHOLE_LSTM,
        LAYER_NORM_LSTM,
        MGU,
        SLSTM,
        SLSTM_CLAMPED,
        SLSTM_EXPONENTIAL,
    )
}
"""Every cell by name. A new cell is one file and one more entry here: see docs/adding-a-cell.md."""

__all__ = ["CELLS", "CellSpec", "ExtraParameter", "Parameters", "State"]
