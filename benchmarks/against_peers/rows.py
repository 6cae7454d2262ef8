"""The sizes that are measured, and the arithmetic that each of them asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gatewise.errors import OptionError, nearest

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
"""Rows of the weights per hidden unit."""


@dataclass(frozen=True, order=True)
class Row:
    """Sizes of one measurement: T steps, B rows, I inputs, H hidden units."""

    T: int
    B: int
    I: int  # noqa: E741 - the field's symbol
    H: int

    def __str__(self) -> str:
        return f"{self.T},{self.B},{self.I},{self.H}"


MAIN = tuple(
    Row(*sizes)
    for sizes in (
        (100, 32, 8, 32),
        (100, 32, 16, 64),
        (365, 256, 5, 64),
        (200, 64, 16, 128),
        (100, 64, 256, 256),
        (100, 64, 512, 512),
        (1000, 1, 16, 64),
        (1000, 16, 4, 32),
        (5000, 16, 4, 32),
        (365, 256, 10, 256),
    )
)
"""The rows that the goals are set for."""

ODD = tuple(
    Row(*sizes)
    for sizes in (
        (200, 32, 16, 20),
        (200, 32, 16, 50),
        (200, 32, 16, 100),
        (200, 32, 16, 200),
        (200, 1, 16, 64),
        (200, 7, 16, 64),
        (200, 33, 16, 64),
    )
)
"""Rows that fill no whole vector or tile."""

STEP = (Row(1, 1, 16, 64),)
LONG = (Row(1_000_000, 1, 16, 64),)
NAMED = {"main": MAIN, "odd": ODD}


def rows_of(words: Sequence[str]) -> tuple[Row, ...]:
    """Return the rows that words such as `100,32,16,64`, `main` and `odd` stand for, each once.

    Raises OptionError for anything else.
    """
    found: dict[Row, None] = {}
    for word in words:
        found.update(dict.fromkeys(NAMED[word] if word in NAMED else (_row(word),)))
    return tuple(found)


def _row(word: str) -> Row:
    parts = word.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise OptionError(
            f"a row is T,B,I,H (steps, rows, inputs, hidden units) in whole numbers from 1, such as "
            f"100,32,16,64, or one of {', '.join(NAMED)}; got {word!r}.{nearest(word, NAMED)}"
        )
    return Row(*(int(part) for part in parts))


def next_even(row: Row) -> Row:
    """Return the next row that is even: one more in an odd batch, else H up to a power of two."""
    if row.B % 2:
        return replace(row, B=row.B + 1)
    return replace(row, H=1 << (row.H - 1).bit_length())


def flops(cell: str, row: Row, *, training: bool, steps: int | None = None) -> float:
    """Return the floating-point operations of the matrix products; a multiply-add counts as two.

    Training is the forward pass, the gradient of the states and that of the weights; the inputs need
    none. `steps` counts the valid (step, row) pairs where rows have lengths of their own.
    """
    pairs = row.T * row.B if steps is None else steps
    units = GATES[cell] * row.H
    products = 2.0 * pairs * units * (row.I + row.H)
    return 2 * products + 2.0 * pairs * units * row.H if training else products
