"""Two fitted models scored on the same rows of a table, whatever each of them looks back on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gatewise.data.tables.split import Part
from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows
from gatewise.errors import DataError
from gatewise.estimators.forecaster import forecasting
from gatewise.estimators.forecaster.evaluation import evaluate_windows
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.estimators.forecaster.pairing import Difference, differences
from gatewise.estimators.forecaster.preparation import Prepared
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.typing import Indices
from gatewise.wording import counted


@dataclass(frozen=True)
class SideBySide:
    """Two models on the windows that both predict.

    Attributes:
        one, other: Their scores, each beside its own baselines.
        differences: How much the one errs less than the other, by target, with intervals.
        notes: What makes the comparison unfair or partial.
    """

    one: Evaluation
    other: Evaluation
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]

    def sentences(self, name: str, other: str) -> tuple[str, ...]:
        """Return what they say, the models called as they are here."""
        said = tuple(each.sentence(name, other) for each in self.differences)
        return (*said, *(note.format(other=other) for note in self.notes))


def side_by_side(one: Fitted, other: Fitted, data: Any, part: Part | None) -> SideBySide:
    """Score two models on the windows of `part`, cut as in the fit of the one, that both predict.

    Raises DataError where they have no target or no window in common, or data that one cannot read.
    """
    mine = forecasting.prepared_for(one, data)
    theirs = forecasting.prepared_for(other, data)
    if (one.settings.horizon == 0) != (other.settings.horizon == 0):
        raise DataError(
            "one model estimates the target now (a virtual sensor) and the other forecasts it: their "
            "errors are not alike"
        )
    windows, others = mine.windows(part), theirs.windows(None)
    picks, other_picks = _shared(_keys(mine.table, windows), _keys(theirs.table, others))
    if not len(picks):
        raise DataError(
            "the models predict no window in common: their parts, lookbacks or series do not meet"
        )
    notes = [
        f"{counted(len(windows) - len(picks), 'window')} of {len(windows):,} "
        "cannot be predicted by {other} and are left out."
    ] * (len(picks) < len(windows))
    scored = (
        _scored(one, mine, windows, picks, part),
        _scored(other, theirs, others, other_picks, part),
    )
    if _trained_on(other, mine.table, windows):
        notes.append(
            "{other} was trained or chosen on some of these rows, which flatters its score."
        )
    return SideBySide(
        *scored,
        differences(scored[0].predictions, scored[1].predictions),
        tuple(notes),
    )


def _scored(
    fitted: Fitted, prepared: Prepared, windows: Windows, picks: Indices, part: Part | None
) -> Evaluation:
    chosen = replace(windows, origins=windows.origins[picks])
    return evaluate_windows(fitted, prepared.table, chosen, part or "all")


def _keys(table: Table, windows: Windows) -> dict[tuple[str, int], int]:
    """Return the place of each window by its series and its "now"."""
    names = np.asarray(table.series, dtype=np.str_)[table.series_index()[windows.origins]]
    times = table.time[windows.origins].astype(np.int64)
    keys = zip(names.tolist(), times.tolist(), strict=True)
    return {key: place for place, key in enumerate(keys)}


def _shared(
    one: dict[tuple[str, int], int], other: dict[tuple[str, int], int]
) -> tuple[Indices, Indices]:
    pairs = [(place, other[key]) for key, place in one.items() if key in other]
    mine, theirs = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return mine, theirs


def _trained_on(fitted: Fitted, table: Table, windows: Windows) -> bool:
    """Return whether a model's training or validation part has some of the rows that are predicted."""
    rows = windows.target_rows(np.arange(len(windows)))
    first = table.time[rows].min()
    # Of other data nothing is known but when it was: as late as the fitted data, it is the fit's own.
    until = fitted.split.validation_end
    last = fitted.context.time.max()
    return bool(first <= last if until is None else first < min(until, last))
