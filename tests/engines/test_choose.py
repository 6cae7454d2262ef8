"""Which engine runs, why, and that a named one is never replaced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatewise.cells import CELLS
from gatewise.engines import choose
from gatewise.errors import EngineError, OptionError


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
def test_auto_takes_the_fused_pass_where_torch_has_one(cell: str) -> None:
    choice = choose("auto", CELLS[cell])
    assert choice.name == "torch"
    assert cell in choice.reason


def test_auto_says_why_a_cell_runs_on_the_reference() -> None:
    choice = choose("auto", replace(CELLS["gru"], name="mine"))
    assert choice.name == "reference"
    assert choice.reason == "torch has no fused pass for the cell 'mine'"


@pytest.mark.parametrize("engine", ["reference", "torch"])
def test_a_named_engine_is_taken(engine: str) -> None:
    assert choose(engine, CELLS["lstm"]).name == engine


def test_a_named_engine_never_falls_back() -> None:
    with pytest.raises(EngineError, match="torch has no fused pass for the cell 'mine'"):
        choose("torch", replace(CELLS["gru"], name="mine"))


@pytest.mark.parametrize("engine", ["native", "", "Torch", None])
def test_an_unknown_engine_lists_those_there_are(engine: str) -> None:
    with pytest.raises(OptionError, match="one of 'auto', 'reference', 'torch'; got"):
        choose(engine, CELLS["lstm"])
