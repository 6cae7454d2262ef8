"""The page: one self-contained HTML file, made from dataclasses of arrays and text.

Fill `Contents` and give it to `write_page`; what has a page, such as a forecaster's `RunSummary`, may be
given as it is.
"""

from __future__ import annotations

from gatewise.curve import Curve, Line, Mark
from gatewise.report.contents import (
    Contents,
    Finding,
    Record,
    Series,
    Symbols,
    UnitColumn,
    contents_of_run,
)
from gatewise.report.page import render_page, write_page
from gatewise.report.table import Cell, Row, RowGroup, Table
from gatewise.report.verdict import Verdict, verdict
from gatewise.unit import Unit

__all__ = [
    "Cell",
    "Contents",
    "Curve",
    "Finding",
    "Line",
    "Mark",
    "Record",
    "Row",
    "RowGroup",
    "Series",
    "Symbols",
    "Table",
    "Unit",
    "UnitColumn",
    "Verdict",
    "contents_of_run",
    "render_page",
    "verdict",
    "write_page",
]
