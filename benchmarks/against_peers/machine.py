"""The machine that figures depend on: processor, threads, versions, and its peak rate."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

PACKAGES = ("gatewise", "torch", "numpy", "onnxruntime", "jax", "keras")


def facts() -> dict[str, Any]:
    """Return the machine, its threads, and the versions of what may have been measured."""
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": _instructions(),
        "system": f"{platform.system()} {platform.release()}",
        "versions": {"Python": platform.python_version(), **_versions()},
    }


def described(found: dict[str, Any]) -> str:
    """Return the facts in one line."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    core = f", native core {found['instructions']}" if found["instructions"] else ""
    return (
        f"{found['processor']}, {found['cpus']} CPUs, {found['threads']} torch threads{core}, "
        f"{found['system']}; {versions}"
    )


def machine() -> str:
    """Return the machine, threads and versions that figures depend on, in one line."""
    return described(facts())


def peak_gflops(type: str, threads: int) -> float:
    """Measure the multiply-add peak of `type` ("f32", "f64", "bf16"); NaN where that is not built."""
    native = _native()
    measure = getattr(native, "peak_gflops", None)
    return math.nan if measure is None else float(measure(type, threads))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch, and the native engine with it, use `count` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _native() -> Any:
    try:
        return import_module("gatewise._native")
    except ImportError:
        return None


def _instructions() -> str | None:
    native = _native()
    return None if native is None else str(native.isa())


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
