"""The benchmark of long memories: a seed is measured once, and what is kept is what the table says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.long_memory import __main__ as long_memory
from benchmarks.long_memory import arms, causes, cells, delay, short, table
from studies.common.statistics import share_interval
from studies.enhancer.task import FEATURES, Reader


def run(folder: Path, *words: str) -> int:
    steps = ("--steps", "40", "--budget", "3", "--rows", "8")
    return long_memory.main([*steps, "--folder", str(folder), *words])


def test_a_seed_is_measured_once_and_others_are_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(long_memory, "FREE", 0)
    assert run(tmp_path, "--seeds", "1") == 0
    file = tmp_path / "lstm-40.json"
    first = json.loads(file.read_text())["seeds"][0]
    assert (first["seed"], first["stages"]["40"]["updates"]) == (1, 3)
    assert run(tmp_path, "--seeds", "0", "1") == 0
    seeds = json.loads(file.read_text())["seeds"]
    assert [one["seed"] for one in seeds] == [0, 1]
    assert seeds[1] == first
    assert "0 of 2 seeds solved (0.00 to 0.84)" in capsys.readouterr().out


def test_other_settings_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_memory, "FREE", 0)
    run(tmp_path, "--seeds", "1")
    before = (tmp_path / "lstm-40.json").read_bytes()
    with pytest.raises(SystemExit, match="made with other settings: name another --folder"):
        run(tmp_path, "--seeds", "2", "--rows", "9")
    assert (tmp_path / "lstm-40.json").read_bytes() == before


def test_it_does_not_take_the_memory_that_others_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(long_memory, "_free", lambda: long_memory.FREE - 1)
    assert run(tmp_path, "--seeds", "1") == 1
    assert not list(tmp_path.iterdir())
    assert "only 4.0 GB of memory are free" in capsys.readouterr().err


def test_each_arm_leaves_out_what_it_says() -> None:
    """Before any update: what sets each arm apart is in the weights, the optimizer or the schedule."""
    seen = {}
    for name, arm in arms.ARMS["parts"].items():
        torch.manual_seed(0)
        model, usual = Reader(), Reader()
        schedule, adam = arms._made(arm, model, usual, 400, 0)
        heard = model.layer.weight_ih_l0.detach()[0, 0].clone()
        for length in (200, 400):
            while schedule.length < length:
                schedule.step(True)
        model.layer(torch.zeros(3, 2, FEATURES))[0].sum().backward()
        forget, write = (
            model.layer.bias_ih_l0.detach()[rows] for rows in (arms.FORGET, arms.INPUT)
        )
        seen[name] = {
            "recurrent": bool(model.layer.weight_hh_l0.any()),
            "forget": bool((forget > 5).all()),
            "held": not model.layer.bias_ih_l0.grad[arms.FORGET].any(),
            "input": round(float(write[0]), 3),
            "heard": round(float(model.layer.weight_ih_l0.detach()[0, 0] / heard), 3),
            "price": arm.recipe.cost,
            "later": arm.recipe.later,
            "lengths": len(schedule.lengths),
            "rate": adam.param_groups[0]["lr"],
            "epsilon": adam.param_groups[0]["eps"],
        }
    whole = seen.pop("all parts")
    assert (whole["recurrent"], whole["forget"], whole["held"]) == (False, True, True)
    assert whole["input"] == round(math.log(2 / 400), 3)
    assert whole["heard"] == round(math.log(2 / 400) / math.log(2 / 100), 3)
    others = {
        name: {key for key, value in found.items() if value != whole[key]}
        for name, found in seen.items()
    }
    assert others == {
        "recurrent weights as usual": {"recurrent"},
        "forget gate as usual": {"forget", "held"},
        "forget gate not held": {"held"},
        "input gate as usual": {"input", "heard"},
        "input gate not lowered": {"input", "heard"},
        "its bias lowered, no more": {"heard"},
        "no price on writing": {"price", "later"},
        "the price as at first": {"later"},
        "no curriculum": {"lengths", "heard"},
        "rate .01": {"rate"},
        "epsilon 1e-8": {"epsilon"},
    }


def test_arms_are_measured_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["arms", "starts", "--steps", "40", "--seeds", "0", "--budget", "2"]
    monkeypatch.setattr("sys.argv", [*words, "--folder", str(tmp_path)])
    arms.main()
    first = (tmp_path / "starts-40.json").read_bytes()
    arms.main()
    assert (tmp_path / "starts-40.json").read_bytes() == first
    told = capsys.readouterr().out
    assert all(told.count(f"| {name} | 0 of 1 |") == 2 for name in arms.ARMS["starts"])


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"solved": True}, ""),
        ({"loss": 0.69, "stages": [100], "longest": 100}, "at 100 steps: nothing was learnt"),
        ({"leak": [0.004, 0.1]}, "at 1,600 steps: the gate that keeps lets the state go"),
        ({"written": [0.0, 0.1]}, "opens too little at the mark: 2.5 times the noise"),
        ({}, "at 1,600 steps: loss 0.2, with gates as they have to be, when the budget was spent"),
        ({"accuracy": 0.93}, "0.930 right, with gates as they have to be"),
    ],
)
def test_what_kept_a_seed_from_being_solved_is_told(changes: dict[str, Any], cause: str) -> None:
    entry = {"solved": False, "loss": 0.2, "stages": [100, 1600], "longest": 1600}
    gates = {"leak": [1e-5, 0.1], "written": [0.0, 0.9], "written elsewhere": 0.001}
    assert cause in causes.cause_of({**entry, **gates, **changes})


def test_a_delay_memory_holds_legendre_coefficients_of_what_was_written() -> None:
    """Of a write as it comes those of a pulse at the edge, P_n(-1) = (-1)^n; of a constant its mean."""
    kernel, kept = delay._kernel(4, 100, 2000)
    pulse = torch.tensor([1.0, -3.0, 5.0, -7.0])
    torch.testing.assert_close(kernel[0], pulse, rtol=0.1, atol=0.0)
    constant = torch.tensor([100.0, 0.0, 0.0, 0.0])
    torch.testing.assert_close(kernel.sum(0), constant, rtol=1e-3, atol=0.1)
    torch.testing.assert_close(kept @ kernel[0], delay._kernel(4, 100, 2001)[0][2000])


@pytest.mark.parametrize("start", [cells.of_slstm, cells.of_identity, cells.of_delay])
def test_other_cells_learn_with_lengths_that_grow(start: Any) -> None:
    cell = {cells.of_slstm: "slstm", cells.of_identity: "rnn, identity", cells.of_delay: "delay"}
    arm = arms.Arm(arms.Recipe(**arms.USUAL, start=20), cell=cell[start], start=start)
    torch.manual_seed(0)
    model = Reader(layer=cells.CELLS[arm.cell])
    schedule, _ = arms._made(arm, model, model, 40, 0)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    while schedule.length < 40:
        schedule.step(True)
    x = torch.zeros(40, 2, FEATURES)
    output, _ = model.layer(x)
    assert output.shape[1:] == (2, 16)
    half = model.layer(x[20:], model.layer(x[:20])[1])[0]
    torch.testing.assert_close(half[-1], output[-1])
    moved = {n for n, value in model.named_parameters() if not torch.equal(value, before[n])}
    assert moved == ({"layer.weight_ih_l0"} if start is cells.of_slstm else set())


KEPT = [path for cell in long_memory.WITH_RECIPE for path in table.RESULTS.glob(f"{cell}-*.json")]


@pytest.mark.parametrize("path", sorted(KEPT), ids=lambda p: p.name)
def test_what_is_kept_is_whole_and_judged_by_the_bound(path: Path) -> None:
    kept = json.loads(path.read_text())
    numbers = [one["seed"] for one in kept["seeds"]]
    assert numbers == sorted(set(numbers))
    assert max(numbers) < 1000, "seeds from 1,000 on are for trying things out"
    for one in kept["seeds"]:
        if "accuracy" in one:
            found = share_interval(round(2 * kept["rows"] * one["accuracy"]), 2 * kept["rows"])
            assert one["low"] == pytest.approx(found.low)
            assert one["solved"] == (one["ended by the bound"] and found.low > 0.99)
    failed = sum(not one["solved"] for one in kept["seeds"])
    assert len(table.table(kept)) == len(numbers) + 5 + failed


def test_the_table_of_short_memories_compares_seeds_that_both_starts_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def measured(start: dict[str, Any]) -> float:
        asked.append(dict(start))
        return 0.5 + 0.1 * start["seed"] - 0.25 * ("long_memory" in start)

    monkeypatch.setattr(short, "TASKS", {"a task": short.Task(60, "NSE", measured)})
    words = ["--seeds", "0", "1", "--folder", str(tmp_path)]
    assert short.main(words) == short.main(words) == 0
    assert asked == [{"seed": n, **long} for n in (0, 1) for long in ({}, {"long_memory": 60})]
    row = "| a task | 60 | NSE | 0.500 0.600 | 0.250 0.350 | -0.250 |"
    assert capsys.readouterr().out.count(row) == 2
