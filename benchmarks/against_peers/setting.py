"""The setting of a run, and the one way in which sides are compared and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.against_peers.agreement import FLOAT32, Results, difference
from benchmarks.against_peers.contenders import Contender
from benchmarks.against_peers.records import Side
from benchmarks.against_peers.timing import Effort, alternate

PROBE = 5.0
"""Seconds from which the comparison of results tells well enough how long a call lasts."""


@dataclass(frozen=True)
class Setting:
    """How to measure: our engine, the optional peers, threads, effort."""

    engine: str
    peers: tuple[str, ...]
    threads: int
    effort: Effort


def compare(
    contenders: Sequence[Contender | Side],
    expected: Results,
    effort: Effort,
    *,
    allowed: float = FLOAT32,
) -> tuple[Side, ...]:
    """Compare the results of all, then time those that agree with `expected`.

    Contenders that could not be made come as a `Side` that says why, and stay in their place; one that
    fails at its work becomes one. The first is ours: where it differs, nobody is timed, because there is
    nothing to compare with.
    """
    sides, known = {}, {}
    for each in contenders:
        begun = time.perf_counter()
        try:
            sides[each.name] = _examined(each, expected, allowed)
        except Exception as error:  # whatever a foreign package raises
            if each is contenders[0]:  # our own failure ends the run
                raise
            sides[each.name] = _failed(each.name, error)
        lasted = time.perf_counter() - begun
        if lasted > PROBE:
            known[each.name] = lasted
    agreeing = {
        each.name: each.work
        for each in contenders
        if isinstance(each, Contender) and sides[each.name].refused is None
    }
    times = {} if contenders[0].name not in agreeing else alternate(agreeing, effort, known)
    return tuple(
        Side(side.name, tuple(times.get(side.name, ())), side.difference, side.refused)
        for side in sides.values()
    )


def attempt(name: str, make: Callable[[], Contender]) -> Contender | Side:
    """Return a peer's contender; where it cannot be made, a side that says why: the run goes on."""
    try:
        return make()
    except Exception as error:  # whatever a foreign package raises
        return _failed(name, error)


def _examined(contender: Contender | Side, expected: Results, allowed: float) -> Side:
    if isinstance(contender, Side):
        return contender
    names = expected if contender.compared is None else contender.compared
    found = difference(contender.results(), {name: expected[name] for name in names})
    refused = None
    if found > allowed:
        refused = f"results differ by {found:.1e} of their size; {allowed:.0e} is allowed"
    finite = found if found < float("inf") else None
    return Side(contender.name, difference=finite, refused=refused)


def _failed(name: str, error: Exception) -> Side:
    text = " ".join(str(error).split())[:120]
    return Side(name, refused=f"failed: {type(error).__name__}: {text}")
