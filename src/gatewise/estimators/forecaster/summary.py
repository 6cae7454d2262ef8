"""Everything the report shows of a fitted model, gathered in one dataclass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gatewise.data.catalog import units_of
from gatewise.data.tables.split import Part
from gatewise.estimators.forecaster import inside
from gatewise.estimators.forecaster.evaluation import evaluate_windows
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.estimators.forecaster.forecasting import prepared_for
from gatewise.estimators.forecaster.page.run import RunSummary
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
) -> RunSummary:
    """Score `part` of `data` and look at the gates over the window where there is most to see.

    `known` is the evaluation of the fit, which need not be repeated for the same part and data.
    """
    source = str(data) if isinstance(data, str | Path) else source
    prepared = prepared_for(fitted, data)
    same = prepared.identity["sha256"] == fitted.data["sha256"]
    if part is None:
        part = fitted.split.scored if same else "all"
    table, windows = prepared.table, prepared.windows(part)
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
        window=inside.window_gates(fitted, table, windows, inside.widest_change(table, windows)),
        timescales=inside.timescales(fitted, windows),
    )
