"""The run folder: whole or resumable whenever the process dies, and refused where it is in the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

import gatewise as gw
from gatewise.errors import DataError, FileError, GatewiseError, OptionError
from gatewise.estimators import base
from gatewise.estimators.forecaster import estimator
from tests.estimators.data import reservoir

OPTIONS = {
    "target": "level",
    "inputs": "rain",
    "lookback": 20,
    "test": 0.2,
    "hidden_size": 8,
    "epochs": 8,
    "patience": 8,
    "batch_size": 16,
    "members": 2,
    "dropout": 0.2,
    "average": 0.9,
}
FIT = (
    "import json, sys, gatewise as gw\n"
    "gw.Forecaster(**json.loads(sys.argv[1])).fit(sys.argv[2], out=sys.argv[3], progress=False)\n"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "reservoir.csv"
    reservoir().write_csv(path)
    return path


@pytest.fixture(scope="module")
def whole_run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    gw.Forecaster(**OPTIONS).fit(data, out=out, progress=False)
    return out


def contents(run: Path) -> dict[str, bytes]:
    """Return what must be equal bit for bit; metrics hold training times."""
    return {name: (run / name).read_bytes() for name in ("model.safetensors", "predictions.csv")}


def test_a_run_leaves_what_it_should_and_nothing_else(whole_run: Path) -> None:
    assert sorted(path.name for path in whole_run.iterdir()) == [
        *("config.json", "metrics.json", "model.safetensors", "predictions.csv")
    ]
    config = json.loads((whole_run / "config.json").read_text())
    assert config["status"] == "complete"
    assert config["settings"]["hidden_size"] == 8
    metrics = json.loads((whole_run / "metrics.json").read_text())
    assert set(metrics["scores"]) == {"gatewise", "climatology", "ridge"}
    assert {"nse", "rmse", "mae"} <= set(metrics["scores"]["ridge"]["level"])
    assert not {"pinball", "coverage"} & set(metrics["scores"]["ridge"]["level"])
    assert len(metrics["members"]) == 2
    predictions = pl.read_csv(whole_run / "predictions.csv")
    assert predictions.columns == ["ds", "level", "level_predicted", "level_spread"]
    error = predictions["level_predicted"] - predictions["level"]
    rmse = metrics["scores"]["gatewise"]["level"]["rmse"]
    assert float(np.sqrt(np.mean(error.to_numpy() ** 2))) == pytest.approx(rmse)


@pytest.mark.parametrize(
    "moment", [0.0, 0.15, *(pytest.param(late, marks=pytest.mark.full) for late in (0.1, 0.25))]
)
def test_a_run_killed_at_any_moment_and_resumed_has_the_bits_of_one_that_was_not(
    moment: float, data: Path, whole_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = [sys.executable, "-c", FIT, json.dumps(OPTIONS), str(data), str(out)]
    process = subprocess.Popen(arguments)
    deadline = time.monotonic() + 120
    while not (out / "config.json").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(moment)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    if moment == 0.0:
        with pytest.raises(FileError, match=r"not finished.*gatewise resume"):
            gw.Forecaster.load(out)
        with pytest.raises(FileError, match="unfinished run"):
            gw.Forecaster(**OPTIONS).fit(data, out=out, progress=False)
    resumed = gw.Forecaster.resume(out, progress=False)
    assert contents(out) == contents(whole_run)
    assert resumed.predict(data).equals(gw.Forecaster.load(whole_run).predict(data))


def test_a_run_stopped_while_results_are_written_is_resumable(
    data: Path, whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(estimator, "write_frame", stop)
        with pytest.raises(KeyboardInterrupt):
            gw.Forecaster(**OPTIONS).fit(data, out=tmp_path / "run", progress=False)
    assert json.loads((tmp_path / "run/config.json").read_text())["status"] == "training"
    (tmp_path / "run/.model.safetensors.0123abcd.part").write_bytes(b"left by a kill")
    gw.Forecaster.resume(tmp_path / "run", progress=False)
    assert contents(tmp_path / "run") == contents(whole_run)
    assert not list((tmp_path / "run").glob(".*"))


def test_training_on_can_be_resumed_too(
    data: Path, whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new.csv"
    reservoir(seed=9).write_csv(new)
    model = gw.Forecaster.load(whole_run).set_params(epochs=2)
    model.continue_on(new, out=tmp_path / "whole", progress=False)
    with monkeypatch.context() as patched:
        patched.setattr(base, "train", lambda *_, **__: (_ for _ in ()).throw(OSError))
        again = gw.Forecaster.load(whole_run).set_params(epochs=2)
        with pytest.raises(OSError):  # noqa: PT011 - the stand-in for a crash has no message
            again.continue_on(new, out=tmp_path / "resumed", progress=False)
    gw.Forecaster.resume(tmp_path / "resumed", progress=False)
    assert contents(tmp_path / "whole") == contents(tmp_path / "resumed")


def test_resuming_needs_the_same_data_and_a_complete_run_is_loaded(
    data: Path, whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gw.Forecaster.resume(whole_run).predict(data) is not None
    frame = reservoir()
    with monkeypatch.context() as patched:
        patched.setattr(base, "train", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            gw.Forecaster(**OPTIONS).fit(frame, out=tmp_path / "run", progress=False)
    with pytest.raises(DataError, match="table in memory"):
        gw.Forecaster.resume(tmp_path / "run")
    with pytest.raises(DataError, match="SHA-256"):
        gw.Forecaster.resume(tmp_path / "run", frame.with_columns(pl.col("rain") + 1e-9))
    gw.Forecaster.resume(tmp_path / "run", frame, progress=False)
    assert contents(tmp_path / "run") == contents(whole_run)


def test_an_existing_run_is_replaced_only_when_asked(data: Path, tmp_path: Path) -> None:
    quick = {**OPTIONS, "epochs": 1, "members": 1}
    gw.Forecaster(**quick).fit(data, out=tmp_path / "run", progress=False)
    before = contents(tmp_path / "run")
    with pytest.raises(FileError, match=r"exists.*--overwrite"):
        gw.Forecaster(**quick, seed=4).fit(data, out=tmp_path / "run", progress=False)
    assert contents(tmp_path / "run") == before
    gw.Forecaster(**quick, seed=4).fit(
        data, out=tmp_path / "run", overwrite=True, progress=False, predictions="parquet"
    )
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        *("config.json", "metrics.json", "model.safetensors", "predictions.parquet")
    ]


def test_folders_that_cannot_be_used_are_refused_before_anything_is_written(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("")
    model = gw.Forecaster(**OPTIONS)
    for out, reason in (
        ("full", "not a gatewise run"),
        ("file", "is a file"),
        ("file/run", "is a file"),
    ):
        with pytest.raises(FileError, match=reason):
            model.fit(data, out=tmp_path / out, overwrite=True, progress=False)
    with pytest.raises(FileError, match=r"/proc/gatewise"):
        model.fit(data, out="/proc/gatewise", progress=False)
    with pytest.raises(DataError):
        model.fit(reservoir(30), out=tmp_path / "new", progress=False)
    with pytest.raises(
        OptionError, match=r"learning_rate must be a number above 0 and at most 1000, .*not 0"
    ):
        model.set_params(learning_rate=0).fit(data, out=tmp_path / "new", progress=False)
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "full" / "letter.txt").read_text() == "dear"


def test_a_folder_that_a_kill_left_before_its_config_is_no_obstacle(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    (tmp_path / "run/checkpoints/start.safetensors").write_bytes(b"of another run")
    (tmp_path / "run/.config.json.01234567.part").write_text("{")
    quick = {**OPTIONS, "epochs": 1, "members": 1}
    gw.Forecaster(**quick).fit(data, out=tmp_path / "run", progress=False)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        *("config.json", "metrics.json", "model.safetensors", "predictions.csv")
    ]


def test_files_that_are_no_model_are_told_in_one_line(whole_run: Path, tmp_path: Path) -> None:
    model = (whole_run / "model.safetensors").read_bytes()
    (tmp_path / "cut").write_bytes(model[: len(model) // 2])
    (tmp_path / "text").write_text("not a model")
    (tmp_path / "empty").write_bytes(b"")
    save_file({"a": np.zeros(3)}, tmp_path / "foreign")
    (tmp_path / "folder").mkdir()
    for name, reason in (
        ("cut", "cut short"),
        ("text", "not a gatewise model"),
        ("empty", "not a gatewise model"),
        ("foreign", "not a gatewise forecaster"),
        ("folder", "not a gatewise run folder"),
        ("nothing", "no run folder or model file"),
    ):
        with pytest.raises(FileError, match=reason) as caught:
            gw.Forecaster.load(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert issubclass(FileError, GatewiseError)


@pytest.mark.full
def test_two_processes_give_the_result_of_one(data: Path, whole_run: Path, tmp_path: Path) -> None:
    script = tmp_path / "fit.py"
    script.write_text(FIT)
    out = tmp_path / "two"
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", str(script), json.dumps(OPTIONS), str(data), str(out)),
        ],
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    one, two = gw.Forecaster.load(whole_run), gw.Forecaster.load(out)
    np.testing.assert_allclose(
        two.predict(data)["level_predicted"], one.predict(data)["level_predicted"], rtol=2e-4
    )
