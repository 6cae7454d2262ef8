"""The parts that the commands on a run share: the run, its data, part and title, and new files."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from gatewise.errors import FileError, OptionError, is_line
from gatewise.launch import is_main_process
from gatewise.wording import counted, joined

if TYPE_CHECKING:
    from gatewise import Forecaster
    from gatewise.cli.options import Reading
    from gatewise.estimators.forecaster.preparation import Prepared

Model = Annotated[str, Parameter(help="Run folder, or a model.safetensors file.")]
PartName = Literal["training", "validation", "test", "all"]
Part = Annotated[
    PartName | None,
    Parameter(help="Part to score, cut as in the fit. [default: as in the fit; all of other DATA]"),
]
ItsData = Annotated[
    str | None,
    Parameter(help="A table file or dataset:NAME. [default: the data of the fit]"),
]


def check_new_file(path: Path, overwrite: bool, *, ending: str | tuple[str, ...] = "") -> None:
    """Raise FileError, before any work, unless `path` may be written and ends in `ending`, or in one."""
    from gatewise.files import check_writable  # noqa: PLC0415

    if not is_line(str(path)):
        raise FileError(
            f"a file's name must not be blank or have control characters: {str(path)!r}"
        )
    if not path.name.lower().endswith(ending):
        known = ending if isinstance(ending, str) else " or ".join(ending)
        raise FileError(f"cannot write {path}: the ending must be {known}")
    if os.path.isdir(path):
        raise FileError(f"cannot write {path}: it is a folder")
    if not os.path.isdir(path.parent):
        raise FileError(f"cannot write {path}: there is no folder {path.parent}")
    if os.path.exists(path) and not overwrite:
        raise FileError(f"{path} exists: name another file, or replace it with --overwrite")
    check_writable(path)


def writing_alone(folder: Path) -> AbstractContextManager[None]:
    """Return the context in which this command alone writes to a run folder, training and page."""
    from gatewise.estimators.run.replacement import writing  # noqa: PLC0415 - brings torch

    return writing(folder) if is_main_process() else nullcontext()


def opened(
    run: str, data: str | None, part: PartName | None, device: str
) -> tuple[Forecaster, str, PartName | None]:
    """Return the model, its data, and the part to score; None stands for all of new data."""
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415

    if data is not None:
        return Forecaster.load(run, device=device), data, part
    if not os.path.isdir(run):
        Forecaster.load(run, device=device)  # what is wrong with it comes first
        raise OptionError(f"{run} does not say where its data is: name DATA after it")
    while True:  # until no other run took the place of this one meanwhile
        opened_run = Run.open(run)
        model = Forecaster.load(run, device=device)
        if Run.open(run).config == opened_run.config:
            break
    source = opened_run.config["source"]
    if source is None:
        raise OptionError(f"the run {run} was fitted on a table in memory: name DATA after it")
    return model, source, part or scored_part(model)


def read_as(model: Forecaster, reading: Reading | None) -> None:
    """Let a loaded model read new rows otherwise than those of its fit. Raises OptionError."""
    given = {} if reading is None else reading.settings()
    if given:
        model.set_params(**given).check_options()
        model.fitted_.settings.set_params(**given)


def scored_part(model: Forecaster) -> PartName:
    """Return the part that the fit scored."""
    return model.fitted_.split.scored


def title_of(model: Forecaster) -> str:
    """Return the page's title: what is predicted, from what or how far ahead."""
    columns = model.fitted_.columns
    target = joined(list(columns.target))
    if model.horizon:
        return f"{target}, {counted(model.horizon, 'step')} ahead"
    return f"{target} from {joined(list(columns.named('inputs')))}"


def is_data_of_fit(model: Forecaster, prepared: Prepared) -> bool:
    """Return whether this is what the model was fitted on, to the last bit."""
    return bool(prepared.identity["sha256"] == model.fitted_.data["sha256"])
