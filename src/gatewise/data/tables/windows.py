"""Windows of a table as batches: one vectorised gather from one contiguous copy of the data.

Sizes: N rows, n windows, B windows of a batch, T = lookback + horizon steps, F features,
S = max(horizon, 1) predicted steps, K targets.

`horizon=0` is a virtual sensor: the window ends now, and the target is no feature. `horizon=H`
looks H steps past now: there, every feature that is not known ahead is 0 and the flag `ahead` is 1,
so that no value from after now can reach the network. Where windows have levels (levels.py), the
target's past and the answers are in units of each window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.categories import Vocabulary
from gatewise.data.tables.levels import Levels, least_lookback
from gatewise.data.tables.rates import Rates
from gatewise.data.tables.table import Table
from gatewise.errors import DataError, OptionError
from gatewise.typing import Array, Array32, Indices, Mask

AHEAD = "ahead"
MISSING_SUFFIX = ":missing"
RATE_SUFFIX = ":rate"


@dataclass(frozen=True)
class Windows:
    """Windows into one contiguous, scaled copy of a table."""

    features: Array32  # [N, F]
    targets: Array32  # [N, K], NaN where unknown
    origins: Indices  # [n] the row of "now" of each window
    lookback: int
    horizon: int
    names: tuple[str, ...]  # F feature names
    known_ahead: NDArray[np.bool_]  # [F] features whose values after now are seen
    levels: Levels | None = None  # of a forecast whose windows are normalised each by itself
    rates: Rates | None = None  # of targets that are counts
    sizes: tuple[int, ...] = ()  # labels of the last features, which are codes of categories

    @property
    def steps(self) -> int:
        """The length T of a window."""
        return self.lookback + self.horizon

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which inputs are measured values, [T, F]: no indicator, flag or code, and not hidden ahead."""
        flags = [
            name == AHEAD or name.endswith((MISSING_SUFFIX, RATE_SUFFIX)) for name in self.names
        ]
        flags[len(flags) - len(self.sizes) :] = [True] * len(self.sizes)
        seen = np.tile(~np.array(flags), (self.steps, 1))
        seen[self.lookback :] &= self.known_ahead
        return seen

    @property
    def apart(self) -> int:
        """How many of the windows share no predicted row, at the most."""
        count = place = 0
        while place < len(self.origins):
            # the origins ascend, and those of two series lie a horizon apart or more
            place = int(self.origins.searchsorted(self.origins[place] + max(self.horizon, 1)))
            count += 1
        return count

    def __len__(self) -> int:
        return len(self.origins)

    def gather(self, picks: Indices) -> tuple[Array32, Array32]:
        """Return windows `picks` [B] as x [T, B, F], contiguous and time-major, and y [B, S, K]."""
        origins = self.origins[picks]
        rows = np.arange(1 - self.lookback, self.horizon + 1)[:, None] + origins[None, :]
        x = self.features.take(rows, axis=0)
        if self.horizon:
            ahead = x[self.lookback :]
            ahead[:, :, ~self.known_ahead] = 0.0
            ahead[:, :, self.names.index(AHEAD)] = 1.0
        targets, past = self.targets.shape[1], rows[: self.lookback]
        # the targets are the first features of a forecast
        if self.levels is not None:
            x[: self.lookback, :, :targets] = self.levels.scaled(past, origins)
        if self.rates is not None:
            end = x.shape[-1] - len(self.sizes)
            x[:, :, end - targets : end] = self.rates.logarithms(origins)
            if self.horizon:
                x[: self.lookback, :, :targets] = self.rates.past(past, origins)
        return x, self.answers(picks)

    def answers(self, picks: Indices) -> Array32:
        """Return the right answers y [B, S, K] of windows `picks` [B]; NaN where unknown."""
        rows = self.target_rows(picks)
        if self.rates is not None:
            return self.rates.answers(rows)
        if self.levels is None:
            return self.targets.take(rows, axis=0)
        return self.levels.answers(rows, self.origins[picks])

    def target_rows(self, picks: Indices) -> Indices:
        """Return the rows of the table that windows `picks` [B] predict, [B, S]."""
        first, last = (1, self.horizon) if self.horizon else (0, 0)
        rows: Indices = self.origins[picks][:, None] + np.arange(first, last + 1)
        return rows


