"""`gatewise evaluate --predictions FILE`: a table of predictions scored without a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from gatewise.cli.options import Words
from gatewise.cli.output import console, grid
from gatewise.errors import OptionError

if TYPE_CHECKING:
    from gatewise.estimators.forecaster.scoring import ScoredTable

TABLE = Group("Predictions of a table")


def _parameter(text: str, **more: Any) -> Parameter:
    return Parameter(group=TABLE, help=text, **more)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PredictedTable:
    """A table of predictions, whoever made it, and what its columns are."""

    predictions: Annotated[
        str | None,
        _parameter(
            "Score this table instead of a run; the first word is then the table of truth, or left out "
            "where the table has it."
        ),
    ] = None
    target: Annotated[str | None, _parameter("Column of the truth. [default: that predicted]")] = (
        None
    )
    point: Annotated[
        str | None, _parameter("Column that predicts. [default: TARGET_predicted]")
    ] = None
    quantile: Annotated[
        Words,
        _parameter(
            "Columns of quantiles, as 0.1=LOW 0.9=HIGH. [default: TARGET_q0.1 and the like]",
            show_default=False,
            consume_multiple=True,
            negative="",
        ),
    ] = ()
    time: Annotated[str | None, _parameter("Column of the time, in both tables.")] = None
    series: Annotated[str | None, _parameter("Column of the series, in both tables.")] = None


def evaluate_table(truth: str | None, asked: PredictedTable, *, as_json: bool) -> None:
    """Score a table of predictions and print the scores."""
    from gatewise.data import read_frame  # noqa: PLC0415 - brings polars
    from gatewise.estimators.forecaster.scoring import score_table  # noqa: PLC0415 - brings torch
    from gatewise.files import finite_json  # noqa: PLC0415

    assert asked.predictions is not None
    found = score_table(
        read_frame(asked.predictions),
        None if truth is None else read_frame(truth),
        target=asked.target,
        point=asked.point,
        quantiles=_levels(asked.quantile) or None,
        time=asked.time,
        series=asked.series,
    )
    if as_json:
        print(json.dumps(finite_json(asdict(found)), indent=2))
    else:
        print_scored(found)


def _levels(words: Words) -> dict[float, str]:
    """Return level to column; OptionError for a word that is not LEVEL=COLUMN."""
    found = {}
    for word in words:
        level, _, column = word.partition("=")
        try:
            found[float(level)] = column
        except ValueError:
            column = ""
        if not column:
            raise OptionError(f"quantile: {word!r} is not LEVEL=COLUMN: write 0.1=LOW 0.9=HIGH")
    return found


def print_scored(found: ScoredTable) -> None:
    """Print the scores, those of each step ahead, and what was left out."""
    screen = console()
    screen.print()
    screen.print(f"Scores of {found.target} on {found.rows:,} rows", style="bold")
    tables = dict(found.scores)
    if found.series:
        tables["median of the series"] = found.series
    screen.print(_grid("", tables))
    if len(found.by_step) > 1:
        screen.print()
        screen.print("By step ahead", style="bold")
        screen.print(_grid("step", {str(step): each for step, each in found.by_step.items()}))
    for note in found.notes:
        screen.print(note)


def _grid(head: str, tables: Mapping[str, Mapping[str, float]]) -> Any:
    from gatewise.estimators.forecaster.score_names import (  # noqa: PLC0415 - brings torch
        metric_name,
        metric_text,
        ordered_metrics,
    )

    metrics = ordered_metrics(name for table in tables.values() for name in table)
    made = grid()
    made.add_column(head)
    for metric in metrics:
        made.add_column(metric_name(metric), justify="right")
    for name, table in tables.items():
        made.add_row(name, *(metric_text(metric, table.get(metric)) for metric in metrics))
    return made
