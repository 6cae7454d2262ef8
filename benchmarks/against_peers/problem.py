"""One problem that every side is given: weights, inputs, lengths and the gradient that arrives.

Sizes: T steps, B rows, I inputs, H hidden units, N valid (step, row) pairs, G gates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import gatewise as gw
from benchmarks.against_peers.rows import Row

SEED = 0
STOCK: dict[str, Callable[..., torch.nn.RNNBase]] = {
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
    "rnn": torch.nn.RNN,
}
MODULES: dict[str, Callable[..., torch.nn.RNNBase]] = {
    "lstm": gw.LSTM,
    "gru": gw.GRU,
    "rnn": gw.RNN,
}
CELLS = tuple(STOCK)


@dataclass(frozen=True)
class Problem:
    """A single layer in one direction, time-major, float32."""

    cell: str
    row: Row
    weights: dict[str, Tensor]  # torch's names and layout
    x: Tensor  # [T, B, I]
    arriving: Tensor  # [T, B, H], or [N, H] where packed: the gradient that arrives at the output
    packed: PackedSequence | None

    @property
    def input(self) -> Tensor | PackedSequence:
        """What a torch module is called with."""
        return self.x if self.packed is None else self.packed

    @property
    def steps(self) -> int:
        """Valid (step, row) pairs."""
        return self.row.T * self.row.B if self.packed is None else len(self.packed.data)

    def stock(self) -> torch.nn.RNNBase:
        """Return torch's module with the problem's weights."""
        return self._loaded(STOCK[self.cell](self.row.I, self.row.H))

    def module(self, engine: str) -> torch.nn.RNNBase:
        """Return gatewise's module with the problem's weights."""
        return self._loaded(MODULES[self.cell](self.row.I, self.row.H, engine=engine))

    def _loaded(self, module: torch.nn.RNNBase) -> torch.nn.RNNBase:
        module.load_state_dict(self.weights)
        return module


def make_problem(cell: str, row: Row, *, packed: bool = False) -> Problem:
    """Return a problem, always the same for the same sizes; packed rows have T/4 to T steps."""
    numbers = torch.Generator().manual_seed(SEED)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        weights = STOCK[cell](row.I, row.H).state_dict()
    x = torch.randn(row.T, row.B, row.I, generator=numbers, dtype=torch.float32, device="cpu")
    arriving = torch.randn(
        row.T, row.B, row.H, generator=numbers, dtype=torch.float32, device="cpu"
    )
    if not packed:
        return Problem(cell, row, weights, x, arriving, None)
    lengths = (
        torch.linspace(max(1, row.T // 4), row.T, row.B, dtype=torch.float32, device="cpu")
        .round()
        .long()
    )
    if row.B == 1:
        lengths = torch.tensor([row.T], device="cpu")
    lengths = lengths[torch.randperm(row.B, generator=numbers, device="cpu")]
    sequence = pack_padded_sequence(x, lengths, enforce_sorted=False)
    arriving = pack_padded_sequence(arriving, lengths, enforce_sorted=False).data
    return Problem(cell, row, weights, x, arriving, sequence)
