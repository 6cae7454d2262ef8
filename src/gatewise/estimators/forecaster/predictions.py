"""Predictions beside the truth.

Sizes: N windows, S predicted steps (`max(horizon, 1)`), K targets, Q quantile levels, M members. Values
are in the target's own units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, repr=False)
class Predictions:
    """Truth and predictions of one part of a table, one row per window."""

    targets: tuple[str, ...]
    series: NDArray[np.str_]  # [N]
    origin: NDArray[Any]  # [N] the last time the model saw
    time: NDArray[Any]  # [N, S] the times predicted
    truth: NDArray[np.float64]  # [N, S, K], NaN where unknown
    point: NDArray[np.float64]  # [N, S, K] mean over the members
    spread: NDArray[np.float64] | None  # [N, S, K] standard deviation over the members, M > 1
    levels: tuple[float, ...]  # quantile levels, ascending; empty without quantiles
    quantiles: NDArray[np.float64] | None  # [N, S, K, Q]
    zone: str | None = None  # of the clock that the times are shown on; they are UTC then
    ids: str = "String"  # the type of the series column, by its name in narwhals

    @property
    def forecast(self) -> bool:
        """Whether these are forecasts: only a virtual sensor answers for its origin itself."""
        return not np.array_equal(self.origin, self.time[:, 0])

    def __repr__(self) -> str:
        count, steps = self.time.shape
        return f"Predictions({count} windows, {steps} steps, targets {', '.join(self.targets)})"
