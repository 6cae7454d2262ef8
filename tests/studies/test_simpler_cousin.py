"""How `simpler-cousin` splits an error and compares two students."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from studies.simpler_cousin import study

SETTINGS: dict[str, Any] = {"sizes": [50, 500], "rates": [0.01], "tuning_seeds": 2}


def made_up(spread: dict[str, float], sets: int = 14) -> list[dict[str, Any]]:
    """Return seeds whose students miss the truth by noise of their own spread, alike on one set."""
    draws = np.random.default_rng(0)
    seeds = []
    for _ in range(sets):
        shared = draws.normal(size=study.TEST)
        seeds.append(
            {
                "said": {
                    study._key(name, size, 0.01): study._truth()
                    + spread[name] * (shared + 0.5 * draws.normal(size=study.TEST))
                    for name in study.STUDENTS
                    for size in SETTINGS["sizes"]
                }
            }
        )
    return seeds


@pytest.mark.parametrize(("gru", "outcome"), [(0.1, "met"), (0.2, "open"), (0.4, "missed")])
def test_the_checks_go_by_the_ratio_to_the_lstm(gru: float, outcome: str) -> None:
    spread = {name: 0.2 if name == "lstm" else gru for name in study.STUDENTS}
    checks = study.judge(made_up(spread), SETTINGS)
    counts, compared = checks[:3], checks[3:]
    assert [check.value for check in counts[:2]] == [0.75, 0.25]
    assert {check.outcome for check in counts} == {"met"}
    assert {
        check.outcome for check in compared if "n = 50" in check.name and "500" not in check.name
    } == {outcome}
    for check in compared:
        assert check.value == pytest.approx((gru / 0.2) ** 2, rel=0.15)


def test_bias_and_variance_are_those_of_the_answers() -> None:
    draws = np.random.default_rng(1)
    answers = study._truth() + 0.3 + 0.2 * draws.normal(size=(400, study.TEST))
    square, variance = study.parts(answers)
    assert square == pytest.approx(0.09, rel=0.02)
    assert variance == pytest.approx(0.04, rel=0.02)
