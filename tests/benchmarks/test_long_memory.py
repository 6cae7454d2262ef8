"""The benchmark of long memories: a seed is measured once, and what is kept is what the table says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.long_memory import __main__ as long_memory
from studies.common.statistics import share_interval


def run(folder: Path, *words: str) -> int:
    steps = ("--steps", "40", "--budget", "3", "--rows", "8")
    return long_memory.main([*steps, "--folder", str(folder), *words])


def test_a_seed_is_measured_once_and_others_are_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(long_memory, "FREE", 0)
    assert run(tmp_path, "--seeds", "1") == 0
    file = tmp_path / "lstm-40.json"
    first = json.loads(file.read_text())["seeds"][0]
    assert (first["seed"], first["stages"]["40"]["updates"]) == (1, 3)
    assert run(tmp_path, "--seeds", "0", "1") == 0
    seeds = json.loads(file.read_text())["seeds"]
    assert [one["seed"] for one in seeds] == [0, 1]
    assert seeds[1] == first
    assert "0 of 2 seeds solved (0.00 to 0.84)" in capsys.readouterr().out


def test_other_settings_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_memory, "FREE", 0)
    run(tmp_path, "--seeds", "1")
    before = (tmp_path / "lstm-40.json").read_bytes()
    with pytest.raises(SystemExit, match="made with other settings: name another --folder"):
        run(tmp_path, "--seeds", "2", "--rows", "9")
    assert (tmp_path / "lstm-40.json").read_bytes() == before


def test_it_does_not_take_the_memory_that_others_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(long_memory, "_free", lambda: long_memory.FREE - 1)
    assert run(tmp_path, "--seeds", "1") == 1
    assert not list(tmp_path.iterdir())
    assert "only 4.0 GB of memory are free" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(long_memory.RESULTS.glob("*.json")), ids=lambda p: p.name)
def test_what_is_kept_is_whole_and_judged_by_the_bound(path: Path) -> None:
    kept = json.loads(path.read_text())
    numbers = [one["seed"] for one in kept["seeds"]]
    assert numbers == sorted(set(numbers))
    assert max(numbers) < 1000, "seeds from 1,000 on are for trying things out"
    for one in kept["seeds"]:
        if "accuracy" in one:
            found = share_interval(round(2 * kept["rows"] * one["accuracy"]), 2 * kept["rows"])
            assert one["low"] == pytest.approx(found.low)
            assert one["solved"] == (found.low > 0.99)
    assert long_memory.table(kept)
