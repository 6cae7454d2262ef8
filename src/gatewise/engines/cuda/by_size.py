"""Which calls on a CUDA device are faster in another arrangement than torch's: from measurement.

cuDNN has kernels that stay on the chip for the whole sequence, for dense rows of few units in float32
and float16. Packed rows it runs step by step, as many launches as there are steps, and so bfloat16. So
packed rows run padded, and bfloat16 in float32, up to the size from which on arithmetic takes longer
than launches. docs/cuda.md tells what was measured.
"""

from __future__ import annotations

import torch

PADDED_UNITS = 128
"""Up to how many units padded rows are faster; beyond, cuDNN trains dense rows step by step as well."""

PADDED_STEPS = 100
"""From how many steps on: what turns the rows into padded ones takes as long as some steps."""

FLOAT32_UNITS = {torch.bfloat16: 256, torch.float16: 128}
"""Up to how many units float32 is no slower than the type that torch computes in."""


def is_padded_faster(units: int, steps: int) -> bool:
    """Tell whether rows of unlike lengths run faster padded than packed."""
    return units <= PADDED_UNITS and steps >= PADDED_STEPS


def is_float32_faster(cell: str, units: int, than: torch.dtype, training: bool) -> bool:
    """Tell whether a pass in float32 is faster than torch's in the type `than`."""
    if than is torch.float16 and (cell != "lstm" and (cell != "gru" or training)):
        return False
    return units <= FLOAT32_UNITS[than]
