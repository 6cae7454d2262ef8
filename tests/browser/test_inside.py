"""Brush, click, keys, switches, address and copying do what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from gatewise.report import Record, write_page
from tests.browser import pages
from tests.browser.conftest import Open, settle

Written = Callable[[str], Path]
HEAT = ".heat .plot"


def state(page: Page) -> dict[str, Any]:
    settle(page)
    found: dict[str, Any] = page.evaluate("({...gatewise.state})")
    return found


def box_of(page: Page, selector: str) -> dict[str, float]:
    page.locator(selector).first.scroll_into_view_if_needed()
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return dict(box)


def drag(page: Page, selector: str, low: float, high: float) -> None:
    box = box_of(page, selector)
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + low * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + high * box["width"], y, steps=4)
    page.mouse.up()


def click_heat(page: Page, step: int, row: int, **options: Any) -> None:
    now = state(page)
    rows = page.evaluate("gatewise.displayed().length")
    box = box_of(page, HEAT)
    part = (step + 0.5 - now["from"]) / (now["to"] - now["from"])
    position = {"x": part * box["width"], "y": (row + 0.5) / rows * box["height"]}
    page.locator(HEAT).click(position=position, **options)  # type: ignore[arg-type]


def test_it_opens_without_an_error_or_a_request(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    assert page.title() == "The Fulda from its weather: gatewise report"
    assert page.locator(".verdict .finding").count() == 1
    assert page.locator("#findings .finding").count() == 2
    assert page.locator(".panel.lane canvas").count() > 4
    # Each canvas holds a drawing: more than one colour.
    flat = page.evaluate(
        """() => [...document.querySelectorAll("canvas")].filter((canvas) => {
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const pixels = new Uint32Array(data.buffer);
          return pixels.every((pixel) => pixel === pixels[0]);
        }).length"""
    )
    assert flat == 0


@pytest.mark.parametrize("panel", [HEAT, ".lane .plot", "#unit-lanes .plot"])
def test_brushing_any_panel_zooms_all_of_them(
    open_page: Open, written: Written, panel: str
) -> None:
    page = open_page(written("small"))
    drawings = "[...document.querySelectorAll('.panel canvas')].map((canvas) => canvas.toDataURL())"
    before = page.evaluate(drawings)
    drag(page, panel, 0.25, 0.5)
    now = state(page)
    assert (now["from"], now["to"]) == pytest.approx((120, 240), abs=2)
    after = page.evaluate(drawings)
    assert len(after) == len(before)
    assert all(a != b for a, b in zip(after, before, strict=True))
    assert page.locator("#range-from").input_value() == str(now["from"])
    page.locator(panel).first.dblclick()
    assert (state(page)["from"], state(page)["to"]) == (0, 480)


def test_a_click_chooses_unit_and_time_and_shift_adds_one(
    open_page: Open, written: Written
) -> None:
    page = open_page(written("small"))
    order = page.evaluate("gatewise.displayed()")
    click_heat(page, 321, 5)
    now = state(page)
    assert (now["units"], now["at"]) == ([order[5]], 321)
    assert page.locator("#unit-lanes .panel").count() == 6
    assert f"Unit {order[5]} over time" in page.locator("#unit-head").inner_text()
    assert "At step 321" in page.locator("#ledger").inner_text()
    click_heat(page, 100, 9, modifiers=["Shift"])
    assert state(page)["units"] == [order[5], order[9]]
    page.locator(".lane .plot").first.click(position={"x": 5, "y": 5})
    assert state(page)["at"] < 5
    assert state(page)["units"] == [order[5], order[9]]


def test_the_gate_switch_shows_the_other_quantity(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    first = page.locator(f"{HEAT} canvas").evaluate("(canvas) => canvas.toDataURL()")
    page.get_by_text("cell", exact=True).first.click()
    assert state(page)["quantity"] == "cell"
    assert page.locator(".heat figcaption b").inner_text() == "cell"
    assert page.locator(f"{HEAT} canvas").evaluate("(canvas) => canvas.toDataURL()") != first
    scale = page.locator(".heat .scale").inner_text().replace("−", "-").split()
    assert float(scale[0]) == -float(scale[1])
    # The switch is a group of radio buttons: arrows move it.
    page.locator("input[name=gate]:checked").focus()
    page.keyboard.press("ArrowRight")
    assert state(page)["quantity"] == "hidden"


def test_modules_layers_directions_and_rows_switch_apart(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    records = pages.small().records
    page.locator("#controls").get_by_label("Layer").select_option(label="2")
    page.locator("#controls").get_by_label("Direction").select_option("reverse")
    page.locator("#controls").get_by_label("Row").select_option("1")
    shown = records[state(page)["record"]]
    assert shown.key == ("encoder.lstm", 1, 1, 1)
    page.locator("#controls").get_by_label("Module").select_option("decoder.gru")
    assert records[state(page)["record"]].cell == "GRU"
    assert page.locator("input[name=gate]").count() == 4
    assert "of unit" in page.locator("#ledger").inner_text()


def test_a_record_that_is_chosen_while_a_drawing_waits(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    page.set_viewport_size({"width": 1280, "height": 200})
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    settle(page)
    page.evaluate(
        """() => {
            gatewise.drawHeatmap(); // out of sight, so it waits
            gatewise.select({ record: gatewise.records.length - 1 }); // not decoded yet
            dispatchEvent(new Event("beforeprint")); // and now all that waits is drawn
        }"""
    )
    settle(page)
    page.locator(HEAT).scroll_into_view_if_needed()
    settle(page)
    label = page.locator(HEAT).get_attribute("aria-label") or ""
    assert label.startswith("Heatmap of update")


def test_every_key_does_what_the_page_says(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    page.locator(HEAT).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    order = page.evaluate("gatewise.displayed()")
    assert f"step 1 · unit {order[1]} · forget" in page.locator("#reading").inner_text()
    page.keyboard.press("Enter")
    now = state(page)
    assert (now["units"], now["at"]) == ([order[1]], 1)
    page.keyboard.press("Home")
    page.keyboard.press("+")
    now = state(page)
    assert (now["from"], now["to"]) == (0, 240)
    page.keyboard.press("PageDown")
    assert (state(page)["from"], state(page)["to"]) == (120, 360)
    page.keyboard.press("0")
    assert (state(page)["from"], state(page)["to"]) == (0, 480)
    page.keyboard.press("Escape")
    assert state(page)["units"] == []
    assert "Choose a unit" in page.locator("#ledger-panels").inner_text()


def test_the_address_brings_the_selection_back(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    page.locator("#controls").get_by_label("Direction").select_option("reverse")
    page.get_by_text("input", exact=True).first.click()
    drag(page, HEAT, 0.4, 0.7)
    click_heat(page, 260, 3)
    page.locator("#units-table button[data-column='half-life']").click()
    left = state(page)
    address = page.evaluate("location.hash")
    again = open_page(written("small"), address)
    assert state(again) == left
    assert again.evaluate("gatewise.displayed()") == page.evaluate("gatewise.displayed()")
    assert again.evaluate("location.hash") == address
    # An address that asks for what is not there shows what is.
    wild = open_page(written("small"), "#module=none&gate=bogus&steps=-5-1e9&units=9999&at=-3")
    assert (state(wild)["from"], state(wild)["to"], state(wild)["units"]) == (0, 480, [])


def test_a_link_to_a_section_keeps_the_selection(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    drag(page, HEAT, 0.4, 0.7)
    settle(page)
    address = page.evaluate("location.hash")
    page.get_by_role("link", name="Units", exact=True).click()
    settle(page)
    assert page.evaluate("location.hash") == address
    assert page.locator("#units-heading").is_visible()


class _Module:
    def __init__(self, record: Record, layers: int, rows: int) -> None:
        for name, values in record.quantities.items():
            whole = np.zeros((layers, 2, record.steps, rows, values.shape[1]), np.float32)
            whole[record.layer, record.direction, :, record.row] = values
            setattr(self, name, whole)


def test_the_copied_line_is_python_that_reads_the_selection(
    open_page: Open, written: Written
) -> None:
    page = open_page(
        written("small"),
        "#module=encoder.lstm&layer=1&direction=1&row=1&gate=forget&steps=120-260&units=17,3",
    )
    page.get_by_role("button", name="Copy as Python").click()
    page.get_by_role("button", name="Copied").wait_for()
    line = page.evaluate("navigator.clipboard.readText()")
    assert line == 'trace["encoder.lstm"].forget[1, 1, :, 1][120:260, [3, 17]]'
    assert line == page.locator("#python").inner_text()
    record = next(r for r in pages.small().records if r.key == ("encoder.lstm", 1, 1, 1))
    found = eval(line, {"trace": {"encoder.lstm": _Module(record, 2, 2)}})
    np.testing.assert_array_equal(found, record.quantities["forget"][120:260, [3, 17]])
    page.get_by_role("button", name="Whole").click()
    page.locator(HEAT).focus()
    page.keyboard.press("Escape")
    settle(page)
    assert page.locator("#python").inner_text() == 'trace["encoder.lstm"].forget[1, 1, :, 1][:, :]'


def test_a_part_of_a_trace_is_copied_with_the_steps_of_the_trace(
    open_page: Open, tmp_path: Path
) -> None:
    plain = pages.lstm(40, 4, module='odd"name')
    fields = {name: getattr(plain, name) for name in Record.__dataclass_fields__}
    part = Record(**{**fields, "start": 1000})
    write_page(pages.Contents("part", records=(part,)), tmp_path / "part.html")
    page = open_page(tmp_path / "part.html", "#gate=cell&steps=10-30&units=2")
    assert page.locator("#python").inner_text() == (
        'trace["odd\\"name"].cell[0, 0, :, 0][1010:1030, [2]]'
    )


def test_sorting_the_table_orders_the_heatmap(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    record = pages.small().records[0]
    column = page.locator("#units-table button[data-column='mean |cell|']")
    column.click()
    settle(page)
    size = np.abs(record.quantities["cell"]).mean(axis=0, dtype=np.float64)
    falling = np.argsort(-size).tolist()
    rows = page.locator("#units-table tbody button").all_inner_texts()
    assert [int(text) for text in rows] == page.evaluate("gatewise.displayed()") == falling
    assert page.locator("#units-table th[aria-sort=descending]").count() == 1
    page.locator("#units-table button[data-column='mean |cell|']").click()
    settle(page)
    assert page.evaluate("gatewise.displayed()") == falling[::-1]
    page.locator("#controls").get_by_label("Order of units").select_option("clustered")
    settle(page)
    assert page.evaluate("gatewise.displayed()") == list(range(24))[::-1]
    page.locator("#units-table tbody tr").nth(4).click()
    assert state(page)["units"] == [19]
    assert page.locator("#units-table tbody button").nth(4).get_attribute("aria-pressed") == "true"


def test_units_stand_slowest_first(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    for place, record in enumerate(pages.small().records):
        page.evaluate(f"gatewise.select({{record: {place}}})")
        settle(page)
        keep = record.quantities["update" if record.cell == "GRU" else "forget"]
        with np.errstate(divide="ignore"):
            tau = -1 / np.log(keep.astype(np.float64)).mean(axis=0)
        assert page.evaluate("gatewise.displayed()") == np.argsort(-tau, kind="stable").tolist()


def test_what_is_off_the_screen_is_drawn_when_the_range_rests_or_it_is_scrolled_to(
    open_page: Open, written: Written
) -> None:
    page = open_page(written("small"))
    page.locator("#units-table").scroll_into_view_if_needed()
    settle(page)
    drawing = "document.querySelector('.panel canvas').toDataURL()"
    # In one turn of the loop: the strip is off the screen, so it waits, and then shows the new range.
    before, at_once, waiting = page.evaluate(
        f"""async () => {{
          const before = {drawing};
          gatewise.select({{from: 100, to: 200}});
          await new Promise(requestAnimationFrame);
          await new Promise(requestAnimationFrame);
          return [before, {drawing}, !gatewise.upToDate()];
        }}"""
    )
    assert at_once == before
    assert waiting
    settle(page)
    assert page.evaluate(drawing) != before
    # Scrolled to before the range has rested, it is drawn by then.
    page.evaluate("gatewise.select({from: 300, to: 400})")
    page.locator(".panel .plot").first.scroll_into_view_if_needed()
    settle(page)
    shown = page.evaluate(drawing)
    page.evaluate("gatewise.select({from: 300, to: 401})")
    page.evaluate("gatewise.select({from: 300, to: 400})")
    settle(page)
    assert page.evaluate(drawing) == shown


def test_a_choice_keeps_the_keyboard_while_it_is_used(open_page: Open, written: Written) -> None:
    page = open_page(written("small"))
    order = page.locator("#controls").get_by_label("Order of units")
    order.focus()
    for expected in ("unit", "clustered"):
        page.keyboard.press("ArrowDown")
        assert state(page)["order"] == expected
        assert (
            page.evaluate("document.activeElement.getAttribute('aria-label')") == "Order of units"
        )
