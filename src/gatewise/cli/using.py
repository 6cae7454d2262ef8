"""The commands that use a finished run: predict, evaluate, inspect."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from gatewise.cli.options import Config, Device, NewTitle
from gatewise.cli.output import console, grid, print_scores, print_timescales
from gatewise.cli.training import is_data_of_fit, title_of
from gatewise.errors import FileError, OptionError

if TYPE_CHECKING:
    from gatewise import Forecaster
    from gatewise.results import Evaluation

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
    device: Device = "cpu",
    config: Config = None,
) -> None:
    """Predict from new rows; the target's future is never needed, nor is the target of a sensor.

    Try:

      gatewise predict runs/river new.csv --out discharge.csv

    Without --out the first rows are printed. Rows that follow the fitted data need no history.
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.data import read_frame, write_frame  # noqa: PLC0415

    if out is not None:
        check_new_file(Path(out), overwrite)
    model = Forecaster.load(run, device=device)
    rows = None if data is None else read_frame(data)
    frame = model.predict(rows)
    screen = console()
    if rows is not None and model.horizon == 0 and len(frame) < len(rows):
        screen.print(
            f"{len(rows) - len(frame):,} of {len(rows):,} rows have no prediction: each needs "
            f"{model.lookback} rows without gaps up to it, in DATA or at the end of the fitted data "
            "that it directly follows."
        )
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
    device: Device = "cpu",
    config: Config = None,
) -> None:
    """Score a run beside the baselines, on a part of its data or on new data.

    Try:

      gatewise evaluate runs/river --part test
      gatewise evaluate runs/river newer.csv --json
    """
    model, data, part = _opened(run, data, part, device)
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
    out: Annotated[
        str | None,
        Parameter(
            help="The page, .html. [default: RUN/report.html; other DATA or another part needs a name]"
        ),
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace that file if it exists.", show_default=False)
    ] = False,
    title: NewTitle = None,
    device: Device = "cpu",
    config: Config = None,
) -> None:
    """Write the page anew: scores, truth against prediction, gates and their timescales.

    Try:

      gatewise inspect runs/river
      gatewise inspect runs/river newer.csv --out newer.html
    """
    from gatewise.data import read_frame  # noqa: PLC0415
    from gatewise.models.runs import REPORT, Run  # noqa: PLC0415 - brings torch
    from gatewise.report import write_page  # noqa: PLC0415

    if out is not None:
        check_new_file(Path(out), overwrite, ending=".html")
    elif Path(run).is_file():
        raise OptionError(f"{run} is a model file without a run folder: name the page with --out")
    model, source, part = _opened(run, data, part, device)
    frame = read_frame(source)
    if out is None:
        _check_own_page(model, frame, source, part)
    page = Path(run) / REPORT if out is None else Path(out)
    kept = Run.open(run).title if Path(run).is_dir() else None
    summary = model.summary(frame, title=title or kept or title_of(model), part=part, source=source)
    write_page(summary, page)
    screen = console()
    print_scores(screen, summary.evaluation)
    print_timescales(screen, summary.timescales)
    screen.print()
    screen.print(f"Page  {page}")


def check_new_file(path: Path, overwrite: bool, *, ending: str = "") -> None:
    """Raise FileError, before any work, unless `path` may be written and ends in `ending`."""
    if not path.name.lower().endswith(ending):
        raise FileError(f"cannot write {path}: the ending must be {ending}")
    if path.is_dir():
        raise FileError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise FileError(f"cannot write {path}: there is no folder {path.parent}")
    if path.exists() and not overwrite:
        raise FileError(f"{path} exists: name another file, or replace it with --overwrite")


def _check_own_page(model: Forecaster, frame: Any, source: str, part: PartName | None) -> None:
    """Raise OptionError unless the page is about what the page of the run folder is about."""
    scored = _scored_part(model)
    if part not in (None, scored):
        raise OptionError(
            f"the page of the run shows the {scored} part: name the page about --part {part} "
            "with --out PAGE.html"
        )
    if not is_data_of_fit(model, frame):
        raise OptionError(
            f"{source} is not, or no longer, the data that the run was fitted on: name the page "
            "about it with --out PAGE.html"
        )


def scores_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return scores in the form of a run's metrics.json."""
    return {
        "part": evaluation.part,
        "scores": evaluation.scores,
        "members": list(evaluation.members),
        "by_horizon": evaluation.by_horizon,
    }


def _opened(
    run: str, data: str | None, part: PartName | None, device: str
) -> tuple[Forecaster, str, PartName | None]:
    """Return the model, its data, and the part to score; None stands for all of new data."""
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.models.runs import Run  # noqa: PLC0415

    model = Forecaster.load(run, device=device)
    if data is not None:
        return model, data, part
    if not Path(run).is_dir():
        raise OptionError(f"{run} does not say where its data is: name DATA after it")
    source = Run.open(run).config["source"]
    if source is None:
        raise OptionError(f"the run {run} was fitted on a table in memory: name DATA after it")
    return model, source, part or _scored_part(model)


def _scored_part(model: Forecaster) -> PartName:
    """Return the part that the fit scored."""
    return "validation" if model.test is None else "test"


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
