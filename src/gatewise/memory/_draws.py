"""Rows of a batch drawn again and again, and the intervals that come of it.

Sizes: B rows, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatewise.memory._dependence import block_length
from gatewise.memory.intervals import MIN_GROUPS, Sampling, drawn, expanded_tail
from gatewise.typing import Array

FEWEST_BLOCKS = 5
"""The fewest blocks of rows that an interval is made from: they may begin at any row, so that there are
more of them than stand side by side."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Rows drawn again and again.

    Attributes:
        weights: How often each row is drawn, as shares `[R, B]`; none where rows are too few.
        block: How many neighbouring rows are drawn together.
        level: Of the intervals.
    """

    weights: Array
    block: int
    level: float

    def interval(self, figures: Array) -> tuple[Array, Array]:
        """Return low and high of the resampled `figures [R, ...]`; NaN where there are none.

        Percentiles (Efron & Tibshirani 1993, chapter 13), moved outwards for few blocks as in
        `memory.intervals`.
        """
        if not len(figures):
            return np.full(figures.shape[1:], np.nan), np.full(figures.shape[1:], np.nan)
        tail = expanded_tail(self.weights.shape[1] // self.block, self.level)
        low, high = np.quantile(figures, [tail, 1 - tail], axis=0, method="inverted_cdf")
        return low, high

    def above_zero(self, values: Array) -> bool:
        """Tell whether the mean of `values [B]` is above 0, and not by chance alone.

        Where rows are too few for an interval, the mean alone decides.
        """
        low, _ = self.interval(self.weights @ values)
        return bool(values.mean() > 0 and not low <= 0)

    def settings(self) -> dict[str, int]:
        """Return what a result says of its resampling."""
        return {"row_block": self.block}


def draws_of(values: Array, sampling: Sampling) -> Draws:
    """Return draws of the rows of `values [B, ...]`, from which the resampled figures are made.

    Each row by itself, or where neighbours resemble each other in blocks: B / n blocks of n rows that
    begin anywhere and go on from the last row to the first (Politis & Romano 1992, "A circular
    block-resampling procedure for stationary data").
    """
    rows = len(values)
    block = sampling.row_block or block_length(values, fewest=FEWEST_BLOCKS)
    if rows < MIN_GROUPS or rows // block < FEWEST_BLOCKS:
        return Draws(np.zeros((0, rows)), block, sampling.level)
    if block == 1:
        return Draws(drawn(rows, sampling) / rows, block, sampling.level)
    begin = np.random.default_rng(sampling.seed).integers(
        0, rows, (sampling.resamples, -(-rows // block))
    )
    picked = (begin[:, :, None] + np.arange(block)) % rows
    weights = np.stack([
        np.bincount(numbers[:rows], minlength=rows)
        for numbers in picked.reshape(sampling.resamples, -1)
    ])  # fmt: skip
    return Draws(weights / rows, block, sampling.level)
