"""A search for calls in which ours is slower than torch's: `python -m benchmarks.never_slower`.

    python -m benchmarks.never_slower [--threads N] [--cells lstm gru rnn] [--hidden 16 64 256 512 1024]
                                      [--engine native] [--seconds S] [--json FILE]

A grid of T steps, B rows, I inputs and H hidden units for three cells, with and without a backward
pass, and beside it some stacked, bidirectional and packed calls. At each point a stock module and a
copy of it that `gw.accelerate` has turned compute the same thing. Outputs, and in training every
gradient, are compared first, and a point that differs gets no time. Then the two take turns in one
process; the figure is torch's time as a multiple of ours, the median of the ratios within the rounds:
1 is equal, more is faster. Points below .95 are listed and counted; with any, the exit code is 1.

With `--engine native` the core runs at every size. That is what the table by which `auto` chooses,
`gatewise/engines/by_size.py`, is read off: then only points that `auto` gives to the core count as
slower, and those that it leaves to torch though the core was faster are listed too.
"""

from __future__ import annotations

import argparse
import copy
import gc
import itertools
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import gatewise as gw
from benchmarks.against_peers import machine, ratio
from benchmarks.against_peers.agreement import FLOAT32, Results, difference
from benchmarks.against_peers.problem import CELLS, STOCK
from gatewise.nn.modules import GatedModule

STEPS, ROWS, HIDDEN = (1, 2, 4, 16, 64), (1, 4, 16, 64), (16, 64, 256, 512, 1024)
INPUTS = 16
"""Each number of hidden units comes with so many inputs, and with as many inputs as units."""
LEAST = 0.95
TURN = 2e-3
"""Seconds that a turn lasts at least: shorter calls are made several times in it."""
ROUNDS = 5
"""Rounds at least, whatever they take."""
SLOW = 0.3
"""Seconds of a call from which on three rounds must do."""


@dataclass(frozen=True)
class Point:
    """What is called: sizes, and the form of the call."""

    cell: str
    T: int
    B: int
    I: int  # noqa: E741 - the papers' symbol
    H: int
    training: bool
    layers: int = 1
    bidirectional: bool = False
    packed: bool = False

    def __str__(self) -> str:
        form = f", {self.layers} layers" if self.layers > 1 else ""
        form += ", bidirectional" * self.bidirectional + ", packed" * self.packed
        mode = "training" if self.training else "inference"
        return f"{self.cell.upper()} {mode} {self.T},{self.B},{self.I},{self.H}{form}"


@dataclass(frozen=True)
class Found:
    """What came of a point; no ratio where the results differ."""

    point: Point
    engine: str  # that ran
    auto: str  # that `auto` chooses
    ratio: float | None  # torch's time as a multiple of ours
    torch_ms: float
    ours_ms: float
    rounds: int
    difference: float


def points(cells: Sequence[str], every_hidden: Sequence[int]) -> Iterator[Point]:
    """Yield the grid, and then the other forms."""
    for cell, hidden, training in itertools.product(cells, every_hidden, (False, True)):
        for inputs in sorted({INPUTS, hidden}):
            for steps, rows in itertools.product(STEPS, ROWS):
                yield Point(cell, steps, rows, inputs, hidden, training)
    stacked = (1, 16, 64, 200) if 256 in every_hidden else ()
    for cell, steps, training in itertools.product(cells, stacked, (False, True)):
        yield Point(cell, steps, 1, 256, 256, training, layers=3)
    for cell, steps, training in itertools.product(cells, (1, 4, 16, 64), (False, True)):
        for hidden in {64, 256} & set(every_hidden):
            yield Point(cell, steps, 16, 16, hidden, training, bidirectional=True)
            yield Point(cell, steps, 16, 16, hidden, training, packed=True)


