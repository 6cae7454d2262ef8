"""Frames of any library in, frames of the caller's own library out (through narwhals)."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gatewise.errors import DataError

Frame = nw.DataFrame[Any]
"""An eager narwhals frame: what the rest of this room reads."""

INDEX_NAME = "ds"
"""The column that an unnamed time index of a pandas frame becomes."""


def as_frame(data: Any) -> Frame:
    """Wrap a pandas, polars or other eager frame.

    A pandas `DatetimeIndex` or `PeriodIndex` becomes a column, under its own name or `ds`, unless
    a column already has that name. Raises DataError for anything that is not a table in memory
    and for a column name that occurs twice.
    """
    try:
        return nw.from_native(_with_time_index(data), eager_only=True)
    except nw.exceptions.DuplicateError as error:
        raise DataError(f"the table has two columns of one name: {_first_line(error)}") from None
    except TypeError:
        kind = type(data).__name__
        fix = (
            "call .collect() first" if kind == "LazyFrame" else "pass a pandas or polars DataFrame"
        )
        raise DataError(f"the data is a {kind}, not a table in memory: {fix}") from None


def _with_time_index(data: Any) -> Any:
    """Turn a pandas time index into a column; leave every other table alone."""
    pandas = nw.dependencies.get_pandas()
    if pandas is None or not isinstance(data, pandas.DataFrame):
        return data
    index = data.index
    if not isinstance(index, (pandas.DatetimeIndex, pandas.PeriodIndex)):
        return data
    name = INDEX_NAME if index.name is None else str(index.name)
    if name in data.columns:
        return data
    if isinstance(index, pandas.PeriodIndex):
        data = data.set_axis(index.to_timestamp())
    return data.reset_index(names=name)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())


def is_missing(value: Any) -> bool:
    """Say whether one Python value stands for "no value": None, NaN, NaT or pandas' NA."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))
