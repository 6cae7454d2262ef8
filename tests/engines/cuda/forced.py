"""What a GPU would choose, on the CPU: rows padded, and the kernels in Triton's interpreter."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
import torch
from numpy.lib import NumpyVersion

from gatewise.engines.cuda import launch, padded
from gatewise.engines.native import engine as native
from gatewise.nn import modules


def padding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch's pass run, and rows of unlike lengths padded, wherever the call is."""

    def takes(cell: str, units: int, projected: bool, x: Any, packed_steps: int | None) -> bool:
        return packed_steps is not None

    monkeypatch.setattr(native, "NOT_BUILT", "left out")
    monkeypatch.setattr(padded, "takes", lambda *_: True)
    monkeypatch.setattr(modules, "differs", takes)


def interpreting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernels run in Triton's interpreter; skip the test where that cannot be."""
    pytest.importorskip("triton", reason="Triton is not installed")
    if torch.cuda.is_available():
        pytest.skip("the kernels are compiled here, and run on the GPU")
    if NumpyVersion(numpy.__version__) >= "2.4.0":
        pytest.skip("Triton's interpreter takes arrays for numbers, which NumPy 2.4 refuses")
    assert launch.missing() == ""
    monkeypatch.setattr(native, "NOT_BUILT", "left out")
    monkeypatch.setattr(launch, "why_not", lambda _: "")
