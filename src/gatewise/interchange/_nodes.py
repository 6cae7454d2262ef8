"""What ONNX calls a cell: its operator, the order of its gates, and what its node must say.

ONNX operators LSTM (22), GRU (22) and RNN (22), https://onnx.ai/onnx/operators. Sizes: D directions,
G gates, H hidden units, I inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewise.cells import CELLS
from gatewise.typing import AnyArray


@dataclass(frozen=True)
class Operator:
    """An ONNX operator that computes a cell."""

    name: str
    gates: tuple[str, ...]  # blocks of the cell, in the operator's order
    activations: tuple[str, ...]  # of one direction, as a node names them
    attributes: dict[str, int] = field(default_factory=dict)  # that the cell needs, beside defaults


OPERATORS: dict[str, Operator] = {
    "lstm": Operator(
        "LSTM", ("input", "output", "forget", "candidate"), ("Sigmoid", "Tanh", "Tanh")
    ),
    "gru": Operator(
        "GRU",
        ("update", "reset", "candidate"),
        ("Sigmoid", "Tanh"),
        {"linear_before_reset": 1},
    ),
    "rnn_tanh": Operator("RNN", ("hidden",), ("Tanh",)),
    "rnn_relu": Operator("RNN", ("hidden",), ("Relu",)),
}
"""The operators by the names of the cells that they compute."""


def in_onnx_order(cell: str, stacked: AnyArray) -> AnyArray:
    """Return blocks `[G*H, ...]` that are stacked as torch packs them in ONNX's order."""
    return _reordered(stacked, CELLS[cell].packing, OPERATORS[cell].gates)


def in_torch_order(cell: str, stacked: AnyArray) -> AnyArray:
    """Return blocks `[G*H, ...]` that are stacked as ONNX does in torch's order."""
    return _reordered(stacked, OPERATORS[cell].gates, CELLS[cell].packing)


def _reordered(stacked: AnyArray, before: tuple[str, ...], after: tuple[str, ...]) -> AnyArray:
    blocks: dict[str, Any] = dict(zip(before, np.split(stacked, len(before)), strict=True))
    return np.concatenate([blocks[name] for name in after])
