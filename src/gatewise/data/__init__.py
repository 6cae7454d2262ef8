"""Tables, windows and scaling without leakage; the bundled sets. No torch in this room."""

from gatewise.data.datasets import Dataset
from gatewise.data.files import read_frame, write_frame
from gatewise.data.tables.columns import Columns, resolve_columns
from gatewise.data.tables.frames import table_from_frame
from gatewise.data.tables.output import frame_like
from gatewise.data.tables.scaling import Scaler
from gatewise.data.tables.split import Split, split_times
from gatewise.data.tables.table import Step, Table
from gatewise.data.tables.windows import Windows, make_windows

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
