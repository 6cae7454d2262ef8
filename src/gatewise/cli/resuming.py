"""The command that goes on with a fit or a search that was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from gatewise.cli.opening import writing_alone
from gatewise.cli.options import Config, DeviceOfFit, NewTitle, Quiet
from gatewise.cli.output import console
from gatewise.cli.training import RunFolder, finish, going_on, resumable
from gatewise.cli.tuning import resume_search
from gatewise.errors import DataError, OptionError

if TYPE_CHECKING:
    from gatewise.estimators.run.folder import Run


def resume(
    run: RunFolder,
    data: Annotated[
        str | None, Parameter(help="The data of the fit. [default: where the run read it]")
    ] = None,
    /,
    *,
    title: NewTitle = None,
    device: DeviceOfFit = None,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Finish an interrupted fit, or a search; the result is the same as if nothing had interrupted it.

    Try:

      gatewise resume runs/river
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.estimators.forecaster.forecasting import prepared_for  # noqa: PLC0415
    from gatewise.estimators.tuning.folder import is_tuning  # noqa: PLC0415

    if is_tuning(Path(run)):
        resume_search(Path(run), data, title, quiet=quiet)
        return
    resume_into(
        Forecaster,
        run,
        data,
        title,
        quiet=quiet,
        device=device,
        again=lambda fitted, source, _: prepared_for(fitted.fitted_, source),
        begun=lambda unfinished, source, _: Forecaster.prepare_resumed(unfinished, source, device),
        finish=finish,
    )


def resume_into(
    estimator: Any,
    run: str,
    data: str | None,
    title: str | None,
    *,
    quiet: bool,
    device: str | None,
    again: Callable[[Any, str, dict[str, Any]], Any],
    begun: Callable[[Run, str, dict[str, Any]], Any],
    finish: Callable[..., None],
) -> None:
    """Finish an interrupted fit, or write the page of one that is whole.

    `again(model, source, config)` prepares data for the model of a finished run, whose data it must be;
    `begun(run, source, config)` does so for an unfinished one; `config` is that of the run.
    """
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415 - brings torch

    folder = Run.open(run).path
    with writing_alone(folder), resumable(folder, title):
        opened = Run.open(folder)
        opened.check_not_failed()
        unfinished = opened.unfinished()
        config = (unfinished or opened).config
        source = config["source"] if data is None else data
        if source is None:
            raise OptionError(f"the run {run} was fitted on data in memory: name DATA after it")
        screen = console(quiet=quiet)
        screen.print(going_on(unfinished, folder))
        if unfinished is None:
            fitted = estimator.load(run, device=device or "cpu")
            prepared = again(fitted, source, config)
            if prepared.identity["sha256"] != fitted.fitted_.data["sha256"]:
                raise DataError(
                    f"{source} is not the data that the finished run {run} was fitted on: "
                    f"`gatewise inspect {run} {source} --out PAGE.html` writes a page about it"
                )
        else:
            prepared = begun(unfinished, source, config)
        model = estimator.resume(folder, prepared, progress=not quiet, device=device)
        finish(screen, model, prepared, source, folder, title=title)
