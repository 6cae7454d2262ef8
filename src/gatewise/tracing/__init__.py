"""Recording the gates and states of a model while it runs."""

from __future__ import annotations

from gatewise.tracing.files import load_trace
from gatewise.tracing.record import trace
from gatewise.tracing.store import Trace

__all__ = ["Trace", "load_trace", "trace"]
