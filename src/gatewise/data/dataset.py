"""The description of a bundled set, of any kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from gatewise.wording import counted

Kind = Literal["table", "sequences", "text"]
"""What a set is loaded as: a frame, labelled sequences, or a text."""


class Region(NamedTuple):
    """A stretch of a sequence that is a sequence of its own; places count from 1, the end is in it."""

    sequence: str
    start: int
    end: int
    part: str | None = None  # "training", "validation" or "test"; None: it is not said
    group: str | None = None  # regions of one group stay on one side of a split

    @property
    def name(self) -> str:
        """How the new sequence is called."""
        return f"{self.sequence}:{self.start}-{self.end}"


@dataclass(frozen=True)
class Dataset:
    """One bundled set. `columns` maps each column, or class, to its unit or to what it holds."""

    name: str
    title: str
    rows: int
    step: str
    columns: dict[str, str]
    terms: str
    citation: str
    notes: tuple[str, ...]
    kind: Kind = "table"
    unit: str = "row"  # what `rows` counts
    files: tuple[str, ...] = ()  # in the folder of bundled files; (): NAME.csv.gz
    reading: dict[str, Any] = field(default_factory=dict)  # options of `Reading` that suit it
    split: str | None = None  # the column that says the part of each sequence
    members: tuple[tuple[str, str], ...] = ()  # sets that it is made of, each with its part

    @property
    def size(self) -> str:
        """How much it holds: "3,653 rows, step: 1 day"."""
        return f"{counted(self.rows, self.unit)}, step: {self.step}"

    @property
    def all_files(self) -> tuple[str, ...]:
        """The names of its files; what is read first comes first."""
        return self.files or (f"{self.name}.csv.gz",)
