"""Options of every figure that say how often something is done again: bounded before any work."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import gatewise as gw
from gatewise.errors import OptionError
from gatewise.memory.checking import MOST, REPETITIONS


def repeating() -> Iterator[tuple[Callable[..., Any], str]]:
    """Return every public figure with an option that repeats, and that option."""
    for name in gw.memory.__all__:
        found = getattr(gw.memory, name)
        if inspect.isfunction(found):
            yield from ((found, each) for each in inspect.signature(found).parameters)


REPEATING = [(figure, option) for figure, option in repeating() if option in REPETITIONS]


def test_every_figure_that_repeats_is_looked_at() -> None:
    found = {f"{figure.__name__} {option}" for figure, option in REPEATING}
    assert found >= {"horizon resamples", "probe_model networks", "highway probes"}


@pytest.mark.parametrize(("figure", "option"), REPEATING)
@pytest.mark.parametrize("count", [MOST + 1, 10**30, 10**5000], ids=["bit", "much", "absurd"])
def test_repetitions_without_end_are_refused(
    figure: Callable[..., Any], option: str, count: int
) -> None:
    needed = [
        None
        for each in inspect.signature(figure).parameters.values()
        if each.default is inspect.Parameter.empty and each.kind is not each.KEYWORD_ONLY
    ]
    told = re.escape(f"{figure.__name__}: {option} must be at most 1,000,000; got ")
    with pytest.raises(OptionError, match=told):
        figure(*needed, **{option: count})


def test_resamples_of_intervals_are_bounded() -> None:
    assert gw.memory.Sampling(resamples=MOST).resamples == MOST
    with pytest.raises(OptionError, match="resamples must be at most 1,000,000; got 1000001"):
        gw.memory.Sampling(resamples=MOST + 1)
