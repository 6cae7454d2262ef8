"""Recorded tensors as NumPy arrays."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def as_array(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor as an array, shared on the CPU; bfloat16, which NumPy lacks, as float32."""
    held = tensor.detach().cpu()
    found: NDArray[Any] = (held.float() if held.dtype is torch.bfloat16 else held).numpy()
    return found
