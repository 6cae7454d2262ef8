"""The device that the tests of this folder run on: a GPU, or they are skipped with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.cuda.device import ON_CUDA


@pytest.fixture(params=[pytest.param("cuda", marks=ON_CUDA)])
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name the device, with matrix products in full float32: what is compared is the code above them."""
    products, convolutions = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield request.param
    finally:
        torch.backends.cuda.matmul.allow_tf32 = products
        torch.backends.cudnn.allow_tf32 = convolutions
