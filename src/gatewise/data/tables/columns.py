"""Which column plays which part: target, inputs, future, static, time and series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

from gatewise.choices import Role
from gatewise.data.finding import NO_TIME, find_time
from gatewise.data.tables.calendar import calendar_columns
from gatewise.data.tables.categories import Category, holds_categories
from gatewise.data.tables.native import Frame, as_frame, index_columns
from gatewise.errors import DataError, nearest
from gatewise.typing import Names

SERIES, TARGET = "unique_id", "y"
"""The names that are looked for, beside "ds" for the time, when none are given."""


@dataclass(frozen=True)
class Columns:
    """The part that each column of a table plays; no column plays two."""

    target: tuple[str, ...]  # what is predicted
    inputs: tuple[str, ...]  # known up to now only
    future: tuple[str, ...]  # known ahead, such as a calendar or a forecast
    static: tuple[str, ...]  # one value per series
    time: str | None  # None: the rows are steps 0, 1, 2, ...
    series: str | None  # None: one series
    calendar: tuple[str, ...] = ()  # those of the inputs or of the future that the time gives
    categories: tuple[Category, ...] = ()  # those that hold labels, and in which part

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
            **({"calendar": list(self.calendar)} if self.calendar else {}),
            **({"categories": [list(one) for one in self.categories]} if self.categories else {}),
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Columns:
        """Return the columns that `to_json` wrote."""
        roles = {role: tuple(saved[role]) for role in ("target", "inputs", "future", "static")}
        calendar = tuple(saved.get("calendar", ()))
        categories = tuple(Category(*one) for one in saved.get("categories", ()))
        return cls(
            **roles,
            time=saved["time"],
            series=saved["series"],
            calendar=calendar,
            categories=categories,
        )

    def named(self, role: Role) -> tuple[str, ...]:
        """Return the columns of a part, those of categories among them."""
        numbers: tuple[str, ...] = getattr(self, role)
        return numbers + tuple(one.name for one in self.categories if one.role == role)


def resolve_columns(
    frame: Any,
    *,
    target: Names | None = None,
    inputs: Names = (),
    future: Names = (),
    static: Names = (),
    time: str | None = None,
    series: str | None = None,
    calendar: Names = (),
    categories: Names = (),
    ahead: bool = True,
    need_target: bool = True,
) -> Columns:
    """Find each role's columns in `frame` and refuse what cannot be right.

    Without a name, the target is "y", the series column "unique_id" if there is one, and the time
    "ds" if there is one, else the only column, or index, that holds times or may hold them, else
    none: the rows are then steps 0, 1, 2. time="none" says so. A pandas MultiIndex of a time and
    something else is a panel. With `need_target=False` the target's columns may be absent.

    `calendar` are words such as "hour" and "weekday", whose columns are made of the time: known
    `ahead` (among `future`), or for a virtual sensor, ahead of which nothing lies, among `inputs`.
    `categories` are columns that hold labels and not numbers; text among inputs, future and static
    does so by itself, unless it is numbers or times.

    Raises DataError for an unknown column (with the nearest names), for a column in two roles,
    where several columns could be the time and where it is spread over several.
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
        hint = "; target=... names another" if role == "target" and target is None else ""
        for name in names:
            _check_known(name, role, known, hint)
    levels = index_columns(frame)
    # Before the time is looked for: ids that are numbers such as 2001, 2002 could pass for it.
    series = _find_series(series, known, roles)
    rows_meant = time == NO_TIME and NO_TIME not in known
    if rows_meant:
        time = None
    elif time is not None:
        _check_known(time, "time", known)
    else:
        taken = {series}.union(*roles.values())
        time = find_time(table, [name for name in known if name not in taken], levels)
    if len(levels) > 1:
        series = _series_of_levels(levels, series, time, rows_meant=rows_meant)
    _check_roles({**roles, "time": _optional(time), "series": _optional(series)})
    declared = _names("categories", categories)
    labels = _take_categories(table, roles, declared)
    made = calendar_columns(_names("calendar", calendar))
    roles["future" if ahead else "inputs"] += made
    return Columns(**roles, time=time, series=series, calendar=made, categories=labels)


def _take_categories(
    table: Frame, roles: dict[str, tuple[str, ...]], declared: tuple[str, ...]
) -> tuple[Category, ...]:
    """Take the columns of categories out of their `roles`, and return them with these."""
    found: list[Category] = []
    for role in get_args(Role):
        found += [
            Category(name, role)
            for name in roles[role]
            if name in declared or holds_categories(table, name)
        ]
        taken = {one.name for one in found}
        roles[role] = tuple(name for name in roles[role] if name not in taken)
    for name in declared:
        if name not in {one.name for one in found}:
            raise DataError(
                f"category {name!r} is none of the inputs, future or static columns: list it there too"
            )
    return tuple(found)


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
        f"no column {name!r} ({role}){hint}.{nearest(name, known)} The table has: {listed}"
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


def _series_of_levels(
    levels: tuple[str, ...], series: str | None, time: str | None, *, rows_meant: bool
) -> str:
    """Return the level of a MultiIndex that tells series apart; DataError unless one is left."""
    left = [level for level in levels if level not in (time, series)]
    listed = ", ".join(map(repr, levels))
    if time in levels and series is None and len(left) == 1:
        return left[0]
    if series is not None and (rows_meant or not left):
        return series
    raise DataError(
        f"the index has the levels {listed}, and only one may tell series apart, beside the time: name "
        "it with series=... and the time with time=..., and join or drop the others "
        "after reset_index"
    )
