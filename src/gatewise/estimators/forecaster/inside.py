"""The gates of a fitted network over windows of data, for the report."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.cells import CELLS
from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.estimators.forecaster.results import GateTimescales, WindowGates
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.network import RecurrentNetwork
from gatewise.memory.records.timescale import gate_timescale

TIMESCALE_WINDOWS = 64
"""How many windows, evenly spread, the timescales are averaged over."""


def keep_gate(settings: ForecasterSettings) -> str | None:
    """Return the gate that keeps the state: "forget" (LSTM), "update" (GRU), None (RNN)."""
    return None if settings.cell == "rnn" else CELLS[settings.cell].keep_gate


def window_gates(fitted: Fitted, table: Table, windows: Windows, pick: int) -> WindowGates:
    """Return every gate and state of the first member over window number `pick`."""
    x, _ = windows.gather(np.array([pick]))
    gates = _gates(fitted.networks[0], x, fitted.settings.device)
    first = windows.origins[pick] - windows.lookback + 1
    rows = np.arange(first, first + windows.steps)
    return WindowGates(
        series=table.series[int(table.series_index()[windows.origins[pick]])],
        time=table.time[rows],
        inputs={name: x[:, 0, f].astype(np.float64) for f, name in enumerate(windows.names)},
        gates={name: values[:, :, 0] for name, values in gates.items()},
        keep_gate=keep_gate(fitted.settings),
        measured=_measured(table, rows, windows.lookback),
        zone=table.zone,
    )


def _measured(
    table: Table, rows: NDArray[np.int64], lookback: int
) -> dict[str, NDArray[np.float64]]:
    """Return the columns over a window's `rows` [T]; inputs end where the network goes blind."""
    columns = table.columns
    found = {name: table.column(name)[rows] for name in columns.values}
    for name in columns.inputs:
        found[name] = np.where(np.arange(len(rows)) < lookback, found[name], np.nan)
    return found


def timescales(fitted: Fitted, windows: Windows) -> GateTimescales | None:
    """Return the keep gate's timescales over evenly spread windows; None for a cell without one."""
    gate = keep_gate(fitted.settings)
    if gate is None:
        return None
    picks = np.unique(
        np.linspace(0, len(windows) - 1, min(TIMESCALE_WINDOWS, len(windows))).astype(np.int64)
    )
    x, _ = windows.gather(picks)
    keep = _gates(fitted.networks[0], x, fitted.settings.device, only=gate)[gate]
    return GateTimescales(
        gate=gate,
        steps=np.stack([gate_timescale(layer).steps for layer in keep]),
        step_text=fitted.step.text,
    )


def widest_change(table: Table, windows: Windows) -> int:
    """Return the window whose last target is furthest from its mean: where there is much to see."""
    truth = table.values[windows.target_rows(np.arange(len(windows)))[:, -1], 0]
    return int(np.nanargmax(np.abs(truth - np.nanmean(truth))))


def _gates(
    network: RecurrentNetwork, x: NDArray[np.float32], device: str, only: str | None = None
) -> dict[str, NDArray[np.float32]]:
    """Run windows `x` [T, B, F] layer by layer; return each gate as [layers, T, B, H]."""
    found: dict[str, list[NDArray[np.float32]]] = {}
    hidden = torch.from_numpy(x).to(device)
    network = network.to(device)
    with torch.no_grad():
        for layer in network.layers:
            hidden, _, gates = layer(hidden, return_gates=True)
            for name, values in gates.items():
                if only in (None, name):
                    found.setdefault(name, []).append(values[0, 0].cpu().numpy())
    return {name: np.stack(layers) for name, layers in found.items()}
