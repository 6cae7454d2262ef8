"""Retention: the share of a state that is still there some steps later, by the gates alone.

With steps counted from 0 and keep factors f (the LSTM's forget gate, the GRU's update gate)

    R(s -> t) = f_(s+1) * ... * f_t = exp(log f_(s+1) + ... + log f_t)

is the share of the state after step s that is part of the state after step t. It is the factor of
the direct path in dc_t / dc_s (Hochreiter & Schmidhuber 1997, "Long short-term memory", section 3.2,
the constant error carousel, where it is 1; with gates: Gers, Schmidhuber & Cummins 2000, "Learning to
forget").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import InputError
from gatewise.memory._base import Result, Sampling, checked_options, groups_of, ratio_interval
from gatewise.memory.records._recorded import recorded
from gatewise.memory.records._roles import Record
from gatewise.memory.records.timescale import GATE_PATH_ONLY
from gatewise.typing import Array
from gatewise.wording import between, figure, unit_name


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Retention(Result):
    """What is left of one step's state at a later one.

    Attributes:
        share: R(start -> stop) of each row and unit, `[..., B, H]`; NaN for rows that are too short.
        log_share: Its logarithm, which still tells shares apart that are 0 as numbers.
        mean: Over the rows, `[..., H]`.
        low: Lower end of the interval of the mean, NaN for fewer than ten rows.
        high: Upper end.
    """

    share: Array
    log_share: Array
    mean: Array
    low: Array
    high: Array

    @property
    def reading(self) -> str:
        """One sentence: the middle unit and the one that keeps most."""
        start, stop = self.settings["start"], self.settings["stop"]
        since = "before the first step" if start is None else f"at step {start}"
        if np.isnan(self.mean).all():
            return f"No row reaches step {stop}."
        top = np.unravel_index(int(np.nanargmax(self.mean)), self.mean.shape)
        span = between(float(self.low[top]), float(self.high[top]))
        return (
            f"Of what the state held {since}, the gates let the middle unit keep "
            f"{figure(float(np.nanmedian(self.mean)))} until step {stop}; most is left in "
            f"{unit_name(top, self.mean.shape)}: {figure(float(self.mean[top]))}{span}."
        )

    @property
    def caveat(self) -> str:
        """Gate path only."""
        return GATE_PATH_ONLY


@checked_options
def retention(
    gates: Record | None = None,
    *,
    start: int | None,
    stop: int,
    keep: ArrayLike | None = None,
    sampling: Sampling | None = None,
) -> Retention:
    """Return R(start -> stop), the share of the state after step `start` left after step `stop`.

    The reverse direction of a record takes its steps from the row's end, so there it is the share of
    the state at `stop` that is left at `start`: the product over the steps from `start` to before
    `stop`.

    Args:
        gates: A record of gates; NaN pads the ends of rows.
        start: The earlier step, from 0; None for the state before the first step taken.
        stop: The later step.
        keep: The keep factor as an array `[..., T, B, H]`, instead of the record's.
        sampling: How the interval of the mean over rows is made.

    Raises InputError for steps that the record does not have, and for shapes that do not fit.
    """
    sampling = sampling or Sampling()
    found = recorded(gates, ["keep"], given={"keep": keep})
    first = 0 if start is None else start
    if not 0 <= first <= stop < found.steps:
        raise InputError(
            f"start={start} and stop={stop} must be steps of the record, which has {found.steps} "
            f"(0 to {found.steps - 1}), and in order"
        )
    log_share = found.empty(found.rows, found.units)
    mean, low, high = (found.empty(found.units) for _ in range(3))
    for part in found:
        keep_in_time = part.in_time(part["keep"])
        # the reverse direction runs from later to earlier steps: its factors lie on the other side
        if part.backwards:
            after = slice(start, stop) if start is not None else slice(stop, None)
        else:
            after = slice(0 if start is None else start + 1, stop + 1)
        reached = part.lengths > stop
        with np.errstate(divide="ignore"):
            logs = np.nansum(np.log(keep_in_time[after]), axis=0)
        log_share[part.place] = np.where(reached[:, None], logs, np.nan)
        shares = np.exp(log_share[part.place])[None]
        if reached.any():
            mean[part.place] = shares[0, reached].mean(axis=0)
        groups = groups_of(reached[None], sampling, like=shares)
        low[part.place], high[part.place] = ratio_interval(
            groups.sums(shares), groups.sums(reached[None].astype(np.float64)), groups, sampling
        )
    return Retention(
        share=np.exp(log_share),
        log_share=log_share,
        mean=mean,
        low=low,
        high=high,
        settings={**found.settings(), **sampling.settings(), "start": start, "stop": stop},
    )
