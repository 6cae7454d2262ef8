"""Estimators: options, network, training loop, baselines, scores and the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.estimators.forecaster.estimator import Forecaster

__all__ = ["Forecaster"]


def __getattr__(name: str) -> Any:
    """Import the forecaster on first use: the help reads the options in this room without torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gatewise.estimators.forecaster.estimator import Forecaster  # noqa: PLC0415

    return Forecaster
