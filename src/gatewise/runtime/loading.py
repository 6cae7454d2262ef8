"""From a saved run to a model that predicts without torch."""

from __future__ import annotations

import os
from pathlib import Path

from gatewise.errors import InputError
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
        _check_kind(Run.open(place).kind, place)
        return ForecasterModel(model_in(place, KIND, lambda file: load_model(file, built)))
    if os.path.isfile(place):
        with ENVELOPE.reading(place), place.open("rb") as file:
            _check_kind(str(read_about(file).get("format", "")).removeprefix("gatewise-"), place)
    return ForecasterModel(load_model(place, built))


def _check_kind(kind: str, place: Path) -> None:
    name = _NEED_TORCH.get(kind)
    if name is not None:
        raise InputError(
            f"{place} is the model of a {name}, which gatewise.runtime does not have yet; it predicts "
            f"by way of torch: gw.{name}.load({str(place)!r})"
        )


_NEED_TORCH = {
    "classifier": "Classifier",
    "regressor": "Regressor",
    "tagger": "Tagger",
    "language-model": "LanguageModel",
}
"""The estimators whose models need torch, by what runs and files call them."""
