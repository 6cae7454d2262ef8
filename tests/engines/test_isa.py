"""Every instruction set of this machine gives the oracle's values, gates and gradients."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_native = pytest.importorskip("gatewise._native")

CODE = """
import torch
from tests.engines.test_native import oracle_of, values_and_gradients
from tests.nn.recurrent import STOCK, build, inputs, stock_of
from tests.tolerances import assert_close32, assert_close64
from gatewise import _native

print(_native.isa())
for cell in STOCK:
    for width, hidden, batch in ((3, 5, 3), (16, 32, 7), (5, 50, 33)):
        module = build(cell, width, hidden, bidirectional=True, engine="native")
        x = inputs(9, batch, width)
        options = {"lengths": [9, 0, 4, *[7] * (batch - 3)], "return_gates": True}
        mine = values_and_gradients(module, x, **options)
        module.engine = "reference"
        for one, other in zip(mine, values_and_gradients(module, x, **options), strict=True):
            assert_close64(one, other, f"{cell} {hidden}")
        module = module.float()
        module.engine = "native"
        mine = values_and_gradients(module, x.float())
        theirs = values_and_gradients(stock_of(module), x.float())
        exact = oracle_of(module, x.float())
        worst = max(((t - e).abs() / (1 + e.abs())).max() for t, e in zip(theirs, exact))
        for one, value in zip(mine, exact, strict=True):
            yardstick = (value + worst * (1 + value.abs())).float()
            assert_close32(one, yardstick, value, f"{cell} {hidden}")
"""


def run(isa: str, code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GATEWISE_ISA": isa, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("isa", _native.isas())
def test_it_gives_the_oracles_results(isa: str) -> None:
    done = run(isa, CODE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == isa


def test_one_that_there_is_not_is_named_with_those_there_are() -> None:
    done = run("sse", "from gatewise import _native; _native.isa()")
    assert done.returncode != 0
    for isa in _native.isas():
        assert isa in done.stderr
