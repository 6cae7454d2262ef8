"""Any torch model: rows and steps chosen to a budget, groups, several modules, pages, bad input."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.memory import known
from torch import nn

import gatewise as gw
from gatewise.errors import InputError, OptionError
from gatewise.explaining.affordable import affordable
from gatewise.explaining.remembering import _clear, duration
from gatewise.memory import Transplant
from gatewise.report import Unit


class Nested(nn.Module):
    """Two recurrent modules, one of them in two directions, and an answer at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(2, 4, bidirectional=True, batch_first=True)
        self.decoder = nn.GRU(8, 3, batch_first=True)
        self.head = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.decoder(self.encoder(x)[0])[0])


@pytest.fixture
def nested() -> Nested:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Nested()


def test_a_small_budget_looks_at_fewer_rows_and_says_so() -> None:
    fixture = known.leaky(rows=128)
    every = gw.explain(fixture.model, fixture.inputs)
    assert (every.settings["rows"], every.settings["rows_of"]) == (128, 128)
    few = gw.explain(fixture.model, fixture.inputs, budget=every.settings["seconds_estimated"] / 4)
    assert few.settings["rows"] == 32
    assert "32 rows" in few.findings[0].evidence
    assert few.settings["steps"] == 80


def test_steps_that_were_left_out_are_a_warning_with_the_fix() -> None:
    fixture = known.latch(12, steps=60)
    whole = gw.explain(fixture.model, fixture.inputs).settings["seconds_estimated"]
    explanation = gw.explain(
        fixture.model, fixture.inputs, budget=whole * 12 * 40 / (32 * 60) * 1.01
    )
    assert explanation.settings["steps"] == 40
    assert explanation.figures["horizon"] == 12
    said = explanation.finding("sample")
    assert said is not None
    assert said.tone == "warn"
    assert "last 40 steps of 60" in said.sentence


def test_a_budget_that_is_too_small_says_what_is_needed() -> None:
    fixture = known.latch(12)
    with pytest.raises(InputError, match="too little") as caught:
        gw.explain(fixture.model, fixture.inputs, budget=1e-9)
    needed = re.search(r"give budget=(\S+) or more", str(caught.value))
    assert needed
    assert affordable(fixture.model, 32, 60, float(needed[1])).rows >= 12
    for wrong in (0, -1.0, float("nan"), float("inf"), True, "much"):
        with pytest.raises(OptionError, match="budget must be a number"):
            gw.explain(fixture.model, fixture.inputs, budget=wrong)  # type: ignore[arg-type]


def test_targets_make_the_window_one_of_scores() -> None:
    fixture = known.latch(12)
    with torch.no_grad():
        y = fixture.model(fixture.inputs)
    explanation = gw.explain(fixture.model, fixture.inputs, y)
    assert explanation.results["context_need"].settings["targets"]
    assert "of the score" in explanation.finding("window").sentence  # type: ignore[union-attr]
    assert explanation.results["idle_units"].settings["measure"] == "mse"


def _moved(**figures: float) -> Transplant:
    """A transplant with these shares, each with an interval of 0.1 to both sides."""
    return Transplant(
        at=5,
        share=figures,
        low={name: value - 0.1 for name, value in figures.items()},
        high={name: value + 0.1 for name, value in figures.items()},
        astray=dict.fromkeys(figures, 0.0),
        distance=1.0,
        settings={},
    )


def test_one_state_and_not_the_other_is_said_only_where_it_is_shown() -> None:
    assert _clear(_moved(cell=0.9, hidden=0.1, both=1.0), "cell")
    # Measured on the bundled river: c 43 %, h 28 %, their intervals overlap.
    assert not _clear(_moved(cell=0.43, hidden=0.28, both=0.8), "cell")
    assert not _clear(
        _moved(cell=0.9, hidden=0.3, both=1.0), "cell"
    )  # apart, and yet a third of it
    assert _clear(_moved(cell=0.1, hidden=0.9, both=0.9), "hidden")
    assert _clear(_moved(hidden=0.9), "hidden")  # the only state there is


def test_groups_of_rows_are_asked_apart() -> None:
    near, far = known.latch(5, rows=32), known.latch(25, rows=32, seed=1)
    data = torch.cat([near.inputs, far.inputs], dim=1)  # [T, B, I]
    explanation = gw.explain(near.model, data, by=["near"] * 32 + ["far"] * 32)
    assert explanation.figures["horizon[near]"] == 5
    assert explanation.figures["horizon[far]"] == 25
    assert "do not overlap" in explanation.finding("groups").sentence  # type: ignore[union-attr]
    with pytest.raises(InputError, match="by has 3 labels, the inputs 64 rows"):
        gw.explain(near.model, data, by=["a", "b", "c"])
    with pytest.raises(OptionError, match="one label for each of the 64 rows"):
        gw.explain(near.model, data, by="season")


def test_modules_are_looked_into_one_by_one(nested: Nested, tmp_path: Path) -> None:
    x = known.noise(24, 20, 2, seed=0)
    explanation = gw.explain(nested, x)
    assert explanation.modules == ("encoder", "decoder")
    assert {"saturation[encoder]", "saturation[decoder]", "direction_share"} <= set(
        explanation.results
    )
    page = explanation.contents()
    assert [(r.module, r.direction) for r in page.records] == [
        ("encoder", 0),
        ("encoder", 1),
        ("decoder", 0),
    ]
    assert all(len(record.columns) == 2 for record in page.records)
    assert {series.role for series in page.series} == {"input", "prediction"}
    explanation.write_page(tmp_path / "page.html")
    only = gw.explain(nested, x, module="decoder")
    assert only.modules == ("decoder",)
    assert len(only.results["idle_units"].names) == 3  # type: ignore[attr-defined]


