"""The task: which of four symbols stood at the mark, long before the answer; and a network for it.

Sizes: T steps, B rows, F = 6 features, H units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import nn

import gatewise as gw

SYMBOLS = 4
MARK, DECOY = SYMBOLS, SYMBOLS + 1
FEATURES = SYMBOLS + 2
"""One-hot symbols, the mark, and a mark of another kind, which means nothing."""
DECOYS = 0.02
"""Share of steps with a decoy."""
EARLY = 20
"""The mark stands in the first T / 20 steps."""
CHANCE = 1 / SYMBOLS


class Drawn(Protocol):
    """A task: sequences `[T, B, F]` and the symbols `[B]` that are to be told of them."""

    def __call__(
        self, steps: int, rows: int, draws: torch.Generator, *, marked: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return fresh sequences, with the mark or without it."""


class Reader(nn.Module):
    """A recurrent layer, and two bits that are read at the last step: the number of a symbol."""

    def __init__(
        self,
        hidden_size: int = 16,
        layer: Callable[[int, int], nn.Module] = gw.LSTM,
        features: int = FEATURES,
    ) -> None:
        super().__init__()
        self.layer = layer(features, hidden_size)
        self.head = nn.Linear(hidden_size, 2)

    def answers(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the symbols `[B]` that the last states `[B, H]` stand for."""
        bits: torch.Tensor = (self.head(hidden) > 0).long()
        return 2 * bits[:, 0] + bits[:, 1]


def batch(
    steps: int, rows: int, draws: torch.Generator, *, marked: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sequences `[T, B, F]`, and the symbols `[B]` that stand at the mark; or would, unmarked."""
    symbols = torch.randint(0, SYMBOLS, (steps, rows), generator=draws)
    x = torch.zeros(steps, rows, FEATURES)
    x.scatter_(2, symbols[..., None], 1.0)
    x[..., DECOY] = (torch.rand(steps, rows, generator=draws) < DECOYS).float()
    place = torch.randint(0, max(1, steps // EARLY), (rows,), generator=draws)
    number = torch.arange(rows)
    x[place, number, DECOY] = 0.0
    x[place, number, MARK] = float(marked)
    return x, symbols[place, number]


def bits(symbols: torch.Tensor) -> torch.Tensor:
    """Return the two bits of each symbol, `[B, 2]`."""
    return torch.stack([symbols // 2, symbols % 2], dim=1).float()
