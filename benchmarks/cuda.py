"""gatewise on a GPU against torch there: `python -m benchmarks.cuda [--json FILE] [--device cuda]`.

Gates of a pass against the pass alone, packed rows, autocast and bfloat16 against torch's own modules,
the memory of a record, and a long trace. Results are compared before anything is timed. Times are
medians by CUDA events, each call awaited, the two sides in turn; TF32 is off.
Sizes: T steps, B rows, I inputs, H hidden units.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import gatewise as gw
import gatewise.nn

ROWS = (
    ("lstm", 100, 32, 16, 64),
    ("lstm", 365, 256, 5, 64),
    ("lstm", 200, 64, 16, 128),
    ("lstm", 100, 64, 256, 256),
    ("lstm", 1000, 16, 4, 32),
    ("lstm", 5000, 16, 4, 32),
    ("lstm", 1024, 16, 768, 768),
    ("gru", 365, 256, 5, 64),
    ("gru", 5000, 16, 4, 32),
)
"""Cells and sizes T, B, I, H."""

REPEATS = 7
WARM_UP = 3
"""Rounds before: kernels are compiled, and the pieces of memory that both sides take are there."""

LONGEST = 0.7
"""Seconds after which no call is repeated more; three are made in any case."""

CLOSE = 2e-4
"""How far results of two sides may differ, on 1 + the largest value."""

Call = Callable[[], Any]


class Problem(NamedTuple):
    """One row of a table: a cell and the sizes T, B, I and H."""

    cell: str
    steps: int
    rows: int
    inputs: int
    hidden: int

    def modules(self, device: str) -> tuple[Any, Any]:
        """Return torch's module and gatewise's, with equal weights."""
        torch.manual_seed(0)
        name = self.cell.upper()
        stock = getattr(torch.nn, name)(self.inputs, self.hidden, device=device)
        mine = getattr(gatewise.nn, name)(self.inputs, self.hidden, device=device)
        mine.load_state_dict(stock.state_dict())
        return stock, mine

    def input(self, device: str) -> Tensor:
        """Return a batch of noise."""
        draw = torch.Generator().manual_seed(1)
        shape = (self.steps, self.rows, self.inputs)
        return torch.randn(shape, generator=draw).to(device)

    def packed(self, device: str) -> PackedSequence:
        """Return the batch packed, with lengths of T/4 to T."""
        draw = torch.Generator().manual_seed(2)
        shortest = max(1, self.steps // 4)
        lengths = torch.randint(shortest, self.steps + 1, (self.rows,), generator=draw)
        lengths[0] = self.steps
        return pack_padded_sequence(self.input(device), lengths, enforce_sorted=False)


def milliseconds(calls: dict[str, Call]) -> dict[str, float]:
    """Return the median time of each call, made in turn."""
    event: Any = torch.cuda.Event
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(WARM_UP):
        for call in calls.values():
            call()
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for count in range(REPEATS):
        if count >= 3 and time.perf_counter() - begun > LONGEST * len(calls):
            break
        for name, call in calls.items():
            first, last = event(enable_timing=True), event(enable_timing=True)
            torch.cuda.synchronize()
            first.record()
            call()
            last.record()
            last.synchronize()
            found[name].append(first.elapsed_time(last))
    return {name: statistics.median(values) for name, values in found.items()}


class ResultsDifferError(Exception):
    """A result is not torch's or the oracle's, so that nothing is timed."""


def _check(what: str, mine: Any, other: Any, close: float = CLOSE) -> None:
    """Stop unless two results agree."""
    for own, theirs in zip(_leaves(mine), _leaves(other), strict=True):
        error = float((own.double() - theirs.double()).nan_to_num().abs().max())
        scale = 1 + float(theirs.double().nan_to_num().abs().max())
        if own.isnan().sum() != theirs.isnan().sum() or not error <= close * scale:
            raise ResultsDifferError(f"{what}: by {error:.3g}, on a scale of {scale:.3g}")


def _leaves(value: Any) -> list[Tensor]:
    if isinstance(value, PackedSequence):
        return [value.data]
    if isinstance(value, Tensor):
        return [value]
    return [leaf for part in value for leaf in _leaves(part)]


def _trained(module: Any, given: Any, **options: Any) -> list[Tensor]:
    """Run `module` forward and backward, a loss of all that it returns; return the gradients."""
    module.zero_grad(set_to_none=True)
    output, _, *gates = module(given, **options)
    loss: Any = _leaves(output)[0].float().square().mean()
    for gate in gates[0].values() if gates else ():
        loss = loss + gate.float().mean()
    loss.backward()
    return [weight.grad for weight in module.parameters()]


def _inferred(module: Any, given: Any, **options: Any) -> Any:
    with torch.no_grad():
        return module(given, **options)


def gates(problem: Problem, device: str) -> dict[str, float]:
    """Time a pass with gates against torch's pass alone, without gradients and with."""
    stock, mine = problem.modules(device)
    x = problem.input(device)
    output, _, record = _inferred(mine, x, return_gates=True)
    _check("output", output, _inferred(stock, x)[0])
    _check("gates", list(record.values()), list(_oracle(problem, x).values()))
    del record
    return milliseconds(
        {
            "torch": lambda: _inferred(stock, x),
            "with gates": lambda: _inferred(mine, x, return_gates=True),
            "torch, training": lambda: _trained(stock, x),
            "with gates, training": lambda: _trained(mine, x, return_gates=True),
        }
    )


