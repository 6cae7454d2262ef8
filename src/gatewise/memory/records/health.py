"""State health: whether the state grows, or goes where it never was in training.

A network that runs for longer than it was trained may leave the states it knows, with no gate out of
the ordinary. Growth is judged per unit and layer, newness by the distance to states of reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import InputError, OptionError
from gatewise.memory._base import (
    Result,
    Sampling,
    checked_options,
    groups_of,
    share_interval,
    slope_error,
    student_quantile,
)
from gatewise.memory.records._distance import Reference
from gatewise.memory.records._recorded import Slice, recorded
from gatewise.memory.records._roles import Record
from gatewise.typing import Array
from gatewise.wording import between, counted, figure, percent, place_name, unit_name

GROWTH = 0.1
"""A unit is flagged where its size grows by this share of its mean, at least, over the steps judged."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StateHealth(Result):
    """Growth of the state over the steps, and its distance to states of reference.

    Attributes:
        size: Root mean square of the state over rows and units at each step, `[..., T]`.
        slope: Change of |c| per step of each unit, `[..., H]`, over the steps judged.
        slope_low: Lower end of its interval, NaN where there are too few rows.
        slope_high: Upper end.
        growth: `slope * steps judged / mean |c|`, `[..., H]`.
        growing: Whether a unit grows by at least 10 %, and its slope is above 0 by an interval that
            is widened so that all units of a layer hold at once (Bonferroni), `[..., H]`.
        distance: Of each state to the reference, 1 being typical there, `[..., T, B]`; None without.
        limit: The distance that 1 % of the reference's own states exceed, `[...]`.
        outside: The share of states beyond the limit, `[...]`.
        outside_low: Lower end of its interval.
        outside_high: Upper end.
        unit_distance: Mean |c - mean| / deviation of each unit against the reference, `[..., H]`.
    """

    size: Array
    slope: Array
    slope_low: Array
    slope_high: Array
    growth: Array
    growing: NDArray[np.bool_]
    distance: Array | None
    limit: Array | None
    outside: Array | None
    outside_low: Array | None
    outside_high: Array | None
    unit_distance: Array | None

    @property
    def reading(self) -> str:
        """One sentence: how many units grow, how much the most, and how many states are new."""
        if np.isnan(self.slope).all():
            growth = "The record is too short to tell whether the state grows"
        else:
            growth = self._growth()
        if self.outside is None or np.isnan(self.outside).all():
            return f"{growth}."
        assert self.outside_low is not None
        assert self.outside_high is not None
        place = np.unravel_index(int(np.nanargmax(self.outside)), self.outside.shape)
        low, high = 100 * float(self.outside_low[place]), 100 * float(self.outside_high[place])
        where = place_name(place, self.outside.shape, " of ")
        return (
            f"{growth}; {percent(float(self.outside[place]))}{between(low, high, ' %')} of the states"
            f"{where} are farther from the reference than 99 % of its own."
        )

    def _growth(self) -> str:
        """Return the clause on growth."""
        start, count = self.settings["from_step"], counted(self.growing.size, "unit")
        if not self.growing.any():
            unsure = np.isnan(self.slope_low).all()
            how = "; too few rows or steps for an interval" if unsure else " beyond doubt"
            return f"None of the {count} grows from step {start} on{how}"
        steepest = np.where(self.growing, self.growth, -np.inf)
        most = np.unravel_index(int(steepest.argmax()), steepest.shape)
        low, high = float(self.slope_low[most]), float(self.slope_high[most])
        where = unit_name(most, steepest.shape)
        return (
            f"{int(self.growing.sum())} of {count} grow from step {start} on, most {where}: "
            f"by {figure(float(self.slope[most]))}{between(low, high)} a step, "
            f"{percent(float(self.growth[most]))} of its mean size over the steps judged"
        )

    @property
    def caveat(self) -> str:
        """What growth and distance do not tell."""
        return (
            "a state that wanders slowly looks like one that grows; a state outside those seen before "
            "may still be used correctly, and only the score tells"
        )


