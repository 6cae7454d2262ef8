"""The cost of a trace in time and in memory: `python -m benchmarks.trace_cost [--quick]`.

Time: T = 50,000, B = 1, I = 64, H = 256 in float32, inference, one thread unless OMP_NUM_THREADS says
otherwise; a plain call and a traced one take turns in one process. Warm, memory is used again from call
to call; cold, a process of its own makes its first full call, whose pages the system has yet to give. In
a virtual machine that tells its host which pages are free, the host takes these away and gives them
anew, which costs more than the call itself; "cold, memory at hand" is the same without that.
Memory (Linux): of a child process that records every quantity of the same sequence, by how much the
call raises the resident set, and the high-water mark of its whole life, importing torch included.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

import gatewise as gw
from benchmarks.against_peers import machine
from benchmarks.against_peers.timing import Effort, alternate, milliseconds, ratio

T, B, I, H = 50_000, 1, 64, 256  # noqa: E741 - the papers' symbol
CELLS = ("LSTM", "GRU")
COLD_ROUNDS = 5

Call = Callable[[], object]


def main() -> int:
    if len(sys.argv) > 2 and sys.argv[1] == "child":
        print(json.dumps(child(*sys.argv[2:])))
        return 0
    quick = "--quick" in sys.argv[1:]
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    print(machine(), f"; {torch.get_num_threads()} threads", flush=True)
    warm(quick)
    cold(1 if quick else COLD_ROUNDS)
    memory()
    return 0


def calls_of(module: torch.nn.Module, x: torch.Tensor) -> dict[str, Call]:
    """Return a plain call, and one inside a trace."""

    def traced() -> object:
        with gw.trace(module) as record:
            module(x)
        return record

    return {"plain": lambda: module(x), "traced": traced}


def warm(quick: bool) -> None:
    for home in ("gatewise", "torch.nn"):
        for cell in CELLS:
            torch.manual_seed(0)
            module = getattr(gw if home == "gatewise" else torch.nn, cell)(I, H).eval()
            with torch.inference_mode():
                sides = calls_of(module, torch.randn(T, B, I))
                for call in sides.values():
                    call()
                found = alternate(sides, Effort(rounds=3 if quick else 9, seconds=0.0))
            show(f"{home}.{cell}, warm", found)


def cold(rounds: int) -> None:
    for cell in CELLS:
        for task, what in (("first", "cold"), ("first_at_hand", "cold, memory at hand")):
            found: dict[str, list[float]] = {"plain": [], "traced": []}
            for _ in range(rounds):
                for side, seconds in found.items():
                    seconds.append(float(run_child(task, cell, side)["seconds"]))
            show(f"gatewise.{cell}, {what}", found)


def show(what: str, found: dict[str, list[float]]) -> None:
    plain, traced = found["plain"], found["traced"]
    print(
        f"{what}: plain {milliseconds(plain)} ms, traced {milliseconds(traced)} ms, "
        f"ratio {ratio(traced, plain):.2f}",
        flush=True,
    )


def memory() -> None:
    for home in ("torch.nn", "gatewise"):
        for options in ("{}", '{"bidirectional": true}', '{"num_layers": 2}'):
            plain = run_child("memory", home, "plain", options)
            found = run_child("memory", home, "traced", options)
            print(
                f"{home}.LSTM {options}: record {mib(found['record'])}, the call raises the resident "
                f"set by {mib(found['raised'])} ({mib(plain['raised'])} untraced); peak of the whole "
                f"process {mib(found['peak'])}",
                flush=True,
            )


def mib(size: float) -> str:
    return f"{size / 2**20:.0f} MiB"


def run_child(*task: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.trace_cost", "child", *task]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def child(task: str, which: str, side: str, options: str = "{}") -> dict[str, float]:
    """Return what one process has measured."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.manual_seed(0)
    if task.startswith("first"):
        home, cell = gw, which
    else:
        home, cell = (gw if which == "gatewise" else torch.nn), "LSTM"
    module = getattr(home, cell)(I, H, **json.loads(options)).eval()
    x = torch.randn(T, B, I)
    with torch.inference_mode():
        calls_of(module, x[:10])[side]()  # libraries are loaded at their first use
        with suppress(OSError):  # Linux: what importing once needed is not to hide the call
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        if task == "first_at_hand":
            take_and_give_back(2 * T * H * 4 * 6)  # twice a record of six quantities
        before, begun = resident("VmRSS"), time.perf_counter()
        record = calls_of(module, x)[side]()
        seconds = time.perf_counter() - begun
    size = getattr(record, "nbytes", 0)
    life = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
    raised = resident("VmHWM") - before
    return {"seconds": seconds, "peak": life, "raised": raised, "record": size}


def take_and_give_back(size: int) -> None:
    """Write to memory in large pages and return it to the system, which then has it from its host."""
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # shared memory has no large pages
    with mmap.mmap(-1, size, flags=private) as block:
        if hasattr(mmap, "MADV_HUGEPAGE"):
            block.madvise(mmap.MADV_HUGEPAGE)
        for place in range(0, size, mmap.PAGESIZE):
            block[place] = 1


def resident(field: str) -> int:
    """Return a figure of this process in bytes."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the system does not say {field}")


if __name__ == "__main__":
    sys.exit(main())