@dataclass(frozen=True)
class Features:
    """What a network may see of a whole table, made once; `windows` picks those of a part."""

    table: Table
    values: Array32  # [N, F], missing values filled where indicators stand beside them
    targets: Array32  # [N, K], NaN where unknown
    names: tuple[str, ...]  # F feature names
    known_ahead: NDArray[np.bool_]  # [F]
    lookback: int
    horizon: int
    complete: Mask  # [N] rows of "now" at which no feature that would be seen is missing
    answered: Mask  # [N] rows of "now" whose predicted rows all have measured targets
    levels: Levels | None = None
    rates: Rates | None = None
    sizes: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        table: Table,
        scaled: Array,
        *,
        lookback: int,
        horizon: int,
        missing: Literal["refuse", "mask"] = "refuse",
        levels: Levels | None = None,
        rates: Rates | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> Features:
        """Return the features of `scaled` [N, C], which a `Scaler` made of `table`.

        `levels` are those of a forecast whose windows are normalised each by itself, `rates` those of
        targets that are counts: the logarithms of a window's rates come after all other numbers. The
        codes that `vocabulary` makes of categories are last, where a network looks for them. With
        missing="mask" missing features become 0 beside an indicator that is 1. Raises OptionError for
        impossible lookback, horizon or columns.
        """
        _check_options(table, lookback, horizon)
        columns = table.columns
        targets = scaled[:, : len(columns.target)]
        if table.filled is not None:
            targets = np.where(table.filled.targets, np.nan, targets)
        features, names, known_ahead = _stacked(
            table, scaled, horizon=horizon, missing=missing, rates=rates, vocabulary=vocabulary
        )
        unknown = np.asarray(np.isnan(targets).any(axis=1))
        complete = _complete(features, known_ahead, lookback, horizon)
        if levels is not None:  # without a known value of the target there is no level to add to
            complete &= ~np.isnan(levels.centre).any(axis=1)
        answered = ~_any_between(unknown, 1 if horizon else 0, horizon)
        if table.filled is not None:
            answered &= ~table.filled.foreseen
        return cls(
            table=table,
            values=features,
            targets=np.ascontiguousarray(targets, dtype=np.float32),
            names=names,
            known_ahead=known_ahead,
            lookback=lookback,
            horizon=horizon,
            complete=complete,
            answered=answered,
            levels=levels,
            rates=rates,
            sizes=() if vocabulary is None else vocabulary.sizes,
        )

    def windows(self, rows: Mask, *, need_target: bool = True, part: str = "data") -> Windows:
        """Return every window that lies inside one series and whose predicted rows are all in `rows`.

        The lookback may reach into rows outside `rows` [N]: the past is always known. Windows that
        would see a missing value are left out, and those whose targets are not all known unless
        `need_target` is False. `part` names the part in messages.

        Raises DataError where no window is left (how many rows are needed, and how many are there).
        """
        usable = _inside(self.table, rows, self.lookback, self.horizon)
        if not usable.any():  # no gap is to blame, and filling gaps would not help
            season = None if self.levels is None else self.levels.season
            sizes = (self.lookback, self.horizon)
            raise DataError(_too_few(self.table, rows, *sizes, part=part, season=season))
        whole = usable & self.complete
        if need_target:
            whole &= self.answered
        if not whole.any():
            needed = _seen(self.table, self.horizon) if self.horizon else self.table.columns.values
            raise DataError(
                f"each of the {np.count_nonzero(usable)} windows of the {part} part lacks a value: "
                f"give {', '.join(needed)} for all rows of a window"
            )
        return Windows(
            features=self.values,
            targets=self.targets,
            origins=np.flatnonzero(whole),
            lookback=self.lookback,
            horizon=self.horizon,
            names=self.names,
            known_ahead=self.known_ahead,
            levels=self.levels,
            rates=self.rates,
            sizes=self.sizes,
        )


def make_windows(
    table: Table,
    scaled: Array,
    rows: Mask,
    *,
    lookback: int,
    horizon: int,
    missing: Literal["refuse", "mask"] = "refuse",
    need_target: bool = True,
    part: str = "data",
    levels: Levels | None = None,
    rates: Rates | None = None,
    vocabulary: Vocabulary | None = None,
) -> Windows:
    """Return every window that lies inside one series and whose predicted rows are all in `rows`.

    The lookback may reach into rows outside `rows` [N]: the past is always known. `scaled` [N, C]
    is what a `Scaler` made of `table`. With missing="mask" missing features become 0 beside an
    indicator that is 1; otherwise windows that would see a missing value are left out. Windows
    whose targets are not all known are left out unless `need_target` is False. `part` names the
    part in messages. Several parts of one table share their features by way of `Features`.

    Raises OptionError for impossible lookback, horizon or columns, and DataError where no window is
    left (how many rows are needed, and how many are there).
    """
    features = Features.of(
        table,
        scaled,
        lookback=lookback,
        horizon=horizon,
        missing=missing,
        levels=levels,
        rates=rates,
        vocabulary=vocabulary,
    )
    return features.windows(rows, need_target=need_target, part=part)


