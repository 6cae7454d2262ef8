"""Rows of features of which most are 0: what is not is listed, so that k-mers of any number fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from gatewise.typing import Array, Indices

_TERMS = 1 << 22
"""Products held at a time: 32 MiB for each class."""


@dataclass(frozen=True, eq=False)
class Rows:
    """n rows of D features; row i has `values[start[i]:start[i + 1]]` in the columns beside them."""

    start: Indices  # [n + 1]
    columns: Indices  # [terms]
    values: Array  # [terms]
    width: int  # D

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def counted(cls, row: Indices, column: Indices, rows: int, width: int) -> Rows:
        """Return how often each column was named for each row; columns below 0 are left out."""
        kept = column >= 0
        keys, counts = np.unique(row[kept] * width + column[kept], return_counts=True)
        start = np.searchsorted(keys, np.arange(rows + 1) * width)
        return cls(start.astype(np.int64), keys % width, counts.astype(np.float64), width)

    @classmethod
    def of(cls, table: Array) -> Rows:
        """Return a table `[n, D]` as rows, 0 included."""
        n, width = table.shape
        columns = np.tile(np.arange(width), n)
        return cls(np.arange(n + 1) * width, columns, table.ravel().astype(np.float64), width)

    @classmethod
    def beside(cls, parts: Sequence[Rows]) -> Rows:
        """Return the rows of all parts side by side."""
        count = len(parts[0])
        rows = [np.repeat(np.arange(count), np.diff(part.start)) for part in parts]
        shift = np.cumsum([0, *(part.width for part in parts)])
        order = np.argsort(np.concatenate(rows), kind="stable")
        columns = np.concatenate(
            [part.columns + by for part, by in zip(parts, shift[:-1], strict=True)]
        )
        values = np.concatenate([part.values for part in parts])
        start = np.sum([part.start for part in parts], axis=0)
        return cls(start, columns[order], values[order], int(shift[-1]))

    @classmethod
    def summed(cls, parts: Sequence[Rows]) -> Rows:
        """Return the sum of parts of the same columns, no column of which is in two parts of a row."""
        count, width = len(parts[0]), parts[0].width
        rows = [np.repeat(np.arange(count), np.diff(part.start)) for part in parts]
        order = np.argsort(np.concatenate(rows), kind="stable")
        columns = np.concatenate([part.columns for part in parts])[order]
        values = np.concatenate([part.values for part in parts])[order]
        return cls(np.sum([part.start for part in parts], axis=0), columns, values, width)

    def scaled(self, by: Array) -> Rows:
        """Return the rows with each column divided by one of `by` `[D]`."""
        return Rows(self.start, self.columns, self.values / by[self.columns], self.width)

    def normed(self) -> Rows:
        """Return each row divided by its sum, so that counts become shares."""
        sums = np.add.reduceat(
            np.append(self.values, 0.0), np.minimum(self.start[:-1], len(self.values))
        )
        sums = np.where(np.diff(self.start) > 0, sums, 1.0)
        values = self.values / np.repeat(sums, np.diff(self.start))
        return Rows(self.start, self.columns, values, self.width)

    def deviation(self) -> Array:
        """Return the standard deviation of each column `[D]`, 1 where it does not vary."""
        n = max(len(self), 1)
        mean = np.bincount(self.columns, self.values, minlength=self.width) / n
        square = np.bincount(self.columns, self.values**2, minlength=self.width) / n
        found = np.sqrt(np.maximum(square - mean**2, 0.0))
        return np.where(found > 1e-9, found, 1.0)

    def times(self, weights: Array) -> Array:
        """Return the products with `weights` `[D, C]`, `[n, C]`."""
        out = np.zeros((len(self), weights.shape[1]))
        size = max(1, _TERMS // max(1, int(np.diff(self.start).max(initial=1))))
        for first in range(0, len(self), size):
            start = self.start[first : first + size + 1]
            part = slice(start[0], start[-1])
            terms = weights[self.columns[part]] * self.values[part, None]
            filled = np.flatnonzero(np.diff(start) > 0)
            if len(filled):
                out[first + filled] = np.add.reduceat(terms, start[filled] - start[0], axis=0)
        return out

    def dense(self, part: slice) -> Array:
        """Return some rows as a table, `[m, D]`."""
        start = self.start[part.start : part.stop + 1]
        terms = slice(start[0], start[-1])
        out = np.zeros((len(start) - 1, self.width))
        out[np.repeat(np.arange(len(start) - 1), np.diff(start)), self.columns[terms]] = (
            self.values[terms]
        )
        return out

    def sparse(self) -> Any:
        """Return them as SciPy's sparse rows."""
        scipy: Any = import_module("scipy.sparse")  # comes with scikit-learn, an extra
        return scipy.csr_matrix((self.values, self.columns, self.start), (len(self), self.width))
