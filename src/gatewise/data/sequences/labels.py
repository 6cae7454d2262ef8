"""Labels in any usual form as codes of classes or numbers: of sequences, or of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.data.sequences.reading import Reading
from gatewise.data.tables.native import is_missing
from gatewise.errors import DataError, nearest
from gatewise.typing import AnyArray, Indices
from gatewise.wording import counted

_WHOLE = 2.0**53


@dataclass(frozen=True)
class Labels:
    """Labels as `Labelled` holds them."""

    values: AnyArray
    classes: tuple[str, ...]
    per_step: bool
    columns: tuple[str, ...] = ()
    """Of a table, that they are from."""


def read_labels(given: Any, lengths: Indices, names: tuple[str, ...], reading: Reading) -> Labels:
    """Return the labels of n sequences of `lengths`.

    given: n labels (a list, an array, a column of a frame), [n, K] numbers, a list of n lists with a
        label for each step, a padded array [n, T] of them, one for each step [N], or a mapping by name
        that has all of them.
    Missing labels (None, NaN, "") are -1 or NaN. Raises DataError where they do not fit.
    """
    if isinstance(given, Mapping):
        given = [given[name] for name in names]
    values, per_step = _flat(given, lengths, names, reading)
    return Labels(*as_labels(values, reading), per_step)


def as_labels(values: Any, reading: Reading) -> tuple[AnyArray, tuple[str, ...]]:
    """Return values [N] as codes of classes, or numbers [N] or [N, K] as float32 without classes."""
    array = _as_array(values)
    kind = reading.label_kind
    if kind is None:
        decimals = array.dtype.kind == "f" and not _are_whole(array)
        kind = "numbers" if decimals or array.ndim == 2 else "classes"
    if kind == "numbers" and not reading.classes:
        return _numbers(array), ()
    if array.ndim != 1:
        raise DataError(f"labels of classes are one for each sequence or step, not {array.shape}")
    texts, codes = _texts(array)
    return _ordered(texts, codes, reading.classes)


def unmatched_sentence(missing: list[str], surplus: list[str]) -> str:
    """Return which sequences have no label and which labels no sequence, some of each by name."""
    told = []
    if missing:
        told.append(f"{counted(len(missing), 'sequence')} without a label ({_some(missing)})")
    if surplus:
        told.append(f"{counted(len(surplus), 'label')} without a sequence ({_some(surplus)})")
    return " and ".join(told)


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (", …" if len(names) > 3 else "")


def _flat(
    given: Any, lengths: Indices, names: tuple[str, ...], reading: Reading
) -> tuple[Any, bool]:
    """Return labels one after the other, and whether they are of steps, by their shape."""
    count, steps = len(lengths), int(lengths.sum())
    array = given if isinstance(given, np.ndarray) else None
    if array is None and not isinstance(given, list | tuple):
        array = np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
    if array is not None and array.dtype != object:
        return _flat_array(array, lengths, reading)
    items: list[Any] = list(given) if array is None else array.tolist()
    if len(items) == count and items and all(_is_list(item) for item in items):
        return _of_lists(items, lengths, names, reading)
    per_step = reading.per_step if reading.per_step is not None else len(items) != count
    _check_count(len(items), steps if per_step else count, count, steps)
    return items, per_step


def _is_list(item: Any) -> bool:
    return isinstance(item, list | tuple) or (isinstance(item, np.ndarray) and item.ndim > 0)


def _flat_array(array: AnyArray, lengths: Indices, reading: Reading) -> tuple[AnyArray, bool]:
    count, steps = len(lengths), int(lengths.sum())
    if array.ndim == 2 and len(array) == count:
        width = array.shape[1]
        padded = width >= lengths.max(initial=0)
        by_kind = padded and width > 1 and array.dtype.kind != "f"
        if reading.per_step or (reading.per_step is None and by_kind):
            if not padded:
                raise DataError(f"labels [{count}, {width}] are shorter than the longest sequence")
            return array[np.arange(width) < lengths[:, None]], True
        return (array[:, 0] if width == 1 else array), False
    per_step = reading.per_step if reading.per_step is not None else len(array) != count
    _check_count(len(array) if array.ndim else 0, steps if per_step else count, count, steps)
    return array, per_step


def _of_lists(
    items: list[Any], lengths: Indices, names: tuple[str, ...], reading: Reading
) -> tuple[Any, bool]:
    """Return labels that are a list for each sequence: of its steps, or K numbers."""
    sizes = np.array([len(item) for item in items])
    fits = bool((sizes == lengths).all())
    if reading.per_step is False or (
        reading.per_step is None and not fits and len(set(sizes)) == 1
    ):
        return np.array([list(item) for item in items], dtype=np.float64), False
    if not fits:
        row = int((sizes != lengths).argmax())
        raise DataError(
            f"sequence {names[row]!r} has {counted(int(lengths[row]), 'step')} and "
            f"{counted(int(sizes[row]), 'label')}"
        )
    if all(isinstance(item, np.ndarray) and item.dtype != object for item in items):
        return np.concatenate(items), True
    return [label for item in items for label in item], True


def _check_count(found: int, wanted: int, count: int, steps: int) -> None:
    if found != wanted:
        raise DataError(
            f"{found:,} labels fit neither {counted(count, 'sequence')} nor {counted(steps, 'step')}"
        )


def _as_array(values: Any) -> AnyArray:
    """Return labels as an array of numbers, truth values or texts; of anything else, of objects."""
    if isinstance(values, np.ndarray):
        return values
    kinds = {type(value) for value in values}
    if kinds <= {str} or kinds <= {int} or kinds <= {float} or kinds <= {bool}:
        return np.array(values) if values else np.zeros(0, dtype=np.int64)
    if all(issubclass(kind, int | float | np.number) and kind is not bool for kind in kinds):
        return np.array(values)
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def _are_whole(array: AnyArray) -> bool:
    known = array[~np.isnan(array)]
    return bool(((known == np.floor(known)) & (np.abs(known) < _WHOLE)).all())


def _numbers(array: AnyArray) -> AnyArray:
    if array.dtype == object:
        array = np.array([np.nan if is_missing(value) else value for value in array.tolist()])
    if array.dtype.kind not in "biuf":
        wrong = array.ravel()[0] if array.size else ""
        raise DataError(f"labels are to be numbers, and one is {str(wrong)[:40]!r}")
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32)
    if np.isinf(numbers).any():
        row = int(np.isinf(numbers).reshape(len(numbers), -1).any(axis=1).argmax())
        raise DataError(f"label {row + 1:,} is infinite, or too large for 32 bits")
    return numbers


def _texts(array: AnyArray) -> tuple[list[str], Indices]:
    """Return the distinct labels, in order, and the number of each value's among them; -1: missing."""
    if array.dtype.kind == "f":
        if not _are_whole(array):
            raise DataError(
                "labels are to be classes, and they are decimals: numbers are for a regressor"
            )
        missing = np.isnan(array)
        found, known = np.unique(array[~missing].astype(np.int64), return_inverse=True)
        codes = np.full(len(array), -1, dtype=np.int64)
        codes[~missing] = known
        return [str(one) for one in found.tolist()], codes
    if array.dtype.kind == "b":
        return ["false", "true"], array.astype(np.int64)
    if array.dtype.kind in "iuU":
        found, codes = np.unique(array, return_inverse=True)
        names = [str(one) for one in found.tolist()]
        codes = codes.reshape(-1).astype(np.int64)
        if names and names[0] == "":
            return names[1:], codes - 1
        return names, codes
    if array.dtype.kind != "O":
        raise DataError(f"labels of type {array.dtype} are no classes: use texts or whole numbers")
    return _texts_of_objects(array.tolist())


