"""What is scored and what predicts: refitted on all data, told apart, resumed bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.errors import FileError
from gatewise.training import checkpoint
from tests.estimators.toy import equal, weights

ROOT = Path(__file__).parents[2]
TINY = {"horizon": 4, "hidden_size": 4, "steps": 6, "batch_size": 16}


def months(rows: int = 90, seed: int = 0) -> pl.DataFrame:
    """Return a series with a trend and a season that grow together, above 0."""
    rng = np.random.default_rng(seed)
    t = np.arange(rows)
    y = np.exp(2 + 0.01 * t + 0.3 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 0.05, rows))
    stamps = np.datetime64("2001-01") + t
    return pl.DataFrame({"ds": stamps.astype("datetime64[us]"), "y": y})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refit") / "run"
    model = gw.Forecaster(**TINY, members=2).fit(months(), progress=False, out=folder)
    return model, folder


def test_what_predicts_has_seen_all_data_for_as_many_steps(run):
    model, folder = run
    fitted = model.fitted_
    scored, refitted = fitted.networks, fitted.refitted
    assert len(refitted.networks) == 2
    assert refitted.windows > fitted.data["parts"]["training"]["windows"]
    assert [history.steps for history in refitted.histories] == [6, 6]
    assert not equal(weights(scored[0]), weights(refitted.networks[0]))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["refit"]["windows"] == refitted.windows
    assert metrics["refit"]["steps"] == [6, 6]
    config = json.loads((folder / "config.json").read_text())
    assert config["settings"]["lookback"] is None
    assert config["settled"] == fitted.settings.to_json()
    assert any("trained anew" in note for note in model.evaluation_.notes)


def test_a_run_holds_the_forecast_beyond_the_data(run):
    model, folder = run
    left = pl.read_csv(folder / "forecast.csv", try_parse_dates=True)
    assert left["step"].to_list() == [1, 2, 3, 4]
    predicted = model.predict()
    np.testing.assert_allclose(left["y_predicted"], predicted["y_predicted"], rtol=1e-12)
    ahead = model.summary(months()).ahead
    np.testing.assert_array_equal(ahead.point.ravel(), predicted["y_predicted"])
    assert model.summary(months(80)).ahead is None  # other data than that of the fit


def test_saved_and_loaded_it_predicts_and_is_scored_the_same(run, tmp_path):
    model, folder = run
    model.save(tmp_path / "model")
    for loaded in (gw.Forecaster.load(tmp_path / "model"), gw.Forecaster.load(folder)):
        assert loaded.predict().equals(model.predict())
        again = loaded.evaluate(months(), part="test")
        assert again.scores["gatewise"] == model.evaluation_.scores["gatewise"]
        assert loaded.to_json() == model.to_json()  # what was left open stays open


def test_without_a_refit_the_scored_networks_predict_with_the_same_scores(run):
    model, _ = run
    plain = gw.Forecaster(**TINY, members=2, refit=False).fit(months(), progress=False)
    assert plain.fitted_.refitted is None
    scores = plain.evaluation_.scores["gatewise"]
    assert scores == model.evaluation_.scores["gatewise"]
    assert plain.fitted_.answering is plain.fitted_.networks
    assert not plain.predict().equals(model.predict())


def test_new_rows_are_scored_by_what_predicts_and_the_old_by_what_was_scored(run):
    model, _ = run
    longer = months(100)
    fresh = model.evaluate(longer[90:])
    origin = np.datetime64("2001-01") + 89
    first = fresh.predictions.origin.astype("datetime64[M]") == origin
    np.testing.assert_allclose(
        fresh.predictions.point[first].ravel(), model.predict()["y_predicted"], rtol=1e-12
    )
    seen = model.evaluate(longer)
    first = seen.predictions.origin.astype("datetime64[M]") == origin
    assert (
        seen.predictions.point[first].ravel() != model.predict()["y_predicted"].to_numpy()
    ).all()


@pytest.mark.parametrize("writes", [3, 5, 7])  # two a training: in the second, and in both refits
def test_interrupted_anywhere_and_resumed_gives_the_same_bytes(run, tmp_path, monkeypatch, writes):
    _, whole = run
    kept, done = checkpoint.write, []

    def write(*arguments):
        kept(*arguments)
        done.append(1)
        if len(done) == writes:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write", write)
    with pytest.raises(KeyboardInterrupt):
        gw.Forecaster(**TINY, members=2).fit(months(), progress=False, out=tmp_path / "run")
    gw.Forecaster.resume(tmp_path / "run", months(), progress=False)
    for name in ("model.safetensors", "forecast.csv", "predictions.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes()


def test_a_run_that_would_be_settled_otherwise_now_is_not_resumed(tmp_path, monkeypatch):
    def write(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write", write)
    with pytest.raises(KeyboardInterrupt):
        gw.Forecaster(**TINY).fit(months(), progress=False, out=tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    config["settled"]["lookback"] += 1
    path.write_text(json.dumps(config))
    with pytest.raises(FileError, match=r"began with other settings .* fit anew"):
        gw.Forecaster.resume(tmp_path / "run", months(), progress=False)


SCRIPT = """
import os, signal, sys
import gatewise as gw
from gatewise.training import checkpoint
from tests.estimators.test_refit import TINY, months
kept = checkpoint.write
def write(made, path):
    kept(made, path)
    if path.name == "refit-1.safetensors":
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.write = write
gw.Forecaster(**TINY, members=2).fit(months(), progress=False, out=sys.argv[1])
"""


def test_killed_in_a_refit_and_resumed_gives_the_same_bytes(run, tmp_path):
    _, whole = run
    places = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": places}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "run")]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    gw.Forecaster.resume(tmp_path / "run", months(), progress=False)
    model = "model.safetensors"
    assert (tmp_path / "run" / model).read_bytes() == (whole / model).read_bytes()


def test_training_goes_on_from_both(run):
    model, _ = run
    longer = months(110, seed=1)
    new = gw.Forecaster(**TINY, members=2)
    new.fitted_ = model.fitted_
    new.continue_on(longer, progress=False)
    assert new.fitted_.normaliser is model.fitted_.normaliser
    assert new.fitted_.refitted is not None
    again = gw.Forecaster(**TINY, members=2).retrain(longer, progress=False)
    assert not equal(weights(new.fitted_.answering[0]), weights(again.fitted_.answering[0]))


def test_a_virtual_sensor_is_refitted_only_where_asked():
    frame = months().with_columns(x=pl.col("y").shift(1, fill_value=1.0))
    settings = {"inputs": ["x"], "lookback": 5, "hidden_size": 4, "epochs": 1}
    assert gw.Forecaster(**settings).fit(frame, progress=False).fitted_.refitted is None
    asked = gw.Forecaster(**settings, refit=True).fit(frame, progress=False)
    assert asked.fitted_.refitted.windows == 86
