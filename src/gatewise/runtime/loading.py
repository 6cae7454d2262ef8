"""From a saved run to a model that predicts without torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gatewise.cells import CELLS
from gatewise.errors import EngineError, InputError
from gatewise.estimators.forecaster.saving import ENVELOPE, load_model
from gatewise.estimators.run.folder import Run, model_in
from gatewise.files import path_of, read_about
from gatewise.runtime._network import built
from gatewise.runtime.forecaster import KIND, ForecasterModel


def load(path: str | Path) -> ForecasterModel:
    """Load what `Forecaster.fit` left in a run folder, or `save` in a file, to predict without torch.

    Raises FileError for a folder that is not a finished run and a file that is missing, cut short,
    damaged, foreign or from a newer version, EngineError for a cell that the native core does not have,
    and InputError for the model of an estimator that still needs torch, by name.
    """
    place = path_of(path, "load")
    if os.path.isdir(place):
        run = Run.open(place)
        _check(run.kind, run.config["settings"], place)
        return ForecasterModel(model_in(place, KIND, lambda file: load_model(file, built)))
    if os.path.isfile(place):
        with ENVELOPE.reading(place), place.open("rb") as file:
            about = read_about(file)
        kind = str(about.get("format", "")).removeprefix("gatewise-")
        _check(kind, about.get("settings"), place)
    return ForecasterModel(load_model(place, built))


def _check(kind: str, settings: Any, place: Path) -> None:
    """Refuse by name what only torch can run; what is damaged is told by whoever reads it."""
    name = _NEED_TORCH.get(kind)
    if name is not None:
        raise InputError(
            f"{place} is the model of a {name}, which gatewise.runtime does not have yet; it predicts "
            f"by way of torch: gw.{name}.load({str(place)!r})"
        )
    cell = settings.get("cell") if isinstance(settings, dict) else None
    spec = CELLS.get("rnn_tanh" if cell == "rnn" else str(cell))
    if spec is not None and spec.saved is None:
        raise EngineError(
            f"{place} has the cell {cell!r}, which the native core does not have; torch runs it: "
            f"gw.Forecaster.load({str(place)!r})"
        )


_NEED_TORCH = {
    "classifier": "Classifier",
    "regressor": "Regressor",
    "tagger": "Tagger",
    "language-model": "LanguageModel",
}
"""The estimators whose models need torch, by what runs and files call them."""
