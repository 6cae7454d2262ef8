"""Which column is the time, and which tells series apart, where nobody says so.

A column that may be the time is taken, to be read or refused by name: rows that were silently
counted in its place would lose the calendar and every check of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gatewise.data.tables.native import SAMPLE, Frame, is_missing
from gatewise.data.tables.reading import is_period
from gatewise.data.tables.timeformats import looks_like_time
from gatewise.data.tables.timenumbers import EPOCHS, WHOLE, are_steady, are_years, form_of
from gatewise.data.tables.zones import has_zone
from gatewise.errors import DataError

TIME, NO_TIME = "ds", "none"
"""The name of the time column that is looked for, and the word that says that rows are the steps."""

NAMES = frozenset(("ds", "date", "time", "datetime", "timestamp", "datestamp", "epoch", "moment"))
PARTS = ("quarter", "qtr", "month", "week", "day", "doy", "dayofyear", "yday", "hour")
"""Names, in lower case, of columns that hold a time, and of its parts beside a column "year"."""


def find_time(table: Frame, free: list[str], index: Iterable[str]) -> str | None:
    """Return the column of the times among those that play no part yet, None where there is none.

    `index` are the columns that a pandas index became. Raises DataError where several columns could
    be the time, and where it is spread over columns such as year and month.
    """
    if TIME in free:
        return TIME
    levels = [name for name in free if name in set(index)]
    found = _only_one(
        [name for name in free if _holds_dates(table, name)],
        [name for name in free if holds_time_text(table[name])],
        [name for name in free if table[name].dtype.is_temporal()],  # durations, times of day
        [name for name in free if name.casefold().replace("_", "") in NAMES],
    )
    if found is not None:
        return found
    _refuse_split_time(table)
    kinds = {name: _kind_of_numbers(table[name], in_index=name in levels) for name in free}
    return _only_one(
        [name for name, kind in kinds.items() if kind not in (None, *EPOCHS)],
        [name for name, kind in kinds.items() if kind in EPOCHS],  # or a population, beside years
        [name for name in levels if table[name].dtype.is_numeric()],
        levels,
    )


def _only_one(*groups: list[str]) -> str | None:
    """Return the column in the first group that is not empty; DataError where it has several."""
    found = next(filter(None, groups), [])
    if len(found) > 1:
        listed = ", ".join(map(repr, found))
        raise DataError(f"several columns could be the time ({listed}): choose one with time=...")
    return found[0] if found else None


def _refuse_split_time(table: Frame) -> None:
    """Raise DataError where year and month, say, stand in columns of their own."""
    names = {str(name).casefold(): str(name) for name in table.columns}
    parts = [names[part] for part in ("year", *PARTS) if part in names]
    if len(parts) < 2 or "year" not in names:
        return
    listed = ", ".join(map(repr, parts))
    raise DataError(
        f"the time is spread over the columns {listed}: join them in one column, such as 2010-01, "
        '2010Q1 or 2010-01-31, or count rows as steps with time="none"'
    )


def _holds_dates(table: Frame, name: str) -> bool:
    column = table[name]
    return column.dtype in (nw.Date, nw.Datetime) or has_zone(column) or is_period(column)


def holds_time_text(column: nw.Series[Any]) -> bool:
    """Say whether the first values of a text column are times; the whole column is read later."""
    if column.dtype not in (nw.String, nw.Object, nw.Categorical, nw.Enum):
        return False
    values = [
        value for value in column.drop_nulls().head(SAMPLE).to_list() if not is_missing(value)
    ]
    if values and all(hasattr(value, "isoformat") for value in values):
        return True
    texts = [value for value in values if isinstance(value, str)]
    return len(texts) == len(values) and looks_like_time(texts)


def _kind_of_numbers(column: nw.Series[Any], *, in_index: bool) -> str | None:
    """Return the kind of time that the numbers in a column are; outside an index they go up as times do.

    Gaps do not count here: they are refused by row when the time is read.
    """
    if not (column.dtype.is_integer() or column.dtype.is_float()):
        return None
    values = np.asarray(column.drop_nulls().to_numpy())
    values = values if values.dtype.kind in "iuf" else values.astype(np.float64)
    values = values[~np.isnan(values)]
    kind = form_of(values) or (WHOLE if are_years(values) else None)
    return kind if in_index or are_steady(values) else None
