"""`IntegratedGradients`: how far each column, and each of its lags, takes the answer from a baseline.

Sizes: C columns, L ranges of lags, I features of a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.memory._base import Result, in_blocks
from gatewise.typing import Array
from gatewise.wording import joined, percent, span


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class IntegratedGradients(Result):
    """What each column adds to the way from the answer at the baseline to the answer: their sum is it.

    Attributes:
        columns: Their names, `[C]`.
        moved: How far a column moves the answer, the mean over rows of its absolute sum over steps, in
            the answers' units, `[C]`.
        share: The same as a share of the sum over columns, `[C]`.
        low, high: The interval of `share`, over rows, `[C]`; NaN where there are fewer than ten.
        lag_first, lag_last: The ranges of lags, the nearest first; below 0 for steps ahead, `[L]`.
        by_lag: The same share, of the steps of one range of lags, `[C, L]`; those of a column may add up
            to more than its share, since what they add may cancel.
        baseline: The input that each row is compared with, at every step, `[I]`.
        distance: How far the answers lie from those at the baseline, on average.
        error: By how much the sum of all is off that distance, as a share of it, on average: 0 if the
            integral were exact (completeness); NaN where no answer moves.
        points: Points at which gradients were taken, from the baseline to the input.
    """

    columns: NDArray[np.str_]
    moved: Array
    share: Array
    low: Array
    high: Array
    lag_first: NDArray[np.int64]
    lag_last: NDArray[np.int64]
    by_lag: Array
    baseline: Array
    distance: float
    error: float
    points: int

    @property
    def order(self) -> NDArray[np.int64]:
        """The columns from the one that moves the answer furthest on, as places in `columns`, `[C]`."""
        return np.argsort(-np.nan_to_num(self.share, nan=-np.inf), kind="stable")

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        if np.isnan(self.share).all():
            return "No answer moves on the way from the baseline to the inputs."
        told = [
            f"{self.columns[place]} {percent(float(self.share[place]))}"
            f"{span(100 * float(self.low[place]), 100 * float(self.high[place]))}"
            for place in self.order[:4]
        ]
        start = self.settings["baseline"]
        return f"Of what moves the answers away from those to {start}: {joined(told)}."

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        text = (
            "what moves an answer need not make it better; another baseline gives other shares; the "
            f"parts add up to the whole within {percent(self.error)}"
        )
        return text + in_blocks(self.settings)
