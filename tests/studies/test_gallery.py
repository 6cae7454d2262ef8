"""The gallery: every claim has its page, with the figures of its full run or that there was none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pytest

from gatewise.errors import FileError
from gatewise.report import Curve
from studies import entry
from studies.catalog import NAMES, find
from studies.common import kept as keeping
from studies.common import running
from studies.common.checks import Check
from studies.common.kept import EXPECTED, kept
from studies.common.running import Result
from studies.gallery.drawing import ENDINGS, write_figures
from studies.gallery.index import INDEX, write_gallery
from studies.gallery.page import NO_RUN, Around, clock, curves_of, study_page
from tests.report.outline import Outline
from tests.studies.test_running import MADE_UP, made_up

__all__ = ["made_up"]

MEASURED = [name for name in NAMES if kept(name)]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the whole gallery once; empty files stand for the figures, of which a test draws one."""
    folder = tmp_path_factory.mktemp("gallery")

    def empty(title: str, curves: Sequence[Curve], stem: Path) -> list[Path]:
        written = [stem.with_name(f"{stem.name}.{ending}") for ending in ENDINGS]
        for path in written:
            path.touch()
        return written

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studies.gallery.index.write_figures", empty)
        unmeasured = write_gallery(folder)
    assert unmeasured == [name for name in NAMES if name not in MEASURED]
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_page_tells_claim_prediction_figures_and_command(gallery: Path, name: str) -> None:
    study, told = find(name), kept(name)
    text = (gallery / f"{name}.html").read_text("utf-8")
    outline = Outline(text)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.tags.count("h1") == outline.tags.count("main") == 1
    assert outline.sources == []
    for said in (study.claim, study.prediction, study.correction, study.source):
        assert escape(said) in text
    unproven = "Correction, not measured yet" in text
    assert unproven == (told is None and bool(study.correction))
    for question in study.questions:
        assert f"<summary>{escape(question.text)}</summary>" in text
        assert f"<p>{escape(question.answer)}</p></details>" in text
    if told is None:
        assert NO_RUN in text
        assert f"gatewise study {name} --full" in text
        assert "numbers" not in outline.ids
        return
    assert f"<b>{told['verdict']}</b>" in text
    assert escape(told["command"]) in text
    for one in told["checks"]:
        check = Check.from_json(one)
        assert escape(check.name) in text
        assert escape(check.measured) in text
        assert check.to_json() == one
    assert curves_of(study, told)
    for curve in curves_of(study, told):
        assert escape(curve.name) in text


def test_every_link_leads_somewhere(gallery: Path) -> None:
    pages = [INDEX, *(f"{name}.html" for name in NAMES)]
    reached = set()
    for page in pages:
        outline = Outline((gallery / page).read_text("utf-8"))
        for link in outline.links:
            address, _, place = link.partition("#")
            if place:
                assert place in outline.ids, (page, link)
            else:
                assert (gallery / address).is_file(), (page, link)
                reached.add(address)
    assert set(pages) <= reached
    files = {f"{name}.{ending}" for name in MEASURED for ending in ("svg", "png")}
    files |= {f"{name}.ipynb" for name in NAMES}
    assert files <= reached
    assert {path.name for path in gallery.iterdir()} == set(pages) | files


def test_the_index_tells_how_long_the_full_runs_took(gallery: Path) -> None:
    text = (gallery / INDEX).read_text("utf-8")
    times = {name: (kept(name) or {})["seconds"] for name in MEASURED}
    assert f"measured by full runs, which took {clock(sum(times.values()))} together" in text
    for name, seconds in times.items():
        # Of each by itself, in its place in the list.
        item = text.split(f'href="{name}.html"')[1].split("</li>")[0]
        assert f"seeds, {clock(seconds)}</small>" in item


def test_the_same_curves_give_the_same_files(tmp_path: Path) -> None:
    name = MEASURED[0]
    study = find(name)
    curves = curves_of(study, kept(name))
    one, other = (write_figures(study.title, curves, tmp_path / stem) for stem in ("one", "other"))
    assert [path.name for path in one] == ["one.svg", "one.png"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
    assert f"<dc:title>{escape(study.title, quote=False)}</dc:title>" in one[0].read_text("utf-8")


def test_the_gallery_is_written_over_itself_and_nothing_else(tmp_path: Path) -> None:
    unmeasured = [name for name in NAMES if name not in MEASURED][:1]
    for _ in range(2):
        assert write_gallery(tmp_path / "new", unmeasured) == unmeasured
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / INDEX).write_text("<h1>My page</h1>")
    with pytest.raises(FileError, match="holds no gallery"):
        write_gallery(tmp_path / "mine")
    with pytest.raises(FileError, match="is a file"):
        write_gallery(tmp_path / "mine" / INDEX)
    assert (tmp_path / "mine" / INDEX).read_text() == "<h1>My page</h1>"
    assert len(list((tmp_path / "mine").iterdir())) == 1


@pytest.mark.parametrize("text", ["{", '{"verdict": "holds"}', "[]"])
def test_a_damaged_result_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / EXPECTED).write_text(text)
    monkeypatch.setattr(keeping, "folder_of", lambda name: tmp_path)
    with pytest.raises(FileError, match=r"expected\.json is damaged"):
        write_gallery(tmp_path / "gallery")
    assert not (tmp_path / "gallery").exists()


def test_texts_cannot_break_out_of_the_page() -> None:
    evil = "</script><script>alert(1)</script>\"'&<!--"
    told = {
        "verdict": evil,
        "checks": [Check.exact(evil, 1.0).to_json()],
        "seeds": [{"drawn": 1.0, "seed": 0}],
        "settings": {"mean": evil},
        "command": evil,
        "seconds": 100.0,
        "form": "quick",
    }
    text = study_page(MADE_UP, told, Around({evil: "figure.svg"}))
    assert "alert(1)" in text
    assert "<script>alert" not in text


def test_a_run_leaves_page_and_figure_beside_its_result(
    made_up: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "find", lambda name: MADE_UP)
    monkeypatch.setattr(entry, "run", _in_this_process(running.run))
    arguments: dict[str, Any] = {"full": False, "seeds": None, "overwrite": False}
    result = entry.study("made-up", tmp_path / "run", shown=lambda done, of: None, **arguments)
    names = {"report.html", "figure.svg", "figure.png", "result.json", "study.json", "seeds"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == names
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "A quick run" in page
    assert "by the clock, 0 s of CPU" in page
    assert {"figure.svg", "figure.png"} <= set(Outline(page).links)
    told = json.loads((tmp_path / "run" / "result.json").read_text())
    # Nothing was measured the second time, so the time is that of the first.
    again = entry.study("made-up", tmp_path / "run", shown=lambda done, of: None, **arguments)
    assert round(again.seconds, 1) == told["seconds"]
    assert result.verdict == again.verdict


def _in_this_process(run: Callable[..., Result]) -> Callable[..., Result]:
    return lambda *args, **options: run(*args, **options, processes=1)


def test_the_times_of_several_studies_are_kept(tmp_path: Path) -> None:
    def result(seconds: float) -> Result:
        return Result(MADE_UP, True, (), (), "holds", seconds)

    lines = entry.together([result(4000.0)], tmp_path, full=True)
    assert lines[0] == "1 study in 67 min"
    told: Mapping[str, Any] = json.loads((tmp_path / "all-full.json").read_text())
    assert told["seconds"] == told["seconds_each"]["made-up"] == 4000.0
    assert told["verdicts"] == {"made-up": "holds"}
