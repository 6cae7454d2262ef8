"""The types to compute in where torch's pass computes in a shorter one."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from gatewise.cells import Parameters


def at_least_float32(parameters: Parameters) -> torch.dtype:
    """Return the type to recover gates in: that of the parameters, but no shorter than float32."""
    return torch.promote_types(parameters.W_hh.dtype, torch.float32)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context without autocast, for device types too that have none, such as `meta`."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
