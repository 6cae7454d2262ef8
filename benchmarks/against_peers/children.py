"""Measurements of memory, each in a process of its own: `python -m benchmarks.against_peers.children`.

The figure is the high-water mark of the resident set during the step, less what was resident before
it. Linux lets a process set its own mark back (`/proc/self/clear_refs`), so that what importing torch
once needed does not hide the step; elsewhere the mark of the whole life (`ru_maxrss`) is used. Torch's
own profiler would not do: it counts torch's allocator only, and no scratch of a library below it.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

import gatewise as gw
from benchmarks.against_peers.contenders import training
from benchmarks.against_peers.problem import MODULES, make_problem
from benchmarks.against_peers.rows import Row
from gatewise.engines.native.engine import NOT_BUILT
from gatewise.errors import EngineError

STEPS = 5
CHECKOUT = str(Path(__file__).parents[2])
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def run_child(**task: Any) -> dict[str, Any]:
    """Run one task in a new process and return what it found. Raises EngineError where it fails."""
    command = [sys.executable, "-m", "benchmarks.against_peers.children", json.dumps(task)]
    paths = (CHECKOUT, *filter(None, [os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EngineError(f"the measurement of memory ({task['task']}) failed: {last}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def step(engine: str | None, cell: str, row: Row) -> dict[str, Any]:
    """Return the peak bytes of some training steps; `engine` None is torch's own module."""
    # Small steps first: libraries and thread pools are loaded and made at their first use.
    small = Row(min(row.T, 4), min(row.B, 4), row.I, row.H)
    for sizes in (small, row):
        problem = make_problem(cell, sizes)
        module = problem.stock() if engine is None else problem.module(engine)
        work = training("one", module, problem).work
        peaks = [_peak(work, module) for _ in range(STEPS)]
    return {"bytes": peaks}


def long(engine: str, cell: str, row: Row, max_memory: Any) -> dict[str, Any]:
    """Return time, peak memory and a digest of the gradient of one very long sequence."""
    torch.manual_seed(0)
    options = {} if max_memory is None else {"max_memory": max_memory}
    module = MODULES[cell](row.I, row.H, engine=engine, **options)
    x = torch.randn(row.T, row.B, row.I, dtype=torch.float32, device="cpu")
    begun = time.perf_counter()
    module(x)[0].sum().backward()
    seconds = time.perf_counter() - begun
    digest = hashlib.sha256()
    for parameter in module.parameters():
        assert parameter.grad is not None
        digest.update(parameter.grad.numpy().tobytes())
    finite = all(bool(p.grad.isfinite().all()) for p in module.parameters() if p.grad is not None)
    life = _high_water()
    return {"seconds": seconds, "bytes": life, "digest": digest.hexdigest(), "finite": finite}


def _peak(work: Callable[[], object], module: torch.nn.Module) -> int:
    """Return how far the resident set rises during `work`."""
    module.zero_grad(set_to_none=True)
    gc.collect()
    # Hand back what earlier steps have freed: ours, then glibc's.
    if not NOT_BUILT:
        import_module("gatewise.engines.native.memory").release()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        CLEAR.write_text("5", encoding="ascii")
    before = _status("VmRSS")
    if before is None:
        before = _high_water()
    work()
    return max(0, _high_water() - before)


def _high_water() -> int:
    mark = _status("VmHWM")
    if mark is not None:
        return mark
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(name: str) -> int | None:
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(found[0]) * 1024 if found else None


def main(text: str) -> None:
    """Do the task that `text`, JSON, describes, and print what was found as JSON."""
    task = json.loads(text)
    torch.set_num_threads(task.pop("threads"))
    tasks: dict[str, Callable[..., dict[str, Any]]] = {"step": step, "long": long}
    found = tasks[task.pop("task")](**{**task, "row": Row(*task["row"])})
    print(json.dumps({**found, "gatewise": gw.__version__}))


if __name__ == "__main__":
    main(sys.argv[1])
