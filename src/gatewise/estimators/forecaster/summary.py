"""Everything the report shows of a fitted model, gathered in one dataclass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.catalog import units_of
from gatewise.data.tables.split import Part
from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows
from gatewise.estimators.forecaster import inside
from gatewise.estimators.forecaster.evaluation import evaluate_windows
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.estimators.forecaster.forecasting import (
    beyond,
    prepared_for,
    window_at,
    windows_of,
)
from gatewise.estimators.forecaster.page.run import RunSummary
from gatewise.estimators.forecaster.results import MeasuredTargets
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.estimators.run.metrics import environment


def summarise(
    fitted: Fitted,
    known: Evaluation | None,
    data: Any,
    *,
    title: str,
    part: Part | None,
    source: str | None,
    at: Any = None,
    of: str | None = None,
) -> RunSummary:
    """Score `part` of `data` and look at the gates over the window where there is most to see.

    `known` is the evaluation of the fit, which need not be repeated for the same part and data; `at` is
    the last time that a window sees, and `of` its series, to look at that window instead.
    """
    source = str(data) if isinstance(data, str | Path) else source
    prepared = prepared_for(fitted, data)
    same = prepared.identity["sha256"] == fitted.data["sha256"]
    if part is None:
        part = fitted.split.scored if same else "all"
    table, windows = prepared.table, prepared.windows(part)
    pick = _window(table, windows, at, of)  # a wrong name ends it before any work
    # evaluating takes as long as predicting all windows with every member
    if known is None or not same or known.part != part:
        known = evaluate_windows(fitted, table, windows, part)
    return RunSummary(
        title=title,
        settings=fitted.settings.to_json(),
        data={**fitted.data, "source": source},
        units=units_of(source),
        environment=environment(),
        parameters=fitted.parameters(),
        histories=fitted.histories,
        evaluation=known,
        window=inside.window_gates(fitted, table, windows, pick),
        window_asked={
            name: str(value) for name, value in (("at", at), ("of", of)) if value is not None
        },
        measured=_measured(table) if fitted.settings.horizon else None,
        timescales=inside.timescales(fitted, windows),
        ahead=beyond(fitted) if same else None,
    )


def _window(table: Table, windows: Windows, at: Any, of: str | None) -> int:
    """Return the window to look into: the one asked for, or the one with most to see."""
    picks = None if of is None else windows_of(table, windows, of)
    if at is None:
        return inside.widest_change(table, windows, picks)
    return window_at(table, windows, at, picks)


def _measured(table: Table) -> MeasuredTargets:
    targets = np.stack([table.column(name) for name in table.columns.target], axis=1)
    return MeasuredTargets(np.array(table.series)[table.series_index()], table.time, targets)
