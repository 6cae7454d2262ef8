"""Recording the gates and states of a model while it runs."""

from __future__ import annotations

from gatewise.tracing.record import trace
from gatewise.tracing.store import Trace, load_trace

__all__ = ["Trace", "load_trace", "trace"]
