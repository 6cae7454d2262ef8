"""Random calls of the operators give the same values, gradients and errors with a patch and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from tests.programs.random_calls import RandomCall
from torch import Tensor

from gatewise.programs.patching import observe, patch
from gatewise.programs.taking import Call

# torch says so of its own pass once in a process, whether or not the core takes a call.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported:UserWarning")

Outcome = tuple[list[Tensor], list[Tensor | None]] | str


class Taken:
    """Notes of each call whether the core took it."""

    def __init__(self) -> None:
        self.every: list[bool] = []

    def __call__(
        self, name: str, call: Call, attempt: Callable[[], Any], rest: Callable[[], Any]
    ) -> Any:
        found = attempt()
        self.every.append(not isinstance(found, str))
        return rest() if isinstance(found, str) else found


@pytest.fixture
def taken() -> Iterator[Taken]:
    note = Taken()
    observe(note)
    yield note
    observe(None)


def scale(theirs: Outcome) -> float:
    """Return how large the values are that a call computed with."""
    if isinstance(theirs, str):
        return 0.0
    every = [one for one in (*theirs[0], *theirs[1]) if one is not None]
    sizes = [one.detach().abs().max().item() for one in every if one.numel()]
    return max(sizes, default=0.0)


def check(seed: int, taken: Taken) -> None:
    call = RandomCall(seed)
    theirs = call.run()
    before = len(taken.every)
    with patch():
        ours = call.run()
    if isinstance(theirs, str) or isinstance(ours, str):
        assert ours == theirs, call
        return
    was_taken = any(taken.every[before:])
    exact = torch.float64 if call.dtype is torch.float64 else torch.float32
    close = (1e-11 if exact is torch.float64 else 2e-5) * (1 + scale(theirs))
    for a, b in zip(ours[0], theirs[0], strict=True):
        assert a.stride() == b.stride(), call
        assert b._is_view() or not a._is_view(), call
    for a, b in zip((*ours[0], *ours[1]), (*theirs[0], *theirs[1]), strict=True):
        if a is None or b is None:
            assert a is b, call
            continue
        assert (a.dtype, a.shape) == (b.dtype, b.shape), call
        assert a.requires_grad == b.requires_grad, call
        assert a.is_inference() == b.is_inference(), call
        if was_taken:
            torch.testing.assert_close(a, b, rtol=0, atol=close, equal_nan=True, msg=str(call))
        elif not call.wrong:  # of some malformed calls torch returns whatever stood in memory
            assert torch.equal(a.nan_to_num(), b.nan_to_num()), call


def test_random_calls(taken: Taken) -> None:
    for seed in range(200):
        check(seed, taken)
    assert 0.3 < sum(taken.every) / len(taken.every) < 0.9  # both ways were gone


@pytest.mark.full
@pytest.mark.parametrize("part", range(20))
def test_ten_thousand_random_calls(part: int, taken: Taken) -> None:
    for seed in range(500 * part, 500 * (part + 1)):
        check(1000 + seed, taken)
