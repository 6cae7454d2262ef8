"""What a patch did in a program: its calls, taken or left and why, and the time in them."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from gatewise.engines import operators as ops
from gatewise.programs.taking import Call
from gatewise.wording import figure, number, percent

FIRST, EVERY = 3, 64
"""Of the calls of one shape that are taken, the first few and every so many are timed on torch too."""
SHARE = 0.1
"""Once a shape has been timed, further ones are while all that timing took less of the run than this."""
CLOCKS = {"wall": time.perf_counter, "thread": time.thread_time}
"""By GATEWISE_REPORT_CLOCK: what a user waits for, or, for a benchmark of one thread on a busy machine,
the time of the processor in the thread that calls."""

Row = dict[str, Any]
Note = Callable[[str, Call], None]
"""Is shown a call that has been made: the name of its operator, and its arguments."""


class Ledger:
    """The calls of one process, by operator, shape and what became of them.

    `notes` are shown each call after it, in the thread that made it; what they do is no call of the
    program's.
    """

    def __init__(self, notes: Sequence[Note] = ()) -> None:
        self.notes = notes
        self.busy = threading.local()
        self.clock = CLOCKS[os.environ.get("GATEWISE_REPORT_CLOCK", "wall")]
        self.began = time.perf_counter()
        self.spent = 0.0  # on timing torch, which is no time of the program
        self.rows: dict[tuple[Any, ...], Row] = {}
        self.lock = threading.Lock()

    def __call__(
        self, name: str, call: Call, attempt: Callable[[], Any], rest: Callable[[], Any]
    ) -> Any:
        """Run a call, and note it."""
        if getattr(self.busy, "notes", False):
            out = attempt()
            return rest() if isinstance(out, str) else out
        start = self.clock()
        found = attempt()
        why = found if isinstance(found, str) else ""
        if why:
            found = rest()
        row = self._note(name, call, why, self.clock() - start)
        if row is not None and not torch.is_grad_enabled():
            self._time_torch(row, rest)
        if self.notes and ops.is_alone():
            self._show(name, call)
        return found

    def _show(self, name: str, call: Call) -> None:
        """Show a call to the notes; what goes wrong there is no fault of the program's."""
        start, state = time.perf_counter(), torch.random.get_rng_state()
        self.busy.notes = True
        try:
            for note in self.notes:
                note(name, call)
        except Exception as error:
            print(f"gatewise: {type(error).__name__}: {error}", file=sys.stderr)
            self.notes = ()
        finally:
            self.busy.notes = False
            torch.random.set_rng_state(state)
            with self.lock:
                self.spent += time.perf_counter() - start

    def _note(self, name: str, call: Call, why: str, seconds: float) -> Row | None:
        """Count a call; return its row where it is one of those to be timed on torch."""
        shape = tuple(map(int, call.x.shape)) if type(call.x) is torch.Tensor else ()
        training = torch.is_grad_enabled()
        key = (name, shape, call.layers, call.bidirectional, training, why)
        with self.lock:
            row = self.rows.get(key)
            if row is None:
                row = self.rows[key] = {
                    "operator": name,
                    "shape": list(shape),
                    "layers": call.layers,
                    "directions": 2 if call.bidirectional else 1,
                    "gradients": training,
                    "left": why,
                    "calls": 0,
                    "seconds": 0.0,
                    "timed_calls": 0,
                    "timed_seconds": 0.0,
                    "torch_seconds": 0.0,
                }
            row["calls"] += 1
            row["seconds"] += seconds
            timed = not why and self._is_sampled(row)
            if timed:
                row["timed_calls"] += 1
                row["timed_seconds"] += seconds
            return row if timed else None

    def _is_sampled(self, row: Row) -> bool:
        """Tell whether a call is to be timed on torch: a long one once, if need be."""
        if row["calls"] > FIRST and row["calls"] % EVERY:
            return False
        elapsed = time.perf_counter() - self.began
        return row["timed_calls"] == 0 or self.spent < SHARE * (elapsed - self.spent)

    def _time_torch(self, row: Row, rest: Callable[[], Any]) -> None:
        """Time torch's kernel on a call that changes nothing: without gradients there is no dropout."""
        state = torch.random.get_rng_state()
        start, clock = time.perf_counter(), self.clock()
        rest()
        seconds, spent = self.clock() - clock, time.perf_counter() - start
        torch.random.set_rng_state(state)
        with self.lock:
            row["torch_seconds"] += seconds
            self.spent += spent

    def as_dict(self) -> dict[str, Any]:
        """Return the counts, and how long the program ran since torch was there, without the timing."""
        with self.lock:
            rows = [dict(row) for row in self.rows.values()]
            seconds = time.perf_counter() - self.began - self.spent
        return {"processes": 1, "seconds": seconds, "timing_seconds": self.spent, "calls": rows}


def merged(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the counts of the program with those that its children left, and take the folder away."""
    rows = {_key(row): row for row in found["calls"]}
    for path in sorted(folder.glob("*.json")):
        other = json.loads(path.read_bytes())
        found["processes"] += 1
        for check in other.get("checks", []):
            kinds = [[row[key] for key in KIND] for row in found["checks"]]
            if [check[key] for key in KIND] not in kinds:
                found["checks"].append(check)
        for row in other["calls"]:
            mine = rows.setdefault(_key(row), {**row, **dict.fromkeys(_SUMS, 0)})
            for name in _SUMS:
                mine[name] += row[name]
        path.unlink()
    folder.rmdir()
    found["calls"] = sorted(rows.values(), key=lambda row: -row["seconds"])
    return found


KIND = ("operator", "shape", "layers", "directions")
"""What tells one kind of call that was checked from the others."""
_SUMS = ("calls", "seconds", "timed_calls", "timed_seconds", "torch_seconds")


def _key(row: Row) -> tuple[Any, ...]:
    same = ("operator", "layers", "directions", "gradients", "left")
    return (*(row[name] for name in same), *row["shape"])


def table(found: dict[str, Any]) -> str:
    """Return the report as lines of text."""
    rows, whole = found["calls"], found["seconds"]
    inside = sum(row["seconds"] for row in rows)
    if not rows:
        return "gatewise: no call of torch's LSTM, GRU or RNN was made"
    share = percent(inside / whole) if whole else "-"
    count = found["processes"]
    lines = [
        f"gatewise: {figure(inside)} s in recurrent calls, {share} of {figure(whole)} s since torch was "
        "imported" + (f", {count} processes" if count > 1 else "")
    ]
    lines.append(f"{'calls':>8} {'seconds':>9} {'torch':>9}  operator, input, and why it was left")
    for row in rows[:20]:
        shape = "x".join(map(str, row["shape"]))
        forms = f"{row['layers']} x {row['directions']}" + ", gradients" * row["gradients"]
        left = f": left, {row['left']}" if row["left"] else ""
        lines.append(
            f"{row['calls']:>8} {number(row['seconds']):>9} {_of_torch(row):>9}  "
            f"{row['operator']} {shape} ({forms}){left}"
        )
    if len(rows) > 20:
        lines.append(f"  and {len(rows) - 20} kinds of calls more")
    lines.append(
        "torch: its time for as many calls, from a sample of those without gradients"
        + (
            f"; the report took {figure(found['timing_seconds'])} s more"
            * bool(found["timing_seconds"])
        )
    )
    return "\n".join(lines)


def _of_torch(row: Row) -> str:
    """Return what torch would have taken for all calls of a row, estimated from those timed on it."""
    if not row["torch_seconds"] or not row["timed_seconds"]:
        return "-"
    return number(row["seconds"] * row["torch_seconds"] / row["timed_seconds"])
