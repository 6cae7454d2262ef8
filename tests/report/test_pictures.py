"""The main pictures of a page of sequences show what they hold; sizes that do not fit are refused."""

from __future__ import annotations

import json
import re
from html import unescape

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.estimators.forecaster.page.picture import sheet_of
from gatewise.figures.sheet import sheet
from gatewise.report import Contents, Curve, render_page
from gatewise.report.embed import asset
from gatewise.report.page import STYLES
from gatewise.report.pictures import ColouredText, Matrix, Scatter, Strand
from gatewise.report.pictures.scatter import ticks


def matrix() -> Matrix:
    return Matrix("Confusion", ("a", "<b>"), ("a", "<b>"), np.array([[3.0, 1.0], [0.0, 0.0]]))


def strand(**more: object) -> Strand:
    predicted = np.array([0, 0, 1, 1, 0])
    given = {"truth": np.array([0, 1, 1, -1, 0]), "letters": "ACGTA", "start": 9, **more}
    return Strand("Bases", ("other", "coding"), predicted, **given)  # type: ignore[arg-type]


def test_a_matrix_shades_each_cell_by_its_share_of_the_row() -> None:
    html = matrix().html()
    assert re.findall(r"--depth:([\d.]+)%", html) == ["75.0", "25.0", "0.0", "0.0"]
    assert re.findall(r">(\d)</td>", html) == ["3", "1", "0", "0"]
    assert "<b>" not in html
    assert html.count("class=true") == 2


def test_a_scatter_has_a_point_for_each_pair_that_is_known() -> None:
    x, y = np.array([0.0, 1.0, np.nan, 4.0]), np.array([0.0, 2.0, 1.0, 4.0])
    drawn = Scatter("Numbers", x, y, "truth", "predicted", joined=True)
    html = drawn.html()
    assert html.count("<circle") == 3
    assert len(re.search(r'points="([^"]+)"', html)[1].split()) == 3  # type: ignore[index]
    # the diagonal: what is predicted right lies on it, at both ends
    low, high = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', html)[::2]
    assert (low, high) == (("58.0", "258.0"), ("444.0", "16.0"))


def test_a_scatter_of_one_value_or_of_none_is_drawn_too() -> None:
    one = Scatter("Numbers", np.array([2.0]), np.array([2.0]), "truth", "predicted")
    assert one.html().count("<circle") == 1
    none = Scatter("Numbers", np.array([np.nan]), np.array([2.0]), "truth", "predicted")
    assert "<circle" not in none.html()


def test_a_strand_has_a_block_for_each_run_of_a_class() -> None:
    html = strand(probabilities=(("coding", np.linspace(0, 1, 5)),)).html()
    titles = re.findall(r"<title>([^<]+)</title>", html)
    assert titles == [
        "other, step 10 to 10, 1 step",
        "coding, step 11 to 12, 2 steps",
        "other, step 14 to 14, 1 step",
        "other, step 10 to 11, 2 steps",
        "coding, step 12 to 13, 2 steps",
        "other, step 14 to 14, 1 step",
    ]
    assert html.count('class="letter"') == 5
    told = json.loads(unescape(re.search(r'data-strand="([^"]+)"', html)[1]))  # type: ignore[index]
    assert told["runs"] == {
        "truth": [[0, 1], [1, 2], [-1, 1], [0, 1]],
        "predicted": [[0, 2], [1, 2], [0, 1]],
    }
    assert (told["start"], told["letters"]) == (9, "ACGTA")
    assert len(re.search(r'class="trail l0" points="([^"]+)"', html)[1].split()) == 5  # type: ignore[index]


def test_a_long_strand_keeps_the_extremes_of_its_line() -> None:
    line = np.full(100_000, 0.5)
    line[54_321] = 1.0
    codes = np.zeros(100_000, dtype=np.int64)
    drawn = Strand("Bases", ("other",), codes, probabilities=(("sure", line),))
    points = re.search(r'class="trail l0" points="([^"]+)"', drawn.html())[1].split()  # type: ignore[index]
    assert len(points) < 2_000
    heights = {float(point.split(",")[1]) for point in points}
    assert len(heights) == 2


