"""Networks with known answers: the sentences are right on each, over seeds, whatever the gates say."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tests.memory import known

import gatewise as gw
from gatewise.explaining import Explanation

SEEDS = (0, 1, 2)


def explained(fixture: known.Known) -> Explanation:
    return gw.explain(fixture.model, fixture.inputs)


def sentence(own: Explanation, topic: str) -> str:
    found = own.finding(topic)
    assert found is not None
    return found.sentence


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("lag", [7, 20])
def test_a_latch_remembers_its_lag_in_the_cell(lag: int, seed: int) -> None:
    own = explained(known.latch(lag, seed=seed))
    assert own.figures["horizon"] == lag
    assert sentence(own, "memory").startswith(f"Remembers about {lag} steps")
    assert own.figures["carrier"] == "cell"
    assert sentence(own, "carrier").startswith("The cell carries it")
    need = own.results["context_need"]
    assert need.steps == lag + 1  # type: ignore[attr-defined]
    assert f"A window of {lag + 1} steps" in sentence(own, "window")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
def test_a_leaky_integrator_remembers_as_its_half_life_says(kind: str, seed: int) -> None:
    fixture = known.leaky(kind, keep=0.9, rows=200, seed=seed)
    own = explained(fixture)
    low, high = own.figures["horizon_low"], own.figures["horizon_high"]
    assert low <= fixture.horizon <= high
    assert abs(own.figures["horizon"] - fixture.horizon) <= 2
    assert own.figures["carrier"] == ("cell" if kind == "lstm" else "hidden")
    assert own.figures["views_agree"]
    assert sentence(own, "views").startswith("The views agree")


@pytest.mark.parametrize("seed", SEEDS)
def test_memory_in_h_is_found_where_the_gates_hold_nothing(seed: int) -> None:
    own = explained(known.delay_line(20, seed=seed))
    assert own.figures["horizon"] == 20
    assert own.figures["gate_reach"] == 0  # a verdict from forget gates would say: no memory
    assert own.figures["carrier"] == "hidden"
    assert own.figures["gradient_path"] == "recurrent"
    assert not own.figures["views_agree"]
    views = sentence(own, "views")
    assert views.startswith(
        "The views disagree: gate reach 0 steps, gradient reach 20 steps, horizon 20 steps"
    )
    assert (
        "The gates alone would have lost it after 0 steps: the recurrent weights carry it" in views
    )
    assert own.finding("views").tone == "warn"  # type: ignore[union-attr]
    assert "The hidden state carries it: h, not the cell c" in sentence(own, "carrier")
    assert "W_hh" in sentence(own, "carrier")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_latch_in_h_is_found_where_gates_and_gradient_see_nothing(seed: int) -> None:
    own = explained(known.h_latch(20, seed=seed))
    assert own.figures["horizon"] == 20
    assert own.figures["carrier"] == "hidden"
    assert own.figures["gate_reach"] == 0
    assert own.figures["gradient_path"] == "none"
    assert not own.figures["views_agree"]
    assert "while the gradient has vanished there" in sentence(own, "views")


@pytest.mark.parametrize(
    ("kind", "layer"),
    [
        *(("lstm", layer) for layer in range(3)),
        ("gru", 1),
        *(pytest.param("gru", layer, marks=pytest.mark.full) for layer in (0, 2)),
    ],
)
def test_the_layer_that_carries_is_looked_at_whichever_it_is(kind: str, layer: int) -> None:
    """Layers that hold nothing hide neither the path nor the memory of the one among them that does."""
    alone = known.leaky(kind, 0.9, rows=200, batch_first=True)
    rnn = known.module(kind, 1, 1, num_layers=3, batch_first=True)
    own = alone.model.rnn
    with torch.no_grad():
        for n in range(3):
            for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
                rnn.get_parameter(name.replace("l0", f"l{n}")).copy_(own.get_parameter(name))
            if n != layer:  # the forget or update gate is shut: it hands on what comes in
                rnn.get_parameter(f"bias_ih_l{n}")[1] = -known.OPEN
    found = gw.explain(known.Net(rnn, alone.model.head.weight.detach()), alone.inputs)
    highway = found.results["highway"]
    assert highway.settings["looked_at"] == [0, 1, 2]
    assert highway.settings["layer"] == layer
    state = "c" if kind == "lstm" else "h"
    start = f"In layer {layer + 1} of 3, where it lasts longest, a change of {state} is"
    assert highway.reading.startswith(start)
    views = found.finding("views")
    assert views is not None
    assert f"Jacobian d{state}/d{state} in layer {layer + 1} of 3 at the transplant: cell." in (
        views.evidence
    )
    assert abs(found.figures["horizon"] - alone.horizon) <= 2
    assert found.figures["gradient_path"] == "cell"
    assert found.figures["carrier"] == ("cell" if kind == "lstm" else "hidden")
    assert found.figures["views_agree"]


@pytest.mark.parametrize("seed", SEEDS)
def test_two_copies_are_both_named(seed: int) -> None:
    own = explained(known.two_copies(20, seed=seed))
    assert own.figures["horizon"] == 20
    carried = sentence(own, "carrier")
    assert own.figures["carrier"] in ("each", "cell", "together")
    assert "c" in carried


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
def test_a_dead_network_is_called_dead(kind: str, seed: int) -> None:
    own = explained(known.dead(kind, seed=seed))
    assert own.figures["horizon"] == 0
    assert not own.figures["depends"]
    assert sentence(own, "memory").startswith("Remembers nothing")
    assert own.finding("memory").tone == "warn"  # type: ignore[union-attr]
    assert own.finding("carrier") is None
    assert own.figures["window"] is None
    assert own.figures["idle"] is None
    if kind != "rnn_tanh":
        # Its gates are half open at random: read alone, they promise some steps of memory.
        assert own.figures["gate_reach"] > 0


@pytest.mark.parametrize("per_step", [False, True])
def test_time_major_and_per_step_models_say_the_same(per_step: bool) -> None:
    first = explained(known.leaky(batch_first=True, per_step=per_step))
    other = explained(known.leaky(batch_first=False, per_step=per_step))
    assert first.figures["horizon"] == other.figures["horizon"]
    assert first.figures["carrier"] == other.figures["carrier"] == "cell"


def test_everything_is_json_and_every_sentence_has_its_evidence() -> None:
    own = explained(known.latch(12))
    told = json.loads(json.dumps(own.to_dict(), allow_nan=False))
    assert told["figures"]["horizon"] == 12
    for finding in own.findings:
        assert finding.evidence
        assert finding.rests_on or finding.topic == "sample"
        assert set(finding.rests_on) <= set(own.results)
    assert str(own).splitlines()[0] == own.findings[0].sentence
    assert np.isfinite(told["results"]["horizon"]["low"])
