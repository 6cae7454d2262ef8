"""The commands that train: fit, continue, retrain; all leave a run folder with its page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from gatewise.cli.opening import title_of, writing_alone
from gatewise.cli.options import (
    Changes,
    Config,
    ForecasterOptions,
    NewRun,
    TaskOption,
)
from gatewise.cli.output import (
    console,
    print_beside,
    print_data,
    print_next,
)
from gatewise.cli.pictures import pictured_beside
from gatewise.errors import DataError, FileError
from gatewise.launch import is_main_process
from gatewise.wording import counted, joined

if TYPE_CHECKING:
    from gatewise import Forecaster
    from gatewise.estimators.forecaster.against import SideBySide
    from gatewise.estimators.forecaster.fitted import Fitted
    from gatewise.estimators.forecaster.preparation import Prepared
    from gatewise.estimators.run.folder import Run

Data = Annotated[str, Parameter(help="A table file, or dataset:NAME for a bundled set.")]
RunFolder = Annotated[str, Parameter(help="Run folder.")]


class Interrupted(Exception):  # noqa: N818 - not an error: the user pressed Ctrl-C
    """Ctrl-C while a run was training; the message says how to go on."""


def fit(
    data: Data,
    /,
    *,
    new: NewRun,
    task: TaskOption = None,
    options: ForecasterOptions | None = None,
    config: Config = None,
) -> None:
    """Train on a table and leave a run folder: model, scores beside baselines, predictions, page.

    Try:

      gatewise fit river.csv --target discharge --inputs rain tmax tmin --lookback 365 --out runs/river
      gatewise fit sales.csv --target sold --horizon 12 --out runs/sales

    Without --horizon the target is estimated from the inputs alone. The newest 15 % of the rows, or
    those from --test 1986-01-01 on, give the score: nothing is chosen on them.
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch

    model = Forecaster(**(options or ForecasterOptions()).settings())
    run_training(model, model.fit, data, new)


def going_on(unfinished: Run | None, folder: Path) -> str:
    """Return what `resume` is about to do."""
    if unfinished is None:
        return f"{folder} is complete already."
    if unfinished.replaces is None:
        return f"Going on with {folder}."
    return f"Going on with the run that is to replace {folder}."


def continue_on(
    run: RunFolder,
    data: Data,
    /,
    *,
    new: NewRun,
    changes: Changes | None = None,
    config: Config = None,
) -> None:
    """Train a finished run on with new data: its weights and scaling stay, the result is a new run.

    Try:

      gatewise continue runs/river newer.csv --validation 0.2 --out runs/river-2
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch

    given = (changes or Changes()).settings()
    model = Forecaster.load(run, device=given.get("device") or device_of(run))
    run_training(model.set_params(**given), model.continue_on, data, new, start=model.fitted_)


def retrain(
    run: RunFolder,
    data: Data,
    /,
    *,
    new: NewRun,
    changes: Changes | None = None,
    config: Config = None,
) -> None:
    """Train afresh with the settings of an earlier run: new weights, new scaling, a new run.

    Try:

      gatewise retrain runs/river newer.csv --out runs/river-2
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415

    model = Forecaster(**{**Run.open(run).config["settings"], **(changes or Changes()).settings()})
    run_training(model, model.retrain, data, new)


def run_training(
    model: Forecaster,
    verb: Callable[..., Any],
    data: str,
    new: NewRun,
    *,
    by: str | None = None,
    start: Fitted | None = None,
) -> None:
    """Do as `train_into` with a table; `start` is the model that training goes on from, if any."""
    from gatewise.estimators.forecaster.fitting import (  # noqa: PLC0415 - brings torch
        prepared_to_fit,
    )

    train_into(
        model,
        verb,
        data,
        new,
        read=lambda: prepared_to_fit(model, data, start),
        show=print_data,
        finish=partial(finish, by=by, before=start),
    )


def train_into(
    model: Any,
    verb: Callable[..., Any],
    data: str,
    new: NewRun,
    *labels: str,
    read: Callable[[], Any],
    show: Callable[[Console, str, Any], None],
    finish: Callable[..., None],
) -> None:
    """Show what is read, train with `verb` (a method of `model`), and finish with page and scores.

    The data is read once, by `read`: what is shown, the fit, the page and the explanation share what is
    made of it. `labels` are where those can be read again.
    """
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415 - brings torch
    from gatewise.training.distributed import check_device  # noqa: PLC0415

    model.check_options()
    check_device(model.device)
    folder = Run.check_target(new.out, overwrite=new.overwrite)
    with writing_alone(folder), resumable(folder, new.title):
        screen = console(quiet=new.quiet)
        prepared = read()
        show(screen, data, prepared)
        verb(
            prepared,
            *labels,
            out=folder,
            overwrite=new.overwrite,
            predictions=new.predictions,
            source=data,
            title=new.title,
            progress=not new.quiet,
        )
        finish(screen, model, prepared, data, folder, title=new.title)


