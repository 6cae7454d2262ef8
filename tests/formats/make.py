"""Writes a folder of every kind of file, and what each gives: once for each released version.

    python -m tests.formats.make tests/formats/VERSION

Run on the commit that the version is cut from, and never again: what lies there is what users have.
"""

from __future__ import annotations

import importlib.metadata
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import gatewise as gw
from tests.estimators.data import panel, reservoir
from tests.estimators.sequence_job import JOBS, fit

TABLE = "table.csv"
FORECASTER: dict[str, Any] = {
    "target": "level",
    "inputs": "rain",
    "lookback": 6,
    "hidden_size": 3,
    "epochs": 2,
}
STOPPED_AFTER = 1
"""Passes over the data after which the interrupted run was stopped."""


def answers(kind: str, model: Any) -> dict[str, np.ndarray]:
    """Return what an estimator says of the data that it is tried on, as arrays."""
    if kind == "classifier":
        return {"probabilities": model.predict_proba(given(kind))}
    if kind == "tagger":
        return {"probabilities": np.concatenate(model.predict_proba(given(kind)))}
    if kind == "language":
        return {"log_probabilities": model.score(given(kind)).log_probabilities}
    return {"values": np.asarray(model.predict(given(kind)), dtype=np.float64)}


def given(kind: str) -> Any:
    """Return a few sequences, or a short text."""
    data = JOBS[kind][2]()[0]
    return data[:300] if kind == "language" else data[:20]


def columns(frame: Any) -> dict[str, np.ndarray]:
    """Return the predicted columns of a table."""
    return {name: frame[name].to_numpy() for name in frame.columns if "predicted" in name}


def _forecasters(out: Path) -> dict[str, dict[str, np.ndarray]]:
    table = reservoir(120)
    table.write_csv(out / TABLE)
    plain = gw.Forecaster(**FORECASTER, horizon=2, quantiles=[0.1, 0.9], members=2)
    plain.fit(str(out / TABLE), progress=False).save(out / "forecaster.safetensors")
    several = gw.Forecaster(**FORECASTER, series="unique_id", cell="gru")
    several.fit(panel(rows=90), progress=False).save(out / "panel.safetensors")
    found = {
        "forecaster": columns(plain.predict()),
        "panel": columns(several.predict(panel(rows=90))),
    }

    def stop(status: Any) -> None:
        if status.epoch > STOPPED_AFTER:
            raise KeyboardInterrupt

    whole = gw.Forecaster(**FORECASTER | {"epochs": 4})
    found["interrupted"] = columns(whole.fit(table, progress=False).predict(table))
    try:
        gw.Forecaster(**FORECASTER | {"epochs": 4}).fit(
            table, out=out / "interrupted", progress=stop
        )
    except KeyboardInterrupt:
        return found
    raise AssertionError("the run was not interrupted")


def _sequences(out: Path) -> dict[str, dict[str, np.ndarray]]:
    found = {}
    for kind in JOBS:
        with tempfile.TemporaryDirectory() as folder:
            model = fit(kind, Path(folder) / kind)
        model.save(out / f"{kind}.safetensors")
        found[kind] = answers(kind, model)
    return found


def _others(out: Path) -> dict[str, dict[str, np.ndarray]]:
    torch.manual_seed(0)
    lstm, x = gw.LSTM(2, 3, bidirectional=True), torch.randn(5, 2, 2)
    with gw.trace(lstm) as trace:
        lstm(x, lengths=torch.tensor([5, 3]))
    trace.save(out / "trace.safetensors")
    series = 300 + np.random.default_rng(0).normal(0, 0.3, 300).cumsum()
    codec = gw.EventCodec(hidden_size=3, updates=5).fit(series)
    codec.save(out / "codec")
    message = codec.encode(series[:100], 0.5)
    (out / "message").write_bytes(message)
    return {
        "trace": {name: trace[""][name].numpy() for name in ("forget", "cell")},
        "message": {"values": codec.decode(message)},
    }


def main(folder: str) -> None:
    """Write the folder of this version."""
    out = Path(folder)
    out.mkdir(parents=True)
    found = _forecasters(out) | _sequences(out) | _others(out)
    arrays = {f"{kind}/{name}": a for kind, held in found.items() for name, a in held.items()}
    np.savez_compressed(out / "expected.npz", **arrays)
    print(f"{importlib.metadata.version('gatewise')}: {sorted(found)}")


if __name__ == "__main__":
    main(sys.argv[1])
