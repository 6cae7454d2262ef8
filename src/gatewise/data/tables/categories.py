"""Columns of categories: read as labels, and numbered by what the training part has.

A network reads a label by its number, from which an embedding makes figures; 0 is "unknown", for a
label that training did not have and for a missing one. Sizes: N rows, G columns of categories.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from gatewise.choices import Role, Unseen
from gatewise.data.tables.native import COUNTED, Frame, is_missing
from gatewise.data.tables.timeformats import looks_like_time
from gatewise.errors import DataError
from gatewise.typing import Array32, Indices, Mask
from gatewise.wording import counted

MISSING = -1
"""The number of a label that is not there, in a table."""

MOST_LABELS = 1000
"""Labels of one column; what has more is an id, of which nothing general can be learnt."""

_TEXT = (nw.String, nw.Categorical, nw.Enum)
_SHOWN = 5


class Category(NamedTuple):
    """A column of categories and the part that it plays."""

    name: str
    role: Role

    @property
    def known_ahead(self) -> bool:
        """Whether its labels after now are seen."""
        return self.role != "inputs"


class Labels(NamedTuple):
    """The columns of categories of a table."""

    codes: Indices  # [N, G] numbers of labels; -1: missing
    names: tuple[tuple[str, ...], ...]  # the labels of each column, by their numbers

    @classmethod
    def none(cls) -> Labels:
        """Return those of a table without categories, whose rows need not be counted."""
        return cls(np.empty((0, 0), dtype=np.int64), ())

    def taken(self, rows: Any) -> Labels:
        """Return those of `rows`, a mask or numbers."""
        return Labels(self.codes[rows], self.names)


def holds_categories(frame: Frame, name: str) -> bool:
    """Say whether a column is of categories without anybody's word: text, but no number or time."""
    column = frame[name]
    if column.dtype not in (*_TEXT, nw.Object):
        return False
    values = list({value for value in column.to_list() if not is_missing(value)})
    if not values or not all(isinstance(value, str) for value in values):
        return False
    return not any(map(_is_number, values)) and not looks_like_time(values[:20])


def _is_number(text: str) -> bool:
    """Say whether a text is a number, also as people write it: 1,234 or 1.5e3."""
    try:
        float(text.replace(",", "").replace(" ", "").replace("'", ""))
    except ValueError:
        return False
    return True


def read_labels(
    frame: Frame, categories: Iterable[Category], rows: Indices, known: Labels | None
) -> Labels:
    """Return the labels of a frame's columns in the order of `rows`; absent columns are missing.

    Labels are numbered in alphabetical order, after those that are `known` from the data of the fit.
    Whole numbers are written without a fraction, whatever type they come in. Raises DataError for a
    column of other things and for one of more than `MOST_LABELS`.
    """
    codes, names = [], []
    for place, (name, _) in enumerate(categories):
        before = () if known is None else known.names[place]
        if name not in frame.columns:
            codes.append(np.full(len(rows), MISSING))
            names.append(before)
            continue
        texts = _texts(frame, name)
        new = sorted(set(texts) - {None, *before}, key=str)
        labels = (*before, *(label for label in new if label is not None))
        if len(labels) > MOST_LABELS:
            raise DataError(
                f"column {name!r} has {len(labels):,} different labels, and a category may have at most "
                f"{MOST_LABELS:,}: group the rare ones, or leave the column out"
            )
        number: dict[str | None, int] = {label: place for place, label in enumerate(labels)}
        number[None] = MISSING
        codes.append(np.array([number[text] for text in texts], dtype=np.int64)[rows])
        names.append(labels)
    if not codes:
        return Labels.none()
    return Labels(np.stack(codes, axis=1), tuple(names))


def _texts(frame: Frame, name: str) -> list[str | None]:
    """Return a column's labels as text, None where there is none."""
    values = frame[name].to_list()
    made: dict[Any, str | None] = {}
    for row, value in enumerate(values):
        try:
            if value in made:
                continue
        except TypeError:
            raise _no_label(name, row, value) from None
        if is_missing(value):
            made[value] = None
        elif isinstance(value, str):
            made[value] = value
        elif isinstance(value, bool | np.bool_):
            made[value] = str(bool(value)).lower()
        elif isinstance(value, int | np.integer):
            made[value] = str(value)
        elif isinstance(value, float | np.floating):
            figure = float(value)
            made[value] = str(int(figure)) if figure.is_integer() else str(figure)
        else:
            raise _no_label(name, row, value)
    return [made[value] for value in values]


def _no_label(name: str, row: int, value: Any) -> DataError:
    return DataError(
        f"column {name!r} is a category, and row {row + 1} is {str(value)[:40]!r} ({COUNTED}): give "
        "text, whole numbers or truth values"
    )


@dataclass(frozen=True)
class Vocabulary:
    """The labels that the training part has, of each column of categories; code 0 is any other."""

    categories: tuple[Category, ...]
    labels: tuple[tuple[str, ...], ...]

    @classmethod
    def fit(cls, categories: tuple[Category, ...], labels: Labels, rows: Mask) -> Vocabulary:
        """Return the labels that occur in `rows` [N].

        Raises DataError for a column with one label only, or none: nothing can be learnt from it.
        """
        found = []
        for place, (name, _) in enumerate(categories):
            seen = np.unique(labels.codes[rows, place])
            known = tuple(labels.names[place][code] for code in seen if code != MISSING)
            if len(known) < 2:
                held = f"always {known[0]!r}" if known else "empty"
                raise DataError(
                    f"column {name!r} is constant in the training part ({held}): leave it out"
                )
            found.append(tuple(sorted(known)))
        return cls(categories, tuple(found))

    def to_json(self) -> list[list[str]]:
        """Return the labels as JSON values; the table's columns say what they are of."""
        return [list(labels) for labels in self.labels]

    @classmethod
    def from_json(cls, categories: tuple[Category, ...], saved: list[list[str]]) -> Vocabulary:
        """Return what `to_json` wrote; a model from before there were categories has none."""
        return cls(categories, tuple(map(tuple, saved)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many labels each column has, [G]."""
        return tuple(map(len, self.labels))

    def codes(self, labels: Labels) -> Array32:
        """Return what a network reads of a table's labels, [N, G]: 0 for unknown, else 1, 2, …"""
        made = np.zeros(labels.codes.shape, dtype=np.float32)
        for place, names in enumerate(labels.names):
            number = {label: code for code, label in enumerate(self.labels[place], 1)}
            codes = np.array([*(number.get(label, 0) for label in names), 0])  # -1 is the last
            made[:, place] = codes[labels.codes[:, place]]
        return made

    def unseen(self, labels: Labels, rows: Mask, policy: Unseen) -> str | None:
        """Return a sentence on labels in `rows` [N] that training did not have; None: there are none.

        Raises DataError for them with the policy "refuse".
        """
        told = []
        for place, (name, _) in enumerate(self.categories):
            here, counts = np.unique(labels.codes[rows, place], return_counts=True)
            new = {
                labels.names[place][code]: int(count)
                for code, count in zip(here, counts, strict=True)
                if code != MISSING and labels.names[place][code] not in self.labels[place]
            }
            if not new:
                continue
            shown = ", ".join(map(repr, list(new)[:_SHOWN])) + (", …" if len(new) > _SHOWN else "")
            told.append(f"{shown} of {name!r} in {counted(sum(new.values()), 'row')}")
        if not told:
            return None
        sentence = f"categories that training did not have: {'; '.join(told)}"
        if policy == "refuse":
            raise DataError(f"{sentence}: take those rows out, or unseen='unknown'")
        return f"{sentence}; they are taken for unknown"
