"""What baselines that read numbers see of categories: a column of 0 and 1 for each frequent label.

A label that is known up to now is read at the origin alone, one that is known ahead at each step.
Sizes: N rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gatewise.data.tables.categories import MISSING
from gatewise.data.tables.table import Table
from gatewise.typing import Array, Mask

MOST_LABELS = 20
"""Labels of one column that are told apart, those that most rows have."""


@dataclass(frozen=True)
class Indicators:
    """The labels of each column of categories that have a column of their own."""

    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()  # column, and labels

    @classmethod
    def fit(cls, table: Table, rows: Mask) -> tuple[Indicators, tuple[str, ...]]:
        """Return the labels that are frequent in `rows [N]`, and sentences on those left out."""
        found, notes = [], []
        for place, (name, _) in enumerate(table.columns.categories):
            codes = table.labels.codes[rows, place]
            seen, counts = np.unique(codes[codes != MISSING], return_counts=True)
            kept = seen[np.argsort(-counts, kind="stable")[:MOST_LABELS]]
            labels = table.labels.names[place]
            found.append((name, tuple(sorted(labels[code] for code in kept))))
            if len(seen) > MOST_LABELS:
                notes.append(
                    f"The baselines tell {MOST_LABELS} of the {len(seen)} labels of {name} apart, the "
                    "most frequent."
                )
        return cls(tuple(found)), tuple(notes)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, which no column of a table has."""
        return tuple(_name(column, label) for column, labels in self.labels for label in labels)

    def applied(self, table: Table) -> Table:
        """Return the table with the columns; labels that are not among them are 0 in all of these."""
        if not self.labels:
            return table
        ahead: list[tuple[str, int, tuple[str, ...]]] = []
        at_origin: list[tuple[str, int, tuple[str, ...]]] = []
        for column, labels in self.labels:
            place, role = self._place(table, column)
            (ahead if role == "future" else at_origin).append((column, place, labels))
        names = table.columns
        first = len(names.target + names.inputs + names.future)
        blocks = [
            table.values[:, :first],
            *(_block(table, place, labels) for _, place, labels in ahead),
            table.values[:, first:],
            *(_block(table, place, labels) for _, place, labels in at_origin),
        ]
        more = [
            tuple(_name(column, label) for column, _, labels in group for label in labels)
            for group in (ahead, at_origin)
        ]
        return replace(
            table,
            values=np.concatenate(blocks, axis=1),
            columns=replace(names, future=names.future + more[0], static=names.static + more[1]),
        )

    def _place(self, table: Table, column: str) -> tuple[int, str]:
        categories = table.columns.categories
        place = [name for name, _ in categories].index(column)
        return place, categories[place].role

    def to_json(self) -> list[Any]:
        """Return the labels as JSON values."""
        return [[column, list(labels)] for column, labels in self.labels]

    @classmethod
    def from_json(cls, saved: list[Any]) -> Indicators:
        """Return what `to_json` wrote."""
        return cls(tuple((column, tuple(labels)) for column, labels in saved))


NO_INDICATORS = Indicators()


def _name(column: str, label: str) -> str:
    return f"{column}\x1f{label}"


def _block(table: Table, place: int, labels: tuple[str, ...]) -> Array:
    """Return the columns of some labels, `[N, len(labels)]`."""
    number = {label: code for code, label in enumerate(table.labels.names[place])}
    codes = np.array([number.get(label, MISSING - 1) for label in labels], dtype=np.int64)
    found: Array = (table.labels.codes[:, place, None] == codes).astype(np.float64)
    return found
