"""The type that a pass computes in under autocast on CUDA.

bfloat16 runs step by step, but cuDNN keeps float32 on the chip for few units: there float32 inside is
both faster and more exact, and only what comes out is bfloat16.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.engines.cuda.by_size import is_float32_faster

_CAST = (torch.float32, torch.float16, torch.bfloat16)
"""What autocast casts; float64 it leaves alone."""


def type_outside(x: Tensor) -> torch.dtype | None:
    """Return the type in which autocast on CUDA returns a pass on `x`; None where nothing is cast."""
    if not x.is_cuda or not torch.is_autocast_enabled("cuda") or x.dtype not in _CAST:
        return None
    return torch.get_autocast_dtype("cuda")


def type_inside(units: int, outside: torch.dtype) -> torch.dtype:
    """Return the type to compute in for layers of `units` whose results are in the type `outside`."""
    is_exact = outside is torch.bfloat16 and is_float32_faster(units)
    return torch.float32 if is_exact else outside
