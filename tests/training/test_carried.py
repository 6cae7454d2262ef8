"""State that is handed on from batch to batch: truncated backpropagation through time."""

import math

import numpy as np
import pytest
import safetensors.torch
import torch

from gatewise.errors import InputError
from gatewise.training import loop
from gatewise.training.average import averaged_from
from gatewise.training.carried import changed, from_named, named
from gatewise.training.distributed import World
from gatewise.training.inference import batches, mean_loss, predict
from gatewise.training.loop import train
from gatewise.training.losses import cross_entropy
from gatewise.training.order import InTurn
from gatewise.training.task import Task
from tests.estimators.toy import equal
from tests.training.ragged import (
    StoppedError,
    launch,
    options,
    read_on,
    speaker,
    stop_after,
    text,
)


def test_a_text_is_cut_into_streams_whose_truth_is_the_next_code():
    made = text(100, seed=1, rows=3, window=10)
    assert made.lengths.tolist() == [33, 33, 34]
    np.testing.assert_array_equal(made.values[1:], made.truth[:-1])
    parts = InTurn(made.lengths, 10, seed=0).parts(1)
    assert [part.steps for part in parts] == [
        range(10),
        range(10, 20),
        range(20, 30),
        range(30, 34),
    ]
    x, lengths, truth = made.gather(parts[-1].picks, parts[-1].steps)
    assert lengths.tolist() == [3, 3, 4]
    assert x[:, 2].tolist() == made.values[-4:].tolist()
    assert truth[:3, 0].tolist() == made.truth[30:33].tolist()
    assert truth[3].tolist()[:2] == [-1, -1]


def test_a_text_too_short_for_its_streams_is_refused():
    with pytest.raises(InputError, match="2 steps cannot be read as 3 streams"):
        text(2, seed=1, rows=3)


@pytest.mark.parametrize("window", [1, 7, 10, 34])
def test_windows_that_vary_cover_every_step_once_in_as_many_batches(window):
    order = InTurn(np.array([340, 339]), window, seed=1, vary=True)
    passes = [order.parts(epoch) for epoch in (1, 2)]
    for parts in passes:
        assert len(parts) == order.count == math.ceil(340 / window)
        assert [step for part in parts for step in part.steps] == list(range(340))
        assert all(part.rate == len(part.steps) / window for part in parts)
    if window > 1:
        assert [part.steps for part in passes[0]] != [part.steps for part in passes[1]]
    assert [part.steps for part in passes[0]] == [part.steps for part in order.parts(1)]


def test_windows_vary_as_described():
    lengths = np.array(
        [len(part.steps) for part in InTurn(np.array([700_000]), 70, 0, vary=True).parts(1)]
    )
    usual = lengths[lengths > 52]
    assert 1 - len(usual) / len(lengths) == pytest.approx(0.05, abs=0.01)
    assert usual.std() == pytest.approx(5, rel=0.1)


