"""Numbers that are times: 20100131, 201001, seconds since 1970, years, and years with a fraction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DATE, MONTH, DECIMAL = "number yearmonthday", "number yearmonth", "decimal year"
WHOLE = "whole numbers"
"""What integers are that are none of the others."""
EPOCHS = {
    "seconds since 1970": 1_000_000.0,
    "milliseconds since 1970": 1_000.0,
    "microseconds since 1970": 1.0,
    "nanoseconds since 1970": 1e-3,
}
"""What one unit is in microseconds."""
_FROM, _UNTIL = (
    10**8,
    41 * 10**8,
)  # seconds: 1973 to 2099; below lie counters and dates such as 20100131
_YEARS = (1600, 2200)

MONTH_ROUNDING = 0.07
"""How far, in months, a decimal year may lie from a month: 1956.08 is February."""


def form_of(values: NDArray[np.float64 | np.int64], known: str | None = None) -> str | None:
    """Return which kind of time all of these numbers are, or None where they are plain numbers.

    `known` is the kind of the data of the fit: whole numbers stay whole numbers, and 1957.0 alone is a
    decimal year.
    """
    if not values.size or known == WHOLE:
        return None
    low, high = values.min(), values.max()
    if not np.isfinite(low) or not np.isfinite(high):
        return None
    if known == DECIMAL or np.any(values != np.floor(values)):
        return DECIMAL if _YEARS[0] <= low and high < _YEARS[1] and _in_months(values) else None
    for name, size in EPOCHS.items():
        units = 1e6 / size
        if _FROM * units <= low and high < _UNTIL * units:
            return name
    whole = values.astype(np.int64)
    if _are_dates(whole // 10000, whole // 100 % 100, whole % 100):
        return DATE
    return MONTH if _are_dates(whole // 100, whole % 100, np.ones_like(whole)) else None


def read_numbers(values: NDArray[np.float64 | np.int64], form: str) -> NDArray[np.datetime64]:
    """Return numbers of this form as datetime64[us] [N]."""
    if form == DECIMAL:
        months = np.rint((values - 1970) * 12).astype(np.int64)
        return months.astype("datetime64[M]").astype("datetime64[us]")
    if form in EPOCHS:
        size = EPOCHS[form]
        whole = values.astype(np.int64)
        micro = whole // 1000 if size < 1 else whole * int(size)
        return micro.astype("datetime64[us]")
    whole = values.astype(np.int64)
    if form == MONTH:
        return _dates(whole // 100, whole % 100, np.ones_like(whole))
    return _dates(whole // 10000, whole // 100 % 100, whole % 100)


def are_years(values: NDArray[np.float64 | np.int64]) -> bool:
    """Say whether all of these numbers are whole and may be years; they are read as plain integers."""
    if not values.size or not np.all(np.isfinite(values)):
        return False
    return bool(
        np.all(values == np.floor(values))
        and _YEARS[0] <= values.min()
        and values.max() < _YEARS[1]
    )


def are_steady(values: NDArray[np.float64 | np.int64]) -> bool:
    """Say whether numbers go up from row to row, or would be mostly regular if they were sorted.

    What is measured does neither; times do, also shuffled, reversed, with gaps or once per series.
    """
    if values.size < 2 or not np.all(np.isfinite(values)):
        return False
    if np.all(values[1:] >= values[:-1]) and np.any(values[1:] > values[:-1]):
        return True
    distinct = np.unique(values)
    if distinct.size < 3:
        return False
    gaps = np.diff(distinct)
    spread = np.isclose(gaps, np.median(gaps), rtol=0.1, atol=0)  # months are 28 to 31 days
    return bool(np.count_nonzero(spread) > gaps.size / 2)


def _in_months(values: NDArray[np.float64 | np.int64]) -> bool:
    months = np.asarray(values, dtype=np.float64) * 12
    return bool(np.all(np.abs(months - np.rint(months)) < MONTH_ROUNDING))


def _are_dates(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> bool:
    if not (np.all((year >= _YEARS[0]) & (year < _YEARS[1]) & (month >= 1) & (month <= 12))):
        return False
    if not np.all((day >= 1) & (day <= 31)):
        return False
    return bool(np.all(_dates(year, month, day).astype("datetime64[M]") == _months(year, month)))


def _months(year: NDArray[np.int64], month: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return ((year - 1970) * 12 + month - 1).astype("datetime64[M]")


def _dates(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.datetime64]:
    days: NDArray[np.datetime64] = _months(year, month).astype("datetime64[D]") + (day - 1).astype(
        "timedelta64[D]"
    )
    return days.astype("datetime64[us]")
