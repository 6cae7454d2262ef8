"""What the first screen says of a run: what is forecast, and the small score table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.estimators.forecaster.page.tables import score_table
from gatewise.estimators.forecaster.score_names import PART_NAMES, metric_name
from gatewise.estimators.forecaster.verdict import Evaluation, best_baseline
from gatewise.report.table import Cell, Row, RowGroup, Table
from gatewise.unit import Unit
from gatewise.wording import joined

MEASURES = 4
OF_FORECAST = ("mase", "rmse", "crps", "coverage", "mae")
OF_PANEL = ("mase", "series beaten", "crps", "coverage", "nse", "mae")
OF_SENSOR = ("nse", "rmse", "mae", "coverage", "kge")
"""Which measures stand on the first screen, the most telling ones first.

Not a forecast's NSE: of series of unlike scales together it is near 1 for any model.
"""
MODELS = 6
"""Rows of a single target: the model and the best baselines."""
TARGETS = 3
MOST_INPUTS = 4


def about(settings: Mapping[str, Any], units: Mapping[str, str], unit: Unit) -> str:
    """Return in one line what is forecast from what, as far as the settings say it."""
    targets = _names(settings.get("target"))
    if not targets:
        return ""
    told = [f"{name} ({units[name]})" if units.get(name) else name for name in targets]
    what = joined(told if len(told) <= MOST_INPUTS else [*told[:3], f"{len(told) - 3} more"])
    inputs = [name for name in _names(settings.get("inputs")) if name not in targets]
    inputs += _names(settings.get("static"))
    inputs += [f"{name} (known ahead)" for name in _names(settings.get("future"))]
    if settings.get("calendar"):
        inputs.append("the calendar")
    if len(inputs) > MOST_INPUTS:
        inputs = [*inputs[:3], f"{len(inputs) - 3} more columns"]
    horizon = settings.get("horizon") or 0
    if not horizon:
        return f"Estimates {what} from {joined(inputs)}." if inputs else f"Estimates {what}."
    past = joined([*(["its own past"] if len(targets) == 1 else ["their own past"]), *inputs])
    return f"Forecasts {what} up to {unit.counted(int(horizon))} ahead, from {past}."


def glance_table(evaluation: Evaluation, units: Mapping[str, str]) -> Table | None:
    """Return the score table in small, with few measures and baselines; None without scores.

    With several targets each has the model and its best baseline alone. `units` are those of columns.
    """
    whole = score_table(evaluation, "Scores", "")
    if not whole.columns or not any(group.rows for group in whole.groups):
        return None
    groups = whole.groups[:TARGETS]
    alone = len(whole.groups) == 1
    picks = _measures(evaluation, whole)
    kept = tuple(
        RowGroup(
            "",
            _rows(evaluation, group, picks, MODELS if alone else 2, "" if alone else group.title),
        )
        for group in groups
    )
    left = []
    if len(whole.groups) > len(groups):
        left.append(f"{len(whole.groups) - len(groups)} more targets")
    if any(len(short.rows) < len(group.rows) for short, group in zip(kept, groups, strict=True)):
        left.append("other baselines")
    if len(whole.columns) > len(picks):
        left.append("more measures")
    title = f"Scores on {PART_NAMES.get(evaluation.part, evaluation.part)}"
    if evaluation.by_series is not None:
        title += f", medians over {len(evaluation.by_series.series)} series"
    return Table(
        title,
        "Model",
        tuple(_head(whole.columns[k], evaluation, units) for k in picks),
        kept,
        (f"Further down: {joined(left)}.",) if left else (),
    )


def _measures(evaluation: Evaluation, whole: Table) -> list[int]:
    """Return the places of the columns that are shown, the most telling ones first."""
    forecast = evaluation.predictions.forecast
    names = OF_FORECAST if forecast else OF_SENSOR
    titles = [head.text for head in whole.columns]
    wanted = [metric_name(name) for name in (names if evaluation.by_series is None else OF_PANEL)]
    known = [titles.index(title) for title in wanted if title in titles]
    return known[:MEASURES] or list(range(min(MEASURES, len(titles))))


def _head(head: Cell, evaluation: Evaluation, units: Mapping[str, str]) -> Cell:
    """Return the heading of a measure, with its unit where all targets have the same one."""
    known = {units.get(target, "") for target in evaluation.predictions.targets}
    in_units = any(each.title == head.text and each.in_units for each in METRICS.values())
    if in_units and len(known) == 1 and known != {""}:
        return Cell(f"{head.text}, {known.pop()}")
    return head if head.text == metric_name("coverage") else Cell(head.text)


def _rows(
    evaluation: Evaluation, group: RowGroup, picks: list[int], most: int, target: str
) -> tuple[Row, ...]:
    """Return the model's row and those of the best baselines, in small: a line each."""
    best = best_baseline(evaluation, group.title)
    name = best.replace("_", " ") if best else ""
    first = [row for row in group.rows if row.leading]
    others = [row for row in group.rows if not row.leading]
    others.sort(key=lambda row: row.head.text != name)
    return tuple(
        Row(
            Cell(f"{row.head.text}, {target}" if target else row.head.text),
            tuple(
                Cell(row.cells[k].text, mark=row.cells[k].mark, doubtful=row.cells[k].doubtful)
                for k in picks
            ),
            row.leading,
        )
        for row in [*first, *others][:most]
    )


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(name) for name in value] if isinstance(value, Iterable) else []
