"""The studies' pages: first screen, phone, dark mode, and sliders against what Python computes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Page
from scipy import integrate, special, stats

import gatewise as gw
from studies.catalog import NAMES, find, folder_of
from studies.common.kept import kept
from studies.gallery.index import index_page
from studies.gallery.page import SLIDERS, Around, study_page
from tests.browser.conftest import Open, settle

WITH_SLIDERS = [name for name in NAMES if (folder_of(name) / SLIDERS).exists()]
MEASURED = [name for name in NAMES if kept(name)]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the pages alone: what lies beside them takes no part here."""
    folder = tmp_path_factory.mktemp("gallery")
    claims = [(find(name), kept(name)) for name in NAMES]
    for study, told in claims:
        page = study_page(study, told, Around({"Notebook": f"{study.name}.ipynb"}, "index.html"))
        (folder / f"{study.name}.html").write_text(page, "utf-8")
    (folder / "index.html").write_text(index_page(claims), "utf-8")
    return folder


def shown(page: Page, name: str) -> float:
    """Return a figure beside the sliders as it was computed; its text must be that, rounded."""
    found = page.locator(f"#figure-of-{name}")
    value = float(found.get_attribute("data-value") or "nan")
    text = found.inner_text().split()[0].replace("−", "-").replace(",", "").replace("∞", "inf")
    assert float(text) == pytest.approx(value, rel=1e-2)
    return value


def slide(page: Page, **places: float) -> dict[str, float]:
    """Move sliders, and return the values that they then say."""
    for name, place in places.items():
        page.locator(f"#slide-{name}").fill(str(place))
    settle(page)
    return {
        name: float(page.locator(f"#slide-{name}").get_attribute("data-value") or "nan")
        for name in places
    }


def telephone(at: dict[str, float]) -> dict[str, float]:
    r, steps = at["r"], at["T"]
    return {
        "left": r**steps,
        "needed": steps * r ** (-2 * steps),
        "halves": math.inf if r == 1 else math.log(0.5) / math.log(r),
        "exponent": math.log(r),
    }


def leaky_bucket(at: dict[str, float]) -> dict[str, float]:
    f = at["f"]
    return {
        "half": math.log(2) / -math.log(f),
        "left": f**100,
        "variance": 1 / (1 - f**2),
        "bound": 1 / (1 - f),
        "logit": float(special.logit(f)),
        "rounded": float(torch.tensor(f, dtype=torch.float32).bfloat16()),
    }


def forget_bias(at: dict[str, float]) -> dict[str, float]:
    gate, lag = float(special.expit(at["b"])), at["T"]
    mean, _ = integrate.quad(lambda u: (u / (1 + u)) ** lag / (lag - 2), 1, lag - 1, epsabs=1e-12)
    half = 0.5 ** (1 / lag)
    return {
        "gate": gate,
        "left": gate**lag,
        "half": math.log(0.5) / math.log(gate),
        "needed": float(special.logit(half)),
        "chrono": mean,
        "share": float(np.clip(1 - (half / (1 - half) - 1) / (lag - 2), 0, 1)),
    }


def efficient_coding(at: dict[str, float]) -> dict[str, float]:
    kappa, jumps = at["kappa"], at["jumps"]
    size, soft = stats.norm(), math.sqrt(kappa * jumps / 2)
    mean, _ = integrate.quad(lambda d: 2 * (1 - (soft / d) ** 2) * size.pdf(d), soft, math.inf)
    rate = jumps * 2 * size.sf(math.sqrt(kappa * jumps))
    return {
        "least": math.sqrt(kappa * jumps),
        "rate": float(rate),
        "share": float(rate / jumps),
        "soft": mean if kappa else 1.0,
        "softRate": jumps * (mean if kappa else 1.0),
    }


Theory = Callable[[dict[str, float]], dict[str, float]]

CASES: list[tuple[str, Theory, list[dict[str, float]]]] = [
    ("telephone", telephone, [{"r": 0.8, "T": 100}, {"r": 0.5, "T": 300}, {"r": 1.0, "T": 7}]),
    ("leaky-bucket", leaky_bucket, [{"f": 2.0}, {"f": 0.3}, {"f": 3.31}, {"f": 5.0}]),
    (
        "forget-bias",
        forget_bias,
        [{"b": 1.0, "T": 2.0}, {"b": -2.0, "T": 0.5}, {"b": 12.0, "T": 3.0}],
    ),
    (
        "efficient-coding",
        efficient_coding,
        [{"kappa": 10, "jumps": 0.05}, {"kappa": 0, "jumps": 0.05}, {"kappa": 100, "jumps": 0.2}],
    ),
]


def test_every_study_with_sliders_is_held_against_python() -> None:
    assert {name for name, _, _ in CASES} == set(WITH_SLIDERS)


@pytest.mark.parametrize(("name", "theory", "places"), CASES, ids=WITH_SLIDERS)
def test_a_slider_gives_what_python_computes(
    open_page: Open, gallery: Path, name: str, theory: Theory, places: list[dict[str, float]]
) -> None:
    page = open_page(gallery / f"{name}.html")
    before: dict[str, float] = {}
    for where in places:
        at = slide(page, **where)
        for figure, value in theory(at).items():
            # As exact as the midpoints of chrono's mean, and elsewhere as the arithmetic.
            close = 1e-6 if figure == "chrono" else 1e-9
            assert shown(page, figure) == pytest.approx(value, rel=close), (figure, at)
        assert at != before
        before = at
    assert page.locator("#explore canvas").count() == 2


