"""What each command does when all is well: files, words on stdout, and the same through Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gatewise import Forecaster
from gatewise.cli import demo
from gatewise.cli.apps import COMMANDS
from gatewise.cli.options import ForecasterOptions
from gatewise.data.sequences import read_labelled
from gatewise.data.sequences.texts import read_text
from gatewise.estimators.forecaster.settings import ForecasterSettings
from tests.cli.tables import QUICK, Outcome, files_under, quick, table_text

Call = Callable[..., Outcome]
RESULTS = {
    *("config.json", "model.safetensors", "metrics.json", "predictions.csv", "report.html"),
    "report.png",
}


def test_fit_leaves_a_whole_run_and_says_so(here: Path, call: Call, table: Path) -> None:
    done = call("fit", table, *QUICK, "--members", "2", "--out", "runs/river")
    assert done.code == 0
    assert set(files_under(here / "runs" / "river")) == RESULTS
    assert "150 rows, one series, one step is 1 day, 2001-01-01 to 2001-05-30" in done.out
    assert "  test        2001-05-01 to 2001-05-30, 30 rows" in done.out
    for word in ("gatewise", "member 1 alone", "climatology", "ridge", "RMSE", "NSE"):
        assert word in done.out
    assert "Page  runs/river/report.html" in done.out
    assert "gatewise predict runs/river" in done.out
    assert "epoch 2/2" in done.err
    metrics = json.loads((here / "runs/river/metrics.json").read_text())
    assert set(metrics["scores"]) == {"gatewise", "climatology", "ridge"}


def test_quiet_prints_nothing(here: Path, call: Call, table: Path) -> None:
    assert call("fit", table, *QUICK, "--out", "run", "--quiet") == Outcome(0, "", "")
    assert set(files_under(here / "run")) == RESULTS


def test_a_forecast_says_where_it_is_or_what_it_needs(
    here: Path, call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatewise.cli.sentences.explained", lambda *_, **__: None)
    words = ("--target", "flow", "--horizon", 3, "--lookback", 8, "--hidden-size", 2, "--steps", 2)
    done = call("fit", table, *words, "--out", "alone")
    assert done.code == 0, done.err
    assert "Forecast  alone/forecast.csv" in done.out
    done = call("fit", table, *words, "--future", "rain", "--calendar", "month", "--out", "ahead")
    assert done.code == 0, done.err
    assert "Forecast  " not in done.out
    assert "forecast, from 3 rows after the data that hold rain" in done.out
    assert not (here / "ahead/forecast.csv").exists()


def test_the_baselines_that_are_named_stand_alone(here: Path, call: Call, table: Path) -> None:
    done = call("fit", table, *QUICK, "--baselines", "climatology", "--out", "run")
    assert done.code == 0, done.err
    assert "climatology" in done.out
    assert "ridge" not in done.out
    scores = json.loads((here / "run/metrics.json").read_text())["scores"]
    assert list(scores) == ["gatewise", "climatology"]


def test_output_off_a_terminal_is_plain(call: Call, fitted: Path) -> None:
    done = call("evaluate", fitted)
    assert "\x1b" not in done.out
    assert not set("│╭╰━─") & set(done.out)


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_a_config_file_equals_the_options(here: Path, call: Call, table: Path, ending: str) -> None:
    settings: dict[str, Any] = {
        "target": "flow",
        "inputs": ["rain", "heat"],
        "lookback": 8,
        "hidden-size": 3,
        "epochs": 2,
        "test": 0.2,
        "clip": "none",
        "quantiles": [0.1, 0.9],
    }
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    Path(f"run.{ending}").write_text(lines if ending == "toml" else json.dumps(settings))
    words = [*QUICK, "--clip", "none", "--quantiles", "0.1", "0.9", "--out", "words"]
    assert call("fit", table, *words, "--quiet").code == 0
    assert call("fit", table, "--config", f"run.{ending}", "--out", "file", "--quiet").code == 0
    assert (
        Path("file/model.safetensors").read_bytes() == Path("words/model.safetensors").read_bytes()
    )
    assert Path("file/config.json").read_text() == Path("words/config.json").read_text()


def test_the_command_line_wins_over_the_config_file(here: Path, call: Call, table: Path) -> None:
    Path("run.json").write_text(
        json.dumps({"target": "flow", "inputs": ["heat"], "lookback": 8, "epochs": 1, "out": "a"})
    )
    words = ["fit", table, "--config", "run.json", "--inputs", "rain", "--out", "b", "--quiet"]
    assert call(*words).code == 0
    assert not Path("a").exists()
    saved = json.loads(Path("b/config.json").read_text())["settings"]
    assert saved["inputs"] == ["rain"]
    assert saved["epochs"] == 1


def test_everything_may_stand_in_the_config_file(here: Path, call: Call, table: Path) -> None:
    Path("run.json").write_text(
        json.dumps(
            {
                "data": str(table),
                "out": "run",
                "target": "flow",
                "inputs": ["rain"],
                "lookback": 8,
                "epochs": 1,
                "quiet": True,
                "title": None,
            }
        )
    )
    assert call("fit", "--config", "run.json") == Outcome(0, "", "")
    assert set(files_under(here / "run")) == RESULTS


def test_the_config_of_a_run_is_a_config_file(
    here: Path, call: Call, table: Path, fitted: Path
) -> None:
    words = ["fit", table, "--config", fitted / "config.json", "--out", "again", "--quiet"]
    assert call(*words) == Outcome(0, "", "")
    again = here / "again" / "model.safetensors"
    assert again.read_bytes() == (fitted / "model.safetensors").read_bytes()


def test_what_was_turned_off_stays_off(here: Path, call: Call, table: Path) -> None:
    words = ["--clip", "none", "--patience", "none", "--forget-bias", "none", "--quiet"]
    assert call("fit", table, *QUICK, *words, "--out", "first").code == 0
    saved = json.loads(Path("first/config.json").read_text())["settings"]
    assert saved["clip"] is saved["patience"] is saved["forget_bias"] is None
    again = ["--config", "first/config.json", "--out", "again", "--quiet"]
    assert call("fit", table, *again).code == 0
    assert json.loads(Path("again/config.json").read_text())["settings"] == saved


def test_parts_of_an_integer_time_column_begin_at_integers(here: Path, call: Call) -> None:
    Path("hours.csv").write_text(table_text(ds=[str(1900 + hour) for hour in range(150)]))
    options = ["--time", "ds", *quick(validation="2000", test="2030"), "--quiet"]
    assert call("fit", "hours.csv", *options, "--out", "words").code == 0
    model = Forecaster.load("words")
    assert (model.fitted_.split.train_end, model.fitted_.split.validation_end) == (2000, 2030)
    Path("run.toml").write_text('validation = 2000\ntest = 2030\ntime = "ds"')
    words = ["fit", "hours.csv", "--config", "run.toml", "--out", "file", "--quiet"]
    assert call(*words, *QUICK[: QUICK.index("--test")]).code == 0
    for command in ("continue", "retrain"):
        words = ["--validation", "2010", "--test", "0.1", "--out", command, "--quiet"]
        assert call(command, "words", "hours.csv", *words).code == 0
        split = Forecaster.load(command).fitted_.split
        assert (split.train_end, split.validation_end) == (2010, 2035)
    assert (
        Path("file/model.safetensors").read_bytes() == Path("words/model.safetensors").read_bytes()
    )


def test_what_uses_a_run_computes_where_it_is_told(
    here: Path, call: Call, table: Path, fitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    load = Forecaster.load

    def spied(path: str, *, device: str) -> Forecaster:
        asked.append(device)
        return load(path, device="cpu")

    monkeypatch.setattr(Forecaster, "load", spied)
    for command in ("predict", "evaluate"):
        assert call(command, fitted, table).code == 0
        assert call(command, fitted, table, "--device", "cuda:1").code == 0
    assert call("inspect", fitted, "--out", "page.html", "--device", "cuda:1").code == 0
    new = ["--epochs", "1", "--quiet", "--out"]
    assert call("continue", fitted, table, *new, "new").code == 0
    assert asked == ["cpu", "cuda:1", "cpu", "cuda:1", "cuda:1", "cpu"]


def test_training_on_stays_where_the_run_was_fitted(
    call: Call, table: Path, copied_run: Path
) -> None:
    config = copied_run / "config.json"
    config.write_text(config.read_text().replace('"device": "cpu"', '"device": "toaster"'))
    words = ["continue", "run", table, "--epochs", "1", "--quiet", "--out", "new"]
    assert "toaster" in call(*words).err
    assert call(*words, "--device", "cpu").code == 0


def test_options_are_the_forecasters_own() -> None:
    ours = {field.name: field.default for field in fields(ForecasterOptions)}
    theirs = {field.name: field.default for field in fields(ForecasterSettings)}
    assert ours == theirs


def test_predict_writes_what_python_predicts(
    here: Path, call: Call, table: Path, fitted: Path
) -> None:
    done = call("predict", fitted, table, "--out", "out.csv")
    assert done.code == 0
    assert "out.csv" in done.out
    expected = Forecaster.load(fitted).predict(str(table))
    written = pl.read_csv("out.csv", try_parse_dates=True)
    assert written.columns == expected.columns
    np.testing.assert_array_equal(written["flow_predicted"], expected["flow_predicted"])
    assert call("predict", fitted, table, "--out", "out.parquet").code == 0
    assert pl.read_parquet("out.parquet").height == written.height
    assert call("predict", fitted, table, "--out", "out.csv", "--overwrite").code == 0


def test_predict_without_a_file_prints_the_head(call: Call, table: Path, fitted: Path) -> None:
    done = call("predict", fitted, table)
    assert done.code == 0
    assert "flow_predicted" in done.out
    assert "The first 10 of 143 rows; --out" in done.out


def test_evaluate_agrees_with_the_metrics_of_the_fit(call: Call, fitted: Path) -> None:
    done = call("evaluate", fitted, "--json")
    printed = json.loads(done.out)
    saved = json.loads((fitted / "metrics.json").read_text())
    assert printed["part"] == saved["part"] == "test"
    assert printed["scores"].keys() == saved["scores"].keys()
    for model, targets in saved["scores"].items():
        told = printed["scores"][model]["flow"]
        assert told.keys() == targets["flow"].keys()
        for metric, value in targets["flow"].items():  # None stands for a score that is none
            assert told[metric] == (None if value is None else pytest.approx(value, rel=1e-9))
    assert (
        json.loads(call("evaluate", fitted, "--json", "--part", "training").out)["part"]
        == "training"
    )


def test_inspect_writes_the_page_anew(here: Path, call: Call, table: Path, fitted: Path) -> None:
    done = call("inspect", fitted, "--out", "page.html", "--title", "My <river>")
    assert done.code == 0
    assert "gate path only" in done.out
    assert "forget gate" in done.out
    assert "My &lt;river&gt;" in Path("page.html").read_text()
    model = fitted / "model.safetensors"
    assert call("inspect", model, table, "--out", "from_file.html").code == 0
    assert call("inspect", model, table).code == 2


def test_continue_and_retrain_make_new_runs(
    here: Path, call: Call, table: Path, fitted: Path
) -> None:
    before = files_under(fitted)
    for command in ("continue", "retrain"):
        words = [command, fitted, table, "--out", command, "--epochs", "1", "--quiet"]
        assert call(*words) == Outcome(0, "", "")
        assert set(files_under(here / command)) == RESULTS
        saved = json.loads((here / command / "config.json").read_text())
        assert saved["settings"]["epochs"] == 1
        assert saved["continued"] == (command == "continue")
    assert files_under(fitted) == before


def test_resume_of_a_complete_run_says_so(here: Path, call: Call, table: Path) -> None:
    assert call("fit", table, *QUICK, "--out", "run", "--quiet").code == 0
    before = Path("run/model.safetensors").read_bytes()
    done = call("resume", "run")
    assert done.code == 0
    assert "complete already" in done.out
    assert Path("run/model.safetensors").read_bytes() == before


def test_ctrl_c_leaves_a_run_that_resumes(tmp_path: Path) -> None:
    (tmp_path / "river.csv").write_text(table_text())
    options = quick(epochs="60", batch_size="8", patience="60")
    command = [sys.executable, "-m", "gatewise"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "fit", "river.csv", *options, "--out", "run"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list((tmp_path / "run").glob("checkpoints/*.safetensors")):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == (
        "gatewise: interrupted: `gatewise resume run` goes on where it stopped"
    )
    assert json.loads((tmp_path / "run/config.json").read_text())["status"] == "training"
    done = subprocess.run(
        [*command, "resume", "run"], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert set(files_under(tmp_path / "run")) == RESULTS


def test_ctrl_c_before_training_leaves_nothing(
    here: Path, call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Forecaster, "fit", interrupt)
    done = call("fit", table, *QUICK, "--out", "run")
    assert done.code == 130
    assert done.err == "gatewise: interrupted: nothing was written\n"
    assert files_under(here) == {}


def test_a_narrow_encoding_does_not_stop_the_output() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "gatewise", "fit", "--help"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert b"--lookback" in done.stdout


def test_datasets_are_listed_described_and_exported(here: Path, call: Call) -> None:
    assert "fulda" in call("datasets").out
    described = call("datasets", "fulda").out
    for word in ("3,653 rows", "m3/s", "MIT", "Houska"):
        assert word in described
    assert call("datasets", "fulda", "--out", "fulda.csv").code == 0
    assert pl.read_csv("fulda.csv").shape == (3653, 5)
    assert "419,235 characters, step: 1 character" in call("datasets", "lcet10").out
    for name, ending in (
        ("tobacco_plastid", "fa"),
        ("tobacco_plastid", "gff3"),
        ("alice29", "txt"),
    ):
        assert call("datasets", name, "--out", f"held.{ending}").code == 0
    found = read_labelled("held.fa", "held.gff3")
    assert found.identity == read_labelled("dataset:tobacco_plastid").identity
    assert read_text("held.txt") == read_text("dataset:alice29")
    assert call("datasets", "splice", "--out", "splice.csv").code == 0
    assert pl.read_csv("splice.csv").shape == (30483, 5)
    made_of = call("datasets", "plastids", "--out", "x.fa")
    assert made_of.code == 2
    assert "is made of arabidopsis_plastid and tobacco_plastid" in made_of.err
    assert "ending must be .fa or .gff3" in call("datasets", "other_genomes", "--out", "x.csv").err


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo with a network that trains in a moment."""
    quickly = {**demo.SETTINGS, "lookback": 10, "hidden_size": 2, "epochs": 1}
    monkeypatch.setattr(demo, "SETTINGS", quickly)


