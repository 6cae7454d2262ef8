"""What sentences and the page say of rows, names and what is left out."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from tests.memory import known
from torch import nn

import gatewise as gw
from gatewise import figures, memory
from gatewise.report.records import python_text

NAMES = [
    "plain",
    "two\nlines",
    'quote"d',
    "it's",
    "back\\slash",
    "`ticks`",
    "</script>",
    "$a$ and $b$",
    "$& $1",
    "{row} {quantity}",
    "tab\there \u2028 é 😀",
    "'''",
    "x\\",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_stands_in_the_copied_python(name: str) -> None:
    text = python_text(name)
    assert eval(f'"{text}"') == name
    assert "\n" not in text
    assert "{" not in text


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_drawn(name: str) -> None:
    task = known.latch(5, rows=12, steps=12, batch_first=True)
    model = nn.ModuleDict({"part": task.model})
    idle = memory.idle_units(task.model, task.inputs)
    object.__setattr__(
        idle, "names", np.array([f"{name} unit {n}" for n in range(len(idle.names))])
    )
    ax = figures.idle_units(idle)
    page = figures.memory_page(idle, title=f"$x {name} $y")
    for figure in (ax.figure, page):
        figure.canvas.draw()  # type: ignore[union-attr]  # it parses what is a formula
    assert model is not None
    plt.close("all")


def test_confidence_counts_the_rows_that_are_long_enough() -> None:
    """A lag that 16 of 160 rows have is as sure as 16 rows are."""
    task = known.latch(22, rows=160, steps=26, source="gatewise", batch_first=True)
    lengths = torch.full((160,), 10)
    lengths[:16] = 26
    x = task.inputs.clone()
    x[16:, :, 1] = 0
    x[16:, 4, 1] = 1
    told = gw.explain(known.Rows(task.model, "lengths"), (x, lengths))
    lags = told.results["horizon"]
    assert isinstance(lags, memory.Horizon)
    assert (lags.steps, lags.rows_there) == (22, 16)
    said = told.finding("memory")
    assert said is not None
    assert said.confidence != "high"
    assert "Only 16 rows are so long" in said.evidence


def test_padding_is_not_drawn_and_what_is_left_out_is_told() -> None:
    model, (x, lengths) = known.rows_of_lengths("lengths", 5)
    told = gw.explain(model, (x, lengths))
    contents = told.contents()
    for series in contents.series:
        values = series.values
        last = np.flatnonzero(np.isfinite(values))[-1]
        assert last + 1 in set(lengths.tolist())
        assert 7.0 not in values[np.isfinite(values)]  # what the padding holds
    said = told.finding("left out")
    assert said is not None
    assert said.sentence.startswith("Not told: ")
    assert "the window needed" in said.sentence
    assert "rows have from" in said.evidence


@pytest.mark.parametrize("how", ["lengths", "packed", "sorted"])
def test_the_gates_drawn_are_those_of_the_row_up_to_its_end(how: str) -> None:
    """Also where the model sorts its rows, so that another stands in its place in the trace."""
    model, (x, lengths) = known.rows_of_lengths(how, 5)
    (record,) = gw.explain(model, (x, lengths)).contents().records
    length = int(lengths[record.row])
    assert length < len(x[0])
    with gw.trace(model.rnn) as alone:
        model.rnn(x[record.row : record.row + 1, :length])
    for name, values in record.quantities.items():
        truth = alone[""][name][0, 0, :, 0]
        np.testing.assert_allclose(values[:length], truth.detach().numpy(), atol=1e-5)
        assert np.isnan(values[length:]).all(), name
    assert ("sorts its rows" in record.python) == (how == "sorted")


def test_where_everything_is_told_nothing_is_left_out() -> None:
    task = known.leaky("lstm", rows=16, steps=20)
    found: Any = gw.explain(task.model, task.inputs)
    assert (found.finding("left out") is None) == (not found.skipped)
