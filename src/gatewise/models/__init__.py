"""Estimators: options, network, training loop, baselines, scores and the run folder."""

from gatewise.models.forecaster import Forecaster

__all__ = ["Forecaster"]
