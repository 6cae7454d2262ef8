"""Sums of log gates between any two steps, without the cancellation of a running sum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewise.typing import Array


class LogSums:
    """Running sums of `log keep` over the steps, so that every sum between two is one difference.

    A plain running sum reaches some 10^5 over 50,000 steps, and the difference of two of its values
    would then be wrong by 10^-11 and more, growing with the steps before. Each is therefore kept as
    a number and its rounding error, found exactly (Knuth 1997, "The art of computer programming",
    volume 2, section 4.2.2, theorem B; summed as in Ogita, Rump & Oishi 2005, "Accurate sum and dot
    product"). A difference is then as exact as the sum of the logs itself. Gates that are exactly 0
    are counted apart, since the difference of two infinities is none.
    """

    def __init__(self, keep: Array, valid: NDArray[np.bool_]) -> None:
        """Sum the logs of `keep [T, B, H]` over the steps; padding counts as 1, so adds nothing."""
        shut = (keep == 0) & valid[:, :, None]
        some = bool(shut.any())
        with np.errstate(invalid="ignore"):
            logs = np.log(np.where((keep > 0) & valid[:, :, None], keep, 1.0))
        self._sum = np.zeros((len(keep) + 1, *keep.shape[1:]))
        self._error = np.zeros_like(self._sum)
        for t, new in enumerate(logs):
            old, total = self._sum[t], self._sum[t + 1]
            np.add(old, new, out=total)
            back = total - old
            self._error[t + 1] = self._error[t] + ((old - (total - back)) + (new - back))
        self._shut: NDArray[np.int64] | None = None
        if some:
            self._shut = np.zeros(self._sum.shape, dtype=np.int64)
            np.cumsum(shut, axis=0, out=self._shut[1:])

    def over(self, lag: int) -> Array:
        """Return the sum over the `lag` steps after step s, `[T - lag, B, H]`, for every s."""
        # The sum up to and with step s stands at index s + 1.
        late, early = slice(1 + lag, None), slice(1, len(self._sum) - lag)
        total = self._sum[late] - self._sum[early]
        total += self._error[late] - self._error[early]
        if self._shut is not None:
            total[self._shut[late] > self._shut[early]] = -np.inf
        return total
