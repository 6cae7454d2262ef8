"""A catalogue of the bundled sets: what they hold, their terms, where they come from and their files."""

from __future__ import annotations

import re
from pathlib import Path

from gatewise.data.bundled_sequences import SEQUENCES
from gatewise.data.bundled_tables import TABLES
from gatewise.data.bundled_texts import TEXTS
from gatewise.data.dataset import Dataset
from gatewise.errors import FileError, nearest

FOLDER = Path(__file__).parent / "bundled"

DATASET = "dataset:"
"""The prefix that names a bundled set instead of a file."""

CATALOG = {**TABLES, **SEQUENCES, **TEXTS}


def find(name: str) -> Dataset:
    """Return the bundled set called `name`; FileError with the nearest names if there is none."""
    if name not in CATALOG:
        raise FileError(
            f"no bundled data set {name!r}.{nearest(name, CATALOG)} There are: {', '.join(CATALOG)}"
        )
    return CATALOG[name]


_WRITTEN = {"degC": "°C", "m3/s": "m³/s", "W/m2": "W/m²"}
LONGEST_UNIT = 10


def units_of(source: str | None) -> dict[str, str]:
    """Return the unit of each column of a `dataset:NAME`, where it has one; else nothing is known."""
    kind, _, name = (source or "").partition(":")
    if kind != "dataset" or name not in CATALOG or CATALOG[name].kind != "table":
        return {}
    first = {column: re.split(r"[,:(]", text)[0] for column, text in CATALOG[name].columns.items()}
    return {
        column: _WRITTEN.get(unit, unit)
        for column, unit in first.items()
        if len(unit) <= LONGEST_UNIT and unit != "date"  # longer ones are descriptions
    }


def bundled_paths(name: str) -> tuple[Path, ...]:
    """Return the files of a bundled set: of one that is made of others, theirs."""
    about = find(name)
    if about.members:
        return tuple(path for member, _ in about.members for path in bundled_paths(member))
    return tuple(FOLDER / file for file in about.all_files)


def table_path(name: str) -> Path:
    """Return the table of a bundled set; FileError where it has none."""
    path = bundled_paths(name)[0]
    if not path.name.endswith(".csv.gz"):
        raise FileError(
            f"dataset:{name} is no table ({find(name).kind}): gw.datasets.load({name!r}) reads it"
        )
    return path


def dataset_name(data: object) -> str | None:
    """Return NAME of the text "dataset:NAME", None for anything else."""
    is_named = isinstance(data, str) and data.startswith(DATASET)
    return str(data)[len(DATASET) :] if is_named else None
