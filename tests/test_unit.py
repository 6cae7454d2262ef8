"""Steps of any length in the words that a reader would use."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gatewise.estimators.forecaster.page.curves import horizon_curves
from gatewise.explaining.curves import memory_curves
from gatewise.explaining.remembering import duration
from gatewise.memory.interventions.horizon import horizon
from gatewise.report import Contents, render_page
from gatewise.unit import Unit
from gatewise.wording import figure, number, percent, span
from tests.browser.pages import lstm
from tests.memory import known
from tests.report.summaries import build_summary


@pytest.mark.parametrize(
    ("step", "count", "said"),
    [
        ("30 minutes", 30, "15 hours"),
        ("30 minutes", 3, "90 minutes"),
        ("15 minutes", 1, "15 minutes"),
        ("15 minutes", 96, "1 day"),
        ("15 minutes", 1001, "10.4 days"),
        ("20 minutes", 10, "3.3 hours"),
        ("12 hours", 3, "36 hours"),
        ("12 hours", 4, "2 days"),
        ("7 days", 2, "14 days"),
        ("2 weeks", 3, "6 weeks"),
        ("2 quarters", 4, "8 quarters"),
        ("1 quarter", 8, "8 quarters"),
        ("15 minutes", 9, "2.3 hours"),
        ("30 minutes", 225, "113 hours"),
        ("10 seconds", 9, "90 seconds"),
        ("10 seconds", 30, "5 minutes"),
        ("5 units", 3, "15 units"),
        ("1 day", 1, "1 day"),
        ("1 day", 1096, "1,096 days"),
        ("1 hour", 36, "36 hours"),
        ("1 row", 2, "2 steps"),
        ("1 step", 1, "1 step"),
        ("2 years", 5, "10 years"),
    ],
)
def test_steps_are_told_as_their_product(step: str, count: int, said: str) -> None:
    assert Unit.of(step).counted(count) == said


@pytest.mark.parametrize("noun", ["second", "minute", "hour", "day", "week", "quarter", "unit"])
@pytest.mark.parametrize("size", [1, 2, 5, 12, 30, 90])
def test_what_is_told_is_as_long_as_the_steps(noun: str, size: int) -> None:
    """The sweep: whatever the step, the words are worth what the steps are, and never "steps of"."""
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
    unit = Unit.of(f"{size} {noun}{'s' if size > 1 else ''}")
    for count in (1, 2, 7, 48, 365, 1000):
        number, _, word = unit.counted(count).partition(" ")
        assert "step" not in word
        worth = float(number.replace(",", "")) * seconds.get(word.removesuffix("s"), 1)
        assert worth == pytest.approx(count * size * seconds.get(noun, 1), rel=0.05)
        assert (word[-1] != "s") == (number == "1")


@pytest.mark.parametrize(
    ("step", "furthest", "each", "counted"),
    [
        ("30 minutes", 30, 0.5, "hours"),
        ("30 minutes", 3, 30, "minutes"),
        ("12 hours", 30, 0.5, "days"),
        ("2 weeks", 30, 2, "weeks"),
        ("1 day", 365, 1, "days"),
        ("1 hour", 400, 1, "hours"),
        ("", 30, 1, "steps"),
    ],
)
def test_an_axis_counts_what_the_sentences_count(
    step: str, furthest: int, each: float, counted: str
) -> None:
    assert Unit.of(step or "1 step").axis(furthest) == (each, counted)


@pytest.mark.parametrize("lag", [15, 40])
def test_the_memory_curves_stand_on_an_axis_of_that_unit(lag: int) -> None:
    task = known.delay_line(lag, batch_first=True)
    found = horizon(task.model, task.inputs)
    results = {"horizon": found, "horizon[a]": found}
    apart, single = {"member": {"horizon[a]": "first"}}, Unit.of("1 hour")
    for drawn, steps in zip(
        memory_curves(results, Unit.of("30 minutes"), apart),
        memory_curves(results, single, apart),
        strict=True,
    ):
        assert drawn.x_label == steps.x_label == "hours back"
        np.testing.assert_array_equal(np.asarray(drawn.x), np.asarray(steps.x) / 2)
        for mark, other in zip(drawn.marks, steps.marks, strict=True):
            assert mark.at == other.at / 2 == lag / 2
            assert mark.text == f"horizon {lag / 2:g}"
        for line, other_line in zip(drawn.lines, steps.lines, strict=True):
            assert line.dot is None or line.dot in drawn.x
            np.testing.assert_array_equal(line.y, other_line.y)


def test_timescales_and_errors_ahead_are_on_such_an_axis() -> None:
    half = Unit.of("30 minutes")
    page = Contents("half", unit=half, lag=30.0, records=(lstm(60, 4),))
    html = render_page(page)
    assert "Hours on a logarithmic axis" in html
    assert "lag 15 hours" in html
    evaluation = build_summary(count=60, horizon=7, steps=30).evaluation
    for curve in horizon_curves(evaluation, half):
        assert curve.x_label == "hours ahead"
        assert curve.x.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


def test_an_interval_is_in_the_unit_of_its_figure() -> None:
    assert Unit.of("30 minutes").spanned(30, 26, 35) == "15 hours (13–17.5)"
    assert Unit.of("1 day").spanned(37, 31, 44) == "37 days (31–44)"
    assert Unit.of("1 day").spanned(37, math.nan, math.nan) == "37 days"
    task = known.delay_line(30, batch_first=True)
    found = horizon(task.model, task.inputs)
    assert duration(found, Unit.of("30 minutes")) == "about 15 hours (15–15)"


def test_numbers_in_words_and_in_tables_have_a_minus_and_no_hyphen() -> None:
    for value in (-0.02, -768.4, -12345.6, -3e-7, 2e-12, -5e12):
        for text in (figure(value), percent(value), number(value), span(value, 1.0)):
            assert "-" not in text
        assert ("−" in figure(value)) == (value < 0 or abs(value) < 1e-4)
    assert span(-0.881, -0.412) == " (−0.881 to −0.412)"
    assert span(31, 44) == " (31–44)"
