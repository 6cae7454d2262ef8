"""Costs on gates as options of training: they act, are resumed, and 0 is none.

That processes share them out is in test_torchrun.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import gatewise as gw
from gatewise.errors import FileError, OptionError
from gatewise.estimators.network import RecurrentNetwork
from gatewise.estimators.run.folder import Run
from gatewise.training.costs import cost_of
from gatewise.training.history import History
from gatewise.training.loop import train
from gatewise.training.losses import per_row, squared_error
from gatewise.training.options import GATE_COSTS
from gatewise.training.task import Task
from tests.estimators.data import reservoir
from tests.estimators.toy import COSTS, DelayLine, equal, network, options, weights


def trained(checkpoint: Path | None = None, **changes: Any) -> tuple[RecurrentNetwork, History]:
    built = {name: changes.pop(name) for name in ("cell", "forget_bias") if name in changes}
    own = network(num_layers=2, **built)
    history = train(
        Task(
            own,
            DelayLine.draw(129, seed=1),
            DelayLine.draw(33, seed=2),
            per_row(squared_error),
        ),
        options(**changes),
        checkpoint=checkpoint,
        resume=checkpoint is not None,
        progress=False,
        checkpoint_seconds=0.0,
    )
    return own, history


def gate_figures(own: RecurrentNetwork) -> dict[str, float]:
    """Return the costs themselves, unweighted, on windows that training has not seen."""
    x = torch.from_numpy(DelayLine.draw(64, seed=3).x.swapaxes(0, 1).copy())
    with torch.no_grad():
        _, layers = own(x, return_gates=True)
    return {name: float(cost_of(options(**{name: 1.0}), layers)) for name in GATE_COSTS}


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("name", GATE_COSTS)
def test_each_cost_lowers_what_it_is_a_cost_on(name: str, cell: str) -> None:
    start = 3.0 if name == "saturation_cost" else 0.0  # in saturation, or half open
    settings = {"epochs": 30, "patience": None, "cell": cell, "forget_bias": start}
    plain, _ = trained(**settings)
    costly, history = trained(**settings, **{name: 1.0})
    assert gate_figures(costly)[name] < 0.7 * gate_figures(plain)[name]
    assert len(history.train) == 30


def test_the_losses_of_the_history_are_those_of_the_prediction_alone() -> None:
    """At a learning rate of 0 nothing moves: a cost of any weight leaves every loss as it is."""
    plain = trained(learning_rate=1e-30)[1]
    costly = trained(learning_rate=1e-30, write_cost=1000.0)[1]
    assert costly.train == pytest.approx(plain.train, rel=1e-6)
    assert costly.validation == plain.validation


def test_without_costs_no_gates_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    forward = RecurrentNetwork.forward

    def watched(self: nn.Module, *args: Any, **named: Any) -> Any:
        asked.append(named.get("return_gates", False))
        return forward(self, *args, **named)

    monkeypatch.setattr(RecurrentNetwork, "forward", watched)
    first, _ = trained(write_cost=0.0, forget_cost=0.0, saturation_cost=0.0)
    assert not any(asked)
    second, _ = trained()
    assert equal(weights(first), weights(second))
    trained(epochs=1, write_cost=0.1)
    assert any(asked)


def test_the_gates_of_a_network_come_beside_its_output() -> None:
    own = network(num_layers=2)
    x = torch.randn(8, 3, 1)
    plain = own(x)
    output, layers = own(x, return_gates=True)
    torch.testing.assert_close(output, plain)
    assert [tuple(gates.forget.shape) for gates in layers] == [(1, 1, 8, 3, 8)] * 2


def test_a_resumed_run_with_costs_has_the_same_bits_and_other_costs_are_refused(
    tmp_path: Path,
) -> None:
    whole, _ = trained(epochs=6, **COSTS)
    state = tmp_path / "state"
    stopped: list[int] = []

    def stop(status: Any) -> None:
        stopped.append(status.epoch)
        if status.epoch == 3:
            raise KeyboardInterrupt

    settings = options(epochs=6, **COSTS)
    data = DelayLine.draw(129, seed=1), DelayLine.draw(33, seed=2), per_row(squared_error)
    with pytest.raises(KeyboardInterrupt):
        train(
            Task(network(num_layers=2), *data), settings, checkpoint=state, progress=stop,
            checkpoint_seconds=0.0,
        )  # fmt: skip
    assert state.exists()
    with pytest.raises(FileError, match=r"made with write_cost=0.3, this run has 0.4"):
        trained(state, epochs=6, **{**COSTS, "write_cost": 0.4})
    resumed, _ = trained(state, epochs=6, **COSTS)
    assert equal(weights(resumed), weights(whole))
    assert not equal(weights(resumed), weights(trained(epochs=6)[0]))


def test_a_forecaster_keeps_its_costs_in_the_run_and_in_the_file(tmp_path: Path) -> None:
    frame = reservoir()
    own = {"target": "level", "inputs": "rain", "test": 0.2, "lookback": 10, "hidden_size": 4}
    plain = gw.Forecaster(**own, epochs=2).fit(frame, progress=False)
    model = gw.Forecaster(**own, epochs=2, **COSTS)
    model.fit(frame, out=tmp_path / "run", progress=False)
    loaded = gw.Forecaster.load(tmp_path / "run")
    assert {name: loaded.get_params()[name] for name in GATE_COSTS} == COSTS
    assert Run.open(tmp_path / "run").config["settings"]["write_cost"] == 0.3
    assert loaded.predict(frame).equals(model.predict(frame))
    assert not plain.predict(frame).equals(model.predict(frame))


@pytest.mark.parametrize("name", GATE_COSTS)
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_bad_values_are_refused_before_any_work(name: str, value: object) -> None:
    model = gw.Forecaster(target="level", inputs="rain", **{name: value})
    with pytest.raises(OptionError, match=f"{name} must be a number from 0 to 1000"):
        model.fit(reservoir(), progress=False)


def test_an_rnn_has_no_gates_to_put_a_cost_on() -> None:
    model = gw.Forecaster(target="level", inputs="rain", cell="rnn", forget_cost=0.1)
    with pytest.raises(OptionError, match=r"forget_cost is a cost on gates, and cell='rnn' has"):
        model.fit(reservoir(), progress=False)
    model.set_params(forget_cost=0.0, epochs=1, lookback=5).fit(reservoir(), progress=False)
