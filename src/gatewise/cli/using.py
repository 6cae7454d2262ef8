"""The commands that use a finished run: predict and evaluate."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from gatewise.cli.opening import ItsData, Model, Part, check_new_file, opened, read_as
from gatewise.cli.options import Config, Device, Reading
from gatewise.cli.output import console, grid, print_beside
from gatewise.cli.scoring import PredictedTable, evaluate_table
from gatewise.cli.sentences import names_of
from gatewise.errors import OptionError
from gatewise.wording import number

if TYPE_CHECKING:
    from gatewise.estimators.forecaster.against import SideBySide
    from gatewise.estimators.forecaster.verdict import Evaluation

HEAD = 10


def predict(
    run: Model,
    data: Annotated[
        str | None,
        Parameter(help="New rows: a file or dataset:NAME. [default: go on from the fitted data]"),
    ] = None,
    /,
    *,
    reading: Reading | None = None,
    model: Annotated[
        str, Parameter(help="What predicts: the network (gatewise), or a baseline such as ridge.")
    ] = "gatewise",
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
      gatewise predict runs/sales --model ridge

    Without --out the first rows are printed. Rows that follow the fitted data need no history.

    Of a run of sequences or texts, gatewise predict RUN --help says what applies.
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.data import write_frame  # noqa: PLC0415
    from gatewise.data.files import WRITABLE  # noqa: PLC0415
    from gatewise.estimators.forecaster.forecasting import new_rows_of  # noqa: PLC0415
    from gatewise.estimators.forecaster.preparation import as_frame  # noqa: PLC0415

    if out is not None:
        check_new_file(Path(out), overwrite, ending=WRITABLE)
    fitted = Forecaster.load(run, device=device)
    read_as(fitted, reading)
    rows = None if data is None else as_frame(fitted, data)
    frame = fitted.predict(rows, model=model)
    screen = console()
    if rows is not None and fitted.repairs_rows():  # read again for what is said of it alone
        for note in new_rows_of(fitted.fitted_, rows).notes:
            screen.print(f"{data}: {note}.")
    if rows is not None and fitted.horizon == 0 and len(frame) < len(rows):
        screen.print(
            f"{len(rows) - len(frame):,} of {len(rows):,} rows have no prediction: each needs "
            f"{fitted.lookback} rows without gaps up to it, in DATA or at the end of the fitted data "
            "that it directly follows."
        )
    if out is not None:
        write_frame(frame, out)
        screen.print(f"{out}: {len(frame):,} rows, columns {', '.join(frame.columns)}")
        return
    table = grid()
    for name in frame.columns:
        table.add_column(name, justify="right", overflow="fold")
    for row in frame.head(HEAD).iter_rows():
        table.add_row(*(cell_text(value) for value in row))
    screen.print(table)
    screen.print(
        f"The first {min(HEAD, len(frame))} of {len(frame):,} rows; --out FILE.csv or FILE.parquet "
        "writes them all."
    )


def evaluate(
    run: Model | None = None,
    data: ItsData = None,
    /,
    *,
    reading: Reading | None = None,
    table: PredictedTable | None = None,
    part: Part = None,
    against: Annotated[
        str | None, Parameter(help="Another run or model, to score on the same rows.")
    ] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", help="Print JSON instead.", show_default=False)
    ] = False,
    device: Device = "cpu",
    config: Config = None,
) -> None:
    """Score a run beside the baselines, on a part of its data or on new data.

    Of a run of sequences or texts, gatewise evaluate RUN --help says what applies. Try:

      gatewise evaluate runs/river --part test
      gatewise evaluate runs/river newer.csv --json
      gatewise evaluate runs/river --against runs/river-gru
      gatewise evaluate river.csv --predictions theirs.csv --target discharge --point forecast
    """
    if table is not None and table.predictions is not None:
        if data is not None or part is not None or against is not None:
            raise OptionError("predictions are scored against one table: name it alone")
        evaluate_table(run, table, as_json=as_json)
        return
    if table is not None and table != PredictedTable():
        raise OptionError("these options are of a table of predictions: name it with --predictions")
    if run is None:
        raise OptionError("name a run, or a table of predictions with --predictions")
    # Of a run, data and part are those of the fit where none are named: `opened` finds them.
    model, data, part = opened(run, data, part, device)
    read_as(model, reading)
    if against is None:
        evaluation, compared = model.evaluate(data, part=part), None
    else:
        other = opened(against, data, part, device)[0]
        read_as(other, reading)
        compared = model.compare(other, data, part=part)
        evaluation = compared.one
    names = names_of(run, against or "")
    if as_json:
        from gatewise.files import finite_json  # noqa: PLC0415

        told = scores_json(evaluation)
        if compared is not None:
            told["against"] = against_json(compared, names)
        print(json.dumps(finite_json(told), indent=2))
    else:
        print_beside(console(), evaluation, compared, names)


def against_json(compared: SideBySide, names: tuple[str, str]) -> dict[str, Any]:
    """Return the other model's scores on the same rows, and the differences."""
    return {
        "name": names[1],
        "scores": compared.other.scores,
        "differences": [asdict(each) for each in compared.differences],
        "sentences": list(compared.sentences(*names)),
    }


def scores_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return scores in the form of a run's metrics.json."""
    return {
        "part": evaluation.part,
        "scores": evaluation.scores,
        "members": list(evaluation.members),
        "by_horizon": evaluation.by_horizon,
        **evaluation.panel(),
    }


def cell_text(value: Any) -> str:
    """Return a value of a table as a terminal shows it."""
    if isinstance(value, float):
        return number(value, 5)
    return str(value).removesuffix(" 00:00:00")
