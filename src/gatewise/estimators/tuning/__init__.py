"""The search for settings: `gw.tune`, which needs Optuna (the extra `tune`)."""

from gatewise.estimators.tuning.entry import tune
from gatewise.estimators.tuning.result import Tuning

__all__ = ["Tuning", "tune"]
