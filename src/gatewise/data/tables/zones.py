"""Time zones: of a column of any library, and the local clock of UTC instants.

narwhals knows a pandas zone only if its name has letters and "/": `America/New_York` and `Etc/GMT+5`
come through as an unknown type. Here the zone is asked of the column itself.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.steps import stamp as plain_stamp
from gatewise.errors import DataError

_NOT_IN_POLARS = {"Factory", "localtime"}
"""Names in a system's time zone database that stand for no place."""
_WITH_MINUTES = {
    "+04:30": "Asia/Kabul",
    "+05:30": "Asia/Kolkata",
    "+05:45": "Asia/Kathmandu",
    "+06:30": "Asia/Yangon",
    "+08:45": "Australia/Eucla",
    "+09:30": "Australia/Darwin",
    "-09:30": "Pacific/Marquesas",
}
"""Offsets that are no whole hours, and a place that has kept to them for long."""
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})")


def zone_of(column: nw.Series[Any]) -> str | None:
    """Return the name of a column's zone ("UTC", "America/New_York", "+05:30"), None without one."""
    zone = _native_zone(column)
    return None if zone is None else zone_name(zone)


def has_zone(column: nw.Series[Any]) -> bool:
    """Say whether a column holds times with a zone."""
    return _native_zone(column) is not None


def to_utc(column: nw.Series[Any]) -> nw.Series[Any]:
    """Return a column of times with a zone as UTC instants without one."""
    if column.implementation.is_pandas_like():
        native = column.to_native()
        return nw.from_native(native.dt.tz_convert("UTC").dt.tz_localize(None), series_only=True)
    return column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def from_utc(
    column: nw.Series[Any], zone: str, like: nw.Series[Any] | None = None
) -> nw.Series[Any]:
    """Return UTC instants as times of a zone; of the type of `like`, if given.

    polars knows no bare offsets: they become a zone that has that offset at all of these times, such as
    `Etc/GMT-1` or `Asia/Kolkata`, else UTC.
    """
    if column.implementation.is_pandas_like():
        native = column.to_native().dt.tz_localize("UTC")
        kind = None if like is None else like.to_native().dtype
        native = native.dt.tz_convert(_as_object(zone)) if kind is None else native.astype(kind)
        return nw.from_native(native, series_only=True)
    named = _for_polars(zone, column)
    column = column.dt.replace_time_zone("UTC").dt.convert_time_zone(named)
    return column if like is None else column.cast(like.dtype)


def _as_object(zone: str) -> str | tzinfo:
    """Return a bare offset as the object that pandas wants, a name as it is."""
    found = _OFFSET.fullmatch(zone)
    if found is None:
        return zone
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset)


def _for_polars(zone: str, column: nw.Series[Any]) -> str:
    """Return a zone of polars whose clock shows these UTC instants as `zone` does, else UTC."""
    found = _OFFSET.fullmatch(zone)
    if found is None:
        return "UTC" if zone in _NOT_IN_POLARS else zone
    if found[3] == "00" and int(found[2]) <= 12:
        return f"Etc/GMT{'-' if found[1] == '+' else '+'}{int(found[2])}"
    named = _WITH_MINUTES.get(zone, "UTC")
    time = column.drop_nulls().to_numpy()
    return named if np.array_equal(local(time, named), local(time, zone)) else "UTC"


def zone_name(zone: str | tzinfo) -> str:
    """Return a zone's name: that of the database, else its offset, else "UTC"."""
    if isinstance(zone, tzinfo):
        zone = _named(zone)
    found = _OFFSET.fullmatch(zone)
    if found:
        return "UTC" if found[2] + found[3] == "0000" else f"{found[1]}{found[2]}:{found[3]}"
    return zone


def local(time: NDArray[Any], zone: str | None) -> NDArray[Any]:
    """Return UTC instants [...] as the clock of a zone shows them; other times as they are.

    Raises DataError for a zone that the time zone database does not know.
    """
    time = np.asarray(time)
    if zone is None or time.dtype.kind != "M" or zone == "UTC" or zone in _NOT_IN_POLARS:
        return time
    found = _OFFSET.fullmatch(zone)
    if found:
        offset = np.timedelta64(60 * int(found[2]) + int(found[3]), "m")
        return np.asarray(time - offset if found[1] == "-" else time + offset)
    flat = time.astype("datetime64[us]").ravel()
    column = nw.new_series("time", flat, nw.Datetime("us"), backend="polars")
    try:
        column = column.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    except Exception as error:  # polars has its own type for it
        raise DataError(
            f"the time zone {zone!r} is not in the time zone database: convert the times to UTC"
        ) from error
    shown: NDArray[Any] = column.dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
    return shown.reshape(time.shape)


def time_text(value: Any, zone: str | None = None) -> str:
    """Return a timestamp as ISO text, without a clock where it is midnight, or a step number.

    With a zone, the timestamp is UTC and the text is what the clock of that zone shows.
    """
    if isinstance(value, np.datetime64):
        if np.isnat(value):
            return "–"
        value = local(np.array([value]), zone)[0]
        text = str(value.astype("datetime64[s]"))
        return text.removesuffix("T00:00:00").replace("T", " ")
    return str(value)


def from_local(moment: np.datetime64, zone: str | None) -> np.datetime64:
    """Return the first instant at which the clock of a zone shows at least `moment`, in UTC.

    Where clocks were put forward over it, that is the end of the gap; where they were put back over
    it, the first of its two times.
    """
    if zone is None:
        return moment
    # No zone is more than a day from UTC, and clocks change on whole seconds by less than a day.
    low, high = moment - np.timedelta64(26, "h"), moment + np.timedelta64(26, "h")
    minutes = np.arange(low, high, np.timedelta64(1, "m"))
    at = int(np.argmax(local(minutes, zone) >= moment))
    found = minutes[at]
    exact = found - (local(np.array([found]), zone)[0] - moment)
    shown: np.datetime64 = exact if local(np.array([exact]), zone)[0] == moment else found
    return shown


def stamp(time: Any, zone: str | None = None) -> str:
    """Write one time as people do; with a zone, its clock and, unless it is midnight, its offset."""
    if zone is None or not isinstance(time, np.datetime64) or np.isnat(time):
        return plain_stamp(time)
    text = plain_stamp(local(np.array([time]), zone)[0])
    return f"{text}{offset_text(time, zone)}" if " " in text else text


def offset_text(time: np.datetime64, zone: str) -> str:
    """Return how far a zone's clock is from UTC at one instant, such as "+09:00"."""
    minutes = int((local(np.array([time]), zone)[0] - time) // np.timedelta64(1, "m"))
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _native_zone(column: nw.Series[Any]) -> Any:
    if not column.implementation.is_pandas_like():
        return getattr(column.dtype, "time_zone", None)
    kind = column.to_native().dtype
    arrow = getattr(kind, "pyarrow_dtype", None)
    return getattr(kind if arrow is None else arrow, "tz", None)


def _named(zone: tzinfo) -> str:
    """Return the name of a zone object of zoneinfo, pytz or dateutil, or of a fixed offset."""
    for attribute in ("key", "zone"):
        name = getattr(zone, attribute, None)
        if isinstance(name, str):
            return name
    file = getattr(zone, "_filename", None)  # dateutil's zones are files
    if isinstance(file, str) and "zoneinfo/" in file:
        return file.rpartition("zoneinfo/")[2]
    summer, winter = (zone.utcoffset(datetime(2020, month, 1)) for month in (7, 1))
    if summer is None or summer != winter:
        return "UTC"
    minutes = round(summer / timedelta(minutes=1))
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
