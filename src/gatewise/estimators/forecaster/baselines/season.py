"""The season that a table's step suggests, in rows."""

from __future__ import annotations

from gatewise.data.tables.steps import DAY
from gatewise.data.tables.table import Table

_WEEK, _YEAR = 7, 365  # days


def default_season(table: Table) -> int | None:
    """Return the rows in one season, or None where the step suggests none.

    A day for shorter steps that divide it; for daily rows a year if some series spans two, else a
    week; a year for weeks, months and quarters.
    """
    step = table.step
    if step.kind == "months":
        return 12 // step.size if step.size < 12 and 12 % step.size == 0 else None
    length = step.microseconds
    if length is None:
        return None
    if length < DAY:
        return DAY // length if DAY % length == 0 else None
    if length == DAY:
        longest = int((table.starts[1:] - table.starts[:-1]).max())
        return _YEAR if longest >= 2 * _YEAR else _WEEK
    return 52 if length == _WEEK * DAY else None
