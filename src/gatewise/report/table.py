"""A table of text as data, and its HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from gatewise.errors import InputError


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a second line in small print, and a badge such as "best"."""

    text: str
    small: str = ""
    mark: str = ""
    doubtful: bool = False  # the badge is drawn as doubtful
    left: bool = False  # text, not a figure


@dataclass(frozen=True)
class Row:
    """One row with its heading; a `leading` one is set off, as the model is from its baselines."""

    head: Cell
    cells: tuple[Cell, ...]
    leading: bool = False


@dataclass(frozen=True)
class RowGroup:
    """Rows under one heading, or under none."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """A table under a heading of its own, or folded away beneath the table before it.

    Raises InputError where a row has another number of cells than the table has columns.
    """

    title: str
    head: str  # heads the first column
    columns: tuple[Cell, ...]
    groups: tuple[RowGroup, ...]
    notes: tuple[str, ...] = ()
    folded: bool = False

    def __post_init__(self) -> None:
        for row in (row for group in self.groups for row in group.rows):
            if len(row.cells) != len(self.columns):
                raise InputError(
                    f"Table {self.title!r}: row {row.head.text!r} has {len(row.cells)} cells for "
                    f"{len(self.columns)} columns"
                )

    @classmethod
    def of(
        cls,
        title: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        notes: Iterable[str] = (),
    ) -> Table:
        """Return a plain table; the first column heads the rows."""
        made = tuple(Row(Cell(row[0]), tuple(Cell(text) for text in row[1:])) for row in rows)
        heads = tuple(Cell(name) for name in columns[1:])
        return cls(title, columns[0], heads, (RowGroup("", made),), tuple(notes))


def table_html(table: Table) -> str:
    """Return the table, which scrolls sideways by itself where the screen is narrow."""
    heads = "".join(f'<th scope="col"{_left(c)}>{_inner(c)}</th>' for c in table.columns)
    bodies = "".join(_group(group, len(table.columns) + 1) for group in table.groups)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}">'
        f'<table><thead><tr><th scope="col">{escape(table.head)}</th>{heads}</tr></thead>'
        f"{bodies}</table></div>"
    )


def _group(group: RowGroup, width: int) -> str:
    title = (
        f'<tr class="target"><th scope="rowgroup" colspan="{width}">{escape(group.title)}</th></tr>'
        if group.title
        else ""
    )
    return f"<tbody>{title}{''.join(_row(row) for row in group.rows)}</tbody>"


def _row(row: Row) -> str:
    cells = "".join(f"<td{_left(cell)}>{_inner(cell)}</td>" for cell in row.cells)
    style = " class=leading" if row.leading else ""
    return f'<tr{style}><th scope="row">{_inner(row.head)}</th>{cells}</tr>'


def _left(cell: Cell) -> str:
    return ' class="text"' if cell.left else ""


def _inner(cell: Cell) -> str:
    mark = small = ""
    if cell.mark:
        style = "mark doubt" if cell.doubtful else "mark"
        mark = f'<span class="{style}">{escape(cell.mark)}</span> '
    if cell.small:
        small = f"<small>{escape(cell.small)}</small>"
    return f"{mark}{escape(cell.text)}{small}"
