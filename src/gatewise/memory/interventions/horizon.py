"""The memory horizon: how many steps back the answer depends on the input, whatever the gates say.

Sizes: B rows, T steps, K answers, L lags, U units that are resampled together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.errors import InputError, OptionError
from gatewise.memory._base import (
    FELT,
    MIN_GROUPS,
    Draws,
    Sampling,
    checked_options,
    draws_of,
)
from gatewise.memory.interventions._lags import LagSearch, grid, largest_above
from gatewise.memory.interventions._resampler import Resampler
from gatewise.memory.interventions._run_in import RunIn
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.horizon_result import Horizon
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.typing import Array


@checked_options
def horizon(
    model: torch.nn.Module,
    inputs: Inputs,
    *,
    at: int | Sequence[int] | None = None,
    future: bool = False,
    share: float = FELT,
    resamples: int | None = None,
    max_lag: int | None = None,
    run_in: int | None = None,
    time: int | None = None,
    output: Output | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Horizon:
    """Return how far back the answer depends on the input: M(k), and the largest k that counts.

    M(k) = E |y(x) - y(x with x_(t-k) resampled)|, the step's input being replaced by that of another
    row and step of `inputs` (Breiman 2001, "Random forests", section 10, for one step in place of one
    column). The horizon is the largest k where M is above `share` of its maximum, found among all lags
    up to 64 and by bisection beyond; its interval is a bootstrap over rows (over rows and steps `at`
    where there are fewer than ten rows).

    The first steps of a row, which meet a network without a state, may move it more than they would
    in the middle of a longer row; that is no memory. They are found by putting in the state in which
    another row ended (`memory.run_in`), and left out unless next to nothing else counts.

    Args:
        model: Any module that holds recurrent modules, or one itself.
        inputs: The sequence `[B, T, I]` or `[T, B, I]`, or the call's arguments with it first.
        at: For a model that answers per step: the steps t to read the answer at; by default the last of
            each row. A model that answers once has its answer there, too: lags count from the end of
            the row where its recurrent module is called with packed rows or `lengths=`.
        future: Whether to count ahead, x_(t+k): what the reverse direction sees; then `at` is the first
            step by default.
        share: Of the largest effect, what counts.
        resamples: Replacements for each row and lag; by default as many as make 64 with the rows.
        max_lag: The largest lag to look at; all by default.
        run_in: How many steps at the start of each row to leave out; found by default. 0 for rows that
            are whole sequences with a beginning of their own.
        time: The axis of time in `inputs`; by default read off the recurrent modules' calls.
        output: Takes what the model returns to its answers `[B, K]` or `[B, T, K]`.
        sampling: Level, resamples and seed of the interval; the seed of the replacements, too.

    Raises InputError for a model without recurrence, inputs that leave nothing to resample and steps
    that do not exist, and OptionError for options out of range.
    """
    _check(share, resamples, max_lag, run_in)
    subject = Subject(model, inputs, caller="horizon", time=time, output=output)
    places, there = subject.places(at, default=0 if future else -1)
    reach = int(np.where(there, subject.ends - places if future else places, 0).max())
    if reach < 1:
        raise InputError(
            f"horizon: the answer is read at a step with no input {'after' if future else 'before'} it; "
            "give longer inputs, or another step in at="
        )
    resamples = resamples or max(2, -(-64 // (subject.rows * len(places))))
    look = _Look(subject, places, there, future, share, resamples, sampling)
    start = look.run_in() if run_in is None else RunIn(run_in)
    most = reach if max_lag is None else min(max_lag, reach)
    search, curve = look.curve(start.steps, most)
    # where hardly anything but the start counts, the first inputs are what the network remembers
    if start.steps and run_in is None and curve.beside(share, subject.floor):
        start = RunIn(0)
        search, curve = look.curve(0, most)
    last = min(most, reach - start.steps)
    return Horizon(
        steps=curve.steps,
        low=curve.low,
        high=curve.high,
        at_least=curve.place >= 0 and curve.steps == last,
        reach=last,
        run_in=start.steps,
        depends=curve.place >= 0,
        lags=curve.lags,
        rows=curve.rows,
        curve=curve.mean,
        curve_low=curve.band[0],
        curve_high=curve.band[1],
        floor=subject.floor,
        future=future,
        settings={
            **look.settings(at),
            "max_lag": last,
            "run_in_untold": start.untold,
            "cut": last < reach - start.steps,
            "untested": search.untested,
            **curve.draws.settings(),
            **sampling.settings(),
        },
    )


@dataclass(frozen=True, eq=False)
class _Look:
    """What is asked: the answers at `places [A, B]`, of which those `there` are in their row."""

    subject: Subject
    places: NDArray[np.int64]
    there: NDArray[np.bool_]
    future: bool
    share: float
    resamples: int
    sampling: Sampling

    @property
    def by_rows(self) -> bool:
        """Whether rows are resampled whole, and not their steps."""
        return self.subject.rows >= MIN_GROUPS

    def settings(self, at: int | Sequence[int] | None) -> dict[str, Any]:
        """Return what the result says of the question, and of the steps asked for by `at`."""
        ends = self.subject.ends
        by_step = at is not None or self.future or ends.min() == ends.max()
        times = self.subject.times(at, default=0 if self.future else -1) if by_step else None
        return {
            **self.subject.settings,
            "at": "the end of each row" if times is None else times,
            "share": self.share,
            "resamples_per_lag": self.resamples,
            "interval_over": "rows" if self.by_rows else "rows and steps",
        }

    def run_in(self) -> RunIn:
        """Return how many steps at the start of each row are no memory."""
        return RunIn.of(
            *(self.subject, self.places, self.there),
            future=self.future,
            resamples=self.resamples,
            sampling=self.sampling,
        )

    def curve(self, run_in: int, most: int) -> tuple[LagSearch, _Curve]:
        """Return the search up to lag `most` and the curve, which reads no step of the run-in."""
        resampler = self._resampler(run_in)
        far = int(self._far(self.places).max())
        last = min(most, far - run_in)
        if last < 0:
            raise InputError(
                f"horizon: run_in={run_in} leaves no input to replace; the furthest is {far} steps "
                "from the answer"
            )
        search = LagSearch(resampler.measure, last + 1, self.share, self.subject.floor)
        start = self._start(last, most)
        curve = self._read(search, start)
        if len(
            curve.ends
        ):  # the ends of the interval are measured too: neither may be a chance finding
            search.fill(int(min(curve.ends)), int(max(curve.ends)))
            search.sharpen(self._read(search, start).doubtful())
            search.confirm()
            curve = self._read(search, start)
        return search, curve

    def _far(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(self.there, self.subject.ends - places if self.future else places, 0)

    def _start(self, last: int, most: int) -> dict[int, Array]:
        """Return the effects of the lags that are drawn and not read: those of the start alone."""
        lags = [last + 1 + lag for lag in grid(most - last)] if most > last else []
        if not lags:
            return {}
        effects = self._resampler(0).measure([(lag, lag + 1) for lag in lags], 1)
        return dict(zip(lags, effects, strict=True))

    def _resampler(self, run_in: int) -> Resampler:
        return Resampler(
            self.subject,
            self.places,
            self.there,
            future=self.future,
            resamples=self.resamples,
            seed=self.sampling.seed,
            run_in=run_in,
        )

    def _read(self, search: LagSearch, start: dict[int, Array]) -> _Curve:
        return _Curve.of(
            search,
            start,
            self.subject,
            times=len(self.places),
            by_rows=self.by_rows,
            sampling=self.sampling,
            share=self.share,
        )


@dataclass(frozen=True, eq=False)
class _Curve:
    """M(k) over the lags measured, and what resampling its rows makes of it."""

    lags: NDArray[np.int64]
    rows: NDArray[np.int64]  # [L]: how many were measured
    read: int  # how many of the lags are read; those of the start come after
    mean: Array  # [L]
    place: int  # of the horizon among the lags, -1 for none
    ends: NDArray[np.int64]  # the horizon of each resample; none where rows are too few
    above: Array  # [L]: in which share of the resamples a lag counts
    draws: Draws
    band: tuple[Array, Array]
    low: float
    high: float

    @classmethod
    def of(
        cls,
        search: LagSearch,
        start: dict[int, Array],
        subject: Subject,
        *,
        times: int,
        by_rows: bool,
        sampling: Sampling,
        share: float,
    ) -> _Curve:
        """Read the curve from what was measured; `by_rows` says what is resampled together.

        The lags of the `start` come last, and are not read.
        """
        effects, lags = search.units(), np.array([*search.lags, *start])
        read = len(effects)
        if start:
            effects = np.concatenate([effects, np.stack(list(start.values()))])
        apart = effects.reshape(len(effects), times, subject.rows)
        # Resampled by steps, those of one row are neighbours, which may resemble each other.
        aside = apart.swapaxes(1, 2).reshape(len(effects), -1)
        effects = _mean(apart, axis=1) if by_rows else aside
        mean = np.nanmean(effects, axis=1)
        place = largest_above(mean[:read], share, subject.floor)
        draws, seen = draws_of(effects.T, sampling), np.isfinite(effects)
        weights = draws.weights
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = (weights @ np.nan_to_num(effects).T) / (weights @ seen.T)  # [resamples, L]
        bars = share * np.nanmax(drawn[:, :read], axis=1, initial=0.0)
        counts = drawn > np.maximum(bars, subject.floor)[:, None]
        counts[:, read:] = False
        largest = counts.shape[1] - 1 - counts[:, ::-1].argmax(axis=1)
        ends = lags[np.where(counts.any(axis=1), largest, 0)]
        low, high = draws.interval(ends)
        steps = lags[max(place, 0)]
        return cls(
            lags=lags,
            rows=seen.sum(axis=1),
            read=read,
            mean=mean,
            place=place,
            ends=ends,
            above=counts.mean(axis=0) if len(counts) else np.zeros(len(lags)),
            draws=draws,
            band=draws.interval(drawn),
            low=float(min(low, steps)) if len(ends) else np.nan,
            high=float(max(high, steps)) if len(ends) else np.nan,
        )

    @property
    def steps(self) -> int:
        """The horizon."""
        return int(self.lags[max(self.place, 0)])

    def beside(self, share: float, floor: float) -> bool:
        """Tell whether nothing but the start counts: all that the network holds is its first inputs."""
        most = float(np.nanmax(self.mean))
        return not float(np.nanmax(self.mean[: self.read])) > max(share * most, floor)

    def doubtful(self) -> list[int]:
        """Return the lags that count in some resamples only, the furthest 64 of them."""
        either = (self.above > 0.01) & (self.above < 0.99)
        return [int(lag) for lag in self.lags[either][-64:]]


def _mean(values: Array, axis: int) -> Array:
    """Return the mean of what is not NaN; NaN where nothing is."""
    seen = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(seen, values, 0.0).sum(axis=axis) / seen.sum(axis=axis))


def _check(share: float, resamples: int | None, max_lag: int | None, run_in: int | None) -> None:
    if not 0 < share < 1:
        raise OptionError(f"horizon: share must lie between 0 and 1, as 0.05 does; got {share!r}")
    if resamples is not None and resamples < 1:
        raise OptionError(f"horizon: resamples must be at least 1, or None; got {resamples!r}")
    if max_lag is not None and max_lag < 1:
        raise OptionError(f"horizon: max_lag must be at least 1, or None; got {max_lag!r}")
    if run_in is not None and (isinstance(run_in, bool) or run_in < 0):
        raise OptionError(f"horizon: run_in must be at least 0 steps, or None; got {run_in!r}")