class Side:
    """A module at one point: its work, and its results for the comparison."""

    def __init__(self, module: torch.nn.RNNBase, point: Point) -> None:
        self.module = module
        self.training = point.training
        self.parameters = list(module.parameters())
        numbers = torch.Generator().manual_seed(0)
        x = torch.randn(point.T, point.B, point.I, generator=numbers)
        self.input: Tensor | PackedSequence = x
        if point.packed:
            lengths = torch.linspace(max(1, point.T // 4), point.T, point.B).round().long().flip(0)
            self.input = pack_padded_sequence(x, lengths)
        self.arriving = torch.randn(self.output(self.forward()).shape, generator=numbers)

    def forward(self) -> Tensor | PackedSequence:
        """Run a pass without keeping anything for a backward pass."""
        with torch.no_grad():
            found: Tensor | PackedSequence = self.module(self.input)[0]
        return found

    @staticmethod
    def output(found: Tensor | PackedSequence) -> Tensor:
        """Return an output's data."""
        return found if isinstance(found, Tensor) else found.data

    def work(self) -> object:
        """Run what is timed."""
        if not self.training:
            return self.forward()
        for parameter in self.parameters:
            parameter.grad = None
        output = self.output(self.module(self.input)[0])
        torch.autograd.backward(output, self.arriving)
        return output

    def results(self) -> Results:
        """Return what the work computes."""
        if not self.training:
            return {"output": self.output(self.forward()).numpy()}
        self.work()
        found = {"output": self.output(self.module(self.input)[0]).detach().numpy()}
        for index, parameter in enumerate(self.parameters):
            assert parameter.grad is not None
            found[str(index)] = parameter.grad.numpy()
        return found


def sides_of(point: Point, engine: str) -> tuple[Side, Side]:
    """Return torch's side and ours."""
    torch.manual_seed(0)
    options = {"num_layers": point.layers, "bidirectional": point.bidirectional}
    stock = STOCK[point.cell](point.I, point.H, **options)
    turned = gw.accelerate(copy.deepcopy(stock))
    turned.engine = engine
    return Side(stock, point), Side(turned, point)


def chosen(side: Side, engine: str) -> str:
    """Return what runs a side of ours where its engine is `engine`."""
    module = side.module
    assert isinstance(module, GatedModule)
    before, module.engine = module.engine, engine
    with torch.set_grad_enabled(side.training):
        name = module.engine_choice(side.input).name
    module.engine = before
    return name


def measured(point: Point, engine: str, seconds: float) -> Found:
    """Compare the results at a point, and then the times."""
    stock, ours = sides_of(point, engine)
    apart = difference(ours.results(), stock.results())
    names = chosen(ours, engine), chosen(ours, "auto")
    if not apart <= FLOAT32:
        return Found(point, *names, None, math.nan, math.nan, 0, apart)
    times = turns(stock.work, ours.work, seconds)
    return Found(
        point,
        *names,
        ratio(*times),
        statistics.median(times[0]) * 1e3,
        statistics.median(times[1]) * 1e3,
        len(times[0]),
        apart,
    )


def turns(
    one: Callable[[], object], other: Callable[[], object], seconds: float
) -> tuple[list[float], list[float]]:
    """Return the seconds of a call of each side, one value per round, in `seconds` or little more."""
    calls = (one, other)
    probes = [timed(call, 1) for call in calls]
    counts = [max(1, math.ceil(TURN / probe)) for probe in probes]
    least = 3 if max(probes) > SLOW else ROUNDS
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while len(times[0]) < least or time.perf_counter() < end:
        order = (0, 1) if len(times[0]) % 2 else (1, 0)  # neither is always the first
        for side in order:
            times[side].append(timed(calls[side], counts[side]))
    return times


def timed(call: Callable[[], object], count: int) -> float:
    """Return the seconds of one of `count` calls."""
    begun = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - begun) / count


def table(found: Sequence[Found]) -> Iterator[str]:
    """Yield the lines of a table for each cell and mode: the lowest and highest ratio over the rows."""
    grid: dict[tuple[str, bool], dict[tuple[int, int], dict[int, list[Found]]]] = {}
    for one in found:
        if is_plain(one.point):
            kind, size = (one.point.cell, one.point.training), (one.point.H, one.point.I)
            by_steps = grid.setdefault(kind, {}).setdefault(size, {})
            by_steps.setdefault(one.point.T, []).append(one)
    for (cell, training), sizes in grid.items():
        yield f"\n{cell.upper()} {'training' if training else 'inference'}, torch's time in ours\n"
        yield "| I, H | " + " | ".join(f"T = {steps}" for steps in STEPS) + " |"
        yield "|---" * (len(STEPS) + 1) + "|"
        for (hidden, inputs), by_steps in sorted(sizes.items()):
            row = [span(by_steps[steps]) for steps in STEPS]
            yield f"| {inputs}, {hidden} | " + " | ".join(row) + " |"
    yield "\nOther forms\n"
    for one in found:
        if not is_plain(one.point):
            yield line(one)


def is_plain(point: Point) -> bool:
    """Tell whether a point is of the grid."""
    return point.layers == 1 and not point.bidirectional and not point.packed


def span(found: Sequence[Found]) -> str:
    """Return the lowest and the highest ratio, and an N where the core ran for all rows, n for some."""
    known = [one.ratio for one in found if one.ratio is not None]
    if not known:
        return "differ"
    native = sum(one.engine == "native" for one in found)
    mark = " N" if native == len(found) else " n" if native else ""
    return f"{min(known):.2f}-{max(known):.2f}{mark}"


def line(one: Found) -> str:
    """Return a point in one line."""
    if one.ratio is None:
        return f"- {one.point}: the results differ by {one.difference:.1e}"
    return (
        f"- {one.point}: {one.ratio:.2f} ({one.engine}; torch {one.torch_ms:.3f} ms, ours "
        f"{one.ours_ms:.3f} ms, {one.rounds} rounds)"
    )


def report(found: Sequence[Found]) -> int:
    """Print everything, and return at how many points `auto` is slower, or the results differ."""
    print("\n".join(table(found)))
    differ = [one for one in found if one.ratio is None]
    known = [(one.ratio, one) for one in found if one.ratio is not None]
    slower = [pair for pair in known if pair[0] < LEAST and pair[1].engine == pair[1].auto]
    left = [pair for pair in known if pair[0] * LEAST > 1 and pair[1].engine != pair[1].auto]
    lowest = min((value for value, one in known if one.engine == one.auto), default=math.nan)
    native = [value for value, one in known if one.engine == one.auto == "native"]
    print(f"\n{len(found)} points; the results differ at {len(differ)}")
    print("\n".join(map(line, differ)))
    print(f"`auto` below {LEAST}: {len(slower)}; lowest {lowest:.2f}")
    print("\n".join(line(one) for _, one in sorted(slower, key=lambda pair: pair[0])))
    if native:
        mean = statistics.geometric_mean(native)
        print(
            f"the core ran at {len(native)} of them, {mean:.2f} times as fast on the geometric mean"
        )
    if left:
        print(f"left to torch though the core is faster: {len(left)}")
        print("\n".join(line(one) for _, one in sorted(left, key=lambda pair: -pair[0])))
    return len(slower) + len(differ)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.never_slower")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--hidden", nargs="+", type=int, choices=HIDDEN, default=HIDDEN)
    parser.add_argument("--engine", choices=("auto", "native"), default="auto")
    parser.add_argument(
        "--seconds", type=float, default=0.15, help="for a point, if rounds are enough"
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(words)
    torch.set_num_threads(given.threads)
    print(machine(), flush=True)
    found = []
    gc.disable()  # it runs between the points, where nothing is timed
    begun = time.perf_counter()
    for point in points(given.cells, given.hidden):
        found.append(measured(point, given.engine, given.seconds))
        gc.collect()
        print(
            f"\r{len(found)} points, {time.perf_counter() - begun:.0f} s", end="", file=sys.stderr
        )
    print(file=sys.stderr)
    if given.json:
        records = {"machine": machine(), "points": [asdict(one) for one in found]}
        given.json.write_text(json.dumps(records), encoding="utf-8")
    return 1 if report(found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
