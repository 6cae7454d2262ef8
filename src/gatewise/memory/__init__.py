"""Measures of what a network remembers: from recorded gates, from interventions and from gradients.

Each function returns a `Result` with its figures, their uncertainty, the settings and a sentence that
reads them. Those on recorded arrays need no torch and take the record of `return_gates=True` or
`gw.trace`, or plain arrays by keyword.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.memory.drift import Drift, TrainingDrift, training_drift
    from gatewise.memory.gradients.highway import highway
    from gatewise.memory.gradients.highway_result import Highway
    from gatewise.memory.intervals import Sampling
    from gatewise.memory.interventions.ablation import Ablation, ablation
    from gatewise.memory.interventions.connectivity import connectivity
    from gatewise.memory.interventions.connectivity_result import Connectivity
    from gatewise.memory.interventions.context import ContextNeed, context_need
    from gatewise.memory.interventions.direction import DirectionShare, direction_share
    from gatewise.memory.interventions.horizon import horizon
    from gatewise.memory.interventions.horizon_result import Horizon
    from gatewise.memory.interventions.idle import IdleUnits, idle_units
    from gatewise.memory.interventions.importance import importance
    from gatewise.memory.interventions.importance_result import Importance
    from gatewise.memory.interventions.integrated import integrated_gradients
    from gatewise.memory.interventions.integrated_result import IntegratedGradients
    from gatewise.memory.interventions.probe import Probe, probe, probe_model
    from gatewise.memory.interventions.transplant import Transplant, transplant
    from gatewise.memory.records.health import StateHealth, state_health
    from gatewise.memory.records.ledger import Ledger, ledger
    from gatewise.memory.records.redundancy import Redundancy, redundancy
    from gatewise.memory.records.retention import Retention, retention
    from gatewise.memory.records.retention_curve import RetentionCurve, retention_curve
    from gatewise.memory.records.saturation import Saturation, saturation
    from gatewise.memory.records.still import StillUnits, still_units
    from gatewise.memory.records.timescale import GateTimescale, gate_timescale
    from gatewise.memory.records.traffic import Events, Flow, Traffic, traffic
    from gatewise.memory.result import Result

# Module to the public names that it holds. Imported on first use: interventions and gradients need
# torch, what reads recorded arrays does not.
_HOMES = {
    "interventions.ablation": ("Ablation", "ablation"),
    "interventions.connectivity": ("connectivity",),
    "interventions.connectivity_result": ("Connectivity",),
    "interventions.context": ("ContextNeed", "context_need"),
    "interventions.direction": ("DirectionShare", "direction_share"),
    "drift": ("Drift", "TrainingDrift", "training_drift"),
    "records.health": ("StateHealth", "state_health"),
    "gradients.highway": ("highway",),
    "gradients.highway_result": ("Highway",),
    "interventions.horizon": ("horizon",),
    "interventions.horizon_result": ("Horizon",),
    "interventions.idle": ("IdleUnits", "idle_units"),
    "interventions.importance": ("importance",),
    "interventions.importance_result": ("Importance",),
    "interventions.integrated": ("integrated_gradients",),
    "interventions.integrated_result": ("IntegratedGradients",),
    "records.ledger": ("Ledger", "ledger"),
    "interventions.probe": ("Probe", "probe", "probe_model"),
    "records.redundancy": ("Redundancy", "redundancy"),
    "result": ("Result",),
    "records.retention": ("Retention", "retention"),
    "records.retention_curve": ("RetentionCurve", "retention_curve"),
    "records.saturation": ("Saturation", "saturation"),
    "intervals": ("Sampling",),
    "records.still": ("StillUnits", "still_units"),
    "records.timescale": ("GateTimescale", "gate_timescale"),
    "records.traffic": ("Events", "Flow", "Traffic", "traffic"),
    "interventions.transplant": ("Transplant", "transplant"),
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
    "Importance",
    "IntegratedGradients",
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
    "importance",
    "integrated_gradients",
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
