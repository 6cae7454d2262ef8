"""The comparison of two sides' results, made before any time is reported."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Results = dict[str, NDArray[np.float32]]
"""Results by name, in torch's layout and gate order: the output, and each parameter's gradient."""

FLOAT32 = 1e-4
"""Allowed at any element, as a share of the largest in its array. Rounding through thousands of steps
stays an order of magnitude below; a wrong gate, a lost bias or a missing step are far above."""

BFLOAT16 = 2e-2
"""The same for bfloat16 against float32: 8 bits of mantissa. Torch itself is at 7e-3 on main rows."""


def difference(found: Results, expected: Results) -> float:
    """Return the largest difference at any element, as a share of its array's largest element.

    Infinite where an array is missing, has another shape, or holds NaN.
    """
    return max((_one(found.get(name), array) for name, array in expected.items()), default=0.0)


def _one(found: NDArray[np.float32] | None, expected: NDArray[np.float32]) -> float:
    if found is None or found.shape != expected.shape:
        return float("inf")
    scale = float(np.abs(expected).max(initial=0.0)) or 1.0
    largest = float(np.abs(found - expected).max(initial=0.0)) / scale
    return largest if np.isfinite(largest) else float("inf")
