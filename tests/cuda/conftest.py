"""The device that the tests of this folder run on: a GPU, or they are skipped with the reason.

With `-p tests.cuda.pretend --pretend` it is a made-up one instead.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.cuda.device import ON_CUDA


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test that asks for it the device."""
    if "device" in metafunc.fixturenames:
        pretended = metafunc.config.getoption("pretend", default=False)
        places = ["pretend"] if pretended else [pytest.param("cuda", marks=ON_CUDA)]
        metafunc.parametrize("device", places, indirect=True)


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name the device, with matrix products in full float32: what is compared is the code above them."""
    if request.param == "pretend":
        from tests.cuda.pretend import pretended  # noqa: PLC0415 - for torch of late alone

        with pretended() as name:
            yield name
        return
    products, convolutions = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield request.param
    finally:
        torch.backends.cuda.matmul.allow_tf32 = products
        torch.backends.cudnn.allow_tf32 = convolutions
