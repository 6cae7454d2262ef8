"""The first screen: what is forecast, how good, against what, what is remembered; and how to go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from gatewise.estimators.forecaster.page.run import RunSummary
from gatewise.estimators.forecaster.results import MeasuredTargets
from gatewise.report import Contents, Finding, write_page
from tests.browser import pages
from tests.browser.conftest import Open, settle
from tests.report.summaries import build_summary
from tests.report.test_page import EVIL

FIVE = ("h1", ".verdict", ".glance table", "#forecast-chart .u-over", "#glance-chart .u-over")
LONG = "The discharge of a river whose name nobody can pronounce, told from its weather, " * 6


def page_of(summary: RunSummary) -> Contents:
    """Return the page of a run with what an explanation adds to it."""
    made = summary.contents()
    return replace(
        made,
        findings=(*made.findings[:1], *pages.findings(), *made.findings[1:]),
        curves=(*pages.memory_curves(), *made.curves),
        memory=pages.findings()[0].sentence,
    )


def panel(**more: Any) -> RunSummary:
    names = tuple(f"site {k}" for k in range(60))
    return build_summary(count=24, horizon=12, series=names, steps=60, members=1, **more)


def bottoms(page: Page) -> dict[str, float]:
    found = {}
    for what in FIVE:
        box = page.locator(what).first.bounding_box()
        assert box is not None, what
        assert box["height"] > 10
        found[what] = box["y"] + box["height"]
    return found


@pytest.mark.parametrize("case", ["panel", "three targets with a long title"])
def test_five_things_are_on_one_screen(open_page: Open, tmp_path: Path, case: str) -> None:
    summary = {
        "panel": panel,
        "three targets with a long title": lambda: build_summary(
            count=90, steps=60, targets=("level", "flow", EVIL), title=LONG + EVIL
        ),
    }[case]()
    write_page(page_of(summary), tmp_path / "page.html")
    found = bottoms(open_page(tmp_path / "page.html"))
    assert {what: at for what, at in found.items() if at > 800} == {}


def test_a_phone_shows_all_of_it_without_scrolling_sideways(
    open_page: Open, tmp_path: Path
) -> None:
    write_page(page_of(replace(panel(), title=LONG)), tmp_path / "page.html")
    page = open_page(tmp_path / "page.html", width=390, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#open-findings").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for what in ("#forecast-series", "#forecast-at", "#forecast-view", *FIVE[2:]):
        box = page.locator(what).first.bounding_box()
        if box is not None:  # a choice among one is hidden
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390


def test_every_finding_opens_by_the_keyboard_and_on_paper(open_page: Open, tmp_path: Path) -> None:
    write_page(page_of(build_summary(count=60, steps=30)), tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    found = page.locator("details.finding")
    assert found.count() >= 4
    heights = [line.bounding_box()["height"] for line in page.locator("#findings .says").all()]  # type: ignore[index]
    assert max(heights) < 45  # a line each
    for finding in found.all():
        assert not finding.locator(".behind").is_visible()
        finding.locator("summary").focus()
        page.keyboard.press("Enter")
        assert finding.locator(".behind p").first.is_visible()
    page.locator("#open-findings").click()
    closed = page.locator("#findings .behind")
    assert not any(one.is_visible() for one in closed.all())
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(one.is_visible() for one in closed.all())
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not any(one.is_visible() for one in closed.all())


def test_the_line_of_links_stays_and_marks_the_section(open_page: Open, tmp_path: Path) -> None:
    write_page(page_of(build_summary(count=60, steps=30)), tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    current = page.locator("#sections a[aria-current]")
    assert current.inner_text() == "Overview"
    names = page.locator("#sections a").all_inner_texts()
    for name in (names[1], names[-1]):
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_function(
            "(name) => document.querySelector('#sections a[aria-current]').textContent === name",
            arg=name,
        )
        box = page.locator("#sections").bounding_box()
        assert box is not None
        assert abs(box["y"]) < 1
    assert current.count() == 1


def test_a_word_of_ours_is_explained_where_it_stands(open_page: Open, tmp_path: Path) -> None:
    write_page(page_of(build_summary(count=60, steps=30)), tmp_path / "page.html")
    page = open_page(tmp_path / "page.html", "#steps=0-30")
    before = page.evaluate("location.hash")
    tip = page.locator("#tip")
    word = page.locator("#memory a.term", has_text="Context need")
    assert not tip.is_visible()
    word.focus()
    assert tip.is_visible()
    meaning = page.locator("#word-context-need + dd").inner_text()
    assert tip.inner_text() == meaning
    assert word.get_attribute("aria-describedby") == "tip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == before
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.locator("#memory a.term", has_text="Highway").hover()
    assert "gradient" in tip.inner_text()
    page.mouse.move(1, 700)
    assert not tip.is_visible()
    # In a line that opens, a word explains itself and the line stays as it is.
    inside = page.locator("#findings summary a.term").first
    inside.click()
    assert tip.is_visible()
    assert not inside.locator("xpath=ancestor::details").evaluate("(details) => details.open")
    used = page.evaluate(
        "[...document.querySelectorAll('a.term')].every(({hash}) => document.querySelector(hash))"
    )
    assert used


def test_every_series_is_found_by_a_part_of_its_name(open_page: Open, tmp_path: Path) -> None:
    summary = panel()
    predictions = summary.evaluation.predictions
    write_page(summary, tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    drawn = "document.querySelector('#forecast-chart').plot.data.at(-2)"
    box = page.locator("#forecast-series")
    for typed, name in (("site 37", "site 37"), ("TE 5", "site 5")):
        box.fill(typed)
        box.press("Enter")
        settle(page)
        assert box.input_value() == name
        rows = np.flatnonzero(predictions.series == name)[[11, 23]]
        np.testing.assert_allclose(
            page.evaluate(drawn), predictions.point[rows, :, 0].ravel(), rtol=1e-6
        )
    page.get_by_role("button", name="Next series").click()
    assert box.input_value() == "site 6"
    box.fill("nowhere")
    box.press("Enter")
    assert box.get_attribute("aria-invalid") == "true"
    box.fill("")
    box.press("Enter")
    assert box.input_value() == "site 6"
    assert page.locator("#forecast-names option").count() == 60


def test_a_window_is_found_by_its_date(open_page: Open, tmp_path: Path) -> None:
    summary = replace(build_summary(count=400, steps=60), run="runs/my river")
    write_page(summary, tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    scale = """(() => {
      const { min, max } = document.querySelector("#forecast-chart").plot.scales.x;
      return [min, max];
    })()"""
    whole = page.evaluate(scale)
    page.locator("#forecast-at").fill("1986-06-30")
    page.locator("#forecast-at").dispatch_event("change")
    low, high = page.evaluate(scale)
    at = np.datetime64("1986-06-30").astype("datetime64[s]").astype(int)
    assert low == at - 60 * 86400
    assert at < high < at + 20 * 86400
    note = page.locator("#forecast-window-note").inner_text()
    assert "gatewise inspect 'runs/my river' --at 1986-06-30" in note
    page.locator("#forecast-at").fill("1999-01-01")
    page.locator("#forecast-at").dispatch_event("change")
    assert page.locator("#forecast-at").get_attribute("aria-invalid") == "true"
    page.get_by_role("button", name="Whole").first.click()
    assert page.evaluate(scale) == whole


def test_the_forecast_beyond_the_data_is_told_from_the_prediction(
    open_page: Open, tmp_path: Path
) -> None:
    summary = build_summary(count=30, horizon=7, steps=40, levels=(0.1, 0.5, 0.9))
    predictions = summary.evaluation.predictions
    last = predictions.time[-1, -1]
    ahead = replace(
        predictions,
        series=predictions.series[:1],
        origin=np.array([last]),
        time=(last + np.arange(1, 8) * np.timedelta64(1, "D"))[None],
        truth=np.full((1, 7, 1), np.nan),
        **{
            name: None if (value := getattr(predictions, name)) is None else value[:1]
            for name in ("point", "spread", "quantiles")
        },
    )
    measured = MeasuredTargets(
        np.full(90, ""),
        predictions.time[0, 0] - np.arange(90, 0, -1) * np.timedelta64(1, "D"),
        np.arange(90.0)[:, None],
    )
    write_page(replace(summary, ahead=ahead, measured=measured), tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    labels = page.evaluate(
        "document.querySelector('#forecast-chart').plot.series.map(({label}) => label)"
    )
    assert labels[-3:] == ["prediction", "forecast beyond the data", "truth"]
    scored, beyond, truth = page.evaluate(
        "document.querySelector('#forecast-chart').plot.data.slice(-3)"
    )
    assert [v is None for v in beyond] == [True] * (len(beyond) - 7) + [False] * 7
    assert scored[-7:] == truth[-7:] == [None] * 7
    assert truth[0] is not None
    assert scored[0] is None


def one_point() -> RunSummary:
    summary = build_summary(count=2, steps=20, members=1)
    predictions = summary.evaluation.predictions
    cut = {
        name: getattr(predictions, name)[:1]
        for name in ("series", "origin", "time", "truth", "point")
    }
    return with_predictions(summary, **cut)


def with_predictions(summary: RunSummary, **changes: Any) -> RunSummary:
    evaluation = summary.evaluation
    predictions = replace(evaluation.predictions, **changes)
    return replace(summary, evaluation=replace(evaluation, predictions=predictions))


def no_baselines() -> RunSummary:
    summary = build_summary(count=40, steps=20, members=1)
    scores = {"gatewise": summary.evaluation.scores["gatewise"]}
    return replace(summary, evaluation=replace(summary.evaluation, scores=scores))


ODD = {
    "one point": one_point,
    "no baselines": no_baselines,
    "no truth": lambda: with_predictions(
        build_summary(count=40, steps=20), truth=np.full((40, 1, 1), np.nan)
    ),
    "numbered steps": lambda: with_predictions(
        build_summary(count=40, steps=20), time=np.arange(40)[:, None], origin=np.arange(40)
    ),
    "names": lambda: build_summary(
        count=24, steps=20, horizon=3, series=(EVIL, "b", "' --x"), title=LONG
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_pages_at_the_edges_open(open_page: Open, tmp_path: Path, name: str) -> None:
    write_page(page_of(ODD[name]()), tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.locator("#forecast-chart canvas").count() == 1
    label = page.evaluate("document.querySelector('#forecast-chart').plot.axes[1].label")
    assert label == "in units of discharge"
    assert max(bottoms(page).values()) <= 800


def test_a_verdict_alone_opens_too(open_page: Open, tmp_path: Path) -> None:
    contents = Contents("bare", findings=(Finding("It forgets.", "By <test>."),))
    write_page(contents, tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    page.locator(".verdict summary").click()
    assert page.locator(".verdict .evidence").inner_text() == "By <test>."
    assert page.locator("section, nav").count() == 0
