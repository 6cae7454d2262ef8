"""What is drawn is what was recorded: pooling, raw values, the ledger, sizes from small to large."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from gatewise.report import Contents, Record, write_page
from tests.browser import pages
from tests.browser.conftest import Open, settle

Written = Callable[[str], Path]
STEP, UNIT = 31_415, 77

PIXELS = """(row) => {
  const canvas = document.querySelector(".heat canvas");
  const {data} = canvas.getContext("2d").getImageData(0, row, canvas.width, 1);
  return [...Array(canvas.width).keys()].map((x) => [data[4 * x], data[4 * x + 1], data[4 * x + 2]]);
}"""
SHUT = [68, 1, 84]  # the colour of 0


def columns_of(page: Page, unit: int) -> list[list[int]]:
    row = page.evaluate("gatewise.displayed()").index(unit)
    found: list[list[int]] = page.evaluate(PIXELS, row)
    return found


def test_a_reset_of_one_step_among_50000_is_seen(open_page: Open, written: Written) -> None:
    page = open_page(written("large"))
    label = page.locator("#pooling").inner_text()
    steps = int(label.split(" = ")[1].split()[0])
    assert label == f"1 column = {steps} steps, minimum"
    # Where a mean would hide it: the column's mean is further from 0 than from its neighbours.
    forget = pages.large().records[0].quantities["forget"][:, UNIT]
    first = STEP // steps * steps
    assert forget[first : first + steps].mean() > 0.9
    drawn = columns_of(page, UNIT)
    shut = [x for x, colour in enumerate(drawn) if colour == SHUT]
    assert shut
    width = len(drawn)
    assert {int((x + 0.5) / width * 50_000) // steps for x in shut} == {STEP // steps}
    # And it is found again, alone, at every zoom down to a few steps.
    for span in (20_000, 3_000, 700, 60):
        page.evaluate(f"gatewise.select({{from: {STEP - span // 3}, to: {STEP + span}}})")
        settle(page)
        assert columns_of(page, UNIT).count(SHUT) >= 1


def test_raw_steps_are_shown_where_they_are_in_the_page(open_page: Open, written: Written) -> None:
    page = open_page(written("large"), "#steps=31300-31500&gate=cell")
    forget = pages.large().records[0].quantities
    unit = page.evaluate("gatewise.displayed()")[0]
    settle(page)
    values = page.evaluate(
        """(unit) => { const q = gatewise.quantity(); const slot = q.slotOf.get(unit);
        return [...Array(200).keys()].map((k) => q.at(slot, 31300 + k)); }""",
        unit,
    )
    assert {each["pooled"] for each in values} == {1}
    high = page.evaluate("gatewise.quantity().high")
    truth = np.clip(forget["cell"][31_300:31_500, unit], -high, high)
    np.testing.assert_allclose([v["value"] for v in values], truth, atol=high / 254 + 1e-6)
    label = page.locator("#pooling").inner_text()
    assert label.startswith("1 column = 1 step, raw values; for ")
    assert "raw steps are not in this page" in label
    raw = page.evaluate(
        """gatewise.displayed().filter((unit) => {
          const quantity = gatewise.quantity();
          return quantity.hasRaw(quantity.slotOf.get(unit));
        }).length"""
    )
    assert f"for {256 - raw} of 256 units" in label
    assert 0 < raw < 256


def test_javascript_pools_as_python_does(open_page: Open, written: Written) -> None:
    from gatewise.report.levels import pool  # noqa: PLC0415

    page = open_page(written("tiny"))
    levels = np.random.default_rng(0).integers(0, 256, (5, 333), dtype=np.uint8)
    levels[levels > 200] = 255
    for mode in ("minimum", "maximum", "extreme"):
        once = pool(levels, mode)
        found = page.evaluate(
            """([cells, mode]) => gatewise
              .pyramid(Uint8Array.from(cells), 5, 333, 1, 64, mode)
              .map((level) => [...level.cells])""",
            [levels.ravel().tolist(), mode],
        )
        assert found[1] == once.ravel().tolist()
        assert found[3] == pool(pool(once, mode), mode).ravel().tolist()


def shares(record: Record, unit: int, at: int) -> tuple[np.ndarray, np.ndarray]:
    """Backward parts and forward remains, step by step in float64."""
    has = record.quantities
    if record.cell == "GRU":
        keep = has["update"][:, unit].astype(np.float64)
        write = (1 - keep) * has["candidate"][:, unit]
    else:
        keep = has["forget"][:, unit].astype(np.float64)
        write = has["input"][:, unit].astype(np.float64) * has["candidate"][:, unit]
    if record.direction:
        keep, write, at = keep[::-1], write[::-1], record.steps - 1 - at
    back, left = np.zeros(record.steps), np.full(record.steps, np.nan)
    for s in range(at + 1):
        back[s] = write[s] * np.prod(keep[s + 1 : at + 1])
    for u in range(at, record.steps):
        left[u] = write[at] * np.prod(keep[at + 1 : u + 1])
    return (back[::-1], left[::-1]) if record.direction else (back, left)


@pytest.mark.parametrize("place", [0, 1, 8], ids=["forward", "backward direction", "GRU"])
def test_the_ledger_is_exact(open_page: Open, written: Written, place: int) -> None:
    page = open_page(written("small"))
    record = pages.small().records[place]
    for unit, at in ((3, 230), (11, 0), (7, 479), (3, 200)):
        found = page.evaluate(
            """async ([place, unit, at]) => {
              const record = gatewise.records[place], terms = await gatewise.terms(record, unit);
              const back = gatewise.backward(terms, at, record.direction);
              const {left} = gatewise.forward(terms, at, record.direction);
              const residual = back.rest - back.kept * terms.initial;
              return {parts: [...back.parts], left: [...left], residual, state: back.state};
            }""",
            [place, unit, at],
        )
        back, left = shares(record, unit, at)
        np.testing.assert_allclose(found["parts"], back, rtol=1e-4, atol=1e-7)
        known = np.isfinite(left)
        remains = np.array(found["left"], float)
        np.testing.assert_array_equal(np.isfinite(remains), known)
        np.testing.assert_allclose(remains[known], left[known], rtol=1e-4, atol=1e-7)
        assert abs(found["residual"]) < 1e-5


def test_the_ledger_says_what_it_found(open_page: Open, written: Written) -> None:
    # The cell is erased at step 200: nothing older can be in it at step 203.
    page = open_page(written("small"), "#steps=0-480&units=3&at=203")
    text = page.locator("#ledger").inner_text()
    assert "At step 203, the cell state of unit 3" in text
    parts = pages.small().records[0]
    back, _ = shares(parts, 3, 203)
    assert np.all(back[:200] == 0)
    reach = int(np.argmax(np.cumsum(np.abs(back[203::-1])) >= 0.5 * np.abs(back).sum())) + 1
    assert f"in the last {reach} step" in text
    assert "0 % is left of the state before the first step; residual" in text
    assert page.locator("#ledger-panels .panel").count() == 2


def test_a_unit_without_its_exact_record_says_so(open_page: Open, written: Written) -> None:
    page = open_page(written("large"), f"#steps=0-50000&units={UNIT}&at=100")
    assert "not among them" in page.locator("#ledger-panels").inner_text()
    slow = page.evaluate("gatewise.record().slots[0]")
    page.evaluate(f"gatewise.select({{units: [{slow}]}})")
    page.wait_for_selector("#ledger")
    assert f"of unit {slow} is" in page.locator("#ledger").inner_text()


@pytest.mark.parametrize("steps", [1, 2, 20])
def test_short_rows_work(open_page: Open, tmp_path: Path, steps: int) -> None:
    contents = Contents(
        "short", records=(pages.lstm(steps, 3),), series=pages.strip(20)[:2] if steps == 20 else ()
    )
    write_page(contents, tmp_path / "short.html")
    page = open_page(tmp_path / "short.html")
    assert page.locator("#pooling").inner_text() == "1 column = 1 step, raw values"
    page.locator(".heat .plot").click()
    page.get_by_role("button", name="Zoom in").click()
    settle(page)
    assert page.evaluate("gatewise.state.units.length") == 1


def test_a_row_that_ends_early_and_a_projection(open_page: Open, tmp_path: Path) -> None:
    full = pages.lstm(60, 6, initial=False)
    quantities = {name: values.copy() for name, values in full.quantities.items()}
    for values in quantities.values():
        values[40:] = np.nan
    quantities["hidden"] = quantities["hidden"][:, :2]
    record = Record("lstm", "LSTM", quantities)
    write_page(Contents("short row", records=(record,)), tmp_path / "row.html")
    page = open_page(tmp_path / "row.html", "#gate=forget&units=1&at=50")
    assert "has no value at step 50" in page.locator("#ledger-panels").inner_text()
    drawn = page.evaluate(
        """() => { const c = document.querySelector(".heat canvas");
        const {data} = c.getContext("2d").getImageData(0, 0, c.width, 1);
        return [...data].filter((_, i) => i % 4 === 3); }"""
    )
    known = np.array(drawn) == 255
    assert known.mean() == pytest.approx(40 / 60, abs=0.01)
    page.get_by_text("hidden", exact=True).first.click()
    settle(page)
    assert page.evaluate("gatewise.displayed().length") == 2
    assert page.locator("#python").inner_text().endswith("hidden[0, 0, :, 0][:, :]")


def test_words_as_time_labels(open_page: Open, tmp_path: Path) -> None:
    letters = np.array(list("the cat sat on the mat"))
    contents = Contents("letters", time=letters, records=(pages.lstm(len(letters), 3),))
    write_page(contents, tmp_path / "letters.html")
    page = open_page(tmp_path / "letters.html")
    page.locator(".heat .plot").focus()
    page.keyboard.press("Home")
    assert "t (step 0)" in page.locator("#reading").inner_text()


def test_a_simple_network_has_no_ledger_and_says_why(open_page: Open, tmp_path: Path) -> None:
    hidden = np.tanh(np.random.default_rng(0).normal(size=(50, 4))).astype(np.float32)
    record = Record("rnn", "RNN", {"hidden": hidden})
    write_page(Contents("simple", records=(record,)), tmp_path / "simple.html")
    page = open_page(tmp_path / "simple.html")
    assert "has no ledger" in page.locator("#ledger-panels").inner_text()
    assert page.locator("#timescales").count() == 0
