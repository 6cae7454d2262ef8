"""How many steps back the answer still depends on the input: an intervention, whatever the gates say.

Sizes: B rows, T steps, K answers, L lags, U units that are resampled together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.errors import InputError, OptionError
from gatewise.memory.arguments import Inputs
from gatewise.memory.lags import Block, Search, largest_above
from gatewise.memory.result import Result
from gatewise.memory.rowwise import Draws, draws_of
from gatewise.memory.statistics import MIN_GROUPS, Sampling
from gatewise.memory.subject import Output, Subject
from gatewise.memory.wording import between, counted, in_blocks, percent

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Horizon(Result):
    """The memory horizon of a model on its inputs.

    Attributes:
        steps: The largest lag whose effect is above `share` of the largest effect; 0 where only the
            current step counts, or none.
        low, high: The interval of `steps`, over rows; NaN where there are fewer than ten.
        at_least: Whether `steps` is the largest lag that the inputs have, or that `max_lag` allows: the
            horizon may be longer.
        depends: Whether the answer depends on the input at all.
        lags: The lags measured, `[L]`.
        curve: M(k), in the units of the answer, `[L]`.
        curve_low, curve_high: Its interval, `[L]`.
        floor: Effects up to this are rounding.
        future: Whether lags count forwards in time.
    """

    steps: int
    low: float
    high: float
    at_least: bool
    depends: bool
    lags: NDArray[np.int64]
    curve: Array
    curve_low: Array
    curve_high: Array
    floor: float
    future: bool

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        if not self.depends:
            return "The answer does not depend on the input at all, at any lag."
        where = "ahead" if self.future else "back"
        if self.at_least:
            end = (
                "as far as max_lag lets it look; a larger one"
                if self.settings["cut"]
                else "as far as the inputs reach; longer inputs"
            )
            return (
                f"The answer depends on inputs at least {counted(self.steps, 'step')} {where}, {end} "
                "would show where it ends."
            )
        if self.steps == 0:
            extent = between(self.low, self.high, " steps") if self.high > 0 else ""
            return f"The answer depends on the input of its own step alone{extent}."
        return (
            f"The answer depends on inputs up to {counted(self.steps, 'step')} "
            f"{where}{between(self.low, self.high)}."
        )

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        text = (
            f"steps are replaced one at a time and count above {percent(self.settings['share'])} of the "
            "largest effect: memory spread thinly over many steps, or of what others repeat, lies below"
        )
        if untested := self.settings["untested"]:
            text += f"; {untested} lags beyond the horizon were not tried one by one"
        return text + in_blocks(self.settings)


def horizon(
    model: torch.nn.Module,
    inputs: Inputs,
    *,
    at: int | Sequence[int] | None = None,
    future: bool = False,
    share: float = 0.05,
    resamples: int | None = None,
    max_lag: int | None = None,
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
        time: The axis of time in `inputs`; by default read off the recurrent modules' calls.
        output: Takes what the model returns to its answers `[B, K]` or `[B, T, K]`.
        sampling: Level, resamples and seed of the interval; the seed of the replacements, too.

    Raises InputError for a model without recurrence, inputs that leave nothing to resample and steps
    that do not exist, and OptionError for options out of range.
    """
    _check(share, resamples, max_lag)
    subject = Subject(model, inputs, caller="horizon", time=time, output=output)
    places, there = subject.places(at, default=0 if future else -1)
    reach = int(np.where(there, subject.ends - places if future else places, 0).max())
    if reach < 1:
        raise InputError(
            f"horizon: the answer is read at a step with no input {'after' if future else 'before'} it; "
            "give longer inputs, or another step in at="
        )
    limit = (reach if max_lag is None else min(max_lag, reach)) + 1
    units = subject.rows * len(places)
    resamples = resamples or max(2, -(-64 // units))
    resampler = _Resampler(
        subject, places, there, future=future, resamples=resamples, seed=sampling.seed
    )
    search = Search(resampler.measure, limit, share, subject.floor)
    by_rows = subject.rows >= MIN_GROUPS
    read = partial(
        _Curve.of,
        search,
        subject,
        times=len(places),
        by_rows=by_rows,
        sampling=sampling,
        share=share,
    )
    curve = read()
    if len(curve.ends):  # the ends of the interval are lags, too, and no accidents
        search.fill(int(min(curve.ends)), int(max(curve.ends)))
        search.sharpen(read().doubtful())
        search.confirm()
        curve = read()
    return Horizon(
        steps=curve.steps,
        low=curve.low,
        high=curve.high,
        at_least=curve.place == len(curve.lags) - 1 and curve.steps == limit - 1,
        depends=curve.place >= 0,
        lags=curve.lags,
        curve=curve.mean,
        curve_low=curve.band[0],
        curve_high=curve.band[1],
        floor=subject.floor,
        future=future,
        settings={
            **subject.settings,
            "at": subject.times(at, default=0 if future else -1)
            if at is not None or future or subject.ends.min() == subject.ends.max()
            else "the end of each row",
            "share": share,
            "resamples_per_lag": resamples,
            "max_lag": limit - 1,
            "cut": limit - 1 < reach,
            "untested": search.untested,
            "interval_over": "rows" if by_rows else "rows and steps",
            **curve.draws.settings(),
            **sampling.settings(),
        },
    )


class _Resampler:
    """Measures what the answers do when inputs are replaced by those of other rows and steps."""

    def __init__(
        self,
        subject: Subject,
        places: NDArray[np.int64],  # [A, B]: the steps whose answers are read
        there: NDArray[np.bool_],  # [A, B]: which of these there are
        *,
        future: bool,
        resamples: int,
        seed: int,
    ) -> None:
        self._subject, self._places, self._there = subject, places, there
        self._future, self._resamples = future, resamples
        self._random = np.random.default_rng(seed)
        # What marks or counts steps (masks, positions) is no input; the first argument always is.
        self._replaced = [
            n == 0 or own.is_floating_point() for n, own in enumerate(subject.sequences)
        ]
        varied = [own for own, yes in zip(subject.sequences, self._replaced, strict=True) if yes]
        if all(bool((own == own[:1, :1]).all()) for own in varied):
            raise InputError(
                "horizon: every step of the inputs is the same, so that nothing can be resampled; give "
                "inputs that vary"
            )

    def measure(self, blocks: Sequence[Block], repeats: int) -> Array:
        """Return the mean effect `[blocks, A * rows]` of replacing all lags of a block at once.

        NaN where a row has none of these lags.
        """
        subject, resamples = self._subject, self._resamples * repeats
        total = np.full((len(blocks), *self._places.shape), np.nan)
        runs = [
            (n, m, *steps)
            for n, block in enumerate(blocks)
            for m in range(len(self._places))
            if (steps := self._steps(m, block))[1].any()
            for _ in range(resamples)
        ]
        for part in subject.batches(len(runs)):
            now = runs[part]
            answers = subject.answers(
                self._replacing([run[2:] for run in now]), self._index(len(now))
            )
            answers = answers.reshape(len(now), subject.rows, *answers.shape[1:])
            for (n, m, _, inside), own in zip(now, answers, strict=True):
                at = (np.arange(subject.rows), self._places[m])
                y, y0 = (own[at], subject.answer[at]) if subject.per_step else (own, subject.answer)
                effect = np.abs(y - y0).mean(axis=-1) / resamples
                effect = np.where(inside.any(axis=1), effect, np.nan)
                total[n, m] = np.where(np.isnan(total[n, m]), effect, total[n, m] + effect)
        return total.reshape(len(blocks), -1)

    def _steps(self, m: int, block: Block) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the steps `[B, W]` of a block of lags, and which of them lie inside their row."""
        a, b = block
        lags = np.arange(a, b) if self._future else -np.arange(a, b)[::-1]
        steps = self._places[m][:, None] + lags
        inside = (steps >= 0) & (steps <= self._subject.ends[:, None]) & self._there[m][:, None]
        some = inside.any(axis=0)
        return steps[:, some], inside[:, some]

    def _index(self, runs: int) -> Tensor:
        return torch.arange(self._subject.rows).repeat(runs)

    def _replacing(
        self, spans: Sequence[tuple[NDArray[np.int64], NDArray[np.bool_]]]
    ) -> list[Tensor]:
        """Return the sequences `[runs * B, T, ...]` with the steps of each run replaced."""
        rows, steps = self._subject.rows, self._subject.steps
        donors = [self._donors(own)[inside] for own, inside in spans]
        targets = [(np.nonzero(inside)[0] * steps + own[inside]) for own, inside in spans]
        found = []
        for own, replaced in zip(self._subject.sequences, self._replaced, strict=True):
            copies = own[None].repeat(len(spans), *(1,) * own.dim())
            if replaced:
                flat = own.flatten(0, 1)
                for copy, target, donor in zip(copies.flatten(1, 2), targets, donors, strict=True):
                    to, source = (torch.from_numpy(one).to(own.device) for one in (target, donor))
                    copy[to] = flat[source]
            found.append(copies.reshape(len(spans) * rows, steps, *own.shape[2:]))
        return found

    def _donors(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw for each of `steps [B, W]` another place of the data, `row * T + step`."""
        rows, lengths = self._subject.rows, self._subject.ends + 1
        if rows > 1:
            row = np.arange(rows)[:, None] + self._random.integers(1, rows, steps.shape)
            row %= rows
            step = self._random.integers(0, lengths[row])
        else:
            row = np.zeros_like(steps)
            step = (steps + self._random.integers(1, lengths[0], steps.shape)) % lengths[0]
        return np.asarray(row * self._subject.steps + step)


@dataclass(frozen=True, eq=False)
class _Curve:
    """M(k) over the lags measured, and what resampling its rows makes of it."""

    lags: NDArray[np.int64]
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
        search: Search,
        subject: Subject,
        *,
        times: int,
        by_rows: bool,
        sampling: Sampling,
        share: float,
    ) -> _Curve:
        """Read the curve from what was measured; `by_rows` says what is resampled together."""
        effects, lags = search.units(), np.array(search.lags)
        apart = effects.reshape(len(effects), times, subject.rows)
        # By steps, those of a row stand side by side: neighbours that may resemble each other.
        aside = apart.swapaxes(1, 2).reshape(len(effects), -1)
        effects = _mean(apart, axis=1) if by_rows else aside
        mean = np.nanmean(effects, axis=1)
        place = largest_above(mean, share, subject.floor)
        draws, seen = draws_of(effects.T, sampling), np.isfinite(effects)
        weights = draws.weights
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = (weights @ np.nan_to_num(effects).T) / (weights @ seen.T)  # [resamples, L]
        bars = np.maximum(share * np.nanmax(drawn, axis=1, initial=0.0), subject.floor)
        counts = drawn > bars[:, None]
        largest = counts.shape[1] - 1 - counts[:, ::-1].argmax(axis=1)
        ends = lags[np.where(counts.any(axis=1), largest, 0)]
        low, high = draws.interval(ends)
        steps = lags[max(place, 0)]
        return cls(
            lags=lags,
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

    def doubtful(self) -> list[int]:
        """Return the lags, the furthest 64 of them, of which the resamples are not of one mind."""
        either = (self.above > 0.01) & (self.above < 0.99)
        return [int(lag) for lag in self.lags[either][-64:]]


def _mean(values: Array, axis: int) -> Array:
    """Return the mean of what is not NaN; NaN where nothing is."""
    seen = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(seen, values, 0.0).sum(axis=axis) / seen.sum(axis=axis))


def _check(share: float, resamples: int | None, max_lag: int | None) -> None:
    if not 0 < share < 1:
        raise OptionError(f"horizon: share must lie between 0 and 1, as 0.05 does; got {share!r}")
    if resamples is not None and resamples < 1:
        raise OptionError(f"horizon: resamples must be at least 1, or None; got {resamples!r}")
    if max_lag is not None and max_lag < 1:
        raise OptionError(f"horizon: max_lag must be at least 1, or None; got {max_lag!r}")
