"""Which engine runs, why, and that a named one is never replaced."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor

from gatewise import choices
from gatewise.cells import CELLS
from gatewise.engines import ENGINES, choose
from gatewise.engines.native import engine as native
from gatewise.errors import EngineError, OptionError

NAMES = pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
MINE = replace(CELLS["gru"], name="mine")
LIKE = torch.zeros(1)


@NAMES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_auto_takes_the_native_core_on_the_cpu(cell: str, dtype: torch.dtype) -> None:
    choice = choose("auto", CELLS[cell], LIKE.to(dtype))
    assert choice.name == "native"
    assert choice.reason == f"the native core runs the cell {cell!r} on the CPU"


@NAMES
def test_auto_says_why_it_takes_the_fused_pass(cell: str) -> None:
    choice = choose("auto", CELLS[cell], LIKE.half())
    assert choice.name == "torch"
    assert choice.reason == (
        f"torch's fused pass runs the cell {cell!r}: the native core has no torch.float16"
    )


def test_auto_says_why_a_cell_runs_on_the_reference() -> None:
    choice = choose("auto", MINE, LIKE)
    assert choice.name == "reference"
    assert choice.reason == (
        "torch has no fused pass for the cell 'mine', and the native core does not have the cell 'mine'"
    )


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
def test_a_named_engine_is_taken(engine: str) -> None:
    assert choose(engine, CELLS["lstm"], LIKE).name == engine


def test_a_named_engine_never_falls_back() -> None:
    with pytest.raises(EngineError, match="torch has no fused pass for the cell 'mine'"):
        choose("torch", MINE, LIKE)
    with pytest.raises(EngineError, match="the native core does not have the cell 'mine'"):
        choose("native", MINE, LIKE)
    with pytest.raises(
        EngineError, match=r"the native core has no torch\.float16; use engine='auto'"
    ):
        choose("native", CELLS["lstm"], LIKE.half())


class Elsewhere:
    """What looks like a tensor of another device, which this machine may not have."""

    device = torch.device("cuda")
    dtype = torch.float32


def test_the_core_is_for_the_cpu() -> None:
    assert native.why_not(CELLS["lstm"], Elsewhere()) == (
        "the native core runs on the CPU, not on 'cuda'"
    )


def test_a_core_that_was_not_built_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "NOT_BUILT", "the native core is not built: no such module")
    assert choose("auto", CELLS["lstm"], LIKE).name == "torch"
    with pytest.raises(EngineError, match="the native core is not built: no such module"):
        choose("native", CELLS["lstm"], LIKE)


@pytest.mark.parametrize(("dtype", "to"), [(torch.float64, "bfloat16"), (torch.float32, "float16")])
def test_autocast_that_the_core_does_not_have(dtype: torch.dtype, to: str) -> None:
    with torch.autocast("cpu", dtype=getattr(torch, to)):
        reason = native.why_not(CELLS["lstm"], LIKE.to(dtype))
    assert reason == f"the native core does not run {dtype} under autocast to torch.{to}"


def test_torch_runs_inside_transforms_and_forward_mode() -> None:
    seen = []

    def function(x: Tensor) -> Tensor:
        seen.append(choose("auto", CELLS["lstm"], x))
        return x.sum()

    torch.func.grad(function)(LIKE)
    with warnings.catch_warnings():  # torch's own, on first use
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.func.jvp(function, (LIKE,), (LIKE,))
    assert [choice.name for choice in seen] == ["torch", "torch"]
    assert "torch.func" in seen[0].reason


@pytest.mark.parametrize("engine", ["fast", "", "Torch", None])
def test_an_unknown_engine_lists_those_there_are(engine: str) -> None:
    names = ", ".join(map(repr, ("auto", *ENGINES)))
    with pytest.raises(OptionError, match=f"one of {names}; got"):
        choose(engine, CELLS["lstm"], LIKE)


def test_the_command_line_knows_every_engine() -> None:
    """Its words stand apart, because they are read without torch."""
    assert set(get_args(choices.Engine)) == {"auto", *ENGINES}


def test_no_module_of_torch_is_named_for_a_cell_that_torch_does_not_have() -> None:
    with pytest.raises(EngineError, match=r"does not have the cell 'mgu'; use engine='auto'$"):
        choose("native", CELLS["mgu"], torch.zeros(1))
