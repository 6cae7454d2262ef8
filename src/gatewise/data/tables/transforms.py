"""The logarithm and Box-Cox's transform of targets, and their exact inverses.

Both make a spread that grows with the level even, so that one network serves low and high levels.
Sizes: N rows, K targets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gatewise.choices import TransformName
from gatewise.data.tables.table import Table
from gatewise.errors import DataError, OptionError, nearest
from gatewise.typing import Array, Mask
from gatewise.wording import figure

KINDS = ("none", "log", "box-cox")
LAMBDAS = np.linspace(0.0, 1.0, 41)
"""Exponents that are tried: from 0 to 1, for below 0 the inverse has a pole that forecasts may meet."""

MOST = 300.0
"""Logarithms are cut here on the way back: e^300 is beyond anything measured, and still finite."""


@dataclass(frozen=True)
class Transform:
    """A strictly increasing function of each target: (x^p - 1) / p with p = `exponents`, log x at 0.

    Box and Cox 1964, eq. 1. A target that is "none" is left as it is.
    """

    kind: TransformName
    exponents: tuple[float, ...] = ()  # K of them; none where the kind is "none"

    @classmethod
    def fit(cls, table: Table, rows: Mask, kind: TransformName, block: int) -> Transform:
        """Return the transform of a table's targets; "box-cox" takes its exponents from `rows` [N].

        The exponent makes the spread of blocks of `block` rows, over all series, most nearly a
        constant share of their level to the power 1 - p (Guerrero 1993). Raises DataError for a target
        that is not above 0 everywhere, OptionError for another kind.
        """
        if kind not in KINDS:
            listed = ", ".join(map(repr, KINDS))
            raise OptionError(f"transform={kind!r}: use one of {listed}.{nearest(kind, KINDS)}")
        if kind == "none":
            return cls("none")
        count = len(table.columns.target)
        made = cls(kind, (0.0,) * count)
        made.check(table)
        if kind == "log":
            return made
        means, deviations = _blocks(table, rows, max(block, 2))
        return replace(
            made,
            exponents=tuple(_guerrero(*each) for each in zip(means.T, deviations.T, strict=True)),
        )

    def check(self, table: Table) -> None:
        """Raise DataError where a target of `table` is not above 0, which these logarithms need."""
        if self.kind == "none":
            return
        targets = table.values[:, : len(self.exponents)]
        bad = np.argwhere(targets <= 0)
        if not len(bad):
            return
        row, place = map(int, bad[0])
        series = table.series[int(table.series_index()[row])]
        named = f" of series {series!r}" if table.columns.series is not None else ""
        name = table.columns.target[place]
        raise DataError(
            f"transform={self.kind!r} needs values above 0, but {name!r}{named} is "
            f"{figure(targets[row, place], 6)} at {table.stamp(table.time[row])}: use transform='none'"
        )

    def applied(self, table: Table) -> Table:
        """Return the table with its targets transformed; DataError where they cannot be."""
        if self.kind == "none":
            return table
        self.check(table)
        values = table.values.copy()
        for place, p in enumerate(self.exponents):
            x = values[:, place]
            values[:, place] = np.log(x) if p == 0 else np.expm1(p * np.log(x)) / p
        return replace(table, values=values)

    def inverse(self, values: Array) -> Array:
        """Return values [n, S, K, ...] in the targets' own units; increasing, so quantiles map too."""
        if self.kind == "none":
            return values
        made = np.empty_like(values)
        for place, p in enumerate(self.exponents):
            w = values[:, :, place]
            if p:
                # below -1/p nothing is the transform of a value: 0 is what is nearest
                with np.errstate(divide="ignore"):
                    w = np.log1p(np.maximum(p * w, -1.0)) / p
            made[:, :, place] = np.exp(np.minimum(w, MOST))
        return made

    def to_json(self) -> dict[str, Any]:
        """Return the transform as JSON values."""
        return {"kind": self.kind, "exponents": list(self.exponents)}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Transform:
        """Return the transform that `to_json` wrote."""
        return cls(saved["kind"], tuple(float(p) for p in saved["exponents"]))


def _blocks(table: Table, rows: Mask, block: int) -> tuple[Array, Array]:
    """Return mean and deviation [n, K] of whole blocks of `block` rows of one series, all in `rows`."""
    means, deviations = [], []
    for start, stop in zip(table.starts[:-1], table.starts[1:], strict=True):
        inside = np.flatnonzero(rows[start:stop])
        values = table.values[start:stop][inside][:, : len(table.columns.target)]
        whole = len(values) // block * block
        if not whole:
            continue
        # from the end: the newest are the likeliest to be as what is forecast
        cut = values[len(values) - whole :].reshape(-1, block, values.shape[1])
        means.append(cut.mean(axis=1))
        deviations.append(cut.std(axis=1))
    empty = np.empty((0, len(table.columns.target)))
    return np.concatenate([empty, *means]), np.concatenate([empty, *deviations])


def _guerrero(mean: Array, deviation: Array) -> float:
    """Return the exponent at which deviation / mean^(1-p) varies least; 0 without enough blocks."""
    known = np.isfinite(mean) & (deviation > 0)
    if np.count_nonzero(known) < 2:
        return 0.0
    ratios = deviation[known] / mean[known] ** (1 - LAMBDAS[:, None])
    variation = ratios.std(axis=1) / ratios.mean(axis=1)
    return float(LAMBDAS[int(variation.argmin())])
