"""Letters and words stand along the axis of their row, and its lanes with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from gatewise.report import Contents, Series, Symbols, Unit, write_page
from tests.browser import pages
from tests.browser.conftest import Open, settle

STEPS = 200
WORDS = ("the", " ", "keys", "\n")


def two_rows() -> Contents:
    """Letters in row 0, which is shorter, and words in row 1, each with lanes of its own."""
    letters = tuple("ACGT"[k % 4] for k in range(STEPS - 20))
    codes = np.where(np.arange(STEPS) < 50, 0.0, 1.0)
    classes = {"lane": "class", "classes": ("other", "coding")}
    return Contents(
        "Letters",
        unit=Unit("base"),
        records=tuple(pages.lstm(STEPS, 4, module="network", row=row) for row in (0, 1)),
        series=(
            Series("truth", codes, "target", row=0, **classes),  # type: ignore[arg-type]
            Series("predicted", codes[::-1], "prediction", row=0, **classes),  # type: ignore[arg-type]
            Series("surprise", np.arange(200.0), "prediction", row=1),
        ),
        symbols=(
            Symbols(letters, 0, first=1001),
            Symbols(WORDS * 50, 1, expected=("a",) * STEPS),
        ),
    )


@pytest.fixture
def page(open_page: Open, tmp_path: Path) -> Page:
    write_page(two_rows(), tmp_path / "letters.html")
    return open_page(tmp_path / "letters.html", "#steps=0-200&units=1&at=3")


def axis(page: Page, kind: str) -> list[str]:
    settle(page)
    found: list[str] = page.locator(".axis").first.locator(kind).all_inner_texts()
    return found


def test_letters_stand_where_a_step_is_wide_enough(page: Page) -> None:
    assert axis(page, ".symbol") == []
    assert "1,020" in axis(page, "span")
    page.evaluate("gatewise.select({from: 8, to: 48})")
    assert axis(page, ".symbol") == list("ACGT" * 10)
    assert "1,010" in axis(page, "span")
    # the tick of a base stands below its letter
    letter, number = page.evaluate(
        """(() => { const marks = [...document.querySelector(".axis").children];
          const tick = marks.find((one) => one.textContent === "1,010");
          return [marks[1].style.left, tick.style.left];
        })()"""
    )
    assert letter == number


def test_what_is_pointed_at_has_its_position_and_letter(page: Page) -> None:
    page.locator(".heat .plot").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    reading = page.locator("#reading").inner_text()
    assert reading.startswith("base 1,002, C · unit")
    assert "truth other, predicted coding" in reading
    assert "base 1,004, T" in page.locator("#ledger").inner_text()
    page.keyboard.press("End")
    assert page.locator("#reading").inner_text().startswith("step 199, past the end")


def test_another_row_brings_its_words_and_its_lanes(page: Page) -> None:
    assert page.locator(".panel.lane:visible b").first.inner_text() == "class"
    page.locator("#controls").get_by_label("Row").select_option("1")
    page.evaluate("gatewise.select({from: 0, to: 40})")
    assert axis(page, ".symbol.upright")[:4] == ["the", "␣", "keys", "↵"]
    assert page.locator(".panel.lane:visible b").first.inner_text() == "surprise"
    page.locator(".heat .plot").focus()
    page.keyboard.press("Home")
    assert page.locator("#reading").inner_text().startswith("base 1, the (expected a)")