def test_an_axis_over_hundreds_of_powers_of_ten_has_ticks(open_page: Open, gallery: Path) -> None:
    page = open_page(gallery / "telephone.html")
    slide(page, r=0.5, T=300)
    ticks = page.evaluate(
        "[...document.querySelectorAll('#explore .chart')].map((one) => one.plot.axes[1]._values)"
    )
    assert ticks[0][0] == "10⁻⁸⁴"
    assert all(4 <= len(one) <= 9 for one in ticks)


def test_years_are_told_apart_and_have_no_comma(open_page: Open, gallery: Path) -> None:
    page = open_page(gallery / "finance.html")
    ticks = page.evaluate("document.querySelector('#figure-0').plot.axes[0]._values")
    assert ticks == [str(year) for year in range(2007, 2013)]


def test_the_half_life_of_the_textbook(open_page: Open, gallery: Path) -> None:
    page = open_page(gallery / "leaky-bucket.html")
    assert page.locator("#figure-of-half").inner_text() == "68.97 steps"
    slide(page, f=3.31)  # f = .9995, which bfloat16 does not have
    assert page.locator("#figure-of-rounded").inner_text() == "1"
    assert "nothing leaks" in page.locator("#explore [role=status]").inner_text()


def test_the_spread_of_biases_is_that_of_the_library(open_page: Open, gallery: Path) -> None:
    page = open_page(gallery / "forget-bias.html")
    lag = slide(page, T=2.0)["T"]
    lstm = gw.LSTM(1, 20_000 // 4)
    kept_ = []
    for seed in range(4):
        gw.init.chrono(lstm, max_lag=lag, generator=torch.Generator().manual_seed(seed))
        bias = sum(lstm.get_parameter(f"bias_{way}_l0") for way in ("ih", "hh"))
        gate = torch.sigmoid(bias[lstm.hidden_size : 2 * lstm.hidden_size].double())
        kept_.append((gate**lag).detach())
    drawn = torch.cat(kept_)
    error = float(drawn.std()) / len(drawn) ** 0.5
    assert shown(page, "chrono") == pytest.approx(float(drawn.mean()), abs=4 * error)


def test_erfc_is_that_of_scipy(open_page: Open, gallery: Path) -> None:
    page = open_page(gallery / "efficient-coding.html")
    at = [-6.0, -0.3, 0.0, 1e-9, 0.5, 1.999, 2.0, 2.001, 3.7, 9.0, 25.0]
    found = page.evaluate("(at) => at.map(gatewise.erfc)", at)
    np.testing.assert_allclose(found, special.erfc(at), rtol=1e-12)


def test_a_price_leaves_jumps_unwritten(open_page: Open, gallery: Path) -> None:
    page = open_page(gallery / "efficient-coding.html")
    written = []
    for price in (0, 10, 40, 100):
        slide(page, kappa=price, jumps=0.05)
        written.append(shown(page, "sample"))
    assert written == sorted(written, reverse=True)
    assert written[0] > written[1] > written[-1]


def test_a_slider_moves_by_the_keyboard_and_says_its_value(open_page: Open, gallery: Path) -> None:
    page = open_page(gallery / "telephone.html")
    slider = page.get_by_role("slider", name="Factor a step, r")
    slider.focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert slider.get_attribute("aria-valuetext") == "0.805"
    assert shown(page, "left") == pytest.approx(0.805**100)


UNNAMED = """() => [...document.querySelectorAll(
    "a, input, summary, nav, section, [tabindex], [role=img]")]
  .filter((one) => !(one.innerText?.trim() || one.getAttribute("aria-label")
    || one.labels?.[0]?.innerText.trim() || one.getAttribute("aria-labelledby")))
  .map((one) => one.outerHTML.slice(0, 80))"""


CUT = """() => [...document.querySelectorAll(".chart")].flatMap(({ plot }) => !plot ? [] :
  plot.axes.filter(({ label, labelFont, side }) => {
    if (!label) return false;
    const { ctx, bbox } = plot, upright = side % 2 === 1;
    ctx.save();
    ctx.font = labelFont[0];
    const half = ctx.measureText(label).width / 2;
    ctx.restore();
    const [from, long, end] = upright ? [bbox.top, bbox.height, ctx.canvas.height] : [bbox.left, bbox.width, ctx.canvas.width];
    return from + long / 2 - half < 0 || from + long / 2 + half > end;
  }).map(({ label }) => label))"""  # noqa: E501


@pytest.mark.parametrize("name", [*NAMES, "index"])
def test_a_page_serves_every_screen_and_the_keyboard(
    open_page: Open, gallery: Path, name: str
) -> None:
    page = open_page(gallery / f"{name}.html")
    # Claim, prediction, verdict and figure without scrolling, on a screen of 1280 by 800.
    for place in (".told >> nth=0", ".told >> nth=1", ".outcome", ".first > .curve"):
        box = page.locator(place).first.bounding_box() if name != "index" else None
        assert box is None or box["y"] + box["height"] <= 800, place
    drawn = len(MEASURED) if name == "index" else name in MEASURED
    assert page.locator("#figure-0 canvas, .small canvas").count() == drawn
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(CUT) == []
    for chart in page.locator("[role=img]").all():
        assert chart.get_attribute("tabindex") == "0"
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(19, 21, 24)"


def test_an_answer_opens_by_the_keyboard(open_page: Open, gallery: Path) -> None:
    page = open_page(gallery / "telephone.html")
    question = find("telephone").questions[0]
    answer = page.get_by_text(question.answer)
    assert not answer.is_visible()
    page.get_by_text(question.text).focus()
    page.keyboard.press("Enter")
    assert answer.is_visible()
