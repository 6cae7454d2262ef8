"""Warnings point at the line of whoever called gatewise, from whatever depth they are raised."""

from __future__ import annotations

import ast
import errno
import fcntl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

import gatewise as gw
from gatewise.data.files import write_frame
from gatewise.errors import GatewiseWarning
from tests.estimators.data import panel

SOURCE = Path(gw.__file__).parent
SMALL: dict[str, Any] = {"lookback": 20, "hidden_size": 2, "epochs": 1, "horizon": 2}


class Own(torch.nn.LSTM):
    def forward(self, *arguments: Any) -> Any:
        return super().forward(*arguments)


def two_series() -> pl.DataFrame:
    """A panel whose second series is too short for a window."""
    frame = panel()
    return frame.filter((pl.col("unique_id") == "north") | (pl.col("ds") > pl.date(2001, 6, 1)))


def fitted() -> gw.Forecaster:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return gw.Forecaster(target="level", inputs="rain", **SMALL).fit(
            two_series(), progress=False
        )


def lockless(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[[], object]:
    real = fcntl.flock

    def refusing(handle: Any, operation: int) -> None:
        if operation & fcntl.LOCK_EX and not hasattr(handle, "fileno"):
            raise OSError(errno.ENOLCK, "No locks available")
        real(handle, operation)

    monkeypatch.setattr("gatewise.estimators.run.lock.fcntl.flock", refusing)
    data, model = panel(), gw.Forecaster(target="level", inputs="rain", **SMALL)
    return lambda: model.fit(data, out=folder / "run", progress=False)


def cases(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Callable[[], object]]:
    model, rows = fitted(), two_series()
    short = gw.Forecaster(target="level", inputs="rain", **SMALL)
    module = gw.LSTM(2, 3)
    own = torch.nn.Sequential(Own(3, 4), torch.nn.GRU(3, 4))
    return {
        "predict": model.predict,
        "evaluate": lambda: model.evaluate(rows),
        "fit": lambda: short.fit(rows, progress=False),
        "fit into a folder": lambda: short.fit(rows, out=folder / "other", progress=False),
        "accelerate": lambda: gw.accelerate(own),
        "quantise": lambda: setattr(module, "qconfig", 1),
        "formula": lambda: write_frame(pl.DataFrame({"a": ["=1+1"]}), folder / "t.csv"),
        "lock": lockless(monkeypatch, folder),
    }


def test_every_warning_points_at_the_line_of_the_caller(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere: dict[str, set[str]] = {}
    for name, call in cases(monkeypatch, tmp_path).items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        places = {each.filename for each in caught if each.category is GatewiseWarning}
        assert places, name
        if places != {__file__}:
            elsewhere[name] = places
    assert elsewhere == {}


def test_nothing_warns_in_another_way() -> None:
    """Whoever counts the frames to the caller by hand is wrong as soon as a function is moved."""
    calling = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "warnings.warn"
    ]
    assert len(calling) == 1
    assert calling[0].startswith("errors.py:")
