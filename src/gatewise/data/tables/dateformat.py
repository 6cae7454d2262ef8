"""Times in the one spelling that the user names, in the letters of C's `strptime`, such as %d.%m.%Y."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import narwhals.stable.v2 as nw
import numpy as np

from gatewise.typing import AnyArray

_PROBE = datetime(2013, 11, 28, 17, 45, 59)
"""A moment in which no two parts could be taken for each other."""


def is_date_format(form: object) -> bool:
    """Say whether a text can be the spelling of times: whether it writes a year that it reads back."""
    if not isinstance(form, str):
        return False
    try:
        return _strptime(_PROBE.strftime(form), form).year == _PROBE.year
    except (ValueError, TypeError):
        return False


def read_formatted(texts: Sequence[str], form: str) -> tuple[AnyArray, bool]:
    """Return the times [N] that texts in this spelling are, and whether they had a zone.

    datetime64[us]: those with an offset (%z) in UTC, a text that is not in this spelling as NaT. What
    the spelling leaves out is the first: of %Y-%m the day is 1.
    """
    quick = _all_at_once(texts, form)
    if quick is not None:
        return quick, False
    read: dict[str, datetime | None] = {}
    for text in texts:
        if text not in read:
            try:
                read[text] = _strptime(text, form)
            except (ValueError, TypeError, OverflowError):
                read[text] = None
    zoned = any(moment is not None and moment.tzinfo is not None for moment in read.values())
    plain = {
        text: moment.astimezone(UTC).replace(tzinfo=None) if moment and moment.tzinfo else moment
        for text, moment in read.items()
    }
    return np.array([plain[text] for text in texts], dtype="datetime64[us]"), zoned


def _strptime(text: str, form: str) -> datetime:
    if "%d" in form or "%j" in form or "%U" in form or "%W" in form or "%V" in form:
        return datetime.strptime(text, form)
    # a day of its own, so that nobody is warned of leap days in a year that is not named
    return datetime.strptime(f"{text} 1", f"{form} %d")


def _all_at_once(texts: Sequence[str], form: str) -> AnyArray | None:
    """Read all texts in polars where it reads this spelling as Python does; None where it does not."""
    if "%z" in form.lower() or "%p" in form or "%y" in form:
        return None  # where the two might part
    probe = _PROBE.strftime(form)
    try:
        if _in_polars([probe], form)[0] != np.datetime64(_strptime(probe, form), "us"):
            return None
        return _in_polars(texts, form)
    except Exception:  # polars has its own type for it, and the slow way finds the row
        return None


def _in_polars(texts: Sequence[str], form: str) -> AnyArray:
    column = nw.new_series("time", texts, nw.String, backend="polars")
    read: AnyArray = column.str.to_datetime(format=form).to_numpy()
    return read.astype("datetime64[us]")