def test_one_long_row_is_asked_at_several_steps(nested: Nested) -> None:
    explanation = gw.explain(nested, known.noise(1, 120, 2, seed=0))
    assert len(explanation.results["horizon"].settings["at"]) == 12
    assert "too few for intervals" in explanation.finding("sample").sentence  # type: ignore[union-attr]


def test_what_a_model_does_not_allow_is_left_out_with_the_reason() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            state = None
            for step in x.unbind(1):
                state = self.cell(step, state)
            assert state is not None
            return state[0]

    explanation = gw.explain(Loop(), known.noise(16, 10, 2, seed=1), time=1)
    assert "horizon" in explanation.results
    assert "LSTMCell" in explanation.skipped["transplant"]
    assert explanation.finding("carrier") is None
    assert explanation.finding("memory") is not None


def test_a_look_changes_neither_model_nor_generator(nested: Nested) -> None:
    nested.train()
    before = {name: own.clone() for name, own in nested.state_dict().items()}
    state = torch.random.get_rng_state()
    gw.explain(nested, known.noise(12, 10, 2, seed=0))
    assert nested.training
    assert torch.equal(state, torch.random.get_rng_state())
    for name, own in nested.state_dict().items():
        assert torch.equal(own, before[name])
        assert not any(hooks for hooks in (nested._forward_hooks, nested.encoder._forward_hooks))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gw.explain(nn.Linear(2, 2), torch.zeros(4, 5, 2)), "contains no LSTM, GRU, RNN"),
        (lambda: gw.explain("model", torch.zeros(4, 5, 2)), "torch.nn.Module or a fitted"),
        (lambda: gw.explain(nn.LSTM(2, 2), torch.zeros(4)), "a batch of sequences is needed"),
        (lambda: gw.explain(nn.LSTM(2, 2), torch.randn(1, 5, 2)), "one step"),
        (
            lambda: gw.explain(nn.LSTM(2, 2), torch.randn(6, 5, 2), torch.zeros(4, 6, 2)),
            r"targets have shape \[4, 6, 2\]",
        ),
        (
            lambda: gw.explain(nn.LSTM(2, 2), torch.randn(6, 5, 2), loss="mse"),
            "loss= needs targets",
        ),
        (lambda: gw.explain(nn.LSTM(2, 2), torch.randn(6, 5, 2), part="test"), "part= is for"),
        (
            lambda: gw.explain(nn.LSTM(2, 2), torch.randn(6, 5, 2), module="x"),
            "no recurrent module",
        ),
    ],
)
def test_bad_input_is_refused(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["lstm", "nested", "time first"])
def test_what_the_page_copies_runs_and_reads_what_it_shows(nested: Nested, kind: str) -> None:
    """Rows left out by the budget do not move the others, and the model itself has a name."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        lstm = nn.LSTM(2, 5, batch_first=kind != "time first")
    model = nested if kind == "nested" else lstm
    inputs = known.noise(*((24, 300) if kind == "time first" else (300, 24)), 2, seed=3)
    explanation = gw.explain(model, inputs, budget=2.0)
    assert explanation.settings["rows"] < 300
    for record in explanation.contents().records:
        line = record.python.format(
            module=record.module,
            quantity="forget" if record.cell == "LSTM" else "update",
            layer=record.layer,
            direction=record.direction,
            time="3:20",
            row=record.row,
            units="[2, 0]",
        )
        names: dict[str, object] = {"model": model, "inputs": inputs}
        exec(record.setup, names)
        shown = record.quantities["forget" if record.cell == "LSTM" else "update"][3:20, [2, 0]]
        found = eval(line, names)
        torch.testing.assert_close(found.double(), torch.from_numpy(shown), rtol=0, atol=1e-6)


def test_steps_that_were_left_out_are_left_out_of_what_the_page_copies() -> None:
    fixture = known.latch(12, steps=60)
    whole = gw.explain(fixture.model, fixture.inputs).settings["seconds_estimated"]
    budget = whole * 12 * 40 / (32 * 60) * 1.01
    explanation = gw.explain(fixture.model, fixture.inputs, budget=budget)
    assert explanation.settings["steps"] == 40
    (record,) = explanation.contents().records
    assert "-40:]" in record.setup
    names: dict[str, object] = {"model": fixture.model, "inputs": fixture.inputs}
    exec(record.setup, names)
    read = eval(f'trace["rnn"].cell[0, 0, :, {record.row}]', names)
    torch.testing.assert_close(
        read.double(), torch.from_numpy(record.quantities["cell"]), rtol=0, atol=1e-6
    )


def test_a_memory_that_reaches_the_inputs_end_is_told_with_its_interval() -> None:
    fixture = known.latch(12, steps=20)
    lags = gw.memory.horizon(fixture.model, fixture.inputs)
    end = replace(lags, steps=179, low=70.0, high=179.0, at_least=True)
    days = Unit.of("1 day")
    assert duration(end, days) == "at least 179 days (interval from 70)"
    assert duration(replace(end, low=179.0), days) == "at least 179 days"
    assert duration(replace(end, low=float("nan")), days) == "at least 179 days"
