"""Tables, windows and scaling without leakage; the bundled sets. No torch in this room."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.data.datasets import Dataset
    from gatewise.data.files import read_frame, write_frame
    from gatewise.data.tables.columns import Columns, resolve_columns
    from gatewise.data.tables.frames import table_from_frame
    from gatewise.data.tables.output import frame_like
    from gatewise.data.tables.scaling import Scaler
    from gatewise.data.tables.split import Split, split_times
    from gatewise.data.tables.table import Step, Table
    from gatewise.data.tables.windows import Windows, make_windows

# Imported on first use: a model that predicts needs a third of it, and its start is waited for.
_HOMES = {
    "Dataset": "datasets",
    **dict.fromkeys(("read_frame", "write_frame"), "files"),
    **dict.fromkeys(("Columns", "resolve_columns"), "tables.columns"),
    "table_from_frame": "tables.frames",
    "frame_like": "tables.output",
    "Scaler": "tables.scaling",
    **dict.fromkeys(("Split", "split_times"), "tables.split"),
    **dict.fromkeys(("Step", "Table"), "tables.table"),
    **dict.fromkeys(("Windows", "make_windows"), "tables.windows"),
}

__all__ = [
    "Columns",
    "Dataset",
    "Scaler",
    "Split",
    "Step",
    "Table",
    "Windows",
    "frame_like",
    "make_windows",
    "read_frame",
    "resolve_columns",
    "split_times",
    "table_from_frame",
    "write_frame",
]


def __getattr__(name: str) -> Any:
    if name == "datasets":  # the module itself, which is `gw.datasets`
        return import_module(f"{__name__}.datasets")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
