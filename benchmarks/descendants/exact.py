"""How near a package's model, before and after `gw.accelerate`, is to its own float64 form."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

import gatewise as gw
from benchmarks.descendants.packages import contexts, forecast

LOWER = (torch.float32, torch.bfloat16, torch.float16)


class InFloat64(TorchFunctionMode):
    """Run another package's code with float64 in place of every rounding to a smaller type."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (Tensor.float, Tensor.half, Tensor.bfloat16):
            func = Tensor.double
        args = tuple(_raised(value) for value in args)
        kwargs = {name: _raised(value) for name, value in (kwargs or {}).items()}
        return func(*args, **kwargs)


def _raised(value: Any) -> Any:
    return torch.float64 if isinstance(value, torch.dtype) and value in LOWER else value


class Distances(NamedTuple):
    """The largest differences of forecasts, each as a part of their largest size."""

    accelerated: float  # from the package's own
    package: float  # the package's own from its float64 form
    ours: float  # the accelerated from the package's float64 form


def distances(model: Any, rows: int = 4, steps: int = 2048) -> Distances:
    """Compare a TiRex model with itself accelerated, and both with its own code in float64."""
    x = contexts(rows, steps)
    theirs = forecast(model, x).double()
    with InFloat64():
        exact = forecast(copy.deepcopy(model).double(), x.double())
    ours = forecast(gw.accelerate(copy.deepcopy(model)), x).double()
    size = float(exact.abs().max())

    def apart(one: Tensor, other: Tensor) -> float:
        return float((one - other).abs().max()) / size

    return Distances(apart(ours, theirs), apart(theirs, exact), apart(ours, exact))
