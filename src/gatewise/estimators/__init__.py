"""Estimators: options, network, training loop, baselines, scores and the run folder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.estimators.classifier.estimator import Classifier
    from gatewise.estimators.forecaster.estimator import Forecaster
    from gatewise.estimators.language.estimator import LanguageModel
    from gatewise.estimators.regressor.estimator import Regressor
    from gatewise.estimators.tagger.estimator import Tagger

__all__ = ["Classifier", "Forecaster", "LanguageModel", "Regressor", "Tagger"]

_ROOMS = {"LanguageModel": "language"}
"""The rooms that are not called as their estimator is."""


def __getattr__(name: str) -> Any:
    """Import an estimator on first use: the help reads the options in this room without torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = _ROOMS.get(name, name.lower())
    return getattr(import_module(f"{__name__}.{room}.estimator"), name)
