"""Each kind of bad input: exit code 2, one line on stderr that says what and where, nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gatewise.estimators.forecaster.settings import ForecasterSettings
from tests.cli.tables import QUICK, Outcome, files_under, quick, table_text

Call = Callable[..., Outcome]


def assert_refused(outcome: Outcome, *fragments: str) -> None:
    assert outcome.code == 2
    assert outcome.err.startswith("gatewise: error: ")
    assert outcome.err.count("\n") == 1
    assert outcome.err.endswith("\n")
    for fragment in fragments:
        assert fragment in outcome.err


def days(count: int = 150) -> list[str]:
    return [line.split(",")[0] for line in table_text(count).splitlines()[1:]]


def values(count: int = 150) -> list[str]:
    return [f"{k % 7}.5" for k in range(count)]


def spoiled(texts: list[str], row: int, text: str) -> list[str]:
    return [*texts[:row], text, *texts[row + 1 :]]


DAYS = days()
BAD_TABLES = {
    "text as number": (table_text(rain=spoiled(values(), 7, "much")), ["rain", "much"]),
    "nan": (table_text(rain=spoiled(spoiled(values(), 7, ""), 9, "")), ["rain", "2", "mask"]),
    "infinity": (table_text(heat=spoiled(values(), 7, "inf")), ["heat", "inf"]),
    "nan target": (table_text(flow=spoiled(values(), 7, "nan")), ["flow", "mask"]),
    "unsorted": (table_text(ds=[DAYS[1], DAYS[0], *DAYS[2:]]), ["2001-01-01", "sort"]),
    "duplicate": (table_text(ds=[*DAYS[:5], DAYS[4], *DAYS[6:]]), ["2001-01-05"]),
    "irregular": (
        table_text(ds=[*DAYS[:70], *days(160)[80:]]),
        ["2001-03-11", "2001-03-22", "rows"],
    ),
    "too few rows": (table_text(9), ["8", "rows"]),
    "constant column": (table_text(heat=["1.5"] * 150), ["heat", "constant"]),
    "empty": ("", ["empty"]),
    "ragged": (table_text() + "2001-05-31,1\n", ["152"]),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables_are_refused(here: Path, call: Call, case: str) -> None:
    text, fragments = BAD_TABLES[case]
    (here / "river.csv").write_text(text)
    before = files_under(here)
    assert_refused(call("fit", "river.csv", *QUICK, "--out", "runs/river"), *fragments)
    assert files_under(here) == before


BAD_FITS = {
    "missing file": (["rivers.csv", *QUICK], ["rivers.csv", "river.csv"]),
    "folder as file": (["folder.csv", *QUICK], ["folder.csv", "folder"]),
    "foreign parquet": (["foreign.parquet", *QUICK], ["foreign.parquet"]),
    "unknown ending": (["river.txt", *QUICK], [".csv", ".parquet"]),
    "unknown data set": (["dataset:fuld", *QUICK], ["fulda"]),
    "unknown column": (
        ["river.csv", *quick(target="flwo")],
        ["flwo", "Did you mean 'flow'?"],
    ),
    "target among inputs": (["river.csv", *quick(inputs="rain flow")], ["flow"]),
    "future without horizon": (["river.csv", *quick(future="heat")], ["horizon"]),
    "no inputs": (["river.csv", "--target", "flow"], ["input"]),
    "lookback": (["river.csv", *quick(lookback="0")], ["lookback", "at least 1", "0"]),
    "dropout": (["river.csv", *quick(dropout="1.5")], ["dropout", "1.5"]),
    "quantiles": (["river.csv", *quick(quantiles="0.1 9")], ["quantiles", "0.1"]),
    "not a number": (["river.csv", *quick(epochs="many")], ["--epochs", "many"]),
    "cell": (["river.csv", *quick(cell="lstn")], ["--cell", "lstn", "lstm"]),
    "device": (["river.csv", *quick(device="toaster")], ["toaster"]),
    "test before data": (["river.csv", *quick(test="1999-01-01")], ["test", "1999-01-01"]),
    "test a number": (["river.csv", *quick(test="1986")], ["--test 1986", "2001-01-01"]),
    "test not a share": (["river.csv", *quick(test="1.5")], ["--test 1.5", "share"]),
    "test not a time": (["river.csv", *quick(test="soon")], ["test", "soon"]),
    "unknown option": (["river.csv", *quick(lokback="9")], ["--lokback", "--lookback"]),
    "nothing": ([], ["DATA"]),
}


@pytest.mark.parametrize("case", BAD_FITS)
def test_bad_fits_are_refused(here: Path, call: Call, case: str) -> None:
    words, fragments = BAD_FITS[case]
    (here / "river.csv").write_text(table_text())
    (here / "river.txt").write_text(table_text())
    (here / "foreign.parquet").write_bytes(b"PAR1 and then nothing")
    (here / "folder.csv").mkdir()
    before = files_under(here)
    assert_refused(call("fit", *words, "--out", "runs/river"), *fragments)
    assert files_under(here) == before


def test_a_fit_needs_a_run_folder(here: Path, call: Call, table: Path) -> None:
    assert_refused(call("fit", table, *QUICK), "--out")
    assert files_under(here) == {}


def test_output_in_the_way_is_refused(here: Path, call: Call, table: Path) -> None:
    (here / "full").mkdir()
    (here / "full" / "letters.txt").write_text("mine")
    (here / "file").write_text("mine")
    before = files_under(here)
    assert_refused(call("fit", table, *QUICK, "--out", "full"), "full", "not a gatewise run")
    assert_refused(call("fit", table, *QUICK, "--out", "full", "--overwrite"), "full")
    assert_refused(call("fit", table, *QUICK, "--out", "file"), "file")
    assert_refused(call("fit", table, *QUICK, "--out", "file/under"), "file")
    assert files_under(here) == before


def test_an_earlier_run_is_refused_without_overwrite(call: Call, table: Path, fitted: Path) -> None:
    before = files_under(fitted)
    assert_refused(call("fit", table, *QUICK, "--out", fitted), str(fitted), "--overwrite")
    assert files_under(fitted) == before


@pytest.mark.parametrize("command", ["predict", "evaluate", "inspect", "resume", "retrain"])
def test_a_folder_that_is_no_run_is_refused(
    here: Path, call: Call, table: Path, command: str
) -> None:
    (here / "letters").mkdir()
    more = ["--out", "new"] if command == "retrain" else []
    assert_refused(call(command, "letters", table, *more), "letters", "not a gatewise run")
    assert_refused(call(command, "nowhere", table, *more), "nowhere")
    assert files_under(here) == {"letters": None}


DAMAGE = {
    "status": ["predict", "resume", "inspect", "fit"],
    "settings": ["resume", "retrain", "config"],
    "source": ["evaluate", "inspect", "resume"],
    "data": ["resume"],
    "continued": ["resume"],
    "predictions": ["resume"],
}


@pytest.mark.parametrize(
    ("name", "command"), [(name, command) for name in DAMAGE for command in DAMAGE[name]]
)
def test_a_damaged_run_is_refused(
    copied_run: Path, call: Call, table: Path, name: str, command: str
) -> None:
    config = json.loads((copied_run / "config.json").read_text()) | {"status": "training"}
    del config[name]
    (copied_run / "config.json").write_text(json.dumps(config))
    before = files_under(Path())
    words: list[object] = {
        "fit": ["fit", table, *QUICK, "--out", "run"],
        "retrain": ["retrain", "run", table, "--out", "new"],
        "config": ["fit", table, "--config", "run/config.json", "--out", "new"],
    }.get(command, [command, "run"])
    assert_refused(call(*words), "run", "damaged", f"lacks '{name}'")
    assert files_under(Path()) == before


def test_bad_model_files_are_refused(here: Path, call: Call, table: Path, fitted: Path) -> None:
    whole = (fitted / "model.safetensors").read_bytes()
    contents = {
        "truncated": whole[: len(whole) // 2],
        "short": whole[:5],
        "empty": b"",
        "foreign": b"\x93NUMPY" + bytes(200),
        "damaged": whole[:60] + b"#" + whole[61:],
    }
    for name, content in contents.items():
        (here / f"{name}.safetensors").write_bytes(content)
        assert_refused(call("predict", f"{name}.safetensors", table), f"{name}.safetensors")


def test_predict_names_missing_columns(here: Path, call: Call, fitted: Path) -> None:
    text = table_text()
    (here / "new.csv").write_text(text.replace("rain", "rian"))
    before = files_under(here)
    outcome = call("predict", fitted, "new.csv", "--out", "out.csv")
    assert_refused(outcome, "'rain'", "Did you mean 'rian'?")
    assert files_under(here) == before


def test_predict_keeps_an_existing_file(here: Path, call: Call, table: Path, fitted: Path) -> None:
    (here / "out.csv").write_text("mine")
    assert_refused(call("predict", fitted, table, "--out", "out.csv"), "out.csv", "--overwrite")
    assert_refused(call("predict", fitted, table, "--out", "no/out.csv"), "no/out.csv")
    assert_refused(call("predict", fitted, table, "--out", "out.xls"), "out.xls", ".parquet")
    assert files_under(here) == {"out.csv": b"mine"}


@pytest.mark.parametrize("command", ["predict", "evaluate", "inspect"])
def test_a_device_that_is_not_there_is_refused(
    here: Path, call: Call, table: Path, fitted: Path, command: str
) -> None:
    more = ["--out", "page.html"] if command == "inspect" else []
    outcome = call(command, fitted, table, *more, "--device", "toaster")
    assert_refused(outcome, "--device toaster")
    assert files_under(here) == {}


def test_bad_datasets_are_refused(here: Path, call: Call) -> None:
    assert_refused(call("datasets", "fuldda"), "Did you mean 'fulda'?")
    assert_refused(call("datasets", "--out", "x.csv"), "--out")
    assert_refused(call("datasets", "fulda", "--out", "x.doc"), "x.doc")
    assert files_under(here) == {}


def test_the_demo_spares_other_runs(call: Call, fitted: Path) -> None:
    before = files_under(fitted)
    assert_refused(call("demo", "--out", fitted), "not the demo's")
    assert files_under(fitted) == before


BAD_CONFIGS = {
    "unknown.toml": ('inptus = ["rain"]', ["'inptus'", "Did you mean 'inputs'?"]),
    "malformed.toml": ("target = ", ["malformed.toml", "not valid toml"]),
    "malformed.json": ("{", ["malformed.json", "not valid json"]),
    "list.json": ("[1]", ["list.json"]),
    "nested.toml": ("[target]\nname = 'flow'", ["'target'", "table"]),
    "wrong.toml": ("epochs = 'many'", ["epochs", "many"]),
    "range.toml": ("lookback = -3", ["lookback", "-3"]),
    "odd.yaml": ("epochs: 3", [".toml", ".json"]),
}


@pytest.mark.parametrize("name", BAD_CONFIGS)
def test_bad_config_files_are_refused(here: Path, call: Call, table: Path, name: str) -> None:
    text, fragments = BAD_CONFIGS[name]
    (here / name).write_text(text)
    before = files_under(here)
    words = ["fit", table, "--target", "flow", "--inputs", "rain", "--out", "run"]
    if name == "nested.toml":
        words = ["fit", table, "--inputs", "rain", "--out", "run"]
    assert_refused(call(*words, "--config", name), *fragments)
    assert files_under(here) == before


def test_a_missing_config_file_is_refused(here: Path, call: Call, table: Path) -> None:
    assert_refused(call("fit", table, "--out", "run", "--config", "no.toml"), "no.toml")


@pytest.mark.parametrize("command", ["", "fit", "predict", "demo"])
def test_unknown_words_are_refused(call: Call, command: str) -> None:
    words = [command] if command else []
    assert_refused(call(*words, "--nonsense"), "--nonsense")


def test_an_unexpected_error_keeps_its_traceback(
    here: Path, call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: ForecasterSettings) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(ForecasterSettings, "check_options", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        call("fit", table, *QUICK, "--out", "run")


PROCESSES = {
    "missing file": ["fit", "no.csv", *QUICK, "--out", "run"],
    "nan": ["fit", "gap.csv", *QUICK, "--out", "run"],
    "no run": ["predict", "nowhere", "gap.csv"],
    "unknown option": ["fit", "gap.csv", "--nonsense"],
}


@pytest.mark.parametrize("case", PROCESSES)
def test_real_processes_exit_with_2(tmp_path: Path, case: str) -> None:
    (tmp_path / "gap.csv").write_text(BAD_TABLES["nan"][0])
    before = files_under(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "gatewise", *PROCESSES[case]],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert_refused(Outcome(done.returncode, done.stdout, done.stderr))
    assert done.stdout == ""
    assert files_under(tmp_path) == before


def test_a_baseline_that_cannot_be_scored_is_refused_before_training(
    here: Path, call: Call, table: Path
) -> None:
    words = ["fit", table, *QUICK, "--out", "run", "--baselines"]
    assert_refused(call(*words, "ridgee"), "baselines")
    assert_refused(call(*words, "persistence"), "'persistence' does not apply here")
    assert files_under(here) == {}


@pytest.mark.parametrize("name", ["deep.json", "deep.toml"])
def test_a_config_file_nested_without_end_is_refused(
    here: Path, call: Call, table: Path, name: str
) -> None:
    brackets = "[" * 100_000 + "]" * 100_000
    (here / name).write_text(brackets if name.endswith("json") else f"a = {brackets}")
    assert_refused(call("fit", table, "--config", name, "--out", "run"), name, "not valid")


def test_words_that_no_command_takes(call: Call) -> None:
    assert_refused(call("study", "gallery", "nope"), "too many words: 'nope'; see gatewise study -")
    assert_refused(call("datasets", "fulda", "x", "y"), "too many words: 'x', 'y'; see gatewise")
