"""A table is parsed, hashed and cut into windows once, however many ask for it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import gatewise as gw
from gatewise.cli import run
from gatewise.data.tables import frames, windows
from gatewise.data.tables.table import Table
from gatewise.estimators.forecaster import forecasting, preparation
from tests.estimators.data import reservoir

FIT = (
    *("fit", "data.csv", "--target", "level", "--inputs", "rain", "--lookback", "8"),
    *("--hidden-size", "3", "--epochs", "1", "--test", "0.2", "--baselines", "climatology"),
    *("--out", "run", "--quiet"),
)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often a frame is parsed, a table hashed, features and windows are made."""
    counts: Counter[str] = Counter()
    parse, hashed, made = frames.table_from_frame, preparation.fingerprint, windows.Features.of
    cut = windows.Features.windows

    def parsed(frame: Any, *given: Any, **named: Any) -> Table:
        counts["parsed"] += not isinstance(frame, Table)
        return parse(frame, *given, **named)

    def count(name: str, function: Any) -> Any:
        def counting(*given: Any, **named: Any) -> Any:
            counts[name] += 1
            return function(*given, **named)

        return counting

    for module in (preparation, forecasting):
        monkeypatch.setattr(module, "table_from_frame", parsed)
    monkeypatch.setattr(preparation, "fingerprint", count("hashed", hashed))
    monkeypatch.setattr(windows.Features, "of", count("features", made))
    monkeypatch.setattr(windows.Features, "windows", count("windows", cut))
    return counts


def test_the_command_line_reads_a_table_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: Counter[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    reservoir(300).write_csv("data.csv")
    assert run(FIT) == 0
    assert counted == {"parsed": 1, "hashed": 1, "features": 1, "windows": 3}  # one for each part
    counted.clear()
    assert run(("inspect", "run")) == 0
    assert counted == {"parsed": 1, "hashed": 1, "features": 1, "windows": 1}


def test_fit_reads_a_table_once(tmp_path: Path, counted: Counter[str]) -> None:
    model = gw.Forecaster(target="level", inputs="rain", lookback=8, hidden_size=3, epochs=1)
    model.fit(reservoir(300), out=tmp_path / "run", progress=False)
    assert counted == {"parsed": 1, "hashed": 1, "features": 1, "windows": 3}


@pytest.mark.parametrize("progress", [True, False])
def test_fit_says_once_which_columns_play_no_part(
    progress: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = reservoir(100)
    frame = frame.with_columns(spare=frame["rain"], other=frame["rain"])
    model = gw.Forecaster(target="level", inputs="rain", lookback=8, hidden_size=3, epochs=1)
    model.fit(frame, progress=progress)
    told = [line for line in capsys.readouterr().err.splitlines() if "not used" in line]
    assert told == (["columns not used: spare, other"] if progress else [])
