"""How close is close enough: the one table of tolerances, elementwise, for every engine and machine.

Nothing loosens it per environment; a figure that has to grow needs a stated reason here.

FLOAT64: two correct engines differ by the order of their sums only. The tests add at most some
hundred terms of size 10 or less, so about 100 * 10 * 2^-53 = 1e-13; ten times that is allowed.
The largest difference seen over the cross product is 2.3e-15 * (1 + |value|).

FLOAT32: the yardstick is torch itself. Its float32 result on the same input has some largest error
against the float64 oracle; ours may have FLOAT32_MULTIPLE times that at any element, and a floor
besides, of two roundings (2^-23) of 1 + |value|, for a tensor that torch happens to hit. Beyond the
floor, the largest multiple seen over the cross product is 1.01 for engines that round as torch does.
The native engine sums in another order and has its own exp: in the five numbers of a tiny bias
the two errors are independent draws, and their ratio has no bound. There, and there only, the yardstick
is torch's worst error in any result of the same call, per 1 + |value|; on larger shapes
(tests/engines/test_native.py) it is tensor by tensor.

BFLOAT16: 8 bits of mantissa, 2^-8 = 4e-3 for each rounding; used for types under autocast only.
"""

from __future__ import annotations

import torch
from torch import Tensor

FLOAT64 = 1e-12
FLOAT32_MULTIPLE = 2.0
FLOAT32_FLOOR = 2 * 2.0**-23
BFLOAT16 = 4e-2
FORECAST_FLOOR = 8 * FLOAT32_FLOOR
"""Of a forecast in its target's units: the head's sum of few float32 terms in another order."""
ELSEWHERE = {"rtol": 1e-4, "atol": 1e-5}
"""Of answers kept in a file: another machine's kernels add in another order, step after step."""
TRAINED_ON = 2e-2
"""Relative, of a model that was trained on from a file: rounding has grown in training."""


def assert_close64(ours: Tensor, theirs: Tensor, what: str = "") -> None:
    """Check every element of two float64 results; NaN only where the other has NaN."""
    assert ours.dtype == theirs.dtype == torch.float64, what
    _assert_within(ours, theirs, FLOAT64 * (1 + theirs.abs()), what)


def assert_close32(ours: Tensor, torchs: Tensor, exact: Tensor, what: str = "") -> None:
    """Check every element of a float32 result against the float64 oracle `exact`.

    `torchs` is torch's own float32 result on the same input, whose largest error is the yardstick.
    """
    assert ours.dtype == torchs.dtype == torch.float32, what
    assert exact.dtype == torch.float64, what
    seen = ~exact.isnan()
    worst = (torchs.double() - exact)[seen].abs().max() if seen.any() else torch.tensor(0.0)
    allowed = FLOAT32_MULTIPLE * worst + FLOAT32_FLOOR * (1 + exact.abs())
    _assert_within(ours.double(), exact, allowed, what)


def _assert_within(ours: Tensor, theirs: Tensor, allowed: Tensor, what: str) -> None:
    assert ours.shape == theirs.shape, f"{what}: {list(ours.shape)} is not {list(theirs.shape)}"
    assert torch.equal(ours.isnan(), theirs.isnan()), f"{what}: NaN in different places"
    excess = ((ours - theirs).abs() - allowed).nan_to_num(nan=-1.0)
    if (excess > 0).any():
        where = tuple(int(i) for i in (excess == excess.max()).nonzero()[0])
        raise AssertionError(
            f"{what} {list(ours.shape)} at {where}: {ours[where]:.17g} is not "
            f"{theirs[where]:.17g} within {allowed[where]:.2g}; {int((excess > 0).sum())} elements off"
        )
