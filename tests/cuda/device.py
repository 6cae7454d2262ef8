"""What the tests on a GPU share: their marks, and values from two devices compared."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

ON_CUDA = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
    # Copies of weights are not in one piece; torch then puts them into one at each call.
    pytest.mark.filterwarnings("ignore:RNN module weights are not part of single contiguous"),
]


def leaves(value: Any) -> list[torch.Tensor]:
    """Return all tensors of what a module returns, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, PackedSequence):
        return [value.data]
    parts = value.values() if isinstance(value, Mapping) else value
    return [leaf for part in parts for leaf in leaves(part)]


def assert_on(value: Any, device: str) -> None:
    """Assert that every tensor of a result lies on the device."""
    assert {leaf.device.type for leaf in leaves(value)} == {torch.device(device).type}


def assert_near(found: Any, wanted: Any, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    """Assert that two results agree, tensor by tensor, NaN where the other has NaN.

    `rtol` is of a tensor's largest value: where large terms cancel, float32 has digits of those.
    """
    pairs = list(zip(leaves(found), leaves(wanted), strict=True))
    assert pairs
    for mine, other in pairs:
        size = float(other.detach().double().nan_to_num().abs().max()) if other.numel() else 0.0
        np.testing.assert_allclose(
            mine.detach().double().cpu().numpy(),
            other.detach().double().cpu().numpy(),
            rtol=0.0,
            atol=atol + rtol * size,
        )


def gradients(result: Any, of: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return the gradients of one fixed cost of all that a call returned."""
    total = torch.zeros((), dtype=torch.float64)
    for seed, leaf in enumerate(leaves(result)):
        if leaf.requires_grad:
            draw = torch.Generator().manual_seed(seed)
            weights = torch.randn(leaf.shape, generator=draw, dtype=torch.float64)
            total = total + (leaf.double().cpu().nan_to_num() * weights).sum()
    found = torch.autograd.grad(total, list(of), allow_unused=True)
    return [torch.zeros_like(a) if b is None else b for a, b in zip(of, found, strict=True)]


@contextmanager
def no_wait(device: str) -> Iterator[None]:
    """Fail where the host waits for the device inside the block."""
    if device == "pretend":
        from tests.cuda.pretend import waits  # noqa: PLC0415 - for torch of late alone

        waits.clear()
        yield
        assert not waits, "\n".join(sorted(set(waits)))
        return
    mode = torch.cuda.get_sync_debug_mode()
    try:
        # torch warns that this mode misses some waits: as an error, that would leave it on for good.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            torch.cuda.set_sync_debug_mode("error")
        yield
    finally:
        torch.cuda.set_sync_debug_mode(mode)
