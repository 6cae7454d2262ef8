"""The page of memory: a panel for each result, saved as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatewise import figures
from gatewise.errors import InputError, OptionError
from gatewise.memory.result import Result
from tests.figures.results import results

pytest.importorskip("matplotlib")

SIX = ("horizon", "context_need", "highway", "gate_timescale", "saturation", "idle_units")


def six() -> list[Result]:
    return [results()[name] for name in SIX]


def test_six_results_make_six_panels_and_a_png(tmp_path: Path) -> None:
    figure = figures.memory_page(*six(), title="All of it", lag=5)
    panels = figure.get_axes()
    assert len(panels) == 6
    alone = [figures.draw(result).get_title("left") for result in six()]
    assert [ax.get_title("left") for ax in panels] == alone
    lagged = [ax for ax in panels if "the task's lag: 5" in ax.get_legend_handles_labels()[1]]
    assert lagged == [panels[0], panels[3]]
    figure.savefig(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_no_panel_and_no_caption_lies_over_another() -> None:
    figure = figures.memory_page(*six())
    figure.draw_without_rendering()
    boxes = [ax.get_tightbbox() for ax in figure.get_axes()]
    assert not [
        (a, b)
        for a in range(6)
        for b in range(a)
        if boxes[a] is not None and boxes[a].shrunk(0.99, 0.99).overlaps(boxes[b])
    ]
    for box in boxes:
        assert box is not None
        assert figure.bbox.padded(2).contains(box.x0, box.y0)
        assert figure.bbox.padded(2).contains(box.x1, box.y1)


def test_the_place_that_is_left_over_stays_empty() -> None:
    axes = figures.memory_page(*six()[:3], caption=False).get_axes()
    assert [ax.get_visible() for ax in axes] == [True, True, True, False]


def test_a_page_of_nothing_and_of_strangers_is_refused() -> None:
    with pytest.raises(InputError, match="give at least one result"):
        figures.memory_page()
    stranger: Any = [1, 2]
    with pytest.raises(InputError, match=r"memory_page: there is no panel for list; .*Horizon"):
        figures.memory_page(six()[0], stranger)
    with pytest.raises(OptionError, match="columns must be at least 1; got 0"):
        figures.memory_page(*six(), columns=0)
