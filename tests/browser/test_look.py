"""Light and dark, narrow screens, curves, and the page of a forecaster's run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import gatewise as gw
from gatewise.report import Contents, Curve, Finding, Line, Unit, write_page
from tests.browser import pages
from tests.browser.conftest import Open, settle
from tests.report.summaries import build_summary, in_tokyo

Written = Callable[[str], Path]

LUMINANCE = """(selector) => {
  const style = getComputedStyle(document.querySelector(selector));
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255);
    const [r, g, b] = parts.map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [ink, paper] = [style.color, getComputedStyle(document.body).backgroundColor].map(light);
  return [paper, (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_are_readable(open_page: Open, written: Written, scheme: str) -> None:
    page = open_page(written("small"), color_scheme=scheme)
    for selector in (
        "h1",
        ".evidence",
        ".brand",
        ".chip",
        "nav a",
        ".finding .sentence",
        ".glance p",
        ".hint",
        ".gutter",
        ".units td",
    ):
        paper, contrast = page.evaluate(LUMINANCE, selector)
        assert (paper > 0.5) == (scheme == "light")
        assert contrast >= 4.5, selector  # WCAG 2.2 AA


def test_the_scheme_may_change_while_the_page_is_open(open_page: Open, written: Written) -> None:
    page = open_page(written("small"), "#gate=cell&steps=0-480", color_scheme="light")
    drawing = "document.querySelector('.heat canvas').toDataURL()"
    light = page.evaluate(drawing)
    page.emulate_media(color_scheme="dark")
    settle(page)
    assert page.evaluate(drawing) != light


def test_every_column_of_the_units_is_on_the_screen(open_page: Open, tmp_path: Path) -> None:
    explanation = gw.explain(gw.LSTM(2, 4), torch.randn(20, 12, 2))
    explanation.write_page(tmp_path / "plain.html")
    page = open_page(tmp_path / "plain.html")
    table = page.locator("#units-table")
    assert table.evaluate("(host) => host.scrollWidth <= host.clientWidth")
    last = table.locator("thead th").last.inner_text()
    assert " ".join(last.split()) == "says the same as"


@pytest.mark.parametrize("width", [320, 400, 768])
@pytest.mark.parametrize("name", ["small", "run"])
def test_a_narrow_screen_does_not_scroll_sideways(
    open_page: Open, written: Written, tmp_path: Path, width: int, name: str
) -> None:
    if name == "run":
        path = tmp_path / "run.html"
        write_page(build_summary(count=200, horizon=7, levels=(0.1, 0.5, 0.9), steps=60), path)
    else:
        path = written(name)
    page = open_page(path, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heat = page.locator(".heat .plot").bounding_box()
    assert heat is not None
    assert heat["width"] > 0.75 * width
    # Every control can be reached without sideways scrolling.
    for control in page.locator("#controls button:visible, #controls select:visible").all():
        box = control.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_reduced_motion_is_kept(open_page: Open, written: Written) -> None:
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert open_page(written("tiny")).evaluate(behaviour) == "smooth"
    calm = open_page(written("tiny"), reduced_motion="reduce")
    assert calm.evaluate(behaviour) == "auto"


def test_curves_show_their_bands_and_marks(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    plots = page.evaluate(
        """[...document.querySelectorAll("#memory .chart")]
          .map(({plot}) => [
            plot.series.filter((s) => s.stroke && s.width).length,
            plot.bands.length,
            plot.scales.y.distr,
          ])"""
    )
    assert plots == [[1, 1, 1], [2, 1, 3], [1, 1, 1]]
    page.locator("#memory-0").focus()
    page.keyboard.press("ArrowRight")
    assert "0.939" in page.locator("#memory-0 .u-legend").inner_text()


def test_a_run_has_its_scores_and_charts(open_page: Open, tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    summary = build_summary(count=400, horizon=7, levels=(0.1, 0.5, 0.9), steps=60, layers=2)
    write_page(summary, path)
    page = open_page(path)
    for section in ("scores", "forecast", "error-by-step-ahead", "training", "timescales"):
        assert page.locator(f"#{section}").count() == 1
    assert page.locator("#forecast-chart canvas").count() == 1
    assert page.locator("#error-by-step-ahead .chart canvas").count() >= 3
    assert page.locator(".panel .now").first.is_visible()
    page.locator("#forecast").get_by_label("Shown").select_option("2")
    page.locator("#controls").get_by_label("Layer", exact=True).select_option(label="2")
    settle(page)
    assert 'window.gates["forget"][1][' in page.locator("#python").inner_text()


def test_the_forecast_is_labelled_by_the_clock_of_its_zone(open_page: Open, tmp_path: Path) -> None:
    write_page(in_tokyo(build_summary(count=40, steps=20)), tmp_path / "tokyo.html")
    page = open_page(tmp_path / "tokyo.html")
    page.locator("#forecast-chart").focus()
    page.keyboard.press("ArrowRight")
    shown = page.locator("#forecast-chart .u-legend").inner_text()
    assert "1986-01-01" in shown
    assert "15:00" not in shown


def test_a_page_without_a_record_has_no_empty_panels(open_page: Open, tmp_path: Path) -> None:
    write_page(Contents("bare", findings=(Finding("It forgets."),)), tmp_path / "bare.html")
    page = open_page(tmp_path / "bare.html")
    assert page.locator("section").count() == 0
    assert page.locator(".sentence").inner_text().strip() == "It forgets."


def test_a_page_of_days_counts_in_days(open_page: Open, tmp_path: Path) -> None:
    contents = Contents("days", unit=Unit.of("1 day"), records=(pages.lstm(5_000, 4),), lag=30.0)
    write_page(contents, tmp_path / "days.html")
    page = open_page(tmp_path / "days.html", "#steps=0-5000&units=1&at=4000")
    assert "5,000 of 5,000 days" in page.locator("#reading").inner_text()
    assert " days, minimum" in page.locator("#pooling").inner_text()
    assert "in the last" in page.locator("#ledger").inner_text()
    assert " step" not in page.locator("#ledger").inner_text().replace("At step", "")
    assert "half-life are in days" in page.locator("#units-note").inner_text()
    assert "lag 30 days" in page.locator("#timescales").inner_text()


UNITS = [
    "1 step",
    "1 day",
    "1 hour",
    "10 seconds",
    "20 minutes",
    "30 minutes",
    "12 hours",
    "2 weeks",
]


def test_steps_are_told_as_python_tells_them(open_page: Open, written: Written) -> None:
    page = open_page(written("tiny"))
    counts = [*range(1, 300), 999, 1000, 1001, 12_345, 1_000_000]
    for unit in map(Unit.of, UNITS):
        told = page.evaluate(
            "([counts, unit]) => counts.map((count) => gatewise.span(count, unit))",
            [counts, {"noun": unit.noun, "size": unit.size}],
        )
        assert told == [unit.counted(count) for count in counts], unit


def test_what_the_ledger_holds_is_told_in_one_unit(open_page: Open, tmp_path: Path) -> None:
    contents = Contents("half hours", unit=Unit.of("30 minutes"), records=(pages.lstm(400, 4),))
    write_page(contents, tmp_path / "half.html")
    text = open_page(tmp_path / "half.html").locator("#ledger").inner_text()
    half, most = re.findall(r"in the last ([\d,.]+ \w+)", text)
    assert {half.split()[1], most.split()[1]} <= {"minutes", "hour", "hours", "days"}


def test_the_legend_draws_each_line_as_the_chart_does(open_page: Open, tmp_path: Path) -> None:
    lag = np.arange(200.0)
    start = np.where(lag < 195, np.nan, 0.1)
    lines = (Line("read", np.exp(-lag / 9)), Line("start, not read", start, dashed=True))
    curve = Curve("Memory horizon", "days back", lag, lines)
    write_page(Contents("legend", curves=(curve,)), tmp_path / "legend.html")
    page = open_page(tmp_path / "legend.html")
    keys = page.evaluate(
        """[...document.querySelectorAll("#memory-0 .u-legend svg line")].map((line) => {
          const box = line.ownerSVGElement.getBoundingClientRect();
          return [line.getAttribute("stroke-dasharray"), line.getAttribute("stroke"), box.width > 20];
        })"""
    )
    assert [dash for dash, _, _ in keys] == ["", "6 4"]
    assert keys[0][1] != keys[1][1]
    assert all(wide for _, _, wide in keys)
    assert page.locator("#memory-0 .u-legend svg").first.is_visible()
    dots = page.evaluate(
        """(() => { const { plot } = document.querySelector("#memory-0");
        return plot.series.slice(1).map((s) => Boolean(s.points.show(plot, 1, 0, 199))); })()"""
    )
    assert dots == [False, True]


def test_a_legend_has_values_only_while_something_is_pointed_at(
    open_page: Open, written: Written
) -> None:
    page = open_page(written("small"))
    lag = page.locator("#memory-0 .u-series").first
    assert "–" not in page.locator("#memory-0 .u-legend").inner_text()
    assert not lag.is_visible()
    page.locator("#memory-0").focus()
    page.keyboard.press("ArrowRight")
    assert lag.is_visible()


def test_charts_side_by_side_stand_on_one_line(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    tops = [
        chart.bounding_box()["y"]  # type: ignore[index]
        for chart in page.locator("#memory .chart").all()
    ]
    assert max(tops) - min(tops) < 1


def test_the_lines_of_one_seed_have_one_colour(open_page: Open, tmp_path: Path) -> None:
    write_page(build_summary(count=60, steps=30, members=3), tmp_path / "run.html")
    page = open_page(tmp_path / "run.html")
    colours = page.evaluate(
        """document.querySelector("#training .chart").plot.series
          .filter(({label, class: kind}) => label.startsWith("seed") && kind !== "kept")
          .map(({label, stroke}) => [label.split(" ")[1], stroke()])"""
    )
    by_seed = {seed: {colour for own, colour in colours if own == seed} for seed, _ in colours}
    assert all(len(own) == 1 for own in by_seed.values())
    assert len({colour for own in by_seed.values() for colour in own}) == len(by_seed)
