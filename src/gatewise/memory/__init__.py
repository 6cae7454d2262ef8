"""What recorded gates and states mean: functions on arrays."""

from __future__ import annotations

from gatewise.memory.timescale import gate_timescale

__all__ = ["gate_timescale"]
