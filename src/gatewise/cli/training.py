"""The commands that train: fit, resume, continue, retrain; all leave a run folder with its page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from gatewise.cli.options import (
    Changes,
    Config,
    ForecasterOptions,
    Out,
    Overwrite,
    Quiet,
    Table,
    Title,
)
from gatewise.cli.output import (
    console,
    is_main_process,
    print_data,
    print_next,
    print_scores,
)
from gatewise.errors import FileError, OptionError

if TYPE_CHECKING:
    from gatewise import Forecaster

Data = Annotated[str, Parameter(help="A table file, or dataset:NAME for a bundled set.")]
RunFolder = Annotated[str, Parameter(help="Run folder.")]


class Interrupted(Exception):  # noqa: N818 - not an error: the user pressed Ctrl-C
    """Ctrl-C while a run was training; the message says how to go on."""


def fit(
    data: Data,
    /,
    *,
    out: Out,
    options: ForecasterOptions | None = None,
    title: Title = None,
    predictions: Table = "csv",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Train on a table and leave a run folder: model, scores beside baselines, predictions, page.

    Try:

      gatewise fit river.csv --target discharge --inputs rain tmax tmin --lookback 365 --out runs/river

    Name a test part (--test 1986-01-01, or --test 0.15) for a score that nothing was chosen on.
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch

    model = Forecaster(**(options or ForecasterOptions()).settings())
    kept = {"out": out, "overwrite": overwrite, "predictions": predictions}
    run_training(model, model.fit, data, kept, title=title, quiet=quiet)


def resume(
    run: RunFolder,
    data: Annotated[
        str | None, Parameter(help="The data of the fit. [default: where the run read it]")
    ] = None,
    /,
    *,
    title: Title = None,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Finish an interrupted fit; the result is the same as if it had not been interrupted.

    Try:

      gatewise resume runs/river
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.data import read_frame  # noqa: PLC0415
    from gatewise.models.runs import Run  # noqa: PLC0415

    opened = Run.open(run)
    source = data or opened.config["source"]
    if source is None:
        raise OptionError(f"the run {run} was fitted on a table in memory: name DATA after it")
    screen = console(quiet=quiet)
    screen.print(f"{run} is complete already." if opened.complete else f"Going on with {run}.")
    with resumable(run):
        model = Forecaster.resume(run, data, progress=not quiet)
        finish(screen, model, read_frame(source), source, Path(run), title=title)


def continue_on(
    run: RunFolder,
    data: Data,
    /,
    *,
    out: Out,
    changes: Changes | None = None,
    title: Title = None,
    predictions: Table = "csv",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Train a finished run on with new data: its weights and scaling stay, the result is a new run.

    Try:

      gatewise continue runs/river newer.csv --validation 0.2 --out runs/river-2
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch

    model = Forecaster.load(run)
    model.set_params(**(changes or Changes()).settings())
    kept = {"out": out, "overwrite": overwrite, "predictions": predictions}
    run_training(model, model.continue_on, data, kept, title=title, quiet=quiet)


def retrain(
    run: RunFolder,
    data: Data,
    /,
    *,
    out: Out,
    changes: Changes | None = None,
    title: Title = None,
    predictions: Table = "csv",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Train afresh with the settings of an earlier run: new weights, new scaling, a new run.

    Try:

      gatewise retrain runs/river newer.csv --out runs/river-2
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.models.runs import Run  # noqa: PLC0415

    model = Forecaster(**{**Run.open(run).config["settings"], **(changes or Changes()).settings()})
    kept = {"out": out, "overwrite": overwrite, "predictions": predictions}
    run_training(model, model.retrain, data, kept, title=title, quiet=quiet)


def run_training(
    model: Forecaster,
    verb: Callable[..., Any],
    data: str,
    kept: dict[str, Any],
    *,
    title: str | None,
    quiet: bool,
) -> None:
    """Print what is read, train with `verb` (a method of `model`), leave the page, print scores."""
    from gatewise.data import read_frame  # noqa: PLC0415
    from gatewise.models.runs import Run  # noqa: PLC0415 - brings torch

    model.check_options()
    Run.check_target(kept["out"], overwrite=kept["overwrite"])
    screen = console(quiet=quiet)
    frame = read_frame(data)
    announce(screen, model, frame, data)
    with resumable(kept["out"]):
        verb(frame, progress=not quiet, source=data, **kept)
        finish(screen, model, frame, data, Path(kept["out"]), title=title)


def finish(
    screen: Console, model: Forecaster, frame: Any, source: str, folder: Path, *, title: str | None
) -> None:
    """Write the page of a run that was just trained; print its scores and what to type next."""
    if not is_main_process():
        return
    from gatewise.report import write_page  # noqa: PLC0415 - brings torch

    page = folder / "report.html"
    summary = model.summary(frame, title=title or title_of(model), source=source)
    write_page(summary, page)
    print_scores(screen, summary.evaluation)
    screen.print()
    screen.print(f"Run   {folder}")
    screen.print(f"Page  {page}")
    print_next(
        screen,
        {
            f"gatewise inspect {folder}": "write the page anew, print the gate timescales",
            f"gatewise predict {folder} NEW.csv --out PREDICTED.csv": "predict from new rows",
        },
    )


def title_of(model: Forecaster) -> str:
    """Return the page's title: what is predicted, from what or how far ahead."""
    from gatewise.report.wording import counted, joined  # noqa: PLC0415 - brings torch

    columns = model.fitted_.columns
    target = joined(list(columns.target))
    if model.horizon:
        return f"{target}, {counted(model.horizon, 'step')} ahead"
    return f"{target} from {joined(list(columns.inputs))}"


def announce(screen: Console, model: Forecaster, frame: Any, source: str) -> None:
    """Print what was read, before the training that may take long. Raises what `fit` would raise."""
    from gatewise.data import (  # noqa: PLC0415 - heavy, and not needed for --help
        resolve_columns,
        split_times,
        table_from_frame,
    )

    columns = resolve_columns(
        frame,
        target=model.target,
        inputs=model.inputs or (),
        future=model.future or (),
        static=model.static or (),
        time=model.time,
        series=model.series,
    )
    table = table_from_frame(frame, columns, missing=model.missing, frequency=model.frequency)
    print_data(screen, source, table, split_times(table, model.validation, model.test))


@contextmanager
def resumable(out: str) -> Iterator[None]:
    """Turn Ctrl-C while a run is made in the folder `out` into `Interrupted`, with the way on."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(_way_on(out)) from None


def _way_on(out: str) -> str:
    from gatewise.models.runs import Run  # noqa: PLC0415 - brings torch

    try:
        complete = Run.open(out).complete
    except FileError:
        return "nothing was written"
    if complete:
        return f"the model is finished; `gatewise inspect {out}` writes its page"
    return f"`gatewise resume {out}` goes on where it stopped"