def _stacked(
    table: Table,
    scaled: Array,
    *,
    horizon: int,
    missing: Literal["refuse", "mask"],
    rates: Rates | None,
    vocabulary: Vocabulary | None,
) -> tuple[Array32, tuple[str, ...], Mask]:
    """Return the features [N, F], their names, and which are known ahead; see `Features.of`."""
    columns = table.columns
    seen = _seen(table, horizon)
    values = scaled[:, [columns.values.index(name) for name in seen]]
    ahead = np.array([name in columns.future + columns.static for name in seen], dtype=bool)
    blocks: list[NDArray[Any]] = [values]
    names, known = list(seen), [ahead]
    if missing == "mask":
        gaps = np.isnan(values)
        blocks = [np.where(gaps, 0.0, values), gaps.astype(np.float64)]
        names += [name + MISSING_SUFFIX for name in seen]
        known.append(ahead)
    if horizon:
        blocks.append(np.zeros((len(table), 1)))
        names.append(AHEAD)
        known.append(np.array([True]))
    if rates is not None:  # of a window, not of a row: `Windows.gather` fills them in
        blocks.append(np.zeros((len(table), len(columns.target))))
        names += [target + RATE_SUFFIX for target in columns.target]
        known.append(np.ones(len(columns.target), dtype=bool))
    if vocabulary is not None and vocabulary.categories:
        blocks.append(vocabulary.codes(table.labels))
        names += [one.name for one in vocabulary.categories]
        known.append(np.array([one.known_ahead for one in vocabulary.categories]))
    # one copy that every part's windows gather from: a part is a list of rows and no more
    features = np.concatenate(blocks, axis=1, dtype=np.float32)
    return features, tuple(names), np.concatenate(known)


def _seen(table: Table, horizon: int) -> tuple[str, ...]:
    """Return the columns that a network sees: of a virtual sensor, all but the target."""
    columns = table.columns
    seen = columns.inputs + columns.future + columns.static
    return columns.target + seen if horizon else seen


def _check_options(table: Table, lookback: int, horizon: int) -> None:
    for name, value, least in (("lookback", lookback, 1), ("horizon", horizon, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise OptionError(f"{name}={value!r}: use an integer of at least {least}")
    columns = table.columns
    if horizon == 0 and columns.named("future"):
        raise OptionError(
            f"future={list(columns.named('future'))} with horizon=0: nothing lies ahead of a virtual "
            "sensor; list it under inputs"
        )
    if horizon == 0 and not columns.named("inputs"):
        raise OptionError("horizon=0 needs inputs: a virtual sensor never sees its target")
    taken = columns.values + tuple(one.name for one in columns.categories)
    if horizon and AHEAD in taken:
        raise OptionError(f"column {AHEAD!r} has the name of the flag of future steps: rename it")


def _inside(
    table: Table, rows: NDArray[np.bool_], lookback: int, horizon: int
) -> NDArray[np.bool_]:
    """Return which rows may be "now": window inside the series, predicted rows all in `rows`."""
    row = np.arange(len(table))
    lengths = np.diff(table.starts)
    first = np.repeat(table.starts[:-1], lengths) + lookback - 1
    last = np.repeat(table.starts[1:], lengths) - 1 - horizon
    wrong = _any_between(~rows, 1 if horizon else 0, horizon)
    return (row >= first) & (row <= last) & ~wrong


def _complete(
    features: Array32, known_ahead: NDArray[np.bool_], lookback: int, horizon: int
) -> NDArray[np.bool_]:
    """Return at which rows of "now" no feature that the network would see is missing."""
    gaps = np.isnan(features)
    any_gap = np.asarray(gaps.any(axis=1))
    gap_ahead = np.asarray(gaps[:, known_ahead].any(axis=1))
    return ~(_any_between(any_gap, 1 - lookback, 0) | _any_between(gap_ahead, 1, horizon))


def _any_between(flags: Mask, first: int, last: int) -> Mask:
    """Return for each row r whether `flags` holds in any row r+first .. r+last of the table."""
    if last < first or not flags.any():
        return np.zeros(len(flags), dtype=bool)
    before, after = max(-first, 0), max(last, 0)
    total = np.zeros(before + len(flags) + after + 1, dtype=np.int64)
    np.cumsum(flags, out=total[before + 1 : before + 1 + len(flags)])
    total[before + 1 + len(flags) :] = total[before + len(flags)]
    low = before + first  # in `total`, whose entry i counts the flags before row i - before
    high = low + last - first + 1
    return total[high : high + len(flags)] > total[low : low + len(flags)]


def _too_few(
    table: Table, rows: Mask, lookback: int, horizon: int, *, part: str, season: int | None
) -> str:
    """Say how many rows a window needs, how many there are up to the part's end, and what fits.

    `season` is that of the level that windows take, if any.
    """
    row = np.arange(len(table))
    ends = np.maximum.reduceat(np.where(rows, row, -1), table.starts[:-1])
    there = int(np.maximum(ends - table.starts[:-1] + 1, 0).max())
    inside = int(np.add.reduceat(rows.astype(np.int64), table.starts[:-1]).max())
    ahead = max(horizon, 1)
    panel = " of one series" if table.columns.series is not None else ""
    fix = f"give at least {lookback + horizon} rows"
    if there > horizon and inside >= ahead:
        most = there - horizon
        fits = season is None or most >= least_lookback("season", season)
        fix += f", or a lookback of at most {most}" if fits else ", or use normalise='last'"
    return (
        f"too few rows for the {part} part: lookback={lookback} and horizon={horizon} need "
        f"{lookback + horizon} rows{panel} in a row up to its end, {ahead} of them in the {part} part; "
        f"there are {there}, {inside} of them in the {part} part: {fix}"
    )
