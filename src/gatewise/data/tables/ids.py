"""The series column: names as text, the type that they came in, and names written otherwise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.native import COUNTED, type_name
from gatewise.errors import DataError

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,4})?")


@dataclass(frozen=True)
class Ids:
    """The series of a table."""

    names: tuple[str, ...]  # in order of appearance
    index: NDArray[np.int64]  # [N] each row's number among them
    kind: str  # the type of the column, by its name in narwhals


def read_ids(column: nw.Series[Any], name: str, known: Sequence[str] = ()) -> Ids:
    """Return the names of the series and each row's number among them.

    `known` are the names in the data of the fit: a column of another type than text that could only be
    read from a file without the others (1 for "01", where there is "A2" beside it) gets those names.
    Raises DataError for empty names, for types that are no names, and for names that differ only in
    how they are written.
    """
    if column.null_count():
        row = int(np.asarray(column.is_null().to_numpy()).argmax())
        raise DataError(f"series column {name!r} is empty in row {row + 1} ({COUNTED})")
    # decimals are names only where a file without text names could not be read otherwise
    loose = column.dtype.is_float()
    if column.dtype.is_temporal() or column.dtype.is_nested() or (loose and not known):
        raise DataError(
            f"series column {name!r} holds values of type {type_name(column)}: use text or integers"
        )
    is_text = column.dtype in (nw.String, nw.Categorical, nw.Enum)
    values = column.cast(nw.String).to_list() if is_text else column.to_list()
    numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
    index = np.fromiter(map(numbers.__getitem__, values), dtype=np.int64, count=len(values))
    names = [str(value) for value in numbers]
    if len(set(names)) < len(names):
        twice = max(names, key=names.count)
        raise DataError(f"series column {name!r} has {twice!r} both as text and as a number")
    _refuse_alike(name, names)
    if known:
        given_as_text = is_text or column.dtype == nw.Object
        names = [_known_name(name, one, known, given_as_text) for one in names]
        _refuse_alike(name, names)
    if loose and not set(names) <= set(known):
        raise DataError(
            f"series column {name!r} holds decimals, and {next(n for n in names if n not in known)!r} "
            "is no series of the fitted data: use text or integers"
        )
    return Ids(tuple(names), index, type(column.dtype).__name__)


def _known_name(column: str, name: str, known: Sequence[str], given_as_text: bool) -> str:
    """Return a name as the data of the fit has it; DataError where text is only written otherwise."""
    if name in known:
        return name
    meant = [one for one in known if _value(one) == _value(name)]
    if len(meant) != 1:
        return name
    if given_as_text:
        raise DataError(
            f"series column {column!r} has {name!r}, and the fitted data {meant[0]!r}: write the names "
            "as they are there"
        )
    return meant[0]


def _refuse_alike(column: str, names: Sequence[str]) -> None:
    """Raise DataError for two names that differ only in blanks around them or in a ".0"."""
    form: Callable[[str], str] = lambda name: re.sub(r"(?<=\d)\.0*$", "", name.strip())  # noqa: E731
    for alike, count in Counter(map(form, names)).items():
        if count > 1:
            one, other, *_ = (name for name in names if form(name) == alike)
            raise DataError(
                f"series column {column!r} has {one!r} and {other!r}: write one series in one way"
            )


def _value(name: str) -> str:
    """Return what a name comes to where numbers and truth values are read as such."""
    text = name.strip()
    if _NUMBER.fullmatch(text):
        return str(Decimal(text).normalize() + 0)
    return text.casefold() if text.casefold() in {"true", "false"} else text
