"""A network of sequences looked into, step by step: gates and states, and what it answers meanwhile.

Sizes: L layers, D directions, T steps, H units, K answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.estimators.sequences.chosen import Stretch
from gatewise.report import Contents, Record, Series, Symbols, Unit
from gatewise.training.inference import device_of
from gatewise.typing import AnyArray, Array

AROUND = 1_000
"""Steps before and after a stretch that the network reads too, so that its states are about right."""
MOST_ENDS = 64
"""Steps of a sequence after which the answer to what came so far is asked for."""
PYTHON = 'inside.rows[{row}].gates["{quantity}"][{layer}, {direction}][{time}, {units}]'


@dataclass(frozen=True, eq=False, repr=False)
class InsideRow:
    """The inside over one sequence, or a stretch of it."""

    name: str
    first: int  # step that is shown, counted from 1 in its sequence
    gates: dict[str, Array]  # name to [L, D, T, H]
    series: tuple[Series, ...] = ()  # [T] each: what was read, what is true, what was answered
    symbols: tuple[str, ...] = ()  # [T] letters, characters, words; () for measured values
    expected: tuple[
        str, ...
    ] = ()  # [T] what was likeliest in their place, where symbols are predicted

    @property
    def steps(self) -> int:
        """T."""
        return int(next(iter(self.gates.values())).shape[2])

    def __repr__(self) -> str:
        return f"InsideRow({self.name!r}: {', '.join(self.gates)})"


@dataclass(frozen=True, eq=False)
class Inside:
    """The inside of the first member over some sequences."""

    cell: str
    rows: tuple[InsideRow, ...]
    note: str = ""  # on what the lines above the gates are
    of_stretches: bool = False  # and not of whole sequences

    def added_to(self, page: Contents, unit: Unit, setup: str) -> Contents:
        """Return a page with gates, answers and symbols; `setup` is the Python that makes this one."""
        steps = max(row.steps for row in self.rows)
        return replace(
            page,
            unit=unit,
            records=tuple(
                record
                for number, row in enumerate(self.rows)
                for record in self._records(number, row, steps, setup)
            ),
            records_note=self._read_note(unit),
            series=tuple(
                replace(one, values=_padded(one.values, steps), row=number)
                for number, row in enumerate(self.rows)
                for one in row.series
            ),
            series_note=self.note,
            symbols=tuple(
                Symbols(row.symbols, number, row.first, row.expected)
                for number, row in enumerate(self.rows)
                if row.symbols
            ),
        )

    def _read_note(self, unit: Unit) -> str:
        """Return what the records are of, and what else the network read."""
        seen = "As the first member saw them, one at a time"
        if not self.of_stretches:
            return f"{seen}."
        return f"{seen}; of a stretch it has also read up to {unit.counted(AROUND)} to each side."

    def _records(self, number: int, row: InsideRow, steps: int, setup: str) -> list[Record]:
        layers, directions = next(iter(row.gates.values())).shape[:2]
        return [
            Record(
                module="network",
                cell=self.cell.replace("_", " ").upper(),
                kind=self.cell,
                quantities={
                    name: _padded(values[layer, direction], steps)
                    for name, values in row.gates.items()
                },
                layer=layer,
                direction=direction,
                row=number,
                row_name=row.name,
                python=PYTHON,
                setup=setup,
            )
            for layer in range(layers)
            for direction in range(directions)
        ]


def _padded(values: AnyArray, steps: int) -> Array:
    """Return values [T', ...] on the page's axis of `steps`, NaN past their end."""
    short = [(0, steps - len(values))] + [(0, 0)] * (values.ndim - 1)
    return np.pad(values.astype(np.float64), short, constant_values=np.nan)


def name_of(called: str, step: str, stretch: Stretch, length: int) -> str:
    """Return what a stretch is called where one is chosen: its sequence, its steps, and why."""
    part = stretch.last - stretch.first < length
    where = f", {step}s {stretch.first + 1:,} to {stretch.last:,}" if part else ""
    return f"{called}{where} ({stretch.why})"


def gates_of(layers: Sequence[Any], there: slice, row: int = 0) -> dict[str, Array]:
    """Return the gates of each layer's record as name to [L, D, T, H], of one row and some steps."""
    return {
        name: np.stack([one[name][0, :, there, row].cpu().numpy() for one in layers])
        for name in layers[0]
    }


def gates_over(network: Any, values: AnyArray, stretch: Stretch) -> dict[str, Array]:
    """Return the gates of a network over a stretch of the sequence `values` [T] or [T, F]."""
    begin, end = max(0, stretch.first - AROUND), stretch.last + AROUND
    read = values[begin:end]
    x = torch.from_numpy(np.ascontiguousarray(read)).to(device_of(network)).unsqueeze(1)
    with torch.no_grad():
        *_, gates = network(
            x, torch.tensor([len(read)], dtype=torch.int64, device="cpu"), return_gates=True
        )
    return gates_of(gates, slice(stretch.first - begin, stretch.last - begin))


def answers_so_far(
    network: Any, values: AnyArray, stretch: Stretch, read: Callable[[Any], Tensor]
) -> Array | None:
    """Return what a network answers to the sequence up to each step of the stretch, [T, K].

    Of a stretch with more than MOST_ENDS steps NaN but for some at even distances, the last among them.
    None for a sequence that begins so long before the stretch that this would take long.
    """
    if stretch.first > AROUND:
        return None
    steps = np.arange(stretch.first, stretch.last)
    picks = np.unique(
        np.linspace(0, len(steps) - 1, min(len(steps), MOST_ENDS)).round().astype(int)
    )
    lengths = torch.from_numpy(steps[picks] + 1)
    x = torch.from_numpy(np.ascontiguousarray(values[: stretch.last])).to(device_of(network))
    many = x.unsqueeze(1).expand(-1, len(picks), *x.shape[1:]).contiguous()
    with torch.no_grad():
        answers = read(network(many, lengths)).double().cpu().numpy()
    found = np.full((len(steps), answers.shape[1]), np.nan)
    found[picks] = answers
    return found