def test_windows_read_one_after_the_other_are_the_text_read_at_once():
    made, windows, whole = speaker(), text(200, 1, window=7), text(200, 1, window=200)
    np.testing.assert_allclose(predict(made, windows), predict(made, whole), atol=1e-6)
    losses = [mean_loss(made, one, cross_entropy(), 1, World()) for one in (windows, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    alone = predict(made, text(200, 1, rows=1, window=200))
    assert not np.allclose(alone, predict(made, whole), atol=1e-3)  # streams begin from zeros
    shares = [
        [part.picks.tolist() for part in batches(windows, 1, World(rank, 2))] for rank in (0, 1)
    ]
    assert shares == [[[0, 2]] * 10, [[1]] * 10]


def test_every_pass_begins_from_zeros_and_no_gradient_goes_back_over_a_batch():
    made, seen = speaker(), []

    def note(_module, _inputs, named, _output):
        seen.append(named["state"])

    made.register_forward_hook(note, with_kwargs=True)
    task = Task(made, text(3 * 25, 1, window=10), None, cross_entropy())
    train(task, options(epochs=2), progress=False)
    assert [len(state) for state in seen] == [0, 1, 1, 0, 1, 1]
    assert not any(tensor.requires_grad for state in seen for tensor in named(state).values())


def test_a_state_is_named_and_known_again():
    state = ((torch.zeros(1, 2, 3), torch.ones(1, 2, 3)), torch.full((2, 2, 3), 2.0))
    found = from_named(dict(reversed(named(changed(state, torch.Tensor.clone)).items())))
    assert isinstance(found[0], tuple)
    assert [float(one.mean()) for one in (*found[0], found[1])] == [0, 1, 2]
    assert from_named({}) == ()


def test_stopped_within_a_pass_and_resumed_it_ends_with_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e9)  # every round leaves a checkpoint
    file = tmp_path / "state"
    with pytest.raises(StoppedError):
        read_on(progress=stop_after(4), checkpoint=file)  # after 12 steps: 5 into the second pass
    assert safetensors.torch.load_file(file)["state.0.0"].shape == (1, 3, 6)
    assert equal(read_on(checkpoint=file, resume=True), read_on())


NOISY = {"optimizer": "sgd", "learning_rate": 3.0, "schedule": "constant", "average_after": 1}


def averaged(**more):
    """Train by averaged SGD, at a rate at which the loss soon rises; return weights and the losses."""
    made = speaker()
    task = Task(made, text(195, 1), text(100, 2), cross_entropy())
    history = train(task, options(epochs=10, **NOISY), checkpoint_seconds=0.0, **more)
    return made, history


def test_averaged_gradient_descent_begins_at_its_trigger_and_is_validated():
    made, history = averaged(progress=False)
    begun = averaged_from(options(**NOISY), history.validation)
    assert begun is not None
    assert 2 < begun < 8
    # from the same losses on the mean of the weights after every step, by hand
    other, weights = speaker(), []
    rate = torch.optim.SGD(other.parameters(), lr=3.0)
    training, loss = text(195, 1), cross_entropy()
    for epoch in range(10):
        state = ()
        for part in training.order(1, 0).parts(epoch + 1):
            x, lengths, truth = (
                torch.from_numpy(one) for one in training.gather(part.picks, part.steps)
            )
            scores, state = other(x, lengths, state=state)
            state = changed(state, torch.Tensor.detach)
            losses, count = loss(scores, truth)
            rate.zero_grad()
            (losses.sum() / count).backward()
            torch.nn.utils.clip_grad_norm_(other.parameters(), 1.0)
            rate.step()
            if epoch >= begun:
                weights.append([one.detach().clone() for one in other.parameters()])
    for ours, *theirs in zip(made.parameters(), *weights, strict=True):
        torch.testing.assert_close(ours.data, torch.stack(theirs).mean(0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("rounds", [2, 8])
def test_stopped_before_or_after_the_trigger_and_resumed_it_ends_with_the_same_bits(
    tmp_path, rounds, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e9)
    made, history = averaged(progress=False)
    file = tmp_path / "state"
    with pytest.raises(StoppedError):
        averaged(progress=stop_after(rounds), checkpoint=file)
    kept = safetensors.torch.load_file(file)
    begun = averaged_from(options(**NOISY), history.validation)
    assert any(name.startswith("average.") for name in kept) == (rounds >= begun)
    again, history_again = averaged(progress=False, checkpoint=file, resume=True)
    assert equal(made.state_dict(), again.state_dict())
    assert history.validation == history_again.validation


@pytest.mark.full
def test_killed_within_a_pass_and_resumed_it_ends_with_the_same_bits(tmp_path):
    job = {"checkpoint": str(tmp_path / "state")}
    assert launch(1, tmp_path / "out", job | {"kill": 5}).returncode != 0
    assert equal(read_on(checkpoint=tmp_path / "state", resume=True), read_on())


@pytest.mark.full
def test_two_processes_killed_and_resumed_give_the_result_of_one(tmp_path):
    job = {"checkpoint": str(tmp_path / "state")}
    killed = launch(2, tmp_path / "out", job | {"kill": 5})
    assert killed.returncode != 0
    resumed = launch(2, tmp_path / "out", job)
    assert resumed.returncode == 0, resumed.stderr
    whole = launch(2, tmp_path / "whole", {"checkpoint": str(tmp_path / "another")})
    assert whole.returncode == 0, whole.stderr
    found = safetensors.torch.load_file(tmp_path / "out")
    assert equal(found, safetensors.torch.load_file(tmp_path / "whole"))
    for name, value in read_on().items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-5, msg=name)
