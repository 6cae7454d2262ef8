"""The picture of a page's first screen: beside the page, or where it is asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gatewise.errors import OptionError
from gatewise.estimators.forecaster.page.picture import sheet_of, write_picture
from gatewise.figures import sheet as sheets
from gatewise.report import Contents, Finding
from tests.browser.pages import memory_curves
from tests.cli.tables import LEARNING, Outcome
from tests.report.summaries import build_summary, in_tokyo

Call = Callable[..., Outcome]


def test_a_picture_is_drawn_as_its_name_ends(tmp_path: Path) -> None:
    contents = replace(
        build_summary(count=60, horizon=3, steps=20, targets=("a $x$", "b")).contents(),
        title="The $Fulda$ " * 30,
        curves=memory_curves(),
        memory="It remembers.",
    )
    write_picture(contents, tmp_path / "a.png")
    head = (tmp_path / "a.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (1753, 1240)  # A4 across
    write_picture(Contents("bare", findings=(Finding("It forgets."),)), tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_the_picture_shows_what_the_first_screen_shows() -> None:
    summary = in_tokyo(build_summary(count=40, steps=20))
    contents = replace(summary.contents(), curves=memory_curves(), memory="It remembers.")
    drawn = sheet_of(contents)
    assert (drawn.title, drawn.verdict) == (contents.title, contents.findings[0].sentence)
    assert drawn.curve is contents.curves[0]
    assert drawn.plot is not None
    np.testing.assert_array_equal(drawn.plot.truth, summary.evaluation.predictions.truth[:, 0, 0])
    assert drawn.plot.time[0] == np.datetime64("1986-01-01")  # by the clock of the zone
    assert drawn.scores is not None
    assert drawn.scores.rows[0][0] == "gatewise"
    assert drawn.scores.best
    figure = sheets.sheet(drawn)
    texts = [text.get_text() for text in figure.texts]
    assert drawn.verdict in texts
    assert len(figure.axes) == 3
    for axes in figure.axes:
        low, high = axes.get_position().get_points()
        assert (low >= 0).all()
        assert (high <= 1).all()


def test_a_fit_and_inspect_leave_a_picture(here: Path, call: Call, copied_run: Path) -> None:
    assert (copied_run / "report.png").exists()  # of the fit
    done = call("inspect", copied_run, "--picture", "mail.pdf", "--budget", "3")
    assert done.code == 0
    assert "Picture  mail.pdf" in done.out
    assert (here / "mail.pdf").exists()
    for words, said in (
        (("--picture", "mail.pdf"), "mail.pdf exists"),
        (("--picture", "mail.gif"), "the ending must be .png or .pdf or .svg"),
    ):
        done = call("inspect", copied_run, *words)
        assert done.code == 2
        assert said in done.err


def test_without_matplotlib_there_is_a_page_and_a_line(
    here: Path, call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise OptionError("drawing needs matplotlib: install it")

    monkeypatch.setattr("gatewise.figures.sheet.library", missing)
    monkeypatch.setattr("gatewise.estimators.forecaster.page.picture.write_picture", write_picture)
    done = call("fit", table, *LEARNING, "--out", "run")
    assert done.code == 0
    assert "No picture of the page: drawing needs matplotlib" in done.out
    assert (here / "run" / "report.html").exists()
    assert not (here / "run" / "report.png").exists()
    kept = (here / "run" / "report.html").read_bytes()
    done = call("inspect", "run", "--picture", "a.png")
    assert done.code == 2
    assert "drawing needs matplotlib" in done.err
    assert (here / "run" / "report.html").read_bytes() == kept
