"""Time axes of the page: the year stands at the first tick and wherever it changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from gatewise.errors import InputError
from gatewise.report import Contents, Series, write_page
from tests.browser import pages
from tests.browser.conftest import Open, settle
from tests.report.summaries import build_summary, in_tokyo

HEIGHT = """[...document.querySelectorAll("#panels .axis")].every((axis) => {
  const { bottom } = axis.getBoundingClientRect();
  return [...axis.children].every((label) => label.getBoundingClientRect().bottom <= bottom + 1);
})"""


def write(path: Path, start: str, step: np.timedelta64, count: int) -> Path:
    time = np.datetime64(start, "ms") + np.arange(count) * step
    wave = Series("wave", np.sin(np.arange(count) / 9.0))
    write_page(Contents("time", time=time, series=(wave,)), path)
    return path


def ticks(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelector('#panels .axis').children].map((label) => label.textContent)"
    )
    return found


def test_months_have_their_year(open_page: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "days.html", "1985-12-20", np.timedelta64(1, "D"), 400)
    page = open_page(path)
    months = ["Jan\n1986", "Mar", "May", "Jul", "Sep", "Nov", "Jan\n1987"]
    assert ticks(page) == months
    page.evaluate("gatewise.select({from: 0, to: 20})")
    settle(page)
    days = ticks(page)
    assert days[0] == "Dec 20\n1985"
    assert [text for text in days if "1986" in text] == ["Jan 1\n1986"]
    assert page.evaluate(HEIGHT)


def test_hours_have_their_day(open_page: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "hours.html", "1985-12-31T09:30", np.timedelta64(30, "m"), 60)
    assert ticks(open_page(path)) == [
        "12:00\n1985 Dec 31",
        "15:00",
        "18:00",
        "21:00",
        "00:00\n1986 Jan 1",
        "03:00",
        "06:00",
        "09:00",
        "12:00",
        "15:00",
    ]


def test_every_axis_names_every_year_once(open_page: Open, tmp_path: Path) -> None:
    """The sweep: whatever lies between two ticks."""
    page = open_page(write(tmp_path / "any.html", "2019-12-31", np.timedelta64(1, "D"), 3))
    wrong = page.evaluate(
        """() => {
          const wrong = [], DAY = 86400;
          for (const gap of [1, 60, 3600, 12 * 3600, DAY, 5 * DAY, 30.4 * DAY, 182.4 * DAY, 365 * DAY]) {
            for (const start of [0, 1.58e9, -2e9]) {
              const times = [...Array(400).keys()].map((k) => start + k * gap);
              const years = times.map((at) => new Date(at * 1000).getUTCFullYear());
              gatewise.tickTexts(times, gap).forEach((text, k) => {
                const wanted = k === 0 || years[k] !== years[k - 1] || gap === 365 * DAY;
                if (wanted !== text.split(/[\\n ]/).includes(String(years[k]))) wrong.push([gap, text]);
              });
            }
          }
          return wrong;
        }"""
    )
    assert wrong == []


@pytest.mark.parametrize("length", ["D", "h", "m", "s", "ms"])
def test_a_short_range_has_a_tick_with_its_year(
    open_page: Open, tmp_path: Path, length: str
) -> None:
    step = np.timedelta64(1, length)  # type: ignore[call-overload]
    page = open_page(write(tmp_path / "short.html", "2003-01-02T00:00:01", step, 45))
    first = page.evaluate(
        """() => {
          const texts = [];
          for (let from = 0; from < 45; from += 4) for (let to = from + 1; to <= 45; to += 3) {
            for (const most of [2, 3, 12]) texts.push(gatewise.ticks(from, to, most)[0][1]);
          }
          return texts;
        }"""
    )
    assert len(first) > 200
    assert all("2003" in text for text in first)


def test_the_forecast_has_years_on_the_clock_of_its_zone(open_page: Open, tmp_path: Path) -> None:
    write_page(in_tokyo(build_summary(count=400, steps=20)), tmp_path / "tokyo.html")
    page = open_page(tmp_path / "tokyo.html")
    texts = page.evaluate("document.querySelector('#forecast-chart').plot.axes[0]._values")
    assert texts[0] == "Jan\n1986"
    assert [text for text in texts if "\n" in text] == ["Jan\n1986", "Jan\n1987"]


def test_a_time_that_is_missing_is_refused() -> None:
    time = np.array(["2001-01-01", "NaT", "2001-01-03"], "datetime64[D]")
    with pytest.raises(InputError, match="time has no value at step 1"):
        Contents("gap", time=time)


def test_a_page_of_a_short_row_begins_at_its_end(open_page: Open, tmp_path: Path) -> None:
    full = pages.lstm(60, 6, initial=False)
    short = {name: values.copy() for name, values in full.quantities.items()}
    for values in short.values():
        values[40:] = np.nan
    record = replace(full, quantities=short)
    write_page(Contents("short row", records=(record,)), tmp_path / "row.html")
    page = open_page(tmp_path / "row.html")
    assert page.evaluate("gatewise.state.at") == 39
    assert "At step 39" in page.locator("#ledger").inner_text()
    assert page.locator("#ledger-panels .panel").count() == 1  # nothing is read after the last step
    page.evaluate("gatewise.select({at: 50})")
    settle(page)
    assert "row ends before" in page.locator("#ledger").inner_text()
    assert page.locator("#ledger-panels .panel").count() == 0
    page.evaluate("gatewise.select({at: 20})")
    settle(page)
    assert page.locator("#ledger-panels .panel").count() == 2
