"""Watching trainings whose gates and gradients are known."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import numpy as np
import pytest
import torch
from tests.memory import known
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise.nn
from gatewise.errors import InputError
from gatewise.memory.drift import Drift, TrainingDrift, Unwatched, training_drift


def train(model: Any, watch: TrainingDrift | None, epochs: int = 3, steps: int = 4) -> list[Any]:
    """Train on a fixed stream; return the gradient norm of each step, by epoch."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    norms = []
    for _ in range(epochs):
        norms.append([])
        for _ in range(steps):
            optimizer.zero_grad()
            y = model(torch.randn(6, 4, 2, generator=generator))
            (y[0] if isinstance(y, tuple) else y).square().mean().backward()
            squares = [p.grad.double().square().sum() for p in model.parameters()]
            norms[-1].append(float(torch.stack(squares).sum().sqrt()))
            optimizer.step()
        if watch is not None:
            watch.epoch()
    return norms


@pytest.mark.parametrize("source", [torch.nn, gatewise.nn])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_gradient_norms_are_those_of_each_step(source: Any, kind: str) -> None:
    torch.manual_seed(0)
    model = getattr(source, kind)(2, 3, num_layers=2)
    with TrainingDrift(model) as watch:
        norms = train(model, watch)
    found = watch.result()
    np.testing.assert_allclose(found.gradient, np.median(norms, axis=1), rtol=1e-6)
    np.testing.assert_allclose(found.gradient_low, np.quantile(norms, 0.1, axis=1), rtol=1e-6)
    names = {"LSTM": ["input", "forget", "output"], "GRU": ["reset", "update"], "RNN": ["hidden"]}
    assert list(found.gates) == names[kind]
    assert found.closed.shape == (3, len(found.gates))


def test_training_is_as_it_was() -> None:
    models = []
    for watched in (False, True):
        torch.manual_seed(0)
        model = nn.LSTM(2, 3, num_layers=2, dropout=0.5)
        watch = training_drift(model) if watched else None
        train(model, watch)
        models.append(model)
        if watch is not None:
            watch.close()
            assert not model._forward_hooks
            assert not any(p._post_accumulate_grad_hooks for p in model.parameters())
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(one, other)


def test_saturation_is_that_of_the_gates() -> None:
    task = known.latch(5, steps=20, rows=8)
    watch = TrainingDrift(task.model)
    task.model.train()
    for bias in (known.OPEN, 0.0, -known.OPEN):
        known.put(task.model.rnn, "bias_ih_l0", "output", bias)
        task.model(task.inputs).sum().backward()
        watch.epoch()
    found = watch.result()
    output = list(found.gates).index("rnn.output")
    np.testing.assert_array_equal(found.opened[:, output], [1, 0, 0])
    np.testing.assert_array_equal(found.closed[:, output], [0, 0, 1])
    forget, write = (list(found.gates).index(f"rnn.{gate}") for gate in ("forget", "input"))
    # The trigger opens the input gate and closes the forget gate at one of 20 steps.
    np.testing.assert_allclose(found.closed[:, forget], 1 / 20)
    np.testing.assert_allclose(found.opened[:, write], 1 / 20)
    assert found.reading.startswith("Over 3 epochs the gradient went from ")


def test_packed_rows_and_lengths_leave_padding_out() -> None:
    torch.manual_seed(0)
    lengths, x = torch.tensor([5, 2]), torch.randn(5, 2, 3)
    model = gatewise.nn.GRU(3, 4)
    *_, gates = model(x, lengths=lengths, return_gates=True)
    seen = gates.update[~gates.update.isnan()]
    assert len(seen) == 7 * 4
    for given in ((pack_padded_sequence(x, lengths),), (x,)):
        watch = TrainingDrift(model)
        model(*given, **({} if len(given) > 1 or given[0] is not x else {"lengths": lengths}))
        watch.epoch()
        watch.close()
        place = list(watch.result().gates).index("update")
        assert watch.result().closed[0, place] == float((seen < 0.1).double().mean())


