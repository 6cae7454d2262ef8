"""What fitting and evaluating leave behind, as plain dataclasses.

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
"""Metric name to value: `rmse`, `mae`, `nse`, and with quantiles `pinball` and `coverage`."""

ScoreTable = dict[str, dict[str, Metrics]]
"""Model name (`gatewise`, `persistence`, ...) to target name to metrics."""


@dataclass(frozen=True, repr=False)
class Predictions:
    """Truth and predictions of one part of a table, one row per window."""

    targets: tuple[str, ...]
    series: NDArray[np.str_]  # [N]
    origin: NDArray[Any]  # [N] the last time the model saw
    time: NDArray[Any]  # [N, S] the times predicted
    truth: NDArray[np.float64]  # [N, S, K], NaN where unknown
    point: NDArray[np.float64]  # [N, S, K] mean over the members
    spread: NDArray[np.float64] | None  # [N, S, K] standard deviation over the members, M > 1
    levels: tuple[float, ...]  # quantile levels, ascending; empty without quantiles
    quantiles: NDArray[np.float64] | None  # [N, S, K, Q]
    zone: str | None = None  # of the clock that the times are shown on; they are UTC then
    ids: str = "String"  # the type of the series column, by its name in narwhals

    def __repr__(self) -> str:
        count, steps = self.time.shape
        return f"Predictions({count} windows, {steps} steps, targets {', '.join(self.targets)})"


@dataclass(frozen=True)
class Evaluation:
    """Scores of the model and of the baselines that may see what it sees, on the same windows."""

    part: str  # "train", "validation", "test" or "all"
    predictions: Predictions
    scores: ScoreTable
    members: tuple[dict[str, Metrics], ...]  # target to metrics, one per member
    by_horizon: dict[str, dict[str, dict[str, list[float]]]]  # model, target, metric, S values
    notes: tuple[str, ...] = ()  # sentences on what the baselines leave out to keep the cost down


@dataclass(frozen=True, repr=False)
class WindowGates:
    """Every gate and state of one member's network over one window of one series."""

    series: str
    time: NDArray[Any]  # [T]
    inputs: dict[str, NDArray[np.float64]]  # feature name to [T], scaled as the network saw it
    gates: dict[str, NDArray[np.float32]]  # name to [layers, T, hidden]
    keep_gate: str | None  # "forget" (LSTM), "update" (GRU), None (RNN)
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


@dataclass(frozen=True)
class History:
    """The losses of one member's training, one entry per epoch."""

    seed: int
    train: tuple[float, ...]
    validation: tuple[float, ...]
    learning_rate: tuple[float, ...]
    kept_epoch: int  # whose weights were kept: the best, or the last without early stopping; from 1
    seconds: float


@dataclass(frozen=True)
class RunSummary:
    """Everything that the page shows of one run."""

    title: str
    settings: dict[str, Any]  # the estimator's parameters, JSON values
    data: dict[str, Any]  # source, rows, series, first and last time, step, parts
    environment: dict[str, str]  # versions, threads, machine
    parameters: int
    histories: tuple[History, ...]
    evaluation: Evaluation
    window: WindowGates | None
    timescales: GateTimescales | None
    run: str = ""  # folder or file that the model can be loaded from, where it is known
    units: dict[str, str] = field(default_factory=dict)  # column name to unit, of bundled sets