def test_a_token_is_the_darker_the_more_it_surprised() -> None:
    bits = np.array([np.nan, 0.0, 6.0, 40.0])
    html = ColouredText("Text", ("<The", " cat", " sat", " qux"), bits).html()
    spans = re.findall(r"<span( style=\"--depth:(\d+)%\" title=\"[^\"]+\")?>([^<]+)</span>", html)
    assert [(depth, token) for _, depth, token in spans[:4]] == [
        ("", "&lt;The"),
        ("0", " cat"),
        ("50", " sat"),
        ("100", " qux"),
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Matrix("M", ("a",), ("a", "b"), np.zeros((2, 2))),
        lambda: Scatter("S", np.zeros(3), np.zeros(2), "x", "y"),
        lambda: strand(truth=np.zeros(4, dtype=np.int64)),
        lambda: strand(probabilities=(("p", np.zeros(6)),)),
        lambda: ColouredText("T", ("a", "b"), np.zeros(3)),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make: object) -> None:
    with pytest.raises(InputError):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-3.2, 711.0), (1e-9, 2e-9), (9.0, 154_478.0)]
)
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    slack = 1e-6 * (high - low)
    assert low - slack <= min(found) <= max(found) <= high + slack


def test_no_style_of_another_part_of_the_page_reaches_into_a_picture() -> None:
    drawn = strand(probabilities=(("coding", np.linspace(0, 1, 5)),)).html() + matrix().html()
    own = {name for each in re.findall(r'class="([^"]+)"', drawn) for name in each.split()}
    own -= {
        "drawn",
        "matrix",
        "scroll",
        "hint",
        "key",
    }  # a hint and what scrolls are the page's own
    for name in set(STYLES) - {"pictures"}:
        # at the start of a rule: under a parent of its own it is of another part
        assert not own & set(re.findall(r"^\.([\w-]+)", asset(f"assets/{name}.css"), re.MULTILINE))


def test_each_picture_is_drawn_on_the_sheet_too() -> None:
    x = np.array([1.0, 2.0, np.nan])
    spread = {"low": x - 1, "high": x + 1}
    scatter = Scatter("Numbers", x, x + 0.5, "truth", "predicted", **spread)
    line = (("coding", np.linspace(0, 1, 5)),)
    text = ColouredText("Text", ("a$b$\n", "cd"), np.array([np.nan, 6.0]))
    drawn = sheet(sheet_of(Contents("Genes", pictures=(matrix(), scatter))))
    cells, points = drawn.axes
    assert [one.get_text() for one in cells.texts] == ["3", "1", "0", "0"]
    np.testing.assert_array_equal(points.collections[1].get_offsets(), [[1, 1.5], [2, 2.5]])
    assert len(points.collections[0].get_segments()) == 2
    strands, words = sheet(
        sheet_of(Contents("Genes", pictures=(strand(probabilities=line), text)))
    ).axes
    np.testing.assert_array_equal(strands.lines[0].get_xdata(), [10, 11, 12, 13, 14])
    assert "".join(one.get_text() for one in strands.texts) == "ACGTA"
    # two runs of the background and one of the class, in the prediction and in the truth
    spans = [len(one.get_paths()) for one in strands.collections]
    assert spans == [2, 1, 2, 1]
    assert "".join(one.get_text() for one in words.texts).replace("\\$", "$") == "a$b$↵cd"


def test_pictures_stand_on_the_first_screen_with_how_they_are_read() -> None:
    page = render_page(Contents("Genes", pictures=(matrix(), strand(notes=("Grey is other.",)))))
    overview = page.split('<section id="overview"')[1].split("</section>")[0]
    assert overview.count("<figure>") == 2
    assert "How to read this" in overview
    assert "Grey is other." in overview
    below = render_page(Contents("Genes", details=(matrix(),)))
    assert 'class="matrix"' in below.split('<section id="details"')[1].split("</section>")[0]
    # a narrow picture leaves room for the memory beside it
    points = Scatter("Numbers", np.array([1.0, 2.0]), np.array([1.0, 2.0]), "truth", "predicted")
    curve = Curve.of("Memory horizon", "lag", np.arange(3.0), np.arange(3.0))
    both = render_page(Contents("Genes", pictures=(points,), curves=(curve,)))
    column = both.split('<div class="column">')[1].split("glance-chart")[0]
    assert 'class="pictures"' in column
    alone = render_page(Contents("Genes", pictures=(strand(),)))
    assert "<figure class=wide>" in alone
