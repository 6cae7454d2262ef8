"""A run of sequences, its data and its labels, as the commands on runs need them."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from gatewise.cli.sequences.kinds import PartName
from gatewise.cli.tasks import Task
from gatewise.errors import OptionError


class Opened(NamedTuple):
    """A fitted model, and the data that a command is about."""

    model: Any
    data: str
    labels: str | None
    part: PartName | None
    """None stands for all of new data."""


def opened(
    task: Task,
    run: str,
    data: str | None,
    labels: str | None,
    *,
    part: PartName | None,
    device: str,
) -> Opened:
    """Return the model with its data: that named, or that of the fit. Raises OptionError without any."""
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415 - brings torch

    model = task.estimator_class().load(run, device=device)
    if data is not None:
        return Opened(model, data, labels or labels_of_fit(run, data), part)
    if not os.path.isdir(run):
        raise OptionError(f"{run} does not say where its data is: name DATA after it")
    config = Run.open(run).config
    source = config["source"]
    if source is None:
        raise OptionError(f"the run {run} was fitted on data in memory: name DATA after it")
    return Opened(
        model, source, labels or config.get("labels"), part or model.fitted_.data["scored"]
    )


def labels_of_fit(run: str, data: str) -> str | None:
    """Return the file of labels of a run's fit, where `data` is the file that it goes with."""
    from gatewise.estimators.run.config import source_of  # noqa: PLC0415 - brings torch
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415

    if not os.path.isdir(run):
        return None
    config = Run.open(run).config
    return config.get("labels") if config["source"] == source_of(data) else None


def read_to_score(model: Any, run: str, data: str, labels: str | None) -> Any:
    """Return data as `evaluate` takes it; OptionError where labels are needed and there are none.

    Not prepared as for a fit: a few sequences can be scored that could not be divided.
    """
    from gatewise.data.sequences.labelled import Labelled  # noqa: PLC0415 - brings NumPy
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415 - brings torch

    found = model.read_to_score(model.given(data, labels))
    if isinstance(found, Labelled) and found.labels is None:
        theirs = Run.open(run).config.get("labels") if os.path.isdir(run) else None
        told = "" if theirs is None else f"; those of the fit are in {theirs}"
        raise OptionError(
            f"{data} has no labels to score by: name their file with --labels FILE{told}"
        )
    return found
