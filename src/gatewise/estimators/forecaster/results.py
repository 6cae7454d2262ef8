"""Results of a fit, as plain dataclasses.

The report, the command line and the run folder are made from these and from nothing else.
Sizes: N windows, S predicted steps (`max(horizon, 1)`), K targets, Q quantile levels, M members.
All values are in the target's own units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.zones import local

Metrics = dict[str, float]
"""Metric name to value; `METRICS` in metrics.py has every one."""

ScoreTable = dict[str, dict[str, Metrics]]
"""Model name (`gatewise`, `persistence`, ...) to target name to metrics."""


@dataclass(frozen=True)
class CalibratedBands:
    """What calibration did to the bands of the windows that are scored."""

    text: str  # a sentence on how it was done
    windows: int  # of the validation part
    pooled: bool  # over the steps ahead
    too_few: bool  # windows for the outermost levels, which are as the network gave them
    before: dict[str, float]  # target to coverage without it; empty where there was no band before


@dataclass(frozen=True, repr=False)
class WindowGates:
    """Every gate and state of one member's network over one window of one series."""

    series: str
    time: NDArray[Any]  # [T]
    inputs: dict[str, NDArray[np.float64]]  # feature name to [T], scaled as the network saw it
    gates: dict[str, NDArray[np.float32]]  # name to [layers, T, hidden]
    keep_gate: str | None  # "forget" (LSTM), "update" (GRU), None for a cell without one
    measured: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """Column name to [T] in its own units: inputs as far as they are seen, targets throughout."""
    zone: str | None = None  # of the clock that the times are shown on; they are UTC then

    def __repr__(self) -> str:
        first, last = local(self.time[[0, -1]], self.zone)
        return f"WindowGates({', '.join(self.gates)}; {first} to {last})"


@dataclass(frozen=True)
class GateTimescales:
    """Timescales read off the gate that keeps the state: the gate path only, never the whole memory."""

    gate: str
    steps: NDArray[np.float64]  # [layers, hidden], tau = -1 / mean(log keep), in steps
    step_text: str  # how long one step is, such as "1 day"


@dataclass(frozen=True, repr=False)
class MeasuredTargets:
    """The targets as they were measured, row by row of a table."""

    series: NDArray[np.str_]  # [rows]
    time: NDArray[Any]  # [rows], ascending within a series
    values: NDArray[np.float64]  # [rows, K], NaN where unknown

    def __repr__(self) -> str:
        return f"MeasuredTargets({len(self.time)} rows)"
