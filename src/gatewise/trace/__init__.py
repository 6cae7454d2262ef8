"""Recording the gates and states of a model while it runs."""

from __future__ import annotations

from gatewise.trace.record import trace
from gatewise.trace.store import Trace

__all__ = ["Trace", "trace"]
