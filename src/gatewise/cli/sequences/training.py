"""The commands that train on sequences: fit, resume, continue, retrain; all leave a run and its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from gatewise.cli.options import NewRun, given_in, settings_in
from gatewise.cli.output import print_next
from gatewise.cli.pictures import pictured_beside
from gatewise.cli.resuming import resume_into
from gatewise.cli.sequences.kinds import KINDS
from gatewise.cli.sequences.opening import labels_of_fit
from gatewise.cli.sequences.printing import print_data, print_scores
from gatewise.cli.tasks import Task, task_of_kind
from gatewise.cli.training import device_of, train_into
from gatewise.launch import is_main_process


def fit(
    task: Task, *, data: str, new: NewRun, labels: str | None = None, options: Any = None
) -> None:
    """Fit the estimator of a task and leave a run."""
    settings = {} if options is None else settings_in(options, task.options())
    model = task.estimator_class()(**settings)
    run_training(model, model.fit, data, labels, new)


def continue_on(
    task: Task,
    *,
    run: str,
    data: str,
    new: NewRun,
    labels: str | None = None,
    changes: Any = None,
) -> None:
    """Train a finished run on with new data."""
    given = {} if changes is None else given_in(changes, task.options())
    model = task.estimator_class().load(run, device=given.get("device") or device_of(run))
    model.set_params(**given)
    labels = labels or labels_of_fit(run, data)
    run_training(model, model.continue_on, data, labels, new, start=model.fitted_)


def retrain(
    task: Task,
    *,
    run: str,
    data: str,
    new: NewRun,
    labels: str | None = None,
    changes: Any = None,
) -> None:
    """Train afresh with the settings of a run."""
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415 - brings torch

    given = {} if changes is None else given_in(changes, task.options())
    model = task.estimator_class()(**{**Run.open(run).config["settings"], **given})
    run_training(model, model.retrain, data, labels or labels_of_fit(run, data), new)


def resume(
    task: Task,
    *,
    run: str,
    data: str | None = None,
    labels: str | None = None,
    title: str | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> None:
    """Finish an interrupted fit, or write the page of one that is whole."""
    estimator = task.estimator_class()

    def given(source: str, config: dict[str, Any]) -> Any:
        theirs = config.get("labels") if data is None else None
        return estimator.given(source, labels or theirs)

    resume_into(
        estimator,
        run,
        data,
        title,
        quiet=quiet,
        device=device,
        again=lambda fitted, *of: fitted.prepare(given(*of), like=fitted.fitted_),
        begun=lambda unfinished, *of: estimator.prepare_resumed(unfinished, given(*of), device),
        finish=finish,
    )


def run_training(
    model: Any,
    verb: Callable[..., Any],
    data: str,
    labels: str | None,
    new: NewRun,
    *,
    start: Any = None,
) -> None:
    """Do as `train_into` with sequences or texts; `start` is the model that training goes on from."""
    again = () if labels is None else (labels,)  # those that were read are among what is prepared
    train_into(
        model,
        verb,
        data,
        new,
        *again,
        read=lambda: model.prepare(model.given(data, labels), like=start),
        show=print_data,
        finish=finish,
    )


def finish(
    screen: Console, model: Any, prepared: Any, source: str, folder: Path, *, title: str | None
) -> None:
    """Write the page of a run that was just trained; print scores and what to type next."""
    if not is_main_process():
        return
    from gatewise.cli.sentences import explained, print_explanation  # noqa: PLC0415 - brings torch
    from gatewise.estimators.run.folder import REPORT, Run  # noqa: PLC0415
    from gatewise.explaining.case import HasCase  # noqa: PLC0415
    from gatewise.report import write_page  # noqa: PLC0415

    page, run = folder / REPORT, Run.open(folder)
    if title is not None:
        run.set_title(title)
    summary = model.summary(prepared, title=run.title, source=source)
    summary = replace(summary, run=str(folder), labels=run.config.get("labels") or "")
    explanation = explained(screen, model, prepared) if isinstance(model, HasCase) else None
    contents = summary.contents() if explanation is None else explanation.contents(summary)
    write_page(contents, page)
    pictured = pictured_beside(screen, contents, page)
    print_scores(screen, summary.evaluation)
    if explanation is not None:
        print_explanation(screen, explanation)
    screen.print()
    screen.print(f"Run   {folder}")
    screen.print(f"Page  {page}")
    if pictured is not None:
        screen.print(f"Picture  {pictured}")
    task = task_of_kind(model.kind)
    assert task is not None
    words, purpose = KINDS[task.name].then(source)
    print_next(
        screen,
        {
            f"gatewise inspect {folder}": "write the page anew",
            f"gatewise predict {folder} {words}": purpose,
        },
    )