@checked_options
def state_health(
    gates: Record | None = None,
    *,
    reference: Record | ArrayLike | None = None,
    from_step: int | None = None,
    state: ArrayLike | None = None,
    sampling: Sampling | None = None,
) -> StateHealth:
    """Return the drift of |c| over the steps, and the distance of c to states of reference.

    The slope of each unit is that of least squares of |c_t| on t, one intercept for each row,
    `sum (t - mean t) |c_t| / sum (t - mean t)^2`, with an error robust to correlation in time
    (`intervals.slope_error`). The first half of the steps is left out, since a state that starts
    at 0 grows at first in any case.

    The distance is Mahalanobis's (1936), over the root of the number of units, with the covariance
    shrunk as in Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance
    matrices": units of one layer are correlated, so distances unit by unit would count one direction
    many times and miss a state whose every unit is usual but whose combination is not. Its limit
    comes from states of the reference that the mean and covariance were not made from.

    Args:
        gates: A record of gates with the cell (LSTM) or the hidden state; NaN pads the ends of rows.
        reference: A record of states seen in training, or their array; same layers and units.
        from_step: The first step (of those taken) that growth is judged from; by default half of
            the longest row.
        state: The state as an array `[..., T, B, H]`, instead of the record's.
        sampling: How the intervals are made.

    Raises InputError for shapes that do not fit, and for a reference of too few states.
    """
    sampling = sampling or Sampling()
    found = recorded(gates, ["state"], given={"state": state})
    start = int(found.lengths.max(initial=0)) // 2 if from_step is None else from_step
    if start < 0:
        raise OptionError(f"from_step must not be negative; got {from_step!r}")
    size = found.empty(found.steps)
    figures = tuple(found.empty(found.units) for _ in range(5))
    for part in found:
        power = (part.in_time(part["state"]) ** 2).mean(axis=-1)
        size[part.place] = np.sqrt(_mean(power, axis=-1))
        for array, values in zip(figures, _drift(part, start, sampling), strict=True):
            array[part.place] = values
    slope, low, high, mean, sure = figures
    # a slope means little by itself: growth is its sum over the steps, by the mean size
    judged = max(int(found.lengths.max(initial=0)) - start, 0)
    growth = np.divide(slope * judged, mean, out=np.zeros_like(slope), where=mean != 0)
    distances: dict[str, Any] = dict.fromkeys(
        ("distance", "limit", "outside", "outside_low", "outside_high", "unit_distance")
    )
    if reference is not None:
        distances = _distances(found, _reference(reference, found.lead, found.units), sampling)
    with np.errstate(invalid="ignore"):
        growing = (sure > 0) & (growth >= GROWTH)
    return StateHealth(
        size=size,
        slope=slope,
        slope_low=low,
        slope_high=high,
        growth=growth,
        growing=growing,
        **distances,
        settings={**found.settings(), **sampling.settings(), "from_step": start},
    )


def _mean(values: Array, axis: int) -> Array:
    """Return the mean of what is not NaN; NaN where nothing is."""
    seen = ~np.isnan(values)
    count = seen.sum(axis=axis)
    total = np.where(seen, values, 0.0).sum(axis=axis)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _drift(part: Slice, start: int, sampling: Sampling) -> tuple[Array, ...]:
    """Return slope, low, high, mean of |c| and the slope that is sure, `[H]`, from a step on."""
    valid = part.valid[start:]
    units = part["state"].shape[-1]
    count = valid.sum(axis=0)
    if not (count >= 2).any():
        return (np.full(units, np.nan),) * 5
    sizes = np.where(valid[:, :, None], np.abs(part["state"][start:]), 0.0)
    mean_size = sizes.sum(axis=0) / np.maximum(count, 1)[:, None]
    time = np.where(valid, np.arange(len(valid))[:, None] - (count - 1) / 2, 0.0)
    leaning = time[:, :, None] * (sizes - mean_size)
    groups = groups_of(valid, sampling, like=sizes)
    by_group = groups.sums(leaning), groups.sums(time**2), groups.sums(valid.astype(np.float64))
    error, freedom = slope_error(*by_group, groups)
    tail = (1 - sampling.level) / 2
    one, all_ = (student_quantile(1 - p, freedom) if freedom else 0 for p in (tail, tail / units))
    slope = leaning.sum(axis=(0, 1)) / (time**2).sum()
    mean = sizes.sum(axis=(0, 1)) / count.sum()
    return slope, slope - one * error, slope + one * error, mean, slope - all_ * error


def _reference(reference: Any, lead: tuple[int, ...], units: int) -> dict[tuple[int, ...], Slice]:
    """Return the slices of a reference by place; raises InputError where it does not fit."""
    record = reference if hasattr(reference, "keys") else None
    given = {} if record is not None else {"state": reference}
    found = recorded(record, ["state"], given=given)
    if (found.lead, found.units) != (lead, units):
        raise InputError(
            f"reference has leading axes {list(found.lead)} and {found.units} units; the record has "
            f"{list(lead)} and {units}. Record both with the same model"
        )
    return {part.place: part for part in found}


def _distances(
    found: Any, references: dict[tuple[int, ...], Slice], sampling: Sampling
) -> dict[str, Array]:
    """Return the fields of the distance to the reference."""
    distance, unit_distance = found.empty(found.steps, found.rows), found.empty(found.units)
    limit, outside, low, high = (found.empty() for _ in range(4))
    for part in found:
        place, valid = part.place, part.valid
        known = Reference(references[place]["state"], references[place].valid)
        distances = np.full(valid.shape, np.nan)
        distances[valid] = known.distance(part["state"][valid])
        limit[place] = known.limit
        # a yes or no for each step: its share has an interval that stays within 0 and 1
        far = np.where(valid, distances > known.limit, False)[:, :, None].astype(np.float64)
        groups = groups_of(valid, sampling, like=far)
        if valid.any():
            outside[place] = far.sum() / valid.sum()
            unit_distance[place] = known.by_unit(part["state"][valid])
        count = groups.sums(valid.astype(np.float64))
        (low[place],), (high[place],) = share_interval(groups.sums(far), count, groups, sampling)
        distance[place] = part.in_time(distances)
    return {
        "distance": distance,
        "limit": limit,
        "outside": outside,
        "outside_low": low,
        "outside_high": high,
        "unit_distance": unit_distance,
    }
