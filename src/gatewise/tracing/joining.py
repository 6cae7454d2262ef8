"""One trace of many: calls that were recorded one at a time, each in a trace of a module alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gatewise.tracing._options import TraceOptions
from gatewise.tracing._recordings import RecordedModule
from gatewise.tracing.store import Trace


def joined(parts: Mapping[str, Sequence[Trace]]) -> Trace:
    """Return the calls of traces of one module each, by the names that the modules are to have.

    Under one name all have to be of one cell and size. Raises nothing.
    """
    modules = {}
    for name, traces in parts.items():
        every = [found._modules[found.names[0]] for found in traces]
        calls = [call for one in every for call in one.calls]
        modules[name] = RecordedModule(replace(every[0].kept, steps=None), calls)
    return Trace({name: name for name in modules}, modules, TraceOptions())