def finish(
    screen: Console,
    model: Forecaster,
    prepared: Prepared,
    source: str,
    folder: Path,
    *,
    title: str | None,
    by: str | None = None,
    before: Fitted | None = None,
) -> None:
    """Write the page of a run that was just trained; print scores, memory and what to type next.

    `before` is the model that training went on from, whose scores stand beside.
    """
    if not is_main_process():
        return
    from gatewise.cli.sentences import explained, print_explanation  # noqa: PLC0415 - brings torch
    from gatewise.estimators.run.folder import REPORT, Run  # noqa: PLC0415
    from gatewise.report import write_page  # noqa: PLC0415

    page = folder / REPORT
    run = Run.open(folder)
    if title is not None:
        run.set_title(title)
    if by is not None:
        run.set_by(by)
    summary = model.summary(prepared, title=run.title or title_of(model), source=source)
    summary = replace(summary, run=str(folder))
    explanation = explained(screen, model, prepared, by=run.by)
    contents = summary.contents() if explanation is None else explanation.contents(summary)
    write_page(contents, page)
    picture = pictured_beside(screen, contents, page)
    compared = None if before is None else beside_before(model, before, prepared)
    print_beside(screen, summary.evaluation, compared, ("the model now", "the model before"))
    if explanation is not None:
        print_explanation(screen, explanation)
    screen.print()
    screen.print(f"Run   {folder}")
    print_forecast(screen, run)
    screen.print(f"Page  {page}")
    if picture is not None:
        screen.print(f"Picture  {picture}")
    print_next(
        screen,
        {
            f"gatewise inspect {folder}": "write the page anew, with limits, JSON, another run beside",
            f"gatewise predict {folder} NEW.csv --out PREDICTED.csv": _new_rows(model),
        },
    )


def print_forecast(screen: Console, run: Run) -> None:
    """Print where the forecast past the data is, where the run holds one."""
    file = run.path / f"forecast.{run.config['predictions']}"
    if file.exists():
        screen.print(f"Forecast  {file}")


def _new_rows(model: Forecaster) -> str:
    """Return what `predict` asks for: where columns are known ahead, rows that go on with them."""
    fitted = model.fitted_
    ahead = [name for name in fitted.columns.named("future") if name not in fitted.columns.calendar]
    if not ahead or not fitted.settings.horizon:
        return "predict from new rows"
    rows = counted(fitted.settings.horizon, "row")
    return f"forecast, from {rows} after the data that hold {joined(ahead[:3])}"


def beside_before(model: Forecaster, before: Fitted, prepared: Prepared) -> SideBySide | None:
    """Return the scores of a model that was trained on and of what it was before, on the same rows."""
    from gatewise.estimators.forecaster.against import side_by_side  # noqa: PLC0415 - brings torch

    with suppress(DataError):  # where nothing is shared there is nothing to tell
        return side_by_side(model.fitted_, before, prepared, prepared.scored)
    return None


@contextmanager
def resumable(folder: Path, title: str | None) -> Iterator[None]:
    """Turn Ctrl-C while a run is made in `folder` into `Interrupted`, with the way on.

    An error on the way, such as a full disk, that leaves a run to go on with says so too.
    """
    before = _found(folder)
    going_on = before is not None and before.unfinished() is not None
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(_way_on(folder, title, before) or _untouched(before)) from None
    except FileError as error:
        way_on = None if going_on else _way_on(folder, title, before)
        raise FileError(f"{error}; {way_on}") if way_on else error from error.__cause__


def _untouched(before: Run | None) -> str:
    return "nothing was written" if before is None else f"the run {before.path} is as it was"


def _found(folder: Path) -> Run | None:
    """Return the run in `folder` as it is now."""
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415 - brings torch

    try:
        return Run.open(folder)
    except FileError:
        return None


def _keep_title(run: Run, title: str) -> None:
    with suppress(FileError):  # as on a full disk
        run.set_title(title)


def _way_on(folder: Path, title: str | None, before: Run | None) -> str | None:
    """Return what to say of the run that an interrupted command left, which keeps its title."""
    run = _found(folder)
    if run is None or run.failure is not None:
        return None
    unfinished = run.unfinished()
    left = unfinished or run
    if unfinished is None and before is not None and before.config == run.config:
        return None
    if title is not None and left.title is None and is_main_process():
        _keep_title(left, title)
    if unfinished is None:
        return f"the model is finished; `gatewise inspect {folder}` writes its page"
    until = "" if left.replaces is None else f"; until it is done, {folder} holds the earlier run"
    return f"`gatewise resume {folder}` goes on where it stopped{until}"


def device_of(run: str) -> str:
    """Return where a run was fitted; a model file that stands alone is used on the CPU."""
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415 - brings torch

    if not os.path.isdir(run):
        return "cpu"
    return str(Run.open(run).config["settings"].get("device", "cpu"))