def _oracle(problem: Problem, x: Tensor) -> Any:
    """Return the gates by the readable loop, in float64."""
    _, mine = problem.modules(str(x.device))
    mine.double().engine = "reference"
    return _inferred(mine, x.double(), return_gates=True)[2]


def packed(problem: Problem, device: str) -> dict[str, float]:
    """Time packed rows against torch's module."""
    stock, mine = problem.modules(device)
    rows = problem.packed(device)
    _check("packed", _inferred(mine, rows), _inferred(stock, rows))
    _check("packed gradients", _trained(mine, rows), _trained(stock, rows))
    return milliseconds(
        {
            "torch": lambda: _inferred(stock, rows),
            "gatewise": lambda: _inferred(mine, rows),
            "torch, training": lambda: _trained(stock, rows),
            "gatewise, training": lambda: _trained(mine, rows),
        }
    )


def autocast(problem: Problem, device: str) -> dict[str, float]:
    """Time dense rows under autocast to bfloat16, which torch runs and returns in float16."""
    stock, mine = problem.modules(device)
    x = problem.input(device)
    with torch.autocast("cuda", torch.bfloat16):
        return _dense(stock, mine, x, close=4e-3)


def bfloat16(problem: Problem, device: str) -> dict[str, float]:
    """Time dense rows of modules in bfloat16, which has three digits."""
    stock, mine = (module.bfloat16() for module in problem.modules(device))
    return _dense(stock, mine, problem.input(device).bfloat16(), close=4e-2)


def _dense(stock: Any, mine: Any, x: Tensor, close: float) -> dict[str, float]:
    found, wanted = _inferred(mine, x)[0], _inferred(stock, x)[0]
    assert found.dtype == wanted.dtype
    _check("dense", found, wanted, close=close)
    return milliseconds(
        {
            "torch": lambda: _inferred(stock, x),
            "gatewise": lambda: _inferred(mine, x),
            "torch, training": lambda: _trained(stock, x),
            "gatewise, training": lambda: _trained(mine, x),
        }
    )


def memory(problem: Problem, device: str) -> dict[str, float]:
    """Return the most memory in MB above what was held before a call, and what its record holds."""
    stock, mine = problem.modules(device)
    x = problem.input(device)
    counter: Any = torch.cuda
    found = {}
    calls: dict[str, Call] = {
        "torch": lambda: _inferred(stock, x),
        "with gates": lambda: _inferred(mine, x, return_gates=True),
        "torch, training": lambda: _trained(stock, x),
        "with gates, training": lambda: _trained(mine, x, return_gates=True),
    }
    for name, call in calls.items():
        call()
        torch.cuda.synchronize()
        counter.reset_peak_memory_stats()
        before = counter.memory_allocated()
        result = call()
        found[name] = (counter.max_memory_allocated() - before) / 1e6
        del result
    arrays = 6 if problem.cell == "lstm" else 4
    found["the record"] = arrays * 4e-6 * problem.steps * problem.rows * problem.hidden
    return found


