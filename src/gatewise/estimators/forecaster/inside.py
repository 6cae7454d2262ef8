"""The gates of a fitted network over windows of data, for the report."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.estimators.forecaster.results import GateTimescales, WindowGates
from gatewise.estimators.network import RecurrentNetwork
from gatewise.estimators.options import spec_named
from gatewise.memory.records.timescale import gate_timescale
from gatewise.training.distributed import local_device

TIMESCALE_WINDOWS = 64
"""How many windows, evenly spread, the timescales are averaged over."""


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
        keep_gate=spec_named(fitted.settings.cell).keep_gate,
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
    """Return the timescales of what is kept over evenly spread windows; None without such a gate."""
    terms = spec_named(fitted.settings.cell).terms("keep")
    if not terms:
        return None
    [(gate, meant)] = terms
    picks = np.unique(
        np.linspace(0, len(windows) - 1, min(TIMESCALE_WINDOWS, len(windows))).astype(np.int64)
    )
    x, _ = windows.gather(picks)
    values = _gates(fitted.networks[0], x, fitted.settings.device, only=gate)[gate]
    keep = values if meant == "itself" else 1 - values
    return GateTimescales(
        gate=gate if meant == "itself" else f"1 - {gate}",
        steps=np.stack([gate_timescale(layer).steps for layer in keep]),
        step_text=fitted.step.text,
    )


def widest_change(table: Table, windows: Windows, picks: NDArray[np.intp] | None = None) -> int:
    """Return the window, of `picks` or of all, where there is much to see.

    Its last target is furthest from the mean of theirs.
    """
    picks = np.arange(len(windows)) if picks is None else picks
    truth = table.values[windows.target_rows(picks)[:, -1], 0]
    return int(picks[np.nanargmax(np.abs(truth - np.nanmean(truth)))])


def _gates(
    network: RecurrentNetwork, x: NDArray[np.float32], device: str, only: str | None = None
) -> dict[str, NDArray[np.float32]]:
    """Run windows `x` [T, B, F] layer by layer; return each gate as [layers, T, B, H]."""
    found: dict[str, list[NDArray[np.float32]]] = {}
    place = local_device(device)
    hidden, network = torch.from_numpy(x).to(place), network.to(place)
    with torch.no_grad():
        if network.front is not None:
            hidden = network.front(hidden)
        for layer in network.layers:
            hidden, _, gates = layer(hidden, return_gates=True)
            for name, values in gates.items():
                if only in (None, name):
                    found.setdefault(name, []).append(values[0, 0].cpu().numpy())
    return {name: np.stack(layers) for name, layers in found.items()}
