"""Which calls on a CUDA device are faster in another arrangement than torch's: from measurement.

cuDNN has kernels that stay on the chip for the whole sequence, for dense rows of few units in float32
and float16. Packed rows it runs step by step, as many launches as there are steps, and so bfloat16. So
packed rows run padded, and bfloat16 in float32, up to the size from which on arithmetic takes longer
than launches. docs/cuda.md tells what was measured.
"""

from __future__ import annotations

from typing import NamedTuple

import torch


class Padded(NamedTuple):
    """Up to how many units rows are faster padded, and from how many steps on."""

    units: int
    steps: int  # what turns rows into padded ones takes as long as some steps


_RNN = (Padded(256, 50),)
PADDED = {
    "lstm": (Padded(128, 50), Padded(160, 100)),
    "gru": (Padded(128, 50), Padded(192, 100)),
    "rnn_tanh": _RNN,
    "rnn_relu": _RNN,
}
"""By cell; beyond, cuDNN runs dense rows step by step as well."""

FLOAT32_UNITS = 128
"""Up to how many units float32 is no slower than the shorter type in which torch computes."""


def padded_from(cell: str, units: int) -> int | None:
    """Return from how many steps on rows of unlike lengths run faster padded; None: never."""
    return next((rule.steps for rule in PADDED[cell] if units <= rule.units), None)


def is_float32_faster(cell: str, units: int, than: torch.dtype, training: bool) -> bool:
    """Tell whether a pass in float32 is faster than torch's in the type `than`."""
    if than is torch.float16 and (cell != "lstm" and (cell != "gru" or training)):
        return False
    return units <= FLOAT32_UNITS
