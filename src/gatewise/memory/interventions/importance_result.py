"""`Importance`: what each column is worth, and at which lags.

Sizes: C columns, G groups of columns, L ranges of lags, K targets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.curve import Curve, Line
from gatewise.memory._base import Result, in_blocks
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import figure, joined, percent, span

NOTHING = 0.01
"""A column that is surely worth less than this share of the score adds nothing."""

MOST = 0.8
"""The lags that count hold this share of what a column's lags cost, one range at a time."""

LEAST = 0.05
"""Newer lags that hold less than this share of it do not."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Importance(Result):
    """By how much the loss rises when a column is taken from other rows: permutation importance.

    Attributes:
        columns: Their names, `[C]`.
        rise: By how much the loss is higher, `[C]`.
        relative: The same as a share of `score`, `[C]`; above 1 where the answers become worse than one
            answer for all.
        low, high: The interval of `relative`, over rows and networks, `[C]`; NaN where there are fewer
            than ten rows.
        varies: Whether the column changes at all in these rows, `[C]`; of one that does not, nothing is
            known.
        groups: Columns that go together, by rank correlation, as places in `columns`.
        group_relative, group_low, group_high: What each group is worth, taken from one other row, `[G]`.
        correlation: Spearman's rank correlation of each two columns, `[C, C]`; NaN for a constant one.
        lag_first, lag_last: The ranges of lags, the nearest first; below 0 for steps ahead, `[L]`.
        by_lag: The same share, for the steps of one range of lags alone, `[C, L]`; NaN for columns whose
            lags were not measured: those worth little, and those that are one value in each row.
        by_lag_low, by_lag_high: Its interval, `[C, L]`.
        lag_from, lag_to: The lags between which four fifths of that lie, `[C]`, counting those that are
            surely worth something; NaN where unmeasured, or spread too thin to say.
        lag_to_low, lag_to_high: The interval of `lag_to`, `[C]`.
        targets: Names of the targets that were also scored apart, `[K]`.
        by_target: The share of each target's own score, `[K, C]`; NaN for a target without score.
        full: The loss as it is.
        score: How much lower that is than the loss of the best that ignores its input, the mean answer.
    """

    columns: NDArray[np.str_]
    rise: Array
    relative: Array
    low: Array
    high: Array
    varies: NDArray[np.bool_]
    groups: tuple[tuple[int, ...], ...]
    group_relative: Array
    group_low: Array
    group_high: Array
    correlation: Array
    lag_first: NDArray[np.int64]
    lag_last: NDArray[np.int64]
    by_lag: Array
    by_lag_low: Array
    by_lag_high: Array
    lag_from: Array
    lag_to: Array
    lag_to_low: Array
    lag_to_high: Array
    targets: NDArray[np.str_]
    by_target: Array
    full: float
    score: float

    @property
    def has_score(self) -> bool:
        """Whether a score is shown that could be lost: without it no column can be told from another."""
        return self.score > 0 and not bool(np.isnan(self.relative).all())

    @property
    def order(self) -> NDArray[np.int64]:
        """The columns from the most important on, as places in `columns`, `[C]`."""
        return np.argsort(-np.nan_to_num(self.relative, nan=-np.inf), kind="stable")

    @property
    def adds_nothing(self) -> NDArray[np.bool_]:
        """Which columns are surely worth less than a hundredth of the score, `[C]`."""
        return np.asarray(self.varies & (self.high < NOTHING))

    @property
    def unsure(self) -> NDArray[np.bool_]:
        """Which columns may be worth something or nothing: their interval holds 0, `[C]`."""
        return np.asarray(self.varies & (self.low <= 0) & ~(self.high < NOTHING))

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        if not self.has_score:
            return (
                "The model is not shown to have a score to lose, so that no column can be told from "
                "another."
            )
        if np.isnan(self.low).all():
            first = self.order[0]
            return (
                f"{self.columns[first]} costs most, {percent(float(self.relative[first]))} of the "
                "score, but the rows are too few to be sure of any column."
            )
        told = [place for place in self.order if not (self.adds_nothing | self.unsure)[place]]
        told = [place for place in told if self.varies[place]]
        idle = [str(name) for name in self.columns[self.adds_nothing]]
        ending = f"{joined(idle)} {'adds' if len(idle) == 1 else 'add'} nothing" if idle else ""
        if not told:
            return f"No column is shown to count{f'; {ending}' if ending else ''}."
        first = told[0]
        text = (
            f"{self.columns[first]} counts most: with that of other rows the model loses "
            f"{self.share_said(first)} of the score ({self.settings['loss']})"
        )
        rest = [f"{self.columns[place]} {self.share_said(place)}" for place in told[1:4]]
        if rest:
            text += f"; {joined(rest)}"
        return f"{text}{f'; {ending}' if ending else ''}."

    def share_said(self, place: int) -> str:
        """Return what a column is worth in words: "84 % (80–88)"."""
        return percent(float(self.relative[place])) + span(
            100 * float(self.low[place]), 100 * float(self.high[place])
        )

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        text = (
            "a column of another row meets columns that it never met in the data; columns that stand in "
            "for each other each look worth less than they are together"
        )
        if self.settings["networks"] == 1:
            text += "; one network was asked, another seed may use its inputs otherwise"
        if not self.settings["targets"]:
            text += "; no targets were given: what counts are the model's own answers"
        return text + in_blocks(self.settings)

    def as_curve(self, unit: Unit | None = None) -> Curve | None:
        """Return the share lost for each step of a range of lags, by column; None where unmeasured.

        Ranges are drawn in their middle; lags are counted in `unit` (steps).
        """
        known = [place for place in self.order if np.isfinite(self.by_lag[place]).any()]
        if not known:
            return None
        unit = unit or Unit()
        each, plural = unit.axis(float(self.lag_last[-1]))
        width = self.lag_last - self.lag_first + 1
        lines = tuple(
            Line(str(self.columns[place]), self.by_lag[place] / width, kind="intervention")
            for place in known
        )
        first = known[0]
        return Curve(
            "What each input costs by lag",
            f"{plural} back",
            (self.lag_first + self.lag_last) / 2 * each,
            lines,
            y_label=f"share of the score lost, for each {unit.noun}",
            reading=f"The score lost with the {unit.plural} of one column, at one lag, taken from other "
            f"rows; most for {self.columns[first]}.",
            note=self.note,
        )

    def lags_said(self, place: int, unit: Unit) -> str:
        """Return at which lags a column counts, such as "of the last 3 days (2–5)"; "" if unmeasured."""
        first, last = float(self.lag_from[place]), float(self.lag_to[place])
        if np.isnan(first) or np.isnan(last):
            return ""
        if last < 0:
            return f"of the {unit.counted(-first)} ahead"
        if first < 0:
            # From the steps ahead to some back: the far end alone would hide what is known ahead.
            back = (
                f" and the last {_steps(unit, last)}" if last else f" and the current {unit.noun}"
            )
            return f"of the {unit.counted(-first)} ahead{back}"
        if last == 0:
            return f"of the current {unit.noun}"
        if first == last:
            return f"{unit.counted(first)} back"
        if first > last / 2:
            return f"{figure(first)} to {unit.counted(last)} back"
        low, high = float(self.lag_to_low[place]), float(self.lag_to_high[place])
        if low == high:  # then the interval tells no more
            return f"of the last {_steps(unit, last)}"
        return f"of the last {unit.spanned(last + 1, low + 1, high + 1)}"


def _steps(unit: Unit, last: float) -> str:
    """Return how many steps there are up to a lag, the current one among them."""
    return unit.counted(last + 1)


def counting_lags(
    rises: Array, first: NDArray[np.int64], last: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Return for `rises [..., L]` the lags between which four fifths of what they cost lie, `[...]`.

    Newer ones that hold less than a twentieth are left out at that end. NaN where nothing is lost.
    """
    gains = np.clip(np.nan_to_num(rises), 0, None)
    total = gains.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        so_far = gains.cumsum(axis=-1) / total
    begin = (so_far > LEAST).argmax(axis=-1)
    end = (so_far >= MOST - 1e-9).argmax(axis=-1)
    nothing = total[..., 0] <= 0
    return np.where(nothing, np.nan, first[begin]), np.where(nothing, np.nan, last[end])
