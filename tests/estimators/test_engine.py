"""A fit stays on the engine that it was settled on: in its last batch, resumed and predicting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import gatewise as gw
from gatewise.engines import by_size
from gatewise.errors import FileError
from tests.estimators.data import reservoir

SMALL: dict[str, Any] = {
    "target": "level",
    "inputs": "rain",
    "test": 0.2,
    "lookback": 20,
    "epochs": 1,
    "hidden_size": 8,
    "batch_size": 64,
    "members": 2,
}


def rules(row_steps: int) -> tuple[by_size.Least, ...]:
    return (by_size.Least(float("inf"), 1, 1, row_steps),)


@pytest.fixture(autouse=True)
def _training_is_the_cores_from_500(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give all cells the same rules, by which inference is always torch's."""
    for cell in by_size.RULES:
        monkeypatch.setitem(by_size.RULES, cell, (rules(10**9), rules(500)))
    by_size.takes.cache_clear()
    yield
    by_size.takes.cache_clear()


def change_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave every size to torch, as a later version may."""
    for cell in by_size.RULES:
        monkeypatch.setitem(by_size.RULES, cell, (rules(10**9), rules(10**9)))
    by_size.takes.cache_clear()


def engines(model: gw.Forecaster) -> set[str]:
    """Return what runs one window, a batch, and a batch in training, in every layer of every member."""
    found = set()
    for network in model.fitted_.networks:
        for layer in network.layers:
            for rows, training in ((1, False), (64, False), (64, True)):
                x = torch.zeros(20, rows, layer.input_size)
                with torch.set_grad_enabled(training):
                    found.add(layer.engine_choice(x).name)
    return found


def test_one_engine_for_all_that_a_fit_does(tmp_path: Path, monkeypatch) -> None:
    frame = reservoir()
    model = gw.Forecaster(**SMALL, num_layers=2).fit(frame, progress=False)
    free = gw.LSTM(1, 8)
    with torch.no_grad():  # unsettled, one window would go elsewhere than a batch does in training
        assert free.engine_choice(torch.zeros(20, 1, 1)).name == "torch"
    assert free.engine_choice(torch.zeros(20, 64, 1)).name == "native"
    assert model.fitted_.engine == "native"
    assert engines(model) == {"native"}
    model.save(tmp_path / "model")
    change_the_rules(monkeypatch)
    loaded = gw.Forecaster.load(tmp_path / "model")
    assert loaded.fitted_.engine == "native"
    assert engines(loaded) == {"native"}
    assert loaded.predict(frame).equals(model.predict(frame))
    assert gw.Forecaster(**SMALL).fit(frame, progress=False).fitted_.engine == "torch"


def test_a_small_fit_is_torchs_throughout() -> None:
    model = gw.Forecaster(**{**SMALL, "batch_size": 8, "members": 1})
    model.fit(reservoir(200), progress=False)
    assert model.fitted_.engine == "torch"
    assert engines(model) == {"torch"}


def test_a_named_engine_stays_named() -> None:
    model = gw.Forecaster(**{**SMALL, "batch_size": 8, "members": 1}, engine="native")
    model.fit(reservoir(200), progress=False)
    assert engines(model) == {"native"}


def test_training_on_stays_on_the_engine(monkeypatch) -> None:
    frame = reservoir()
    model = gw.Forecaster(**SMALL).fit(frame, progress=False)
    change_the_rules(monkeypatch)
    assert model.continue_on(frame, progress=False).fitted_.engine == "native"
    assert engines(model) == {"native"}


def test_a_run_is_resumed_on_the_engine_it_began_with(tmp_path: Path, monkeypatch) -> None:
    frame = reservoir()
    frame.write_csv(tmp_path / "data.csv")
    model = gw.Forecaster(**SMALL)
    with monkeypatch.context() as patch:
        patch.setattr("gatewise.estimators.forecaster.estimator.evaluate_windows", _stop)
        with pytest.raises(KeyboardInterrupt):
            model.fit(tmp_path / "data.csv", out=tmp_path / "run", progress=False)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["engine"] == "native"
    change_the_rules(monkeypatch)
    resumed = gw.Forecaster.resume(tmp_path / "run", progress=False)
    assert resumed.fitted_.engine == "native"
    assert engines(resumed) == {"native"}


def test_another_engine_in_a_runs_config_is_named(tmp_path: Path) -> None:
    gw.Forecaster(**{**SMALL, "members": 1}).fit(
        reservoir(200), out=tmp_path / "run", progress=False
    )
    place = tmp_path / "run" / "config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"engine": "abacus"}))
    with pytest.raises(
        FileError, match=r"'engine' in config\.json must be 'native', 'torch' or 'reference'"
    ):
        gw.Forecaster.load(tmp_path / "run")


def _stop(*_: Any) -> None:
    raise KeyboardInterrupt
