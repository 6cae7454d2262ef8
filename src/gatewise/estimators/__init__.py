"""Estimators: options, network, training loop, baselines, scores and the run folder."""

from gatewise.estimators.forecaster.estimator import Forecaster

__all__ = ["Forecaster"]
