"""The settings that each estimator knows, by which those in a run's config.json are checked."""

from __future__ import annotations

from collections.abc import Iterable

FIRST = "forecaster"
"""The estimator of a run whose config.json names none: there was one when the first were written."""

_SETTINGS: dict[str, frozenset[str]] = {}


def register(estimator: str, settings: Iterable[str]) -> None:
    """Have the settings in the runs of an estimator checked by name."""
    _SETTINGS[estimator] = frozenset(settings)


def known_settings(estimator: str) -> frozenset[str] | None:
    """Return the names of an estimator's settings; None for one that is not imported here."""
    return _SETTINGS.get(estimator)
