"""Labelled sequences of measured values, and the network that every side trains on them.

Sizes: n sequences, T steps, F values of a step, H hidden units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from gatewise.estimators.sequences.network import SequenceNetwork
from gatewise.training.randomness import seeded
from gatewise.training.sequences import SequenceBatches

VALUES, LABELS, MEDIAN = 8, 4, 100
SPREAD = 8.0
"""Lengths that vary are lognormal around `MEDIAN`; nine in ten differ by at most this factor."""
NINE_IN_TEN = 1.645


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    hidden_size: int
    vary: bool  # whether lengths do
    bidirectional: bool = False
    batch_size: int = 32
    cell: str = "lstm"

    def title(self) -> str:
        """Return the row's first cells."""
        lengths = f"lognormal, {SPREAD:g}-fold" if self.vary else f"all {MEDIAN}"
        both = " both ways" if self.bidirectional else ""
        return f"{self.cell.upper()} H={self.hidden_size}{both}, B={self.batch_size} | {lengths}"


def draw(case: Case, number: int) -> SequenceBatches:
    """Return sequences of noise whose label is the largest of the first values of the last step."""
    numbers = np.random.default_rng(0)
    lengths = np.full(number, MEDIAN)
    if case.vary:
        deviation = math.log(SPREAD) / (2 * NINE_IN_TEN)
        drawn = numbers.lognormal(math.log(MEDIAN), deviation, number)
        lengths = np.maximum(1, np.rint(drawn)).astype(np.int64)
    values = numbers.standard_normal((int(lengths.sum()), VALUES)).astype(np.float32)
    starts = np.cumsum(lengths) - lengths
    truth = values[starts + lengths - 1, :LABELS].argmax(axis=1)
    return SequenceBatches(values, starts, lengths, truth)


def ours(case: Case) -> SequenceNetwork:
    """Return gatewise's network."""
    with seeded(0):
        return SequenceNetwork(
            cell=case.cell,
            input_size=VALUES,
            hidden_size=case.hidden_size,
            num_layers=1,
            bidirectional=case.bidirectional,
            dropout=None,
            forget_bias=1.0,
            engine="auto",
            read="last",
            head=nn.Linear(case.hidden_size * (1 + case.bidirectional), LABELS),
        )


class Plain(nn.Module):
    """The same network in plain torch, with the weights of ours."""

    def __init__(self, case: Case, *, packed: bool) -> None:
        super().__init__()
        self.packed = packed
        made = ours(case)
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[case.cell]
        self.layer = kind(VALUES, case.hidden_size, bidirectional=case.bidirectional)
        self.layer.load_state_dict(made.layers[0].state_dict())
        self.head = nn.Linear(made.width, LABELS)
        self.head.load_state_dict(made.head.state_dict())

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return scores [B, LABELS] of x [T, B, F], read where each sequence ends."""
        if self.packed:
            rows = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
            _, end = self.layer(rows)
            last = torch.cat(list(end if isinstance(end, torch.Tensor) else end[0]), dim=1)
        else:
            last = self.layer(x)[0][lengths - 1, torch.arange(x.shape[1])]
        scores: torch.Tensor = self.head(last)
        return scores
