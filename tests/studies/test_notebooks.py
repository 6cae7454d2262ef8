"""The studies as notebooks: valid ones, whose cells run from top to bottom."""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from studies.catalog import NAMES, find
from studies.common.kept import kept
from studies.common.study import Study
from studies.gallery.notebook import notebook

REDUCED: dict[str, dict[str, Any]] = {
    "telephone": {"steps": 60, "rows": 4, "exponent_steps": 300, "updates": 2, "lags": [5, 20]},
    "efficient-coding": {"updates": 3, "rows": 8, "steps": 40, "test": 50},
}
"""The cheapest ones run in every change, with so much less; all run in their quick form under `full`."""


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_valid_and_tells_the_study(name: str) -> None:
    study, told = find(name), kept(name)
    text = notebook(study, told)
    nbformat.validate(nbformat.reads(text, as_version=4))
    cells = json.loads(text)["cells"]
    prose = "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    for said in (study.title, study.claim, study.prediction, study.correction, study.source):
        assert said in prose
    for question in study.questions:
        assert question.text in prose
        assert question.answer in prose
    assert ("There has been none yet" in prose) == (told is None)
    if told is not None:
        assert f"**{told['verdict']}**" in prose
        assert prose.count("\n| ") == len(told["checks"]) + 1
    for cell in cells:
        if cell["cell_type"] == "code":
            ast.parse(cell["source"])


def run_cells(study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the code of a study's notebook as Python, in a folder of its own; return its names."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr("studies.catalog.find", lambda name: study)
    names: dict[str, Any] = {}
    for cell in json.loads(notebook(study, None))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile(cell["source"], "cell", "exec"), names)
    return names


@pytest.mark.parametrize("name", REDUCED)
def test_a_cheap_one_runs_from_top_to_bottom(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = find(name)
    small = replace(study, quick={**study.quick, **REDUCED[name]}, quick_seeds=2)
    names = run_cells(small, tmp_path, monkeypatch)
    said = capsys.readouterr().out
    assert names["checks"]
    for check in names["checks"]:
        assert f"{check.name}: {check.measured}" in said
    assert (tmp_path / f"{name}.svg").stat().st_size > 10_000


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_every_one_runs_in_its_quick_form(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = run_cells(find(name), tmp_path, monkeypatch)
    assert len(names["figures"]) == find(name).quick_seeds
    assert (tmp_path / f"{name}.svg").stat().st_size > 10_000
