"""A table of counts whose cells are as dark as their share of the row, such as a confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

from gatewise.errors import InputError
from gatewise.typing import Array
from gatewise.wording import number, percent


@dataclass(frozen=True, eq=False, repr=False)
class Matrix:
    """Counts [R, C] under names; a row is what is true, a column what was said of it.

    Raises InputError where there are not as many names as rows and columns.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: Array  # [R, C], at least 0
    row_head: str = "truth"
    column_head: str = "predicted"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if np.shape(self.counts) != (len(self.rows), len(self.columns)):
            raise InputError(
                f"Matrix {self.title!r}: counts have shape {list(np.shape(self.counts))}, the names "
                f"are {len(self.rows)} and {len(self.columns)}"
            )

    def html(self) -> str:
        """Return the table."""
        heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.columns)
        bodies = "".join(
            f'<tr><th scope="row">{escape(name)}</th>{self._cells(place)}</tr>'
            for place, name in enumerate(self.rows)
        )
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(self.title)}">'
            f'<table class="matrix"><thead><tr><th scope="col">{escape(self.row_head)} ↓ '
            f"{escape(self.column_head)} →</th>{heads}</tr></thead><tbody>{bodies}</tbody></table></div>"
        )

    def _cells(self, place: int) -> str:
        total = float(self.counts[place].sum())
        cells = []
        for column, count in enumerate(self.counts[place].tolist()):
            share = count / total if total else 0.0
            text = f"{int(count):,}" if count == int(count) else number(count)
            true = " class=true" if self.rows[place] == self.columns[column] else ""
            cells.append(
                f'<td{true} style="--depth:{100 * share:.1f}%" title="{percent(share)} of '
                f'{escape(self.rows[place])}">{text}</td>'
            )
        return "".join(cells)
