"""Naive baselines that stand beside every score: one file each, NumPy only.

`persistence` and `seasonal_naive` (naive.py) and every other have a file of their own; fitting.py fits
those that may see what the model sees, and collection.py asks and saves them with it. bands.py adds
quantiles to each: those of its own errors in training.
"""

from __future__ import annotations

from gatewise.estimators.forecaster.baselines.collection import Baselines, applicable
from gatewise.estimators.forecaster.baselines.fitting import fit_baselines

__all__ = ["Baselines", "applicable", "fit_baselines"]
