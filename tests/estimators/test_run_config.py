"""A run's config.json: whole, or what is wrong with it in one line; the page's title stays in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import gatewise as gw
from gatewise.errors import FileError
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.run.folder import Run
from tests.damage import damaged_bytes, damaged_json, nested, refusal
from tests.estimators.data import reservoir

CONFIG = {
    "gatewise": "0.1.0",
    "settings": ForecasterSettings().to_json(),
    "data": {"sha256": "0123", "rows": 3, "series": 1},
    "source": None,
    "predictions": "csv",
    "continued": False,
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.begin(tmp_path / "run", dict(CONFIG))


def saved(run: Run) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((run.path / "config.json").read_text())
    return config


DAMAGE = {
    "status": "done",
    "settings": ["target"],
    "source": 3,
    "data": {"rows": 3},
    "continued": "no",
    "predictions": "xls",
    "format_version": "one",
}


@pytest.mark.parametrize(
    ("name", "kind"),
    # null is the source of a table in memory, and so no damage
    [pair for pair in product(DAMAGE, ["gone", "null", "wrong"]) if pair != ("source", "null")],
)
def test_a_damaged_entry_is_named_in_one_line(run: Run, name: str, kind: str) -> None:
    config = saved(run) | {name: DAMAGE[name] if kind == "wrong" else None}
    if kind == "gone":
        del config[name]
    (run.path / "config.json").write_text(json.dumps(config))
    words = "lacks" if kind == "gone" else "must be"
    with pytest.raises(FileError, match=f"run is a damaged gatewise run folder.*{words}") as caught:
        Run.open(run.path)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(FileError, match="damaged"):
        Run.check_target(run.path, overwrite=False)
    assert Run.check_target(run.path, overwrite=True) == run.path


def test_unknown_settings_and_what_is_of_a_wrong_kind_are_damage(run: Run) -> None:
    config = saved(run)
    for change in ({"settings": {"lokback": 3}}, {"title": 3}, {"settled": 3}):
        (run.path / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(
            FileError, match=r"damaged gatewise run folder.*(lokback|title|settled)"
        ):
            Run.open(run.path)


def test_a_newer_format_is_told_before_its_entries_are_judged(run: Run) -> None:
    newer = {"format": "gatewise-run", "format_version": 2, "gatewise": "7.0"}
    (run.path / "config.json").write_text(json.dumps(newer))
    with pytest.raises(FileError, match=r"written by a newer gatewise \(7\.0\): update gatewise"):
        Run.open(run.path)


def test_settings_that_came_later_may_be_missing(run: Run) -> None:
    config = saved(run)
    del config["settings"]["noise"]
    (run.path / "config.json").write_text(json.dumps(config))
    assert Run.open(run.path).config["settings"]["hidden_size"] == 32


def test_the_title_stays_and_the_status_with_it(run: Run) -> None:
    assert Run.open(run.path).title is None
    run.set_title("The Füllda")
    assert not Run.open(run.path).complete
    run.finish("0123")
    opened = Run.open(run.path)
    assert (opened.title, opened.complete) == ("The Füllda", True)
    run.set_title("Another")
    opened = Run.open(run.path)
    assert (opened.title, opened.complete) == ("Another", True)
    assert {name: saved(run)[name] for name in CONFIG} == CONFIG


def test_a_run_that_begins_anew_has_no_title(run: Run) -> None:
    run.set_title("Old")
    assert Run.begin(run.path, dict(CONFIG)).title is None
    assert Run.open(run.path).title is None


# --- damage ---------------------------------------------------------------------------------------


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """A run that was killed before its first checkpoint."""
    reservoir(100).write_csv(tmp_path / "data.csv")
    model = gw.Forecaster(target="level", inputs="rain", lookback=5, hidden_size=2, epochs=1)
    model.fit(tmp_path / "data.csv", out=tmp_path / "run", progress=False)
    for name in ("model.safetensors", "metrics.json", "predictions.csv"):
        (tmp_path / "run" / name).unlink()
    config = json.loads((tmp_path / "run/config.json").read_text())
    config.pop("model_sha256", None)
    (tmp_path / "run/checkpoints").mkdir()
    (tmp_path / "run/config.json").write_text(json.dumps(config | {"status": "training"}))
    return tmp_path / "run"


def test_settings_that_a_disk_has_changed_are_not_gone_on_with(unfinished: Path) -> None:
    config = json.loads((unfinished / "config.json").read_text())
    config["settings"]["learning_rate"] = 0.007
    (unfinished / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        FileError, match=r"run is a damaged .*not those that it began with: fit anew"
    ):
        gw.Forecaster.resume(unfinished, progress=False)
    del config["settings_sha256"], config["settled"]  # as before there were any
    (unfinished / "config.json").write_text(json.dumps(config))
    assert gw.Forecaster.resume(unfinished, progress=False).learning_rate == 0.007


@pytest.mark.parametrize("count", [60, pytest.param(1500, marks=pytest.mark.full)])
def test_no_damaged_config_gives_another_model(unfinished: Path, count: int) -> None:
    whole = (unfinished / "config.json").read_bytes()
    shutil.copytree(unfinished, unfinished.with_name("copy"))
    expected = gw.Forecaster.resume(unfinished.with_name("copy"), progress=False).predict(
        reservoir(100)
    )
    changes = [
        *damaged_bytes(whole, count, seed=count),
        *((w, json.dumps(c).encode()) for w, c in damaged_json(json.loads(whole), count, seed=1)),
        ("nested", nested(100_000).encode()),
    ]
    for number, (what, content) in enumerate(changes):
        tried = unfinished.with_name(f"run-{number}")
        shutil.copytree(unfinished, tried)
        (tried / "config.json").write_bytes(content)

        def resumed(tried: Path = tried) -> None:
            got = gw.Forecaster.resume(tried, progress=False).predict(reservoir(100))
            assert got.equals(expected)

        refusal(resumed, what)
        shutil.rmtree(tried)


@pytest.mark.parametrize(
    "name", ["config.json", "checkpoints/member-0.safetensors", "model.safetensors"]
)
def test_a_pipe_in_a_files_place_is_not_waited_for(unfinished: Path, name: str) -> None:
    place = unfinished / name
    place.unlink(missing_ok=True)
    os.mkfifo(place)

    def stop(*_: object) -> None:
        raise AssertionError("it waits")

    is_model = name == "model.safetensors"
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    try:
        with pytest.raises(FileError) as caught:
            gw.Forecaster.load(place) if is_model else gw.Forecaster.resume(unfinished)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert str(unfinished) in str(caught.value)
