"""The sLSTM's states as they are published, in NumPy: what `nn.slstm.Published` does with tensors."""

from __future__ import annotations

import numpy as np

from gatewise.errors import InputError
from gatewise.typing import AnyArray


def published(h: AnyArray, cell: AnyArray, level: AnyArray) -> tuple[AnyArray, ...]:
    """Return `(h, c, n, m)` of h, c / n and m + log n: n is 1, or 0 where nothing was written."""
    holds = level > -np.inf
    n = holds.astype(level.dtype)
    return h, np.where(holds, cell, 0), n, np.where(holds, level, 0)


def taken_in(h: AnyArray, c: AnyArray, n: AnyArray, m: AnyArray) -> tuple[AnyArray, ...]:
    """Return h, c / n and m + log n, 0 and minus infinity where n is 0; raises InputError."""
    if (n < 0).any():
        raise InputError(
            "Stream: n is a sum of weights and cannot be below 0; are the states mixed up?"
        )
    holds = n > 0
    divisor = np.where(holds, n, np.ones_like(n))
    level = np.where(holds, m + np.log(divisor), -np.inf)
    return h, np.where(holds, c / divisor, 0), level
