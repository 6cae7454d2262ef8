"""Columns that follow from the time of a row: known as far ahead as the time itself.

What goes round is two columns, sine and cosine of where in the round the row lies, so that December
is as near to January as to November. Holidays, of the package of that name, are 1 on these days, else 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import numpy as np

from gatewise.choices import HOLIDAYS, Calendar, is_holidays
from gatewise.data.tables.zones import local
from gatewise.errors import DataError, OptionError, how_to_install, nearest
from gatewise.typing import AnyArray, Array

WAVES = ("sin", "cos")
WEEKEND = "weekend"
_SATURDAY = 5
_YEAR = 365.2425  # days, on the mean of four centuries


def calendar_columns(words: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that words such as "weekday" stand for: "weekday:sin", "weekday:cos".

    Raises DataError for a word that is none, or is there twice.
    """
    names: list[str] = []
    known = get_args(Calendar)
    for word in words:
        if is_holidays(word):
            _holidays(word.partition(":")[2], (2000,))  # a wrong place ends it at once
        elif word not in known:
            raise DataError(
                f"calendar: {word!r} is none of {', '.join(map(repr, known))}.{nearest(word, known)}"
            )
        alone = word == WEEKEND or is_holidays(word)
        added = [word] if alone else [f"{word}:{wave}" for wave in WAVES]
        if added[0] in names:
            raise DataError(f"calendar: {word!r} is listed twice: name it once")
        names += added
    return tuple(names)


def calendar_values(time: AnyArray, zone: str | None, names: tuple[str, ...]) -> Array:
    """Return the columns `names` [N, c] of times [N] on the clock of `zone`; NaN of no time."""
    values = np.full((len(time), len(names)), np.nan)
    known = ~np.isnat(time)
    shown = local(time[known], zone)
    for place, name in enumerate(names):
        word, _, wave = name.partition(":")
        if word == WEEKEND:
            values[known, place] = _weekday(shown) >= _SATURDAY
        elif word == HOLIDAYS:
            day = shown.astype("datetime64[D]")
            years = np.unique(day.astype("datetime64[Y]").astype(np.int64) + 1970)
            values[known, place] = np.isin(day, _holidays(wave, years.tolist()))
        else:
            turn = 2 * np.pi * _turn(shown, word)
            values[known, place] = np.sin(turn) if wave == "sin" else np.cos(turn)
    return values


def _holidays(place: str, years: Iterable[int]) -> AnyArray:
    """Return the holidays of a country such as "DE", or a part of it such as "DE-BY", as days.

    Raises OptionError without the package, DataError for a place that it does not know.
    """
    try:
        import holidays  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise OptionError(
            f"calendar: {HOLIDAYS}:{place} needs the package holidays: {how_to_install('holidays')}"
        ) from None
    country, _, part = place.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=list(years))
    except NotImplementedError:
        known = holidays.list_supported_countries()
        some = known[country] if country in known else list(known)
        what = f"part {part!r} of {country}" if country in known else f"country {country!r}"
        raise DataError(
            f"calendar: holidays are known of no {what}.{nearest(part or country, some)} Give codes of "
            "ISO 3166, such as holidays:DE or holidays:DE-BY"
        ) from None
    return np.array(sorted(found), dtype="datetime64[D]")


def _turn(shown: AnyArray, word: str) -> Array:
    """Return where in its round each time lies, [N], from 0 to 1.

    A unit counts from its middle: two that lie half a round apart then differ in both waves.
    """
    day = shown.astype("datetime64[D]")
    if word == "hour":
        seconds = (shown - day) / np.timedelta64(1, "s")
        return np.asarray((seconds + 1800) / 86400)
    if word == "weekday":
        return np.asarray((_weekday(shown) + 0.5) / 7)
    if word == "month":
        month = shown.astype("datetime64[M]").astype(np.int64) % 12
        return np.asarray((month + 0.5) / 12)
    first = shown.astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray(((day - first).astype(np.int64) + 0.5) / _YEAR)


def _weekday(shown: AnyArray) -> AnyArray:
    """Return the days since Monday, [N]."""
    days = shown.astype("datetime64[D]").astype(np.int64)
    return np.asarray((days + 3) % 7)  # 1970-01-01 was a Thursday
