"""The bundled real data: `names`, `describe`, `load`. Terms stand in bundled/DATA-LICENSES.md."""

from __future__ import annotations

from gatewise.data.catalog import CATALOG, Dataset, find
from gatewise.data.files import FileFrame, read_frame

__all__ = ["Dataset", "describe", "load", "names"]


def names() -> tuple[str, ...]:
    """Return the names of the bundled sets."""
    return tuple(CATALOG)


def describe(name: str) -> Dataset:
    """Return rows, columns with their units, terms and citation of a bundled set.

    Raises FileError if there is no set of that name.
    """
    return find(name)


def load(name: str) -> FileFrame:
    """Return a bundled set as a polars frame. Raises FileError if there is none of that name."""
    return read_frame(f"dataset:{name}")
