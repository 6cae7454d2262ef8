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
        return Opened(model, data, labels, part)
    if not os.path.isdir(run):
        raise OptionError(f"{run} does not say where its data is: name DATA after it")
    config = Run.open(run).config
    source = config["source"]
    if source is None:
        raise OptionError(f"the run {run} was fitted on data in memory: name DATA after it")
    return Opened(
        model, source, labels or config.get("labels"), part or model.fitted_.data["scored"]
    )