def trace(device: str) -> dict[str, float]:
    """Time a trace of 20,000 steps of 256 units against the pass alone."""
    stock, mine = Problem("lstm", 20_000, 1, 16, 256).modules(device)
    x = Problem("lstm", 20_000, 1, 16, 256).input(device)

    def traced() -> None:
        with torch.no_grad(), gw.trace(mine):
            mine(x)

    return milliseconds({"torch": lambda: _inferred(stock, x), "traced": traced})


def problems_of(rows: Sequence[str]) -> list[Problem]:
    """Return the problems of sizes `T,B,I,H`, each of an LSTM and a GRU; ValueError for other words."""
    found = []
    for row in rows:
        sizes = [int(one) if one.isdecimal() else 0 for one in row.split(",")]
        if len(sizes) != 4 or min(sizes) < 1:
            raise ValueError(f"rows are sizes T,B,I,H such as 100,32,16,64; got {row!r}")
        found += [Problem(cell, *sizes) for cell in ("lstm", "gru")]
    return found


def run(device: str, rows: Sequence[str] = (), records: Path | None = None) -> None:
    """Measure in full float32, print the tables with card and versions, and write the records."""
    problems = problems_of(rows) or [Problem(*row) for row in ROWS]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    tables = measure(device, problems)
    versions = ", ".join(f"{name} {value}" for name, value in tables["versions"].items())
    print(f"\n{tables['card']}, {versions}")
    if records is not None:
        records.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")


def measure(device: str, problems: Sequence[Problem]) -> dict[str, Any]:
    """Return all tables: by name, one row of figures for each problem."""
    tables: dict[str, Any] = {
        "card": torch.cuda.get_device_name(device),
        "versions": _versions(),
    }
    kinds: dict[str, tuple[Callable[[Problem, str], dict[str, float]], str]] = {
        "gates": (gates, "ms"),
        "packed rows of T/4 to T": (packed, "ms"),
        "autocast to bfloat16": (autocast, "ms"),
        "modules in bfloat16": (bfloat16, "ms"),
        "memory": (memory, "MB"),
    }
    for name, (kind, unit) in kinds.items():
        found = {_title(problem): kind(problem, device) for problem in problems}
        tables[name] = {"unit": unit, "rows": found}
        _print(name, unit, found)
    tables["trace"] = {"unit": "ms", "rows": {"lstm 20000,1,16,256": trace(device)}}
    _print("trace", "ms", tables["trace"]["rows"])
    return tables


def _versions() -> dict[str, str]:
    cudnn: Any = torch.backends.cudnn
    found = {"torch": torch.__version__, "CUDA": torch.version.cuda, "cuDNN": cudnn.version()}
    try:
        found["Triton"] = version("triton")
    except PackageNotFoundError:
        found["Triton"] = "none"
    return {name: str(value) for name, value in found.items()}


def _title(problem: Problem) -> str:
    return f"{problem.cell} {','.join(map(str, problem[1:]))}"


def _print(name: str, unit: str, rows: dict[str, dict[str, float]]) -> None:
    """Print a table, with each figure's ratio to torch's in the same mode."""
    columns = list(next(iter(rows.values())))
    print(f"\n{name} ({unit})")
    print(f"{'T,B,I,H':24}" + "".join(f"{column:>24}" for column in columns))
    for title, row in rows.items():
        cells = []
        for column, value in row.items():
            base = row["torch, training" if column.endswith("training") else "torch"]
            cells.append(f"{value:.3g} ({value / base:.2f})")
        print(f"{title:24}" + "".join(f"{cell:>24}" for cell in cells), flush=True)


def main() -> int:
    """Measure, print and keep what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="also write all figures into this file")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rows", nargs="*", default=(), help="sizes T,B,I,H in place of the usual")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        print("benchmarks.cuda: torch finds no CUDA device", file=sys.stderr)
        return 2
    try:
        run(given.device, given.rows, given.json)
    except ResultsDifferError as error:
        print(f"benchmarks.cuda: results differ: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
