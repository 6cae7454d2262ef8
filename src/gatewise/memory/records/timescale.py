"""The gate timescale: how long the gate path alone holds the content of a cell.

A network can remember for much longer than its gates do, through its recurrent weights: a figure
from here is always labelled "gate path only".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.cells import CELLS
from gatewise.memory._base import Result, Sampling, checked_options, groups_of, ratio_interval
from gatewise.memory.records._recorded import recorded
from gatewise.memory.records._roles import Record
from gatewise.typing import Array
from gatewise.wording import between, counted, figure, unit_name

GATE_PATH_ONLY = (
    "gate path only: a network can hold information for much longer through its recurrent weights, "
    "or lose it sooner by overwriting"
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GateTimescale(Result):
    """The timescale of each unit's keep gate; gate path only.

    Attributes:
        steps: tau in steps, `[..., H]`: inf where the gate never closes at all, 0 where it is 0
            once, NaN where nothing was observed.
        low: Lower end of the interval of each, `[..., H]`, NaN where there are too few rows.
        high: Upper end.
    """

    steps: Array
    low: Array
    high: Array

    @property
    def reading(self) -> str:
        """One sentence: the middle unit and the longest one."""
        known = ~np.isnan(self.steps)
        if not known.any():
            return "The record has no valid step, so no unit has a gate timescale."
        longest = np.unravel_index(int(np.nanargmax(self.steps)), self.steps.shape)
        middle = float(np.quantile(self.steps[known], 0.5, method="inverted_cdf"))
        return (
            f"The gate timescale is at most {figure(middle)} steps for half of the "
            f"{counted(int(known.sum()), 'unit')}; the longest, of "
            f"{unit_name(longest, self.steps.shape)}, is {figure(float(self.steps[longest]))}"
            f"{between(float(self.low[longest]), float(self.high[longest]))}."
        )

    @property
    def caveat(self) -> str:
        """Gate path only."""
        return GATE_PATH_ONLY


@checked_options
def gate_timescale(
    gates: Record | ArrayLike | None = None,
    *,
    keep: ArrayLike | None = None,
    sampling: Sampling | None = None,
) -> GateTimescale:
    """Return `tau = -1 / mean(log keep)` of every unit, in steps; gate path only.

    The mean is over the steps of all rows, but the first of each where the cell begins with nothing to
    keep (sLSTM). What a state held decays by the geometric mean of the
    keep gate, so by a factor e in tau steps: Mahto, Vo, Turek & Huth 2021, "Multi-timescale
    representation learning in LSTM language models", there for a constant gate; after Tallec &
    Ollivier 2018, "Can recurrent neural networks warp time?".

    Args:
        gates: A record of gates, or the keep factor itself as an array.
        keep: The factor on the old state, between 0 and 1, `[..., T, B, H]`: the LSTM's forget
            gate, the GRU's update gate. NaN pads the ends of rows.
        sampling: How the interval is made; by default a bootstrap over rows or blocks of steps.

    Raises InputError for a cell without gates, and for values and shapes that do not fit.
    """
    # an array in the place of a record is the keep factor: the shortest call is the commonest
    if gates is not None and not hasattr(gates, "keys") and keep is None:
        gates, keep = None, gates
    found = recorded(gates, ["keep"], given={"keep": keep})  # type: ignore[arg-type]  # checked there
    sampling = sampling or Sampling()
    tau, low, high = (found.empty(found.units) for _ in range(3))
    by_place: list[dict[str, Any]] = []
    begins_empty = found.cell in CELLS and bool(CELLS[found.cell].starts)
    for part in found:
        valid = part.valid
        if begins_empty:
            valid[:1] = False
        logs = _logs(part["keep"], valid)
        groups = groups_of(valid, sampling, like=logs)
        total, count = groups.sums(logs), groups.sums(valid.astype(np.float64))
        with np.errstate(divide="ignore", invalid="ignore"):
            tau[part.place] = _timescale(logs.sum(axis=(0, 1)) / valid.sum())
        low[part.place], high[part.place] = ratio_interval(
            total, count, groups, sampling, _timescale
        )
        by_place.append(groups.settings())
    settings = {**found.settings(), **sampling.settings(), "interval": by_place}
    return GateTimescale(steps=tau, low=low, high=high, settings=settings)


def _logs(keep: Array, valid: NDArray[np.bool_]) -> Array:
    """Return `log keep`, -inf where the gate is shut and 0 in the padding."""
    with np.errstate(divide="ignore"):
        return np.log(np.where(valid[:, :, None], keep, 1.0))


def _timescale(mean_log: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(mean_log == 0, np.inf, -1 / mean_log))
