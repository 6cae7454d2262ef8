"""Running a trained network without torch: NumPy arrays and the native core.

`load` opens a saved run to predict from, `Stream` takes a network of layers one step at a time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gatewise.runtime.stream import Stream

if TYPE_CHECKING:
    from gatewise.runtime.loading import load

__all__ = ["Stream", "load"]


def __getattr__(name: str) -> Any:
    """Import `load` on first use: a stream needs none of what reads tables."""
    if name == "load":
        return import_module("gatewise.runtime.loading").load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
