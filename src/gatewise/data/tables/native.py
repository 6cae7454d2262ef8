"""Frames of any library in, frames of the caller's own library out (through narwhals)."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gatewise.data.tables.timeformats import looks_like_time
from gatewise.data.tables.timenumbers import are_years, form_of
from gatewise.errors import DataError

Frame = nw.DataFrame[Any]
"""An eager narwhals frame: what the rest of this room reads."""

TIME_INDEX, SERIES_INDEX, ROW_INDEX = "ds", "unique_id", "index"
"""The column that an unnamed index of a pandas frame becomes: of times, of names beside times, else."""

COUNTED = "data rows are counted from 1"
"""What every message that names a row says."""

SAMPLE = 20
"""Values that are looked at to tell whether text is time."""


def as_frame(data: Any) -> Frame:
    """Wrap a pandas, polars or other eager frame.

    A pandas index becomes columns, under its own names or `ds` and the like, unless it only counts
    rows; where a column already has that name, the column stands. Raises DataError for anything that
    is not a table in memory and for a column name that occurs twice.
    """
    try:
        return nw.from_native(_with_names_as_text(_with_index(data)), eager_only=True)
    except nw.exceptions.DuplicateError as error:
        raise DataError(f"the table has two columns of one name: {_first_line(error)}") from None
    except TypeError:
        kind = type(data).__name__
        fix = (
            "call .collect() first" if kind == "LazyFrame" else "pass a pandas or polars DataFrame"
        )
        raise DataError(f"the data is a {kind}, not a table in memory: {fix}") from None


def index_columns(data: Any) -> tuple[str, ...]:
    """Return the names of the columns that `as_frame` makes of a pandas index."""
    pandas = nw.dependencies.get_pandas()
    if pandas is None or not isinstance(data, pandas.DataFrame):
        return ()
    names = _index_names(pandas, data.index)
    return tuple(name for name in names if name is not None and name not in data.columns)


def _with_index(data: Any) -> Any:
    """Turn a pandas index into columns; leave every other table alone."""
    kept = index_columns(data)
    if not kept:
        return data
    pandas = nw.dependencies.get_pandas()
    assert pandas is not None
    names = _index_names(pandas, data.index)
    unwanted = [level for level, name in enumerate(names) if name not in kept]
    data = data.reset_index(level=unwanted, drop=True) if unwanted else data
    return data.reset_index(names=list(kept))


def _with_names_as_text(data: Any) -> Any:
    """Return a pandas table whose columns are called by text: 3 becomes "3"."""
    pandas = nw.dependencies.get_pandas()
    if pandas is None or not isinstance(data, pandas.DataFrame):
        return data
    if all(isinstance(name, str) for name in data.columns):
        return data
    return data.set_axis([str(name) for name in data.columns], axis=1)


def _index_names(pandas: Any, index: Any) -> list[str | None]:
    """Return the column that each level of an index becomes; None for one that only counts rows."""
    if isinstance(index, pandas.MultiIndex):
        return _level_names(pandas, index)
    if isinstance(index, pandas.RangeIndex):
        return [None]
    if index.name is not None:
        return [str(index.name)]
    timed = _is_time_index(pandas, index)
    if index.inferred_type in {"integer", "floating"}:  # a column of dates comes before these
        counts = len(index) < 2 or bool((index[1:] - index[:-1] == 1).all())
        return [None if counts and not timed else ROW_INDEX]
    if timed:
        return [TIME_INDEX]
    return [None if index.inferred_type in {"string", "categorical", "empty"} else ROW_INDEX]


def _level_names(pandas: Any, index: Any) -> list[str | None]:
    """Return the columns of a MultiIndex; unnamed levels are `ds`, `unique_id` or refused."""
    levels = [index.get_level_values(number) for number in range(index.nlevels)]
    timed = [_is_time_index(pandas, level) for level in levels]
    named = [None if level.name is None else str(level.name) for level in levels]
    if None not in named:
        return list(named)
    if index.nlevels == 2 and sum(timed) == 1:
        defaults = [TIME_INDEX if is_time else SERIES_INDEX for is_time in timed]
        return [name or default for name, default in zip(named, defaults, strict=True)]
    raise DataError(
        f"the index has {index.nlevels} levels, not all with a name: name them with "
        'df.rename_axis(["unique_id", "ds"]), the series and the time of each row'
    )


def _is_time_index(pandas: Any, index: Any) -> bool:
    """Say whether the values of an unnamed index are times."""
    kinds = (pandas.DatetimeIndex, pandas.PeriodIndex, pandas.TimedeltaIndex)
    if isinstance(index, kinds) or index.inferred_type in {"date", "datetime", "datetime64"}:
        return True
    if index.inferred_type in {"integer", "floating"}:
        values = index.to_numpy(dtype=np.float64, na_value=np.nan)
        return form_of(values) is not None or are_years(values)
    texts = [value for value in index[:SAMPLE] if isinstance(value, str)]
    return len(texts) == min(len(index), SAMPLE) and looks_like_time(texts)


def type_name(column: nw.Series[Any]) -> str:
    """Return a column's type by its name in the frame's own library, in lower case."""
    native = column.to_native()
    kind = native.dtype if hasattr(native, "dtype") else native.type  # pyarrow's word
    return str(kind).lower()


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())


def is_missing(value: Any) -> bool:
    """Say whether one Python value stands for "no value": None, NaN, NaT or pandas' NA."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))