def _texts_of_objects(values: list[Any]) -> tuple[list[str], Indices]:
    texts: list[str | None] = []
    for place, value in enumerate(values):
        if is_missing(value) or value == "":
            texts.append(None)
        elif isinstance(value, bool | np.bool_):
            texts.append(str(bool(value)).lower())
        elif isinstance(value, str | int | np.integer):
            texts.append(str(value))
        elif isinstance(value, float | np.floating) and float(value).is_integer():
            texts.append(str(int(value)))
        else:
            raise DataError(
                f"label {place + 1:,} is {str(value)[:40]!r}: use texts or whole numbers for classes"
            )
    known = [text for text in texts if text is not None]
    names = sorted(set(known), key=_by_number if all(map(_is_whole, known)) else str)
    number: dict[str | None, int] = {name: code for code, name in enumerate(names)}
    number[None] = -1
    return names, np.array([number[text] for text in texts], dtype=np.int64)


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii()


def _by_number(text: str) -> tuple[int, str]:
    return int(text), text


def _ordered(
    texts: list[str], codes: Indices, classes: tuple[str, ...]
) -> tuple[Indices, tuple[str, ...]]:
    """Return codes of the given classes, of a fitted model; else of those that there are."""
    used = np.bincount(codes[codes >= 0], minlength=len(texts)) > 0
    if not classes:
        if not used.any():
            raise DataError("every label is missing")
        return codes, tuple(texts)
    new = [
        text for text, is_used in zip(texts, used, strict=True) if is_used and text not in classes
    ]
    if new:
        count = int(np.isin(codes, [texts.index(text) for text in new]).sum())
        raise DataError(
            f"{counted(count, 'label')} that the model was not trained on: {_some(new)}; it knows "
            f"{', '.join(map(repr, classes[:10]))}.{nearest(new[0], classes)}"
        )
    place = [classes.index(text) if text in classes else -1 for text in texts]
    return np.array([*place, -1], dtype=np.int64)[codes], classes
