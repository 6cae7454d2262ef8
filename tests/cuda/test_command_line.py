"""The command line with `--device`: a run that is fitted on a GPU, and read on either device."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.cli.sequences import FITS, write_all
from tests.cli.tables import quick, table_text

if not list(distributions(name="gatewise")):
    pytest.skip("gatewise is not installed, and its version not known", allow_module_level=True)
pytest.importorskip("cyclopts", reason="the command line stands on cyclopts")
pytest.importorskip("polars", reason="files of tables are read by polars")

from gatewise.cli import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table(folder: Path, device: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "river.csv").write_text(table_text())
    assert run(["fit", "river.csv", *quick(device=device), "--out", "river"]) == 0
    for words in (
        ["predict", "river", "river.csv", "--out", "there.csv", "--device", device],
        ["predict", "river", "river.csv", "--out", "here.csv"],
        ["evaluate", "river", "--device", device],
        ["inspect", "river", "--out", "page.html", "--device", device],
    ):
        assert run(words) == 0, words
    here, there = ((folder / name).read_text() for name in ("here.csv", "there.csv"))
    numbers = [[float(one) for one in re.findall(r",(-?\d+\.\d+)", own)] for own in (here, there)]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-3, abs=1e-4)
    assert numbers[0]


@pytest.mark.parametrize("task", FITS)
def test_sequences(task: str, folder: Path, device: str) -> None:
    write_all(folder)
    fit = ["fit", *FITS[task], "--hidden-size", "4", "--epochs", "2", "--device", device]
    assert run([*fit, "--out", "run"]) == 0
    assert run(["evaluate", "run", "--device", device]) == 0
    assert run(["evaluate", "run"]) == 0
