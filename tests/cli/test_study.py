"""The command `study`: its list, bad input, and where it runs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studies.catalog import NAMES, find
from studies.common.checks import Check
from studies.common.running import Result
from tests.cli.tables import Outcome

Call = Callable[..., Outcome]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("telefone",), "no study 'telefone'. Did you mean 'telephone'?"),
        (("telephone", "--seeds", "1"), "--seeds must be at least 2"),
        (("telephone", "--quick", "--full"), "a run is one of them"),
    ],
)
def test_bad_input_on_the_command_line(
    call: Call, here: Path, words: tuple[str, ...], said: str
) -> None:
    done = call("study", *words)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not list(here.iterdir())


def test_the_list_has_every_study(call: Call) -> None:
    done = call("study")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == list(NAMES)


def test_the_gallery_is_written(call: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call("study", "gallery", "--full")
    assert done.code == 2
    assert "gallery runs nothing" in done.err
    assert not list(here.iterdir())
    monkeypatch.setattr("studies.gallery.index.write_figures", lambda *drawn: [])
    done = call("study", "gallery")
    assert done.code == 0
    assert re.search(r"Gallery +runs/studies/gallery/index\.html", done.out)
    assert (here / "runs" / "studies" / "gallery" / "index.html").is_file()


def test_all_tells_and_keeps_how_long_it_took(
    call: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ran(name: str, out: Path, *, full: bool, **options: Any) -> Result:
        out.mkdir(parents=True)
        checks = (Check.exact("measured", 1.0),)
        return Result(find(name), full, (), checks, "holds", 100.0)

    two = ("telephone", "highway")
    monkeypatch.setattr("studies.entry.NAMES", two)
    monkeypatch.setattr("studies.entry.study", ran)
    done = call("study", "all", "--out", "mine")
    assert done.code == 0
    assert done.out.count("Time: 2 min") == 2
    assert "2 studies in 3 min" in done.out
    told = json.loads((here / "mine" / "all-quick.json").read_text())
    assert told["seconds"] == 200.0
    assert told["verdicts"] == dict.fromkeys(two, "holds")


def test_without_a_checkout_it_says_where_it_runs(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gatewise.cli.checkout.CHECKOUT", tmp_path)
    done = call("study", "telephone")
    assert done.code == 2
    assert done.err.startswith("gatewise: error: study needs a checkout of gatewise")
    assert "pip install -e '.[studies]'" in done.err


def test_without_its_libraries_it_says_what_to_install(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'scipy'", name="scipy.stats")

    monkeypatch.setattr("gatewise.cli.checkout.import_module", missing)
    done = call("study", "telephone")
    assert done.code == 2
    assert "study needs scipy.stats" in done.err
    assert "pip install -e '.[studies]'" in done.err


@pytest.mark.parametrize("library", ["scipy", "statsmodels"])
def test_a_missing_library_is_told_before_any_work(
    call: Call, here: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, "studies.entry", raising=False)
    done = call("study", "finance")
    assert done.code == 2
    assert f"study needs {library}" in done.err
    assert not list(here.iterdir())
