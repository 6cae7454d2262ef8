"""The commands that use a finished run: predict, evaluate, inspect."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from gatewise.cli.options import Config, Title
from gatewise.cli.output import console, grid, print_scores, print_timescales
from gatewise.cli.training import title_of
from gatewise.errors import FileError, OptionError

if TYPE_CHECKING:
    from gatewise import Forecaster
    from gatewise.models.results import Evaluation

HEAD = 10
Model = Annotated[str, Parameter(help="Run folder, or a model.safetensors file.")]
PartName = Literal["train", "validation", "test", "all"]
Part = Annotated[
    PartName | None,
    Parameter(help="Part to score, cut as in the fit. [default: as in the fit; all of other DATA]"),
]
ItsData = Annotated[
    str | None,
    Parameter(help="A table file or dataset:NAME. [default: the data of the fit]"),
]


def predict(
    run: Model,
    data: Annotated[
        str | None,
        Parameter(help="New rows: a file or dataset:NAME. [default: go on from the fitted data]"),
    ] = None,
    /,
    *,
    out: Annotated[str | None, Parameter(help="File to write: .csv or .parquet.")] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace that file if it exists.", show_default=False)
    ] = False,
    config: Config = None,
) -> None:
    """Predict from new rows; the target's future is never needed, nor is the target of a sensor.

    Try:

      gatewise predict runs/river new.csv --out discharge.csv

    Without --out the first rows are printed. Rows that follow the fitted data need no history.
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.data import write_frame  # noqa: PLC0415

    if out is not None:
        check_new_file(Path(out), overwrite)
    frame = Forecaster.load(run).predict(data)
    screen = console()
    if out is not None:
        write_frame({name: frame[name].to_numpy() for name in frame.columns}, out)
        screen.print(f"{out}: {len(frame):,} rows, columns {', '.join(frame.columns)}")
        return
    table = grid()
    for name in frame.columns:
        table.add_column(name, justify="right", overflow="fold")
    for row in frame.head(HEAD).iter_rows():
        table.add_row(*(_cell(value) for value in row))
    screen.print(table)
    screen.print(
        f"The first {min(HEAD, len(frame))} of {len(frame):,} rows; --out FILE.csv or FILE.parquet "
        "writes them all."
    )


def evaluate(
    run: Model,
    data: ItsData = None,
    /,
    *,
    part: Part = None,
    as_json: Annotated[
        bool, Parameter(name="--json", help="Print JSON instead.", show_default=False)
    ] = False,
    config: Config = None,
) -> None:
    """Score a run beside the baselines, on a part of its data or on new data.

    Try:

      gatewise evaluate runs/river --part test
      gatewise evaluate runs/river newer.csv --json
    """
    model, data, part = _opened(run, data, part)
    evaluation = model.evaluate(data, part=part)
    if as_json:
        print(json.dumps(_finite(scores_json(evaluation)), indent=2))
    else:
        print_scores(console(), evaluation)


def inspect(
    run: Model,
    data: ItsData = None,
    /,
    *,
    part: Part = None,
    out: Annotated[str | None, Parameter(help="The page. [default: RUN/report.html]")] = None,
    title: Title = None,
    config: Config = None,
) -> None:
    """Write the page anew: scores, truth against prediction, gates and their timescales.

    Try:

      gatewise inspect runs/river
    """
    from gatewise.report import write_page  # noqa: PLC0415 - brings torch

    if out is None and not Path(run).is_dir() and Path(run).exists():
        raise OptionError(f"{run} is a model file without a run folder: name the page with --out")
    page = Path(out) if out is not None else Path(run) / "report.html"
    model, data, part = _opened(run, data, part)
    summary = model.summary(data, title=title or title_of(model), part=part)
    write_page(summary, page)
    screen = console()
    print_scores(screen, summary.evaluation)
    print_timescales(screen, summary.timescales)
    screen.print()
    screen.print(f"Page  {page}")


def check_new_file(path: Path, overwrite: bool) -> None:
    """Raise FileError, before any work, when `path` exists and may not be replaced."""
    if path.is_file() and not overwrite:
        raise FileError(f"{path} exists: name another file, or replace it with --overwrite")


def scores_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return scores in the form of a run's metrics.json."""
    return {
        "part": evaluation.part,
        "scores": evaluation.scores,
        "members": list(evaluation.members),
        "by_horizon": evaluation.by_horizon,
    }


def _opened(
    run: str, data: str | None, part: PartName | None
) -> tuple[Forecaster, str, PartName | None]:
    """Return the model, its data, and the part to score; None stands for all of new data."""
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.models.runs import Run  # noqa: PLC0415

    model = Forecaster.load(run)
    if data is not None:
        return model, data, part
    if not Path(run).is_dir():
        raise OptionError(f"{run} does not say where its data is: name DATA after it")
    source = Run.open(run).config["source"]
    if source is None:
        raise OptionError(f"the run {run} was fitted on a table in memory: name DATA after it")
    return model, source, part or ("validation" if model.test is None else "test")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    return str(value).removesuffix(" 00:00:00")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