@pytest.mark.usefixtures("small_demo")
def test_the_demo_replaces_its_own_run_and_resumes_it(
    here: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["demo", "--members", "2", "--out", "runs/demo"]
    first = call(*words)
    assert first.code == 0
    assert "ridge" in first.out
    assert "Page  runs/demo/report.html" in first.out
    assert "gatewise inspect runs/demo" in first.out
    model = (here / "runs/demo/model.safetensors").read_bytes()
    assert call(*words).code == 0
    config = here / "runs/demo/config.json"
    config.write_text(config.read_text().replace('"complete"', '"training"'))
    (here / "runs/demo/checkpoints").mkdir()
    again = call(*words)
    assert again.code == 0
    assert "going on with it" in again.out
    assert (here / "runs/demo/model.safetensors").read_bytes() == model


def test_help_teaches_with_an_example(call: Call) -> None:
    overview = call("--help").out
    for name in COMMANDS:
        assert name in overview
        told = call(name, "--help")
        assert told.code == 0
        assert f"  gatewise {name}" in told.out.split("Try:")[1]
        assert "--config" in told.out


def test_help_of_fit_shows_groups_and_defaults(call: Call) -> None:
    told = call("fit", "--help").out
    for word in ("Columns", "Network", "Training", "[default: 96;", "[default: lstm]", "virtual"):
        assert word in told


def test_no_words_print_the_overview(call: Call) -> None:
    done = call()
    assert done.code == 0
    assert "gatewise fit river.csv" in done.out


def test_version(call: Call) -> None:
    assert call("--version").out.startswith("gatewise ")


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys; from gatewise.cli import run; run(['fit', '--help']); "
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
