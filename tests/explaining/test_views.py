"""The sentence on the views and the figure `views_agree` say the same, for every path and carrier."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gatewise.explaining.remembering import compared
from gatewise.explaining.views import Reach, Views, compared_figures
from gatewise.report import Unit

PATHS = ("", "cell", "recurrent", "both", "cancelled", "none")
CARRIERS = ("", "cell", "hidden", "each", "together", "none")


def told(views: Views) -> str:
    case = SimpleNamespace(unit=Unit("day"), rows=20)
    found = SimpleNamespace(results={"horizon": None})
    finding = compared(case, found, views)  # type: ignore[arg-type]
    assert finding is not None
    return finding.sentence


@pytest.mark.parametrize("one_state", [False, True])
@pytest.mark.parametrize("steps", [0, 9])
def test_text_and_figure_agree(steps: int, one_state: bool) -> None:
    disagreeing = 0
    for path in PATHS:
        for carrier in CARRIERS:
            reach = Reach(steps)
            views = Views(reach, reach, reach, path, "", carrier, one_state)
            agree = compared_figures(views)["views_agree"]
            assert agree is told(views).startswith("The views agree"), (path, carrier)
            disagreeing += not agree
    # Where no step is remembered, nothing is carried, and the path it would take is no matter.
    assert (disagreeing > 0) is (steps > 0)


def test_each_reach_counts() -> None:
    far, near = Reach(40), Reach(3)
    for views in (Views(near, far, far, "", "", ""), Views(far, near, far, "", "", "")):
        assert compared_figures(views)["views_agree"] is False
        assert told(views).startswith("The views disagree")
