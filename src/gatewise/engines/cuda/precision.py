"""The type that a pass computes in on CUDA, where that is another one than its results have.

cuDNN keeps layers of few units on the chip in float32 and float16, but runs bfloat16 step by step. So
bfloat16 modules compute in float32, which is both faster and more exact, and what comes out is bfloat16.
Under autocast torch hands cuDNN float16, and returns it, whatever type autocast was asked for; there
float32 inside is more exact, and faster for the fewest units.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import NamedTuple

import torch
from torch import _VF, Tensor

from gatewise.engines.cuda.by_size import is_float32_faster
from gatewise.engines.cuda.passes import runs

_CAST = (torch.float32, torch.float16, torch.bfloat16)
"""What autocast casts; float64 it leaves alone."""


class Types(NamedTuple):
    """The type to compute in, and that of the results."""

    inside: torch.dtype
    outside: torch.dtype


def types_of(cell: str, units: int, x: Tensor) -> Types | None:
    """Return the types of a call with `x`; None where it runs as it is, in the type of `x`."""
    if not x.is_cuda or x.dtype not in _CAST:
        return None
    casts = torch.is_autocast_enabled("cuda")
    if not casts and x.dtype is not torch.bfloat16:
        return None
    outside = _autocast(torch.get_autocast_dtype("cuda")) if casts else x.dtype
    in_float32 = runs(x) and is_float32_faster(cell, units, outside, torch.is_grad_enabled())
    inside = torch.float32 if in_float32 else outside
    return Types(inside, outside) if casts or inside is not outside else None


@cache
def _autocast(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which torch returns its LSTM under autocast to `dtype`."""
    one = torch.zeros(1, 1, 1, device="cuda", dtype=torch.float32)
    weights = [torch.zeros(4, 1, device="cuda", dtype=torch.float32) for _ in range(2)]
    with torch.no_grad(), torch.autocast("cuda", dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the weights are not in one piece
        out, *_ = _VF.lstm(one, (one, one), weights, False, 1, 0.0, False, False, False)
    found: torch.dtype = out.dtype
    return found
