"""One portable safetensors file per model: weights, scaling, baselines and context, settings as JSON.

No pickle: a file cannot run code, and one that is cut short or foreign is told before anything is used.
"""

from __future__ import annotations

import io
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from gatewise.cells import CELLS
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.scaling import Scaler
from gatewise.data.tables.split import Split
from gatewise.data.tables.table import Table
from gatewise.errors import FileError, nearest
from gatewise.estimators.forecaster.baselines import Baselines
from gatewise.estimators.forecaster.fitted import ENGINE_BEFORE, Fitted, build_network
from gatewise.estimators.forecaster.model_checks import (
    check_baselines,
    check_context,
    check_entries,
    check_scaler,
    check_weights,
)
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.files import Envelope, atomic_write_bytes, sealed
from gatewise.training.history import History
from gatewise.typing import Arrays

ENVELOPE = Envelope("gatewise-forecaster", 2, "model", "copy it anew, or fit again")


def save_model(fitted: Fitted, path: Path) -> None:
    """Write the model to `path`, whole or not at all. Equal models give equal bytes."""
    arrays: Arrays = {
        **_under("scaler", fitted.scaler.arrays()),
        **_under("baselines", fitted.baselines.arrays()),
        **_under("context", fitted.context.arrays()),
    }
    for member, network in enumerate(fitted.networks):
        weights = {name: value.numpy(force=True) for name, value in network.state_dict().items()}
        arrays.update(_under(f"member-{member}", weights))
    about = {
        "settings": fitted.settings.to_json(),
        "columns": fitted.columns.to_json(),
        "split": fitted.split.to_json(),
        "features": list(fitted.features),
        "histories": [asdict(replace(history, seconds=0.0)) for history in fitted.histories],
        "baselines": fitted.baselines.settings(),
        "data": fitted.data,
        "engine": fitted.engine,
    }
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    atomic_write_bytes(path, sealed(to_bytes(contiguous, ENVELOPE.metadata(about))))


def load_model(path: Path, device: str = "cpu") -> Fitted:
    """Return the fitted model that `save_model` wrote, its networks on `device`.

    Raises FileError for a file that is missing, cut short, damaged, foreign, or from a newer version,
    and for a model of a cell that is not registered.
    """
    about, arrays = _read(path)
    _check_cell(about.get("settings"), path)
    with ENVELOPE.unpacking(path):
        check_entries(about)
        settings = ForecasterSettings(**about["settings"])
        settings.check_options()
        settings.device = device  # where it was fitted says nothing about where it is used
        return _rebuild(settings, about, arrays)


def _check_cell(settings: Any, path: Path) -> None:
    """Raise FileError for a cell that somebody registered where the model was fitted, and not here."""
    cell = settings.get("cell") if isinstance(settings, dict) else None
    known = ("rnn", *CELLS)
    if isinstance(cell, str) and cell not in known:
        raise FileError(
            f"the model {path} was fitted with the cell {cell!r}, which is not registered here; first "
            f"import what puts it into gatewise.cells.CELLS.{nearest(cell, known)}"
        )


def _read(path: Path) -> tuple[dict[str, Any], Arrays]:
    if not os.path.isfile(path):
        raise FileError(f"there is no run folder or model file {path}")
    with ENVELOPE.reading(path):
        content = path.read_bytes()
        return ENVELOPE.about(io.BytesIO(content), path), from_bytes(content)


def _rebuild(settings: ForecasterSettings, about: dict[str, Any], arrays: Arrays) -> Fitted:
    columns = Columns.from_json(about["columns"])
    context = Table.from_arrays(_of("context", arrays))
    scaler = Scaler.from_arrays(_of("scaler", arrays))
    baselines = Baselines.from_arrays(_of("baselines", arrays), about["baselines"])
    check_weights(settings, about, arrays)
    check_context(settings, columns, context)
    check_scaler(settings, columns, scaler)
    check_baselines(settings, columns, baselines)
    networks = []
    engine = about.get("engine", ENGINE_BEFORE)
    for member in range(settings.members):
        network = build_network(settings, len(about["features"]), len(columns.target), engine)
        weights = _of(f"member-{member}", arrays)
        network.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
        networks.append(network.to(settings.device).eval())
    return Fitted(
        settings=settings,
        columns=columns,
        step=context.step,
        split=Split.from_json(about["split"]),
        scaler=scaler,
        features=tuple(about["features"]),
        networks=tuple(networks),
        histories=tuple(
            History(**{**history, **_as_tuples(history)}) for history in about["histories"]
        ),
        baselines=baselines,
        context=context,
        data=about["data"],
        engine=engine,
    )


def _as_tuples(history: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(value) for name, value in history.items() if isinstance(value, list)}


def _under(room: str, arrays: Arrays) -> Arrays:
    return {f"{room}.{name}": array for name, array in arrays.items()}


def _of(room: str, arrays: Arrays) -> Arrays:
    start = f"{room}."
    return {name[len(start) :]: a for name, a in arrays.items() if name.startswith(start)}
