"""What a network remembers: figures from recorded gates, from interventions and from gradients.

Each function returns a `Result` with its figures, their uncertainty, the settings and a sentence that
reads them. Those on recorded arrays need no torch and take the record of `return_gates=True` or
`gw.trace`, or plain arrays by keyword.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.memory.ablation import Ablation, ablation
    from gatewise.memory.connectivity import connectivity
    from gatewise.memory.connectivity_result import Connectivity
    from gatewise.memory.context import ContextNeed, context_need
    from gatewise.memory.direction import DirectionShare, direction_share
    from gatewise.memory.drift import Drift, TrainingDrift, training_drift
    from gatewise.memory.health import StateHealth, state_health
    from gatewise.memory.highway import highway
    from gatewise.memory.highway_result import Highway
    from gatewise.memory.horizon import Horizon, horizon
    from gatewise.memory.idle import IdleUnits, idle_units
    from gatewise.memory.ledger import Ledger, ledger
    from gatewise.memory.probe import Probe, probe, probe_model
    from gatewise.memory.redundancy import Redundancy, redundancy
    from gatewise.memory.result import Result
    from gatewise.memory.retention import Retention, retention
    from gatewise.memory.retention_curve import RetentionCurve, retention_curve
    from gatewise.memory.saturation import Saturation, saturation
    from gatewise.memory.statistics import Sampling
    from gatewise.memory.still import StillUnits, still_units
    from gatewise.memory.timescale import GateTimescale, gate_timescale
    from gatewise.memory.traffic import Events, Flow, Traffic, traffic
    from gatewise.memory.transplant import Transplant, transplant

# Module to the public names that it holds. Imported on first use: interventions and gradients need
# torch, what reads recorded arrays does not.
_HOMES = {
    "ablation": ("Ablation", "ablation"),
    "connectivity": ("connectivity",),
    "connectivity_result": ("Connectivity",),
    "context": ("ContextNeed", "context_need"),
    "direction": ("DirectionShare", "direction_share"),
    "drift": ("Drift", "TrainingDrift", "training_drift"),
    "health": ("StateHealth", "state_health"),
    "highway": ("highway",),
    "highway_result": ("Highway",),
    "horizon": ("Horizon", "horizon"),
    "idle": ("IdleUnits", "idle_units"),
    "ledger": ("Ledger", "ledger"),
    "probe": ("Probe", "probe", "probe_model"),
    "redundancy": ("Redundancy", "redundancy"),
    "result": ("Result",),
    "retention": ("Retention", "retention"),
    "retention_curve": ("RetentionCurve", "retention_curve"),
    "saturation": ("Saturation", "saturation"),
    "statistics": ("Sampling",),
    "still": ("StillUnits", "still_units"),
    "timescale": ("GateTimescale", "gate_timescale"),
    "traffic": ("Events", "Flow", "Traffic", "traffic"),
    "transplant": ("Transplant", "transplant"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Ablation",
    "Connectivity",
    "ContextNeed",
    "DirectionShare",
    "Drift",
    "Events",
    "Flow",
    "GateTimescale",
    "Highway",
    "Horizon",
    "IdleUnits",
    "Ledger",
    "Probe",
    "Redundancy",
    "Result",
    "Retention",
    "RetentionCurve",
    "Sampling",
    "Saturation",
    "StateHealth",
    "StillUnits",
    "Traffic",
    "TrainingDrift",
    "Transplant",
    "ablation",
    "connectivity",
    "context_need",
    "direction_share",
    "gate_timescale",
    "highway",
    "horizon",
    "idle_units",
    "ledger",
    "probe",
    "probe_model",
    "redundancy",
    "retention",
    "retention_curve",
    "saturation",
    "state_health",
    "still_units",
    "traffic",
    "training_drift",
    "transplant",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'gatewise.memory' has no attribute {name!r}")
    value = getattr(import_module(f"gatewise.memory.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """This package, where a function stands before the module of the same name.

    `import gatewise.memory.ledger` would otherwise put the module in the place of `gw.memory.ledger`.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _MODULES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