def test_several_modules_and_frozen_ones() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.GRU(2, 3), nn.RNN(3, 2)

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x)[0])

    model = Two()
    model.a.requires_grad_(False)
    watch = TrainingDrift(model)
    model(torch.randn(6, 4, 2))[0].square().mean().backward()
    watch.epoch()
    found = watch.result()
    assert list(found.gates) == ["a.reset", "a.update", "b.hidden"]
    squares = [p.grad.square().sum() for p in model.b.parameters()]
    assert found.gradient[0] == pytest.approx(float(torch.stack(squares).sum().sqrt()), rel=1e-6)
    assert isinstance(found, Drift)
    json.dumps(found.to_dict(), allow_nan=False)


def test_weights_that_join_within_an_epoch() -> None:
    model = nn.GRU(2, 3)
    model.weight_ih_l0.register_hook(lambda grad: torch.full_like(grad, 0.0 if first else 1.0))
    others = [p for name, p in model.named_parameters() if name != "weight_hh_l0"]
    watch = TrainingDrift(model)
    model.weight_hh_l0.requires_grad_(False)
    norms = []
    for first in (True, False):
        model.zero_grad()
        model(torch.ones(6, 4, 2))[0].square().sum().backward()
        seen = others if first else list(model.parameters())
        norms.append(float(sum(p.grad.double().square().sum() for p in seen)) ** 0.5)
        model.weight_hh_l0.requires_grad_(True)
    watch.epoch()
    found = watch.result()
    assert found.gradient[0] == pytest.approx(np.median(norms), rel=1e-6)
    assert found.gradient_low[0] == pytest.approx(np.quantile(norms, 0.1), rel=1e-6)


def test_calls_in_eval_mode_do_not_count() -> None:
    model = nn.GRU(2, 3)
    watch = TrainingDrift(model)
    model.eval()(torch.randn(6, 4, 2))
    with pytest.raises(InputError, match=r"no recurrent module has run in train mode"):
        watch.epoch()
    model.train()
    with torch.no_grad():
        model(torch.randn(6, 4, 2))
    watch.epoch()
    assert np.isnan(watch.result().gradient).all()


def test_bad_use() -> None:
    with pytest.raises(InputError, match=r"Linear contains no LSTM, GRU or RNN to watch"):
        TrainingDrift(nn.Linear(2, 2))
    with pytest.raises(InputError, match=r"'0' is a GRUCell, not an LSTM"):
        TrainingDrift(nn.Sequential(nn.GRUCell(2, 2)))
    with pytest.raises(InputError, match=r"no epoch has ended yet"):
        TrainingDrift(nn.GRU(2, 2)).result()


def test_a_copy_that_runs_is_not_taken_for_the_model() -> None:
    torch.manual_seed(0)
    model, x = gatewise.nn.GRU(3, 4), torch.randn(5, 2, 3)
    *_, gates = model(x, return_gates=True)
    with TrainingDrift(model) as watch:
        model(x)
        copy.deepcopy(model)(torch.zeros(5, 2, 3))
        watch.epoch()
    place = list(watch.result().gates).index("update")
    assert watch.result().closed[0, place] == float((gates.update < 0.1).double().mean())
    assert watch._calls == {}


@pytest.mark.parametrize("source", [torch.nn, gatewise.nn])
def test_copies_and_files_of_a_watched_model_have_nothing_of_the_watch(source: Any) -> None:
    model, x = source.LSTM(3, 4), torch.randn(5, 2, 3)
    with TrainingDrift(model) as watch:
        model(x)[0].sum().backward()
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        for twin in (copy.deepcopy(model), torch.load(file, weights_only=False)):
            assert all(isinstance(hook, Unwatched) for hook in twin._forward_hooks.values())
            assert not any(p._post_accumulate_grad_hooks for p in twin.parameters())
            twin(torch.zeros(5, 2, 3))[0].sum().backward()
        watch.epoch()
    assert watch.result().settings["steps"] == [1]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("source", [torch.nn, gatewise.nn])
@pytest.mark.parametrize("compiled_first", [True, False])
def test_a_compiled_model_is_watched(source: Any, compiled_first: bool) -> None:
    torch.manual_seed(0)
    model, x = nn.Sequential(source.GRU(2, 3)), torch.randn(6, 4, 2)
    step = torch.compile(model, backend="eager")
    if compiled_first:
        step(x)[0].sum().backward()
    with TrainingDrift(model) as watch:
        step(x)[0].sum().backward()
        watch.epoch()
    assert watch.result().settings["steps"] == [1]
    assert len(watch.result().gates) == 2
