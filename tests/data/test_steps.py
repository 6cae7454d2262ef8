"""The step between rows: laws of `after`, and what is regular."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.data.tables.steps import DAY, HOUR, ROWS, Step, follows, infer_step, stamp

DAILY = Step("fixed", DAY)


def inferred(stamps) -> tuple[Step, int | None]:
    time = np.asarray(stamps)
    time = time if time.dtype == np.int64 else time.astype("datetime64[us]")
    return infer_step(time, np.array([0, len(time)]))


@pytest.mark.parametrize(
    ("frequency", "text"),
    [
        ("15min", "15 minutes"),
        ("h", "1 hour"),
        ("D", "1 day"),
        ("10s", "10 seconds"),
        ("250ms", "250 milliseconds"),
        ("W-MON", "1 week"),
        ("10D", "10 days"),
        ("MS", "1 month"),
        ("ME", "1 month"),
        ("QS", "1 quarter"),
        ("QE", "1 quarter"),
        ("YS", "1 year"),
        ("YE", "1 year"),
        ("2YS", "2 years"),
        ("SME", None),
        ("B", None),
    ],
)
def test_every_calendar_is_found_and_continued(frequency, text):
    stamps = pd.date_range("2018-12-31 00:00", periods=40, freq=frequency).to_numpy()
    stamps = stamps.astype("datetime64[us]")
    step, broken = inferred(stamps[:20])
    if text is None:
        assert broken is not None
        return
    assert broken is None
    assert step.text == text
    np.testing.assert_array_equal(step.after(stamps[19], np.arange(1, 21)), stamps[20:])


@pytest.mark.parametrize(
    ("stamps", "anchor", "following"),
    [
        (["2021-01-15", "2021-02-15", "2021-03-15"], 15, "2021-04-15"),
        (["2021-01-30", "2021-02-28", "2021-03-30"], 30, "2021-04-30"),
        (["2021-01-31", "2021-02-28", "2021-03-31"], 31, "2021-04-30"),
        (["2021-06-30", "2021-09-30"], 31, "2021-12-31"),
        (["2021-07-01", "2021-08-01", "2021-09-01"], 1, "2021-10-01"),  # 31 days each
        (["2021-01-01", "2022-01-01", "2023-01-01"], 1, "2024-01-01"),  # 365 days each
        (["2022-12-31T18:30", "2023-01-31T18:30"], 31, "2023-02-28T18:30"),
    ],
)
def test_months_hold_their_day(stamps, anchor, following):
    step, broken = inferred(np.array(stamps, "datetime64[us]"))
    assert (step.kind, step.anchor, broken) == ("months", anchor, None)
    assert step.after(np.datetime64(stamps[-1], "us"), 1) == np.datetime64(following)


def test_thirty_days_are_no_month():
    step, broken = inferred(np.array(["2021-04-01", "2021-05-01", "2021-05-31"], "datetime64[us]"))
    assert (step.text, broken) == ("30 days", None)


@pytest.mark.parametrize(
    ("stamps", "text", "broken"),
    [
        (["2020-01-01", "2020-01-02", "2020-01-04", "2020-01-05"], "1 day", 2),
        (["2020-01-31", "2020-02-29", "2020-04-30", "2020-05-31"], "1 month", 2),
        (["2020-01-01", "2020-02-01", "2020-03-03"], "31 days", None),
        (["2020-01-01T00:00", "2020-02-01T00:00", "2020-03-03T06:00"], "31 days", 2),
    ],
)
def test_the_first_break_is_found(stamps, text, broken):
    step, at = inferred(np.array(stamps, "datetime64[us]"))
    assert (step.text, at) == (text, broken)


def test_integers():
    assert inferred(np.array([5, 10, 15])) == (Step("fixed", 5, clock=False), None)
    assert inferred(np.array([5, 10, 16]))[1] == 2
    assert Step("fixed", 5, clock=False).text == "5 units"


def test_gaps_between_series_do_not_count():
    time = np.array([1, 2, 3, 100, 101])
    assert infer_step(time, np.array([0, 3, 5])) == (Step("fixed", 1, clock=False), None)


def test_single_rows_have_no_step():
    assert inferred(np.array([7])) == (ROWS, None)
    assert infer_step(np.array([7, 9]), np.array([0, 1, 2])) == (ROWS, None)


def test_rows_cannot_know_later_dates():
    day = np.datetime64("2020-01-03", "us")
    assert np.isnat(ROWS.after(day, 1))
    assert ROWS.after(day, 0) == day
    assert ROWS.after(np.array([7]), np.array([0, 3])).tolist() == [7, 10]


@given(
    start=st.integers(0, 20_000),
    first=st.integers(-50, 50),
    second=st.integers(-50, 50),
    step=st.one_of(
        st.builds(Step, st.just("fixed"), st.integers(1, 10 * DAY)),
        st.builds(Step, st.just("months"), st.integers(1, 24), anchor=st.just(31)),
        st.builds(Step, st.just("months"), st.integers(1, 24), anchor=st.just(1)),
    ),
)
def test_steps_add_up(start, first, second, step):
    """`after` is an action of the integers on the times that keep to the step."""
    begin = np.datetime64(start, "D").astype("datetime64[us]")
    if step.kind == "months":
        begin = step.after(begin, 0)
    there = step.after(step.after(begin, first), second)
    assert there == step.after(begin, first + second)
    times = step.after(begin, np.arange(5))
    assert follows(step, times, np.array([0, 5])) is None
    assert infer_step(times, np.array([0, 5]))[1] is None


def test_follows_names_the_row():
    times = np.array(["2020-01-01", "2020-01-02", "2020-01-04"], "datetime64[us]")
    assert follows(DAILY, times, np.array([0, 3])) == 2
    assert follows(DAILY, times, np.array([0, 2, 3])) is None
    assert follows(ROWS, times, np.array([0, 3])) is None


def test_only_constant_lengths_of_time_have_a_length():
    assert DAILY.microseconds == DAY
    assert Step("fixed", 1, clock=False).microseconds is None
    assert Step("months", 1, anchor=1).microseconds is None


@pytest.mark.parametrize("step", [DAILY, ROWS, Step("months", 3, anchor=31), Step("fixed", HOUR)])
def test_json_round_trip(step):
    assert Step.from_json(step.to_json()) == step


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T18:00", "2020-01-01 18:00"),
        ("2020-01-01T18:00:05", "2020-01-01 18:00:05"),
        ("2020-01-01T18:00:05.25", "2020-01-01 18:00:05.25"),
        ("2020-01-01T00:00:00.5", "2020-01-01 00:00:00.5"),
        ("NaT", "no date"),
    ],
)
def test_stamps_read_well(time, text):
    assert stamp(np.datetime64(time, "us")) == text


def test_integer_stamps():
    assert stamp(np.int64(1985)) == "1985"
