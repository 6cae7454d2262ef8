"""The state of a stream in a file: written whole or not at all, and refused beside another model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.errors import FileError
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.estimators.saving import read_model, under, within, write_model
from gatewise.files import Envelope
from gatewise.runtime._held import Held
from gatewise.runtime._network import ForecastNetwork
from gatewise.typing import Arrays

ENVELOPE = Envelope("gatewise-stream", 1, "stream's state", "open the stream anew")


def keep(
    path: Path, mode: str, networks: Iterable[ForecastNetwork], series: Mapping[str, Held]
) -> None:
    """Write what a stream keeps of its series to a file, whole or not at all."""
    arrays: Arrays = {}
    for number, held in enumerate(series.values()):
        found = {**held.table.arrays()}
        for member, state in enumerate(held.states):
            found |= {f"state-{member}-{place}": one for place, one in enumerate(state)}
        arrays |= under(f"series-{number}", found)
    about = {
        "mode": mode,
        "model": model_digest(networks),
        "series": [{"name": name, "seen": held.seen} for name, held in series.items()],
    }
    write_model(path, ENVELOPE, about, arrays)


def kept(fitted: Fitted, path: Path) -> tuple[Any, dict[str, Held]]:
    """Return the mode of the stream in a file, and what it kept of each series.

    Raises FileError for one that is missing, damaged, foreign or from a newer version, and for the state
    of another model.
    """
    if not path.is_file():
        raise FileError(f"there is no stream's state {path}")
    about, arrays = read_model(path, ENVELOPE)
    networks: Any = fitted.answering
    with ENVELOPE.unpacking(path):
        of_model = about["model"] == model_digest(networks)
        states = networks if about["mode"] == "carry" else ()
        shapes = [[part.shape for part in network.stream().state] for network in states]
        found = {}
        for number, one in enumerate(about["series"] if of_model else ()):
            of_series = within(f"series-{number}", arrays)
            found[one["name"]] = _held(fitted, one, of_series, shapes)
    if not of_model:
        raise FileError(f"{path} is the state of a stream of another model: open the stream anew")
    return about["mode"], found


def _held(
    fitted: Fitted, one: Any, arrays: Arrays, shapes: Sequence[Sequence[tuple[int, ...]]]
) -> Held:
    """Return a series out of its arrays; ValueError where they do not fit the model.

    `shapes` are those of each member's states, none of a stream that carries none.
    """
    like = fitted.context
    table = type(like).from_arrays(arrays)
    rows = len(table)
    fits = table.columns == like.columns and table.values.shape == (rows, len(like.columns.values))
    fits &= table.time.dtype == like.time.dtype and table.time.shape == (rows,)
    fits &= table.starts.tolist() == [0, rows] and table.series == (one["name"],) and rows > 0
    if like.columns.categories:
        fits &= table.labels.codes.shape == (rows, len(like.columns.categories))
        known = [len(names) for names in table.labels.names]
        fits &= bool((table.labels.codes < known).all() and (table.labels.codes >= -1).all())
    if not fits or type(one["seen"]) is not int:
        raise ValueError("its rows do not fit the model")
    states = []
    for member, wanted in enumerate(shapes):
        state = tuple(arrays[f"state-{member}-{place}"] for place in range(len(wanted)))
        whole = all(np.isfinite(part).all() for part in state)
        if [part.shape for part in state] != wanted or not whole:
            raise ValueError("its states do not fit the model")
        states.append(state)
    return Held(table, tuple(states), one["seen"])


def model_digest(networks: Iterable[ForecastNetwork]) -> str:
    """Return the SHA-256 of the weights of all members."""
    digest = hashlib.sha256()
    for network in networks:
        for name in sorted(network.weights):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(network.weights[name]).tobytes())
    return digest.hexdigest()
