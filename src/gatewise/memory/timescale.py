"""How long the gate path alone holds what a cell contains.

A network can remember for much longer than its gates do, through its recurrent weights: a figure
from here is always labelled "gate path only".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import InputError


def gate_timescale(
    keep: ArrayLike, *, time_axis: int = -3, batch_axis: int | None = -2
) -> NDArray[np.float64]:
    """Return `tau = -1 / mean(log keep)` of every unit, in steps; gate path only.

    `keep` holds the factor on the old state, between 0 and 1: the LSTM's forget gate, the GRU's
    update gate, or one minus the write gate of a cell that has no gate to keep. With the default
    axes it is `[..., T, B, H]` and the result `[..., H]`; `batch_axis=None` is for `[..., T, H]`
    with `time_axis=-2`, or keeps the rows apart. NaN (padding) is left out. The result is inf where
    the gate never closes at all, 0 where it is 0 once, and NaN where nothing was observed.

    Raises InputError for values outside 0 to 1 and for axes that `keep` does not have.
    """
    values = np.asarray(keep, dtype=np.float64)
    axes = (time_axis,) if batch_axis is None else (time_axis, batch_axis)
    if any(not -values.ndim <= axis < values.ndim for axis in axes):
        raise InputError(
            f"keep has shape {list(values.shape)}; time_axis={time_axis} and "
            f"batch_axis={batch_axis} must be among its axes"
        )
    outside = (values < 0) | (values > 1)
    if outside.any():
        where = tuple(int(i) for i in np.argwhere(outside)[0])
        raise InputError(
            f"keep must lie between 0 and 1 (an activated gate); got {values[where]:.6g} at {where}"
        )
    seen = ~np.isnan(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.log(np.where(seen, values, 1.0)).sum(axis=axes)
        tau: NDArray[np.float64] = -seen.sum(axis=axes) / total
    tau = np.where(total == 0, np.inf, tau)
    return np.where(seen.any(axis=axes), tau, np.nan)
