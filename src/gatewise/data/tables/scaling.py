"""Means and spreads of the training part, and nothing else, bring every column to one scale."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from gatewise.choices import Scale
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.table import Table
from gatewise.errors import DataError, OptionError, nearest
from gatewise.files import parse
from gatewise.typing import Array
from gatewise.wording import counted, figure

ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""Relative differences up to this are rounding: a column of 0.3 and 0.1 + 0.2 is constant."""


@dataclass(frozen=True)
class Scaler:
    """Shift and spread of each column: (value - mean) / std. Sizes: G groups, C columns.

    G is 1, or with `per_series` the number of series seen in training. Static columns always have
    one shift and spread for all series.
    """

    mode: Scale
    columns: Columns
    series: tuple[str, ...]  # the G series of `per_series`, else empty
    mean: Array  # [G, C]
    std: Array  # [G, C], above 0

    @classmethod
    def fit(cls, table: Table, rows: NDArray[np.bool_], *, mode: Scale = "standard") -> Scaler:
        """Measure mean and standard deviation of each column over `rows` [N], missing values apart.

        Raises DataError for a column that is constant or empty there (and for which series, with
        `per_series`), OptionError for an unknown mode.
        """
        if mode not in get_args(Scale):
            listed = ", ".join(map(repr, get_args(Scale)))
            raise OptionError(
                f"scale={mode!r}: use one of {listed}.{nearest(mode, get_args(Scale))}"
            )
        values = table.values[rows]
        if not len(values):
            raise DataError("the training part has no rows")
        static = len(table.columns.values) - len(table.columns.static)
        one = runs = np.zeros(1, dtype=np.int64)
        grouped = mode == "per_series" and table.columns.series is not None
        if grouped:
            owner = table.series_index()[rows]
            _check_series_present(table, owner)
            runs = np.flatnonzero(np.diff(owner, prepend=-1))
        mean, std = _measured(table, rows, values[:, :static], runs, 0)
        static_mean, static_std = _measured(table, rows, values[:, static:], one, static)
        groups = len(mean)
        mean = np.concatenate([mean, np.repeat(static_mean, groups, axis=0)], axis=1)
        std = np.concatenate([std, np.repeat(static_std, groups, axis=0)], axis=1)
        # Only now: measuring also refuses empty and constant columns, whatever the mode.
        if mode == "none":
            mean, std = np.zeros_like(mean), np.ones_like(std)
        return cls(mode, table.columns, table.series if grouped else (), mean, std)

    def transform(self, table: Table) -> Array:
        """Return the scaled columns [N, C]; missing values stay NaN.

        Raises DataError if the columns differ from those of the fit, or with `per_series` for a
        series that was not there.
        """
        if table.columns.values != self.columns.values:
            raise DataError(
                f"the columns are {', '.join(table.columns.values)}, but were "
                f"{', '.join(self.columns.values)} when the scaling was fitted"
            )
        scaled = np.empty_like(table.values)
        group = self._groups(table)
        for number in range(len(table.series)):
            part = slice(table.starts[number], table.starts[number + 1])
            scaled[part] = (table.values[part] - self.mean[group[number]]) / self.std[group[number]]
        return scaled

    def inverse_targets(self, scaled: NDArray[Any], table: Table, rows: NDArray[np.int64]) -> Array:
        """Return scaled targets [n, S, K, ...] in their own units; `rows` [n] are rows of `table`.

        Row n tells the series of entry n.
        """
        group = self._groups(table)[table.starts.searchsorted(rows, "right") - 1]
        targets = len(self.columns.target)
        shape = (len(rows), 1, targets) + (1,) * (scaled.ndim - 3)
        values = scaled.astype(np.float64) * self.std[group, :targets].reshape(shape)
        return values + self.mean[group, :targets].reshape(shape)

    def target_means(self, table: Table) -> Array:
        """Return the means of the targets that each row of `table` is shifted by, [N, K]."""
        means: Array = self.mean[self._groups(table)][table.series_index()]
        return means[:, : len(self.columns.target)]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the scaling as plain arrays, for saving; `from_arrays` reads them back."""
        about = {
            "mode": self.mode,
            "columns": self.columns.to_json(),
            "series": list(self.series),
        }
        header = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        return {"mean": self.mean, "std": self.std, "about": header}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Scaler:
        """Return the scaling that `arrays` wrote."""
        about = parse(arrays["about"].tobytes())
        columns = Columns.from_json(about["columns"])
        return cls(about["mode"], columns, tuple(about["series"]), arrays["mean"], arrays["std"])

    def _groups(self, table: Table) -> NDArray[np.int64]:
        """Return the group of each series of `table`, [S]."""
        if not self.series:
            return np.zeros(len(table.series), dtype=np.int64)
        known = {name: number for number, name in enumerate(self.series)}
        for name in table.series:
            if name not in known:
                raise DataError(
                    f"series {name!r} was not in the training part, and scale='per_series' needs "
                    f"it there.{nearest(name, known)} Use scale='standard' for series not seen"
                )
        return np.array([known[name] for name in table.series], dtype=np.int64)


def _check_series_present(table: Table, owner: NDArray[np.int64]) -> None:
    counts = np.bincount(owner, minlength=len(table.series))
    if not counts.all():
        name = table.series[int(counts.argmin())]
        raise DataError(
            f"series {name!r} has no rows in the training part, and scale='per_series' needs them: "
            "use scale='standard', or leave the series out"
        )


def _measured(
    table: Table,
    rows: NDArray[np.bool_],
    values: Array,
    starts: NDArray[np.int64],
    first_column: int,
) -> tuple[Array, Array]:
    """Return mean and standard deviation [G, c] of `values` [n, c], whose groups begin at `starts`."""
    if not values.shape[1]:
        return np.zeros((len(starts), 0)), np.ones((len(starts), 0))
    filled = ~np.isnan(values)
    whole = bool(filled.all())  # as nearly always: then nothing has to be filled in

    def without_gaps(array: Array, filler: float) -> Array:
        return array if whole else np.where(filled, array, filler)

    count = np.add.reduceat(filled, starts, axis=0, dtype=np.int64)
    low = np.minimum.reduceat(without_gaps(values, np.inf), starts, axis=0)
    high = np.maximum.reduceat(without_gaps(values, -np.inf), starts, axis=0)
    _check_varies(table, rows, first_column, (count, low, high), len(starts) > 1)
    mean = np.add.reduceat(without_gaps(values, 0.0), starts, axis=0) / count
    run = np.diff(starts, append=len(values))
    means = mean if len(starts) == 1 else np.repeat(mean, run, axis=0)
    deviation = without_gaps(values - means, 0.0)
    return mean, np.sqrt(np.add.reduceat(deviation**2, starts, axis=0) / count)


def _check_varies(
    table: Table,
    rows: NDArray[np.bool_],
    first_column: int,
    measures: tuple[NDArray[np.int64], Array, Array],
    grouped: bool,
) -> None:
    """Refuse columns that are empty or constant: nothing can be learned from them."""
    count, low, high = measures
    size = np.maximum(np.abs(low), np.abs(high))
    bad = np.argwhere((count == 0) | (high - low <= ROUNDING * size))
    if not len(bad):
        return
    group, position = map(int, bad[0])
    name = table.columns.values[first_column + position]
    where = f" of series {table.series[group]!r}" if grouped else ""
    # Asked first: of no values the lowest is inf, which would be told as a constant.
    if count[group, position] == 0:
        raise DataError(f"column {name!r}{where} has no values in the training part: leave it out")
    held = f"is constant in the training part (always {figure(low[group, position], 6)}"
    times = table.time[rows]
    many = counted(int(np.count_nonzero(rows)), "row")
    span = f"{many}, {table.stamp(times.min())} to {table.stamp(times.max())})"
    if name in table.columns.target:
        fix = "there is nothing to predict"
    elif grouped:
        fix = "leave it out, or use scale='standard'"
    else:
        fix = "leave it out"
    raise DataError(f"column {name!r}{where} {held}, {span}: {fix}")
