"""Explanations of what a network remembers, for how long and where: sentences, each with its evidence.

The room is not called `explain/` since the function `gw.explain` has that name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.explaining.comparing import Comparison, compare
    from gatewise.explaining.entry import explain
    from gatewise.explaining.explanation import Explanation
    from gatewise.explaining.finding import Finding
    from gatewise.explaining.limits import Limits

__all__ = ["Comparison", "Explanation", "Finding", "Limits", "compare", "explain"]

_HOMES = {
    "Comparison": "comparing",
    "compare": "comparing",
    "explain": "entry",
    "Explanation": "explanation",
    "Finding": "finding",
    "Limits": "limits",
}


def __getattr__(name: str) -> Any:
    """Import a name on its first use: the help of `inspect` reads the limits without torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
