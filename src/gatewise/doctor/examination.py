"""All that is looked at, in order, and what is wrong with it. Nothing here raises: it tells."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gatewise.doctor.requirements import Requirement, requirements
from gatewise.errors import how_to_install
from gatewise.wording import figure

Lines = dict[str, str]
"""Name to what was found, in the order of printing."""

WIDTH = 12
"""Columns of the names: the longest, and two spaces."""
SETTINGS = "GATEWISE_"
"""What variables of the environment begin with that gatewise reads."""


@dataclass
class Examination:
    """What was found.

    Attributes:
        found: Section to its lines.
        problems: What is wrong, each in a sentence that ends with what to do; empty where all is well.
    """

    found: dict[str, Lines] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it as plain text."""
        lines: list[str] = []
        for section, told in self.found.items():
            lines += [section, *(f"  {name:<{WIDTH}}{value}" for name, value in told.items())]
        lines += [f"problem: {problem}" for problem in self.problems] or ["No problem was found."]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return asdict(self)


def examine() -> Examination:
    """Look at everything. Raises nothing."""
    found = Examination()
    found.found["gatewise"] = _gatewise()
    found.found["machine"] = _machine()
    needed = requirements()
    found.found["packages"] = {one.name: one.told for one in needed if not one.extra}
    found.problems += [one.problem for one in needed if not one.extra and one.problem]
    found.found["extras"] = dict(_extras(needed))
    found.found["core"] = _core(found.problems)
    found.found["torch"] = _torch(found.problems)
    found.found["self-test"] = _self_test(found)
    return found


def _gatewise() -> Lines:
    home = Path(__file__).parents[1]
    is_checkout = (home.parents[1] / "native").is_dir()
    try:
        told = version("gatewise")
    except PackageNotFoundError:
        told = "not installed: imported from its folder"
    given = {name: value for name, value in sorted(os.environ.items()) if name.startswith(SETTINGS)}
    settings = ", ".join(f"{name}={value}" for name, value in given.items())
    return {
        "version": told,
        "from": "a checkout" if is_checkout else "an installed package",
        "set": settings or "nothing that gatewise reads",
    }


def _machine() -> Lines:
    gil = getattr(sys, "_is_gil_enabled", None)
    threading = "" if gil is None or gil() else ", free-threaded"
    return {
        "system": platform.platform(),
        "processor": f"{_processor()}, {_usable()} of {os.cpu_count() or 1} CPUs usable",
        "memory": _memory(),
        "Python": f"{platform.python_version()} ({platform.python_implementation()}{threading})",
    }


def _processor() -> str:
    """Return the processor's name, which on Linux the platform module does not tell."""
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def _usable() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> str:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # no such name on this system
        return "unknown"
    return f"{figure(total / 2**30)} GiB"


def _extras(needed: list[Requirement]) -> Iterator[tuple[str, str]]:
    """Tell of each extra whether it is there, or which of its packages lack."""
    for extra in sorted({one.extra for one in needed if one.extra} - {"dev"}):
        missing = [one.name for one in needed if one.extra == extra and one.problem]
        yield extra, f"without {', '.join(missing)}" if missing else "there"


def _core(problems: list[str]) -> Lines:
    """Tell of the native core whether it is built, for which instruction sets, and which it takes."""
    try:
        core: Any = import_module("gatewise._native")
    except ImportError as error:
        problems.append(
            f"the native core is not built ({error}): networks run on slower engines, and Stream not at "
            f"all. Install gatewise anew: {how_to_install('dev')}"
        )
        return {"built": f"no: {error}"}
    told = {"built": "yes", "runs here": ", ".join(core.isas())}
    try:
        told["in use"] = core.isa()
    except RuntimeError as error:
        told["in use"] = "none"
        problems.append(str(error))
    return told


def _torch(problems: list[str]) -> Lines:
    """Tell of torch whether it can be imported, its threads and its devices."""
    try:
        import torch  # noqa: PLC0415 - it may be missing or broken, which is for us to tell
    except Exception as error:  # whatever its loading meets
        kind = type(error).__name__
        problems.append(
            f"torch cannot be imported ({kind}: {str(error).splitlines()[0]:.200}): training and "
            "everything with modules need it. Install it anew: pip install --force-reinstall torch"
        )
        return {"imports": f"no: {kind}"}
    told = {"imports": "yes", "threads": f"{torch.get_num_threads()}"}
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        told["GPU"] = ", ".join(names)
    else:
        built = torch.version.cuda
        told["GPU"] = f"none found, though torch is built for CUDA {built}" if built else "none"
    return told


def _self_test(found: Examination) -> Lines:
    """Run a kernel against the oracle, where both are there."""
    if found.found["core"].get("in use", "none") == "none" or len(found.found["torch"]) == 1:
        return {"run": "no: it takes the core and torch"}
    from gatewise.doctor.kernels import compare  # noqa: PLC0415 - brings torch

    try:
        told, wrong = compare()
    except Exception as error:  # a broken build may do anything that raises
        told, wrong = {}, [f"{type(error).__name__}: {str(error).splitlines()[0]:.200}"]
    if wrong:
        found.problems.append(
            f"the native core differs from the reference engine ({'; '.join(wrong)}): do not trust its "
            f"results. Install gatewise anew: {how_to_install('dev')}, and report this"
        )
    return told or {"run": "failed"}
