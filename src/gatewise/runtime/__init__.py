"""Running a network without torch: NumPy arrays and the native core."""

from __future__ import annotations

from gatewise.runtime.stream import Stream

__all__ = ["Stream"]
