"""A reader in front of the LSTM: a trained detector of words, as people use for motifs in DNA.

One filter for each word slides over the letters of both strands, with the same weights read the other
way round on the second (Shrikumar, Greenside & Kundaje 2017, "Reverse-complement parameter sharing
improves deep learning models for genomics"), and is trained on short stretches by its largest score in
each (Alipanahi, Delong, Weirauch & Frey 2015, "Predicting the sequence specificities of DNA- and
RNA-binding proteins by deep learning"). It is told which word a stretch has, as the LSTM is, and never
where. After that it stays as it is.

Sizes: T bases, B sequences, R letters seen together.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.long_memory.genome import READ, Codes, Stretches
from studies.enhancer.task import SYMBOLS

START, LONGEST = 100, 800
"""Bases of the stretches that it is trained on; twice as many as soon as it is sure of them."""
ROWS, RATE = 64, 0.05
SMALL, STREAK = 0.02, 5
"""A mean loss below the first, that often in a row, ends a length."""
MOST = 3000
"""Updates at most."""


class Detector(nn.Module):
    """Tells of each base how likely it is that the letters up to it hold each word."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv1d(4, SYMBOLS, READ)

    def scores(self, codes: Codes) -> Tensor:
        """Return `[B, 4, T - R + 1]`, the larger of both strands, of codes `[B, T]`."""
        x = nn.functional.one_hot(torch.from_numpy(codes), 4).float().permute(0, 2, 1)
        weight, bias = self.filters.weight, self.filters.bias
        # Letters pair with those at the other end of the alphabet, so both axes are turned round.
        turned = nn.functional.conv1d(x, weight.flip(1, 2), bias)
        return torch.maximum(nn.functional.conv1d(x, weight, bias), turned)

    @torch.no_grad()
    def read(self, codes: Codes) -> Tensor:
        """Return probabilities `[T, B, 4]`; 0 at the first bases, before R letters have been seen."""
        found = self.scores(codes).sigmoid().permute(2, 0, 1)
        return nn.functional.pad(found, (0, 0, 0, 0, codes.shape[1] - len(found), 0))


@dataclass(frozen=True)
class Trained:
    """A detector, after how many updates, and the last loss."""

    detector: Detector
    updates: int
    loss: float


def trained(stretches: Stretches, seed: int) -> Trained:
    """Train a detector on short stretches until it is sure of them, or for `MOST` updates."""
    draws = torch.Generator().manual_seed(seed + 5_000_000)
    detector, steps, passed, updates, loss = Detector(), START, 0, 0, float("nan")
    adam = torch.optim.Adam(detector.parameters(), lr=RATE)
    while steps <= LONGEST and updates < MOST:
        codes, symbols = stretches.draw(steps, ROWS, draws)
        truth = nn.functional.one_hot(symbols, SYMBOLS).float()
        found = nn.functional.binary_cross_entropy_with_logits(
            detector.scores(codes).amax(2), truth
        )
        adam.zero_grad()
        torch.autograd.backward(found)
        adam.step()
        loss, updates = float(found.detach()), updates + 1
        passed = passed + 1 if loss < SMALL else 0
        if passed == STREAK:
            steps, passed = 2 * steps, 0
    return Trained(detector, updates, loss)


@torch.no_grad()
def margins(
    detector: Detector, stretches: Stretches, steps: int, rows: int, seed: int
) -> dict[str, float]:
    """Return the lowest and the median score of words, and the highest of stretches without any."""
    draws = torch.Generator().manual_seed(seed + 6_000_000)
    codes, symbols = stretches.draw(steps, rows, draws)
    words = detector.scores(codes).amax(2)[torch.arange(rows), symbols]
    empty, _ = stretches.draw(steps, rows, draws, marked=False)
    return {
        "lowest of a word": float(words.min()),
        "median of a word": float(words.median()),
        "highest without": float(detector.scores(empty).max()),
    }
