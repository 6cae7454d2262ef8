"""The modes of a run: each measures one cell at one row and yields its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.against_peers.modes import against, gates, memory, scaling, step
from benchmarks.against_peers.problem import CELLS
from benchmarks.against_peers.records import Measurement
from benchmarks.against_peers.rows import LONG, MAIN, ODD, STEP, Row
from benchmarks.against_peers.setting import Setting
from gatewise.errors import OptionError, nearest

ALL = "all"


@dataclass(frozen=True)
class Mode:
    """A kind of measurement, with the cells and rows that it has where none are named."""

    measure: Callable[[Setting, str, Row], Iterable[Measurement]]
    cells: tuple[str, ...] = CELLS
    rows: tuple[Row, ...] = MAIN
    type: str = "f32"  # of the peak


MODES: dict[str, Mode] = {
    "train": Mode(against.train, rows=MAIN + ODD),
    "infer": Mode(against.infer, rows=MAIN + ODD),
    "packed": Mode(against.packed, cells=("lstm", "gru")),
    "bf16": Mode(against.bf16, cells=("lstm",), type="bf16"),
    "gates": Mode(gates.measure),
    "step": Mode(step.measure, rows=STEP),
    "threads": Mode(scaling.threads),
    "odd": Mode(scaling.odd, rows=ODD),
    "memory": Mode(memory.step),
    "long": Mode(memory.long, cells=("lstm",), rows=LONG),
}


def modes_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the modes that are named, each once; `all` stands for every one. Raises OptionError."""
    found: dict[str, None] = {}
    for word in words:
        if word != ALL and word not in MODES:
            known = (*MODES, ALL)
            raise OptionError(f"modes are {', '.join(known)}; got {word!r}.{nearest(word, known)}")
        found.update(dict.fromkeys(MODES if word == ALL else (word,)))
    return tuple(found)


def cells_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the cells that are named, each once. Raises OptionError."""
    for word in words:
        if word not in CELLS:
            raise OptionError(f"cells are {', '.join(CELLS)}; got {word!r}.{nearest(word, CELLS)}")
    return tuple(dict.fromkeys(words))
