"""Aliases of types that several rooms share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""Figures: every result and score is computed and kept in float64."""

Array32 = NDArray[np.float32]
"""Values as a network reads them."""

Floats = NDArray[np.floating[Any]]
"""Values of any floating type, as a caller gives them."""

AnyArray = NDArray[Any]
"""An array whose type its values decide."""

Arrays = dict[str, AnyArray]
"""Arrays by their names in a file."""

Indices = NDArray[np.int64]
"""Numbers of rows, units or steps, counted from 0."""

Mask = NDArray[np.bool_]
"""Which elements are meant."""

Names = str | Sequence[str]
"""One name or several."""
