"""The engines that run a cell, and which one runs it.

`reference` is the readable loop and the oracle; `torch` is torch's own fused pass; `native` is the
core in C++ on the CPU. What an engine is stands in `engines.engine`; a new one is one file with its
`ENGINE`, one entry in `ENGINES` and its place in `choose`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from gatewise.cells import CellSpec
from gatewise.engines import by_size, fused, reference
from gatewise.engines.engine import Engine, Plain, Run
from gatewise.engines.gates import Gates
from gatewise.engines.layout import Network, PassResult, Rows
from gatewise.engines.native import engine as native
from gatewise.engines.onlookers import is_for_onnx, recorder, varies
from gatewise.errors import EngineError, OptionError, nearest

ENGINES: dict[str, Engine] = {
    engine.name: engine for engine in (native.ENGINE, reference.ENGINE, fused.ENGINE)
}
"""Every engine by the name that the modules' `engine` takes; `auto` chooses among them."""


@dataclass(frozen=True)
class EngineChoice:
    """Which engine runs a module, and why."""

    name: str
    reason: str


def check_engine(requested: str) -> None:
    """Raise OptionError, naming the engines there are, unless `requested` is one or `auto`."""
    known = ("auto", *ENGINES)
    if not isinstance(requested, str) or requested not in known:
        raise OptionError(
            f"engine must be one of {', '.join(map(repr, known))}; got {requested!r}."
            f"{nearest(str(requested), known)}"
        )


def choose(
    requested: str,
    spec: CellSpec,
    like: Tensor,
    work: by_size.Workload | None = None,
    *,
    weights: Iterable[Tensor] = (),
    settled: str = "",
    needs_gatewise: bool = False,
) -> EngineChoice:
    """Return the engine for `spec` on tensors such as `like`, for its device and type.

    `auto` also looks at who looks on: it leaves to torch what torch.jit.trace or torch.export
    records (not a graph that is to take any number of steps, nor a call with lengths or gates, that
    `needs_gatewise`), and `like` or `weights` of a class that replaces operators. Then it looks at
    the size of the call, `work`, if there is one, or takes what was `settled` before, `native` or
    `torch`, whatever the size. An engine named explicitly is never replaced by another. Raises
    OptionError for an unknown name and EngineError where the named engine cannot run it.
    """
    check_engine(requested)
    if requested != "auto":
        engine = ENGINES[requested]
        if reason := engine.why_not(spec, like, weights):
            # a cell that torch does not have has no module of torch to go back to
            instead = engine.instead if spec.name in fused.PASSES else Engine.instead
            raise EngineError(f"{reason}; {instead}")
        return EngineChoice(requested, _NAMED)
    # Who records a call comes before its size: what is recorded may run where gatewise is missing.
    reason = native.ENGINE.why_not(spec, like, weights)
    if not reason and recorder():
        beyond_torch = needs_gatewise or (work is not None and varies(work.steps))
        if beyond_torch and not is_for_onnx():
            return EngineChoice(
                native.ENGINE.name,
                "torch's pass records neither any number of steps nor lengths",
            )
        reason = f"{recorder()} records what is to run elsewhere"
    if not reason and settled == fused.ENGINE.name:
        reason = "settled for every call of this network"
    if not reason and not settled and work is not None:
        reason = by_size.why_torch(spec.name, work)
    if not reason:
        text = f"the native core runs the cell {spec.name!r} on the CPU"
        return EngineChoice(native.ENGINE.name, text)
    if no_pass := fused.ENGINE.why_not(spec, like, weights):
        return EngineChoice(reference.ENGINE.name, f"{no_pass}, and {reason}")
    text = f"torch's fused pass runs the cell {spec.name!r}: {reason}"
    return EngineChoice(fused.ENGINE.name, text)


_NAMED = "named by the caller"

__all__ = [
    "ENGINES",
    "Engine",
    "EngineChoice",
    "Gates",
    "Network",
    "PassResult",
    "Plain",
    "Rows",
    "Run",
    "check_engine",
    "choose",
]
