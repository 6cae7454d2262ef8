"""Frames of the caller's own library out: times in his zone, series names in his type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.ids import read_ids
from gatewise.data.tables.native import as_frame
from gatewise.data.tables.table import Table
from gatewise.data.tables.zones import from_utc, has_zone, zone_of


def frame_like(
    example: Any,
    data: dict[str, NDArray[Any]],
    *,
    time: str | None = None,
    series: str | None = None,
    zone: str | None = None,
    ids: str = "String",
    known: Sequence[str] = (),
) -> Any:
    """Build a native frame from one-dimensional columns, in the library that `example` comes from.

    `example` is a frame, the name of a library such as "pandas", or a `Table` (polars then). Times
    become what the column `time` of `example` holds: dates, or datetimes in its zone; else, where
    `zone` is given, they are UTC instants and become datetimes of that zone. NaT becomes a null.
    The names in the column `series` become the values of that column of `example`, else values of
    the type `ids`; `known` are the names that `example` was read with.
    """
    backend: Any = "polars" if isinstance(example, Table) else example
    frame_given = None
    if not isinstance(backend, str):
        frame_given = as_frame(example)
        backend = frame_given.implementation
    given = {} if frame_given is None else {name: frame_given[name] for name in frame_given.columns}
    frame = nw.from_dict(data, backend=backend)
    changed = [
        _as_times(frame[name], None if time is None else given.get(time), zone)
        for name, array in data.items()
        if np.issubdtype(array.dtype, np.datetime64)
    ]
    if series is not None and series in data:
        names = [str(name) for name in data[series]]
        column = given.get(series)
        if column is not None:
            # The names are text by now, which would not join with integers or enums in the example.
            changed.append(_values_of(column, names, known).alias(series))
        else:
            changed.append(_of_type(frame[series], names, ids))
    return frame.with_columns(*changed).to_native()


def _as_times(
    times: nw.Series[Any], like: nw.Series[Any] | None, zone: str | None
) -> nw.Series[Any]:
    """Return naive times as dates or datetimes of the kind of `like`; with a zone they are UTC."""
    name = times.name
    if like is not None and has_zone(like):
        return from_utc(times, zone_of(like) or "UTC", like).alias(name)
    if zone is not None:
        return from_utc(times, zone).alias(name)
    if like is None:
        return times
    if like.dtype == nw.Date and not times.implementation.is_pandas_like():
        return times.cast(nw.Date)
    return times.cast(like.dtype) if like.dtype == nw.Datetime else times


def _values_of(
    column: nw.Series[Any], names: Sequence[str], known: Sequence[str]
) -> nw.Series[Any]:
    """Return, for each name, the value of the series column that it was read from."""
    read = read_ids(column, column.name, known)
    first = dict(zip(read.names, np.unique(read.index, return_index=True)[1].tolist(), strict=True))
    return column[[first[name] for name in names]]


def _of_type(column: nw.Series[Any], names: Sequence[str], ids: str) -> nw.Series[Any]:
    """Return series names as values of a type, by its name in narwhals."""
    if ids == "Boolean":
        values: NDArray[Any] = np.array([name == "True" for name in names], dtype=bool)
    elif ids.startswith(("Int", "UInt")) and names:
        kind: Any = getattr(nw, ids)
        return nw.new_series(
            column.name, [int(name) for name in names], kind, backend=column.implementation
        )
    elif ids in {"Categorical", "Enum"}:
        return column.cast(nw.Categorical)
    else:
        return column
    return nw.new_series(column.name, values, nw.Boolean, backend=column.implementation)
