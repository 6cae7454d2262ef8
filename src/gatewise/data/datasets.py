"""The bundled real data: `names`, `describe`, `load`. Terms stand in bundled/DATA-LICENSES.md."""

from __future__ import annotations

from typing import Any

from gatewise.data.catalog import CATALOG, DATASET, find
from gatewise.data.dataset import Dataset
from gatewise.data.files import read_frame
from gatewise.data.sequences.readers import read_labelled
from gatewise.data.sequences.texts import read_text

__all__ = ["Dataset", "describe", "load", "names"]


def names() -> tuple[str, ...]:
    """Return the names of the bundled sets."""
    return tuple(CATALOG)


def describe(name: str) -> Dataset:
    """Return rows, columns with their units, terms and citation of a bundled set.

    Raises FileError if there is no set of that name.
    """
    return find(name)


def load(name: str) -> Any:
    """Return a bundled set: a table as a polars frame, sequences as `Labelled`, a text as `str`.

    Raises FileError if there is none of that name.
    """
    kind = find(name).kind
    reader: Any = {"table": read_frame, "sequences": read_labelled, "text": read_text}[kind]
    return reader(f"{DATASET}{name}")
