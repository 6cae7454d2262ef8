"""Which column plays which part: target, inputs, future, static, time and series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from gatewise.data.native import Frame, as_frame, is_missing
from gatewise.errors import DataError, nearest

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
ANY_DATE = re.compile(r"(\d{1,4}[-/.]){1,2}\d{1,4}\D.*|(\d{1,4}[-/.]){2}\d{1,4}|\d{4}[-/]\d{2}")
"""Dates of other forms, such as 31/01/2012, 1.2.12, 01/31/2012 04:00, 2012-01."""
TIME, SERIES, TARGET = "ds", "unique_id", "y"
"""The names that are looked for when none are given."""

Names = str | Sequence[str]


@dataclass(frozen=True)
class Columns:
    """The part that each column of a table plays; no column plays two."""

    target: tuple[str, ...]  # what is predicted
    inputs: tuple[str, ...]  # known up to now only
    future: tuple[str, ...]  # known ahead, such as a calendar or a forecast
    static: tuple[str, ...]  # one value per series
    time: str | None  # None: the rows are steps 0, 1, 2, ...
    series: str | None  # None: one series

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that hold numbers, in the order of `Table.values`."""
        return self.target + self.inputs + self.future + self.static

    def to_json(self) -> dict[str, Any]:
        """Return the columns as JSON values."""
        return {
            "target": list(self.target),
            "inputs": list(self.inputs),
            "future": list(self.future),
            "static": list(self.static),
            "time": self.time,
            "series": self.series,
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Columns:
        """Return the columns that `to_json` wrote."""
        roles = {role: tuple(saved[role]) for role in ("target", "inputs", "future", "static")}
        return cls(**roles, time=saved["time"], series=saved["series"])


def resolve_columns(
    frame: Any,
    *,
    target: Names | None = None,
    inputs: Names = (),
    future: Names = (),
    static: Names = (),
    time: str | None = None,
    series: str | None = None,
    need_target: bool = True,
) -> Columns:
    """Find each role's columns in `frame` and refuse what cannot be right.

    Without a name, the target is "y", the series column "unique_id" if there is one, and the time
    "ds" if there is one, else the only column of dates (or of ISO dates as text), else none: the
    rows are then steps 0, 1, 2. With `need_target=False` the target's columns may be absent.

    Raises DataError for an unknown column (with the nearest names), for a column in two roles, and
    where several columns could be the time.
    """
    table = as_frame(frame)
    known = [str(name) for name in table.columns]
    roles = {
        "target": _names("target", TARGET if target is None else target),
        "inputs": _names("inputs", inputs),
        "future": _names("future", future),
        "static": _names("static", static),
    }
    if not roles["target"]:
        raise DataError("target is empty: name the column to predict")
    for role, names in roles.items():
        if role == "target" and not need_target:
            continue
        hint = ", or name another with target=..." if role == "target" and target is None else ""
        for name in names:
            _check_known(name, role, known, hint)
    series = _find_series(series, known, roles)
    time = _find_time(table, time, series, known, roles)
    _check_roles({**roles, "time": _optional(time), "series": _optional(series)})
    return Columns(**roles, time=time, series=series)


def _optional(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _names(role: str, given: Names) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    for name in names:
        if not isinstance(name, str):
            raise DataError(f"{role} must be names of columns, as text: {name!r} is none")
    return names


def _check_known(name: str, role: str, known: Iterable[str], hint: str = "") -> None:
    known = list(known)
    if name in known:
        return
    listed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
    raise DataError(
        f"no column {name!r} ({role}).{nearest(name, known)} The table has: {listed}{hint}"
    )


def _check_roles(roles: dict[str, tuple[str, ...]]) -> None:
    """Refuse a column named twice, in one role or in two."""
    seen: dict[str, str] = {}
    for role, names in roles.items():
        for name in names:
            if seen.get(name) == role:
                raise DataError(f"column {name!r} is listed twice under {role}: name it once")
            if name in seen:
                raise DataError(
                    f"column {name!r} is both {seen[name]} and {role}: a column plays one part only"
                )
            seen[name] = role


def _find_series(
    series: str | None, known: list[str], roles: dict[str, tuple[str, ...]]
) -> str | None:
    if series is not None:
        _check_known(series, "series", known)
        return series
    taken = any(SERIES in names for names in roles.values())
    return SERIES if SERIES in known and not taken else None


def _find_time(
    table: Frame,
    time: str | None,
    series: str | None,
    known: list[str],
    roles: dict[str, tuple[str, ...]],
) -> str | None:
    if time is not None:
        _check_known(time, "time", known)
        return time
    taken = {name for names in roles.values() for name in names} | {series}
    if TIME in known and TIME not in taken:
        return TIME
    free = [name for name in known if name not in taken]
    dates = [name for name in free if table[name].dtype.is_temporal()]
    dates = dates or [name for name in free if _looks_like_dates(table, name, ISO_DATE)]
    # A date in another form is taken too, to be refused by name when it is read: rows that were
    # silently counted would lose the calendar and every check of the time.
    dates = dates or [name for name in free if _looks_like_dates(table, name, ANY_DATE)]
    if len(dates) > 1:
        listed = ", ".join(map(repr, dates))
        raise DataError(f"several columns could be the time ({listed}): choose one with time=...")
    return dates[0] if dates else None


def _looks_like_dates(table: Frame, name: str, form: re.Pattern[str]) -> bool:
    """Say whether a text column starts with a date of this form; the whole column is read later.

    Integers count too where they are called a date and are of the form 20120131.
    """
    column = table[name]
    if column.dtype.is_integer() and form is ANY_DATE and "date" in name.casefold():
        return all(len(str(value)) == len("20120131") for value in column.head(100).to_list())
    if column.dtype not in (nw.String, nw.Object):
        return False
    first = next((value for value in column.head(100).to_list() if not is_missing(value)), None)
    text = first if isinstance(first, str) else ""
    return hasattr(first, "isoformat") or form.fullmatch(text) is not None
