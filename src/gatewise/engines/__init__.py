"""The engines that run a cell, and which one runs it.

`reference` is the readable loop and the oracle; `torch` is torch's own fused pass. An engine is a
function `run(network, x, states, rows, *, gates) -> Result`; a new one is one file, one entry in
`ENGINES` and its place in `choose`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gatewise.cells import CellSpec
from gatewise.engines import fused, reference
from gatewise.engines.gates import Gates
from gatewise.engines.layout import Network, Result, Rows
from gatewise.errors import EngineError, OptionError, nearest

ENGINES: dict[str, Callable[..., Result]] = {"reference": reference.run, "torch": fused.run}
"""Every engine by the name that the modules' `engine` takes; `auto` chooses among them."""


@dataclass(frozen=True)
class EngineChoice:
    """Which engine runs a module, and why."""

    name: str
    reason: str


def check_engine(requested: str) -> None:
    """Raise OptionError, naming the engines there are, unless `requested` is one or `auto`."""
    known = ("auto", *ENGINES)
    if requested not in known:
        raise OptionError(
            f"engine must be one of {', '.join(map(repr, known))}; got {requested!r}."
            f"{nearest(str(requested), known)}"
        )


def choose(requested: str, spec: CellSpec) -> EngineChoice:
    """Return the engine for `spec`; an engine named explicitly is never replaced by another.

    Raises OptionError for an unknown name and EngineError where the named engine cannot run it.
    """
    check_engine(requested)
    has_pass = spec.name in fused.PASSES
    missing = f"torch has no fused pass for the cell {spec.name!r}"
    if requested == "torch" and not has_pass:
        raise EngineError(f"{missing}; use engine='reference' or 'auto'")
    if requested != "auto":
        return EngineChoice(requested, "named by the caller")
    if has_pass:
        return EngineChoice("torch", f"torch's fused pass runs the cell {spec.name!r}")
    return EngineChoice("reference", missing)


__all__ = [
    "ENGINES",
    "EngineChoice",
    "Gates",
    "Network",
    "Result",
    "Rows",
    "check_engine",
    "choose",
]
