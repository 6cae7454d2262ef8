"""What a network remembers, for how long, where, and at what cost: in sentences, each with its evidence.

The room is not called `explain/` since the function `gw.explain` has that name.
"""

from __future__ import annotations

from gatewise.explaining.comparing import Comparison, compare
from gatewise.explaining.entry import explain
from gatewise.explaining.explanation import Explanation
from gatewise.explaining.finding import Finding
from gatewise.explaining.limits import Limits

__all__ = ["Comparison", "Explanation", "Finding", "Limits", "compare", "explain"]
