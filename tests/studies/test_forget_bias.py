"""How `forget-bias` judges seeds that learn a lag or do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from studies.forget_bias.study import ARMS, STUDY, _key, judge

LEARNS = {"chrono": 100, "chrono, lag told ten times": 120}
"""Updates at the longest lag of the arms that learn it, as predicted."""


def made_up(counted: int, settings: Mapping[str, Any], **long: int | None) -> list[dict[str, Any]]:
    """Return seeds that are all alike; `long` overrides updates at the longest lag, by arm."""
    last = settings["lags"][-1]

    def took(lag: int, arm: str) -> int | None:
        if lag == last:
            return {**LEARNS, **long}.get(arm)
        return 150 if arm == "bias 0" else 50

    one = {
        _key(lag, arm, rate): took(lag, arm)
        for lag in settings["lags"]
        for arm in ARMS
        for rate in settings["rates"]
    }
    return [{"solved_after": one}] * (settings["tuning_seeds"] + counted)


def outcomes(counted: int, settings: Mapping[str, Any], **long: int | None) -> dict[str, str]:
    checks = judge(made_up(counted, settings, **long), settings)
    return {check.name.split(" (")[0]: check.outcome for check in checks}


def test_ten_seeds_as_predicted_meet_all() -> None:
    assert set(outcomes(10, STUDY.full).values()) == {"met"}


def test_a_start_that_never_learns_the_lag_misses() -> None:
    found = outcomes(10, STUDY.full, chrono=None)
    missed = {name for name, outcome in found.items() if outcome == "missed"}
    assert missed == {"share of seeds that learn 300 steps, chrono"}
    # Nobody learns: that shows no difference, and refutes none.
    assert found["p that chrono learns 300 steps no more often than bias 1"] == "open"


def test_a_difference_the_other_way_refutes() -> None:
    found = outcomes(10, STUDY.full, **{"chrono": None, "chrono, lag told a tenth": 90})
    name = "p that chrono told the lag learns 300 steps no more often than told a tenth"
    assert found[name] == "missed"


@pytest.mark.parametrize(("updates", "outcome"), [(120, "open"), (None, "missed")])
def test_few_seeds_are_judged_by_their_exact_interval(updates: int | None, outcome: str) -> None:
    # Five of five learn with probability .33 where eight of ten do: that is no evidence for more.
    found = outcomes(5, STUDY.quick, **{"chrono, lag told ten times": updates})
    name = "share of seeds that learn 60 steps, chrono told ten times the lag"
    assert found[name] == outcome
