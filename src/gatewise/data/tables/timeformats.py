"""The spellings of times as text that are read: a table of patterns, and what their parts mean.

A spelling is tried on the whole column. Where two of them fit every row and mean different times
(01/02/2010), the column decides by its step, and is refused where it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.steps import infer_step, stamp

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_Y, _YY = r"(?P<year>\d{4})", r"(?P<short>\d{2})"
_M, _D = r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
_NAME = r"(?P<name>[a-z]{3,9})\.?"
_MARK, _SAME = r"(?P<mark>[-/.])", r"(?P=mark)"
_Q, _H, _W = r"q(?:tr)?(?P<quarter>[1-4])", r"[hs](?P<half>[12])", r"w(?P<week>\d{2})"

DAYS = {
    "year-month-day": rf"{_Y}{_MARK}{_M}{_SAME}{_D}",
    "yearmonthday": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    "day/month/year": rf"{_D}{_MARK}{_M}{_SAME}{_Y}",
    "month/day/year": rf"{_M}{_MARK}{_D}{_SAME}{_Y}",
    "day/month/short year": rf"{_D}{_MARK}{_M}{_SAME}{_YY}",
    "month/day/short year": rf"{_M}{_MARK}{_D}{_SAME}{_YY}",
    "short year/month/day": rf"{_YY}{_MARK}{_M}{_SAME}{_D}",
    "day name year": rf"{_D}[-/. ]?{_NAME}[-/,. ]*{_Y}",
    "day name short year": rf"{_D}[-/. ]?{_NAME}[-/. ]?{_YY}",
    "name day, year": rf"{_NAME}[-/. ]*{_D}(?:st|nd|rd|th)?[-/,. ]+{_Y}",
    "year name day": rf"{_Y}[-/. ]?{_NAME}[-/. ]?{_D}",
    "year-day of the year": rf"{_Y}-(?P<ordinal>\d{{3}})",
    "year-week-day": rf"{_Y}[- ]?{_W}-?(?P<of_week>[1-7])",
}
"""Spellings of a day, which a weekday may come before and a time of day after."""

PERIODS = {
    "year-month": rf"{_Y}-{_M}",
    "month/year": rf"{_M}[-/.]{_Y}",
    "year name": rf"{_Y}[-/. ]?{_NAME}",
    "name year": rf"{_NAME}[-/,. ]*{_Y}",
    "name-short year": rf"{_NAME}[-']{_YY}",
    "year M month": rf"{_Y}[-: ]?m{_M}",
    "year quarter": rf"{_Y}[-:/. ]?{_Q}",
    "quarter year": rf"{_Q}[-:/. ]?{_Y}",
    "half year": rf"{_Y}[-: ]?{_H}",
    "year week": rf"{_Y}[-: ]?{_W}",
    "week from/to": rf"{_Y}-{_M}-{_D}/\d{{4}}-\d{{2}}-\d{{2}}",
    "year": _Y,
}
"""Spellings of a period, read as its first moment: what R's yearmon, yearqtr and tsibble and pandas'
periods are written as."""

_WEEKDAY = rf"(?:(?P<weekday>{'|'.join(WEEKDAYS)})[a-z]*\.?,?[- ]+)?"
_CLOCK = (
    r"(?:(?:T|,? +)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?"
    r"(?: ?(?P<noon>[ap])\.?m\.?)?"
    r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?"
)
_BASIC_CLOCK = (
    r"T(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?"
)

FORMS = {
    **{name: re.compile(_WEEKDAY + form + _CLOCK, re.IGNORECASE) for name, form in DAYS.items()},
    "yearmonthdayTclock": re.compile(DAYS["yearmonthday"] + _BASIC_CLOCK),
    **{name: re.compile(form, re.IGNORECASE) for name, form in PERIODS.items()},
}
_MONTH_WORD = rf"\b(?:{'|'.join(MONTHS)})[a-z]*\b"
_SUSPECT = re.compile(
    rf"(\d{{1,4}}[-/.]){{1,2}}\d{{1,4}}\D.*|(\d{{1,4}}[-/.]){{2}}\d{{1,4}}|\d{{4}}[-/]\d{{1,4}}"
    rf"|\D*\d.*{_MONTH_WORD}.*|.*{_MONTH_WORD}\D*\d.*|.*\b\d{{1,2}}:\d{{2}}\b.*"
    r"|(1[6-9]|20)\d{2}[-: ]?[a-z]{1,4}[-: ]?\d{1,3}|[a-z]{1,4}[-: ]?\d{0,3}[-: ](1[6-9]|20)\d{2}",
    re.IGNORECASE,
)
"""Text that is most likely a time, in whatever spelling: it is refused by name where no form fits."""

SHORT_YEARS = (30, 69)
"""Two-digit years that some read as 19xx and others as 20xx: the first, and the first after them."""


class UnreadableTimeError(ValueError):
    """The first row that no spelling fits, and why if there is more to say."""

    def __init__(self, row: int, reason: str = "") -> None:
        super().__init__(reason)
        self.row, self.reason = row, reason


@dataclass(frozen=True)
class TextTimes:
    """Times read from text: UTC where there was an offset, else as written."""

    values: NDArray[np.datetime64]  # [N] datetime64[us]
    zone: str | None  # "UTC", or the one offset that every row has, such as "+09:00"
    form: str  # the name of the spelling


def clean(text: str) -> str:
    """Return text without blanks and quotes around it."""
    return text.strip(" \t\r\n\"'")


def looks_like_time(texts: Sequence[str]) -> bool:
    """Say whether every one of these texts is a time in a known spelling, or most likely one."""
    return bool(texts) and all(_fits(clean(text)) for text in texts)


def _fits(text: str) -> bool:
    if _SUSPECT.fullmatch(text):
        return True
    for form in FORMS.values():
        found = form.fullmatch(text)
        if found:
            try:
                _moment(found)
            except ValueError:
                continue
            return True
    return False


def read_texts(texts: Sequence[str], form: str | None = None) -> TextTimes:
    """Read a column of text in the one spelling that fits every row; `form` is tried first.

    Raises UnreadableTimeError with the row that nothing fits, or where two spellings fit every row, mean
    different times and neither makes the rows regular.
    """
    order = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    distinct = [clean(text) for text in order]
    index = np.fromiter((order[text] for text in texts), dtype=np.int64, count=len(texts))
    first_row = np.unique(index, return_index=True)[1]
    readings: list[TextTimes] = []
    furthest, reason = 0, ""
    for name in _candidates(distinct[0], form):
        try:
            reading = _read(distinct, name)
        except UnreadableTimeError as error:
            if error.row >= furthest:
                furthest, reason = error.row, error.reason
            continue
        readings.append(TextTimes(reading.values[index], reading.zone, name))
        # What fitted once needs no rival: a few new rows such as 03/04/2024 would be ambiguous.
        if name == form:
            break
    if not readings:
        raise UnreadableTimeError(int(first_row[furthest]), reason)
    return _the_one(readings, texts)


def _candidates(text: str, form: str | None) -> list[str]:
    names = [name for name, pattern in FORMS.items() if pattern.fullmatch(text)]
    return sorted(names, key=lambda name: name != form)


def _read(texts: Sequence[str], name: str) -> TextTimes:
    """Read distinct texts in one spelling; UnreadableTimeError with the position of the first misfit."""
    pattern, moments, offsets = FORMS[name], [], set()
    aware = False
    for position, text in enumerate(texts):
        found = pattern.fullmatch(text)
        if found is None:
            raise UnreadableTimeError(position)
        try:
            moment = _moment(found)
        except (ValueError, OverflowError) as error:
            raise UnreadableTimeError(
                position, str(error) if "year" in str(error) else ""
            ) from None
        if position and aware != (moment.tzinfo is not None):
            raise UnreadableTimeError(position, MIXED)
        aware = moment.tzinfo is not None
        if aware:
            offsets.add(moment.utcoffset())
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        moments.append(moment)
    values = np.array(moments, dtype="datetime64[us]")
    return TextTimes(values, _zone_of(offsets) if aware else None, name)


MIXED = "times with and without a time zone are mixed"


def _zone_of(offsets: set[timedelta | None]) -> str:
    """Return the one offset as "+09:00"; "UTC" where it is zero or where there are several."""
    offset = next(iter(offsets))
    if len(offsets) > 1 or not offset:
        return "UTC"
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _the_one(readings: list[TextTimes], texts: Sequence[str]) -> TextTimes:
    """Return the only reading, or of several the one that makes the rows regular."""
    first = readings[0]
    others = [one for one in readings[1:] if not np.array_equal(one.values, first.values)]
    if not others:
        return first
    regular = [one for one in (first, *others) if _is_regular(one.values)]
    if len(regular) == 1:
        return regular[0]
    row = int(np.argmax(others[0].values != first.values))
    meanings = " or ".join(stamp(one.values[row]) for one in (first, *others))
    raise UnreadableTimeError(row, f"it may be {meanings}")


def _is_regular(values: NDArray[np.datetime64]) -> bool:
    """Say whether at least four distinct times lie one step apart, in whatever order they come."""
    distinct = np.unique(values)
    if len(distinct) < 4:
        return False
    return infer_step(distinct, np.array([0, len(distinct)]))[1] is None


def _moment(found: re.Match[str]) -> datetime:
    """Return the moment that the parts of a spelling mean; ValueError where there is none."""
    parts = {name: text for name, text in found.groupdict().items() if text is not None}
    day = _day(parts)
    weekday = parts.get("weekday")
    if weekday is not None and WEEKDAYS[day.weekday()] != weekday.lower():
        raise ValueError("another weekday")
    hour = int(parts.get("hour", 0))
    if "noon" in parts:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of a half day")
        hour = hour % 12 + 12 * (parts["noon"].lower() == "p")
    micro = int(parts.get("part", "0").ljust(9, "0")[:6])
    clock = (hour, int(parts.get("minute", 0)), int(parts.get("second", 0)), micro)
    return datetime(day.year, day.month, day.day, *clock, tzinfo=_offset(parts.get("zone")))


def _day(parts: dict[str, str]) -> date:
    year = int(parts["year"]) if "year" in parts else _long_year(int(parts["short"]))
    if "week" in parts:
        return date.fromisocalendar(year, int(parts["week"]), int(parts.get("of_week", 1)))
    if "ordinal" in parts:
        day = date(year, 1, 1) + timedelta(days=int(parts["ordinal"]) - 1)
        if day.year != year:
            raise ValueError("no such day")
        return day
    if "quarter" in parts:
        return date(year, 3 * int(parts["quarter"]) - 2, 1)
    if "half" in parts:
        return date(year, 6 * int(parts["half"]) - 5, 1)
    month = _month_of(parts["name"]) if "name" in parts else int(parts.get("month", 1))
    return date(year, month, int(parts.get("day", 1)))


def _month_of(name: str) -> int:
    """Return a month by its English name or the first three letters of it."""
    short = name.lower()[:3]
    full = (
        *("january", "february", "march", "april", "may", "june", "july", "august"),
        *("september", "october", "november", "december"),
    )
    month = MONTHS.index(short) if short in MONTHS else -1
    if month < 0 or not full[month].startswith(name.lower()):
        raise ValueError("no month")
    return month + 1


def _long_year(short: int) -> int:
    first, last = SHORT_YEARS
    if first <= short < last:
        raise ValueError(f"two digits leave open whether the year is 19{short} or 20{short}")
    return 2000 + short if short < first else 1900 + short


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text.upper() in {"Z", "UTC", "GMT"}:
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
