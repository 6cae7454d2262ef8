"""Batches of sequences that differ in length: what they hold, their order, and the loop on them."""

import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.errors import FileError, InputError, OptionError
from gatewise.training import inference, loop
from gatewise.training.distributed import World, _store
from gatewise.training.inference import mean_loss, predict
from gatewise.training.loop import train
from gatewise.training.losses import cross_entropy, per_row
from gatewise.training.order import ByLength, cuts
from gatewise.training.sequences import SequenceBatches
from gatewise.training.task import Task
from tests.estimators.toy import equal, weights
from tests.training import ragged
from tests.training.ragged import (
    StoppedError,
    draw,
    fitted,
    options,
    reader,
    speaker,
    stop_after,
    surroundings,
    text,
    trained,
)

TOLERANCE = 1e-6  # gradients are sums in another order; weights here are of size 1


def test_a_batch_is_padded_to_its_longest_sequence_or_to_what_is_asked():
    values = np.arange(1, 13, dtype=np.float32).reshape(6, 2)
    made = SequenceBatches(values, np.array([0, 1]), np.array([1, 3]), np.array([7, 8]))
    x, lengths, truth = made.gather(np.array([1, 0]))
    assert x.tolist() == [[[3, 4], [1, 2]], [[5, 6], [0, 0]], [[7, 8], [0, 0]]]
    assert (lengths.tolist(), truth.tolist()) == ([3, 1], [8, 7])
    assert x.dtype == np.float32
    x, lengths, _ = made.gather(np.array([0]), range(2))
    assert (x.tolist(), lengths.tolist()) == ([[[1, 2]], [[0, 0]]], [1])


def test_the_truth_of_padding_is_not_known():
    labels, numbers = np.arange(4), np.arange(4, dtype=np.float32)
    made = SequenceBatches(numbers[:, None], np.array([0, 1]), np.array([1, 3]), labels, True)
    assert made.gather(np.array([0, 1]))[2].tolist() == [[0, 1], [-1, 2], [-1, 3]]
    truth = replace(made, truth=numbers).gather(np.array([0, 1]))[2]
    np.testing.assert_array_equal(truth, [[0, 1], [np.nan, 2], [np.nan, 3]])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lengths": np.array([2, 0])}, "sequence 1 is empty"),
        ({"starts": np.array([0, 3])}, "sequence 1 is not within the 4 steps"),
        ({"truth": np.zeros(3)}, "there are 2 sequences, but truth for 3"),
        ({"per_step": True}, "there are 4 steps, but truth for 2"),
    ],
)
def test_sequences_that_contradict_themselves_are_refused(changes, words):
    arrays = {
        "values": np.zeros(4, dtype=np.int64),
        "starts": np.array([0, 2]),
        "lengths": np.array([2, 2]),
        "truth": np.zeros(2),
    }
    with pytest.raises(InputError, match=words):
        SequenceBatches(**arrays | changes)


@given(
    lengths=st.lists(st.integers(1, 500), min_size=1, max_size=120),
    batch_size=st.integers(1, 20),
    most_steps=st.none() | st.integers(1, 3000),
)
def test_every_pass_takes_each_sequence_once_in_as_many_batches(lengths, batch_size, most_steps):
    lengths = np.array(lengths)
    order = ByLength(lengths, batch_size, seed=3, most_steps=most_steps)
    for epoch in (1, 2):
        parts = order.parts(epoch)
        assert len(parts) == order.count
        assert sorted(np.concatenate([part.picks for part in parts])) == list(range(len(lengths)))
        for part in parts:
            assert part.steps == range(lengths[part.picks].max())
            assert len(part.picks) <= batch_size
            bounded = most_steps is None or len(part.picks) * len(part.steps) <= most_steps
            assert bounded or len(part.picks) == 1


def test_orders_differ_by_epoch_and_seed_and_come_again():
    lengths = np.random.default_rng(0).integers(1, 100, 200)

    def picks(seed, epoch):
        return [part.picks.tolist() for part in ByLength(lengths, 16, seed).parts(epoch)]

    assert picks(0, 1) == picks(0, 1)
    assert sorted(map(sorted, picks(0, 1))) != sorted(map(sorted, picks(0, 2)))
    assert picks(0, 1) != picks(1, 1)


def test_little_is_padded():
    lengths = np.random.default_rng(0).lognormal(4, 0.7, 2000).astype(np.int64) + 1
    parts = ByLength(lengths, 32, seed=0).parts(1)
    padded = sum(len(part.picks) * len(part.steps) for part in parts)
    assert padded < 1.25 * lengths.sum()
    shuffled = np.random.default_rng(1).permutation(lengths)
    unsorted = sum(len(part) * part.max() for part in np.array_split(shuffled, len(parts)))
    assert unsorted > 2 * lengths.sum()


def test_batches_that_are_bounded_are_filled():
    lengths = np.random.default_rng(0).lognormal(4, 0.7, 2000).astype(np.int64) + 1
    order = ByLength(lengths, 64, seed=0, most_steps=2000)
    sizes = [len(part.picks) * len(part.steps) for part in order.parts(1)]
    assert max(sizes) <= 2000
    assert sum(sizes) < 1.25 * lengths.sum()
    assert np.mean(sizes) > 0.75 * 2000


def test_cuts_take_a_sequence_that_is_longer_than_a_batch_may_be():
    found = list(cuts(np.array([9, 4, 4, 1]), batch_size=3, most_steps=8))
    assert [(cut.start, cut.stop) for cut in found] == [(0, 1), (1, 3), (3, 4)]


@pytest.mark.parametrize("per_step", [False, True])
def test_predictions_come_in_the_order_of_the_sequences(per_step, monkeypatch):
    sequences, made = draw(23, 1, per_step=per_step), reader(per_step=per_step)
    alone = [
        made(
            torch.from_numpy(sequences.values[start : start + length, None]), torch.tensor([length])
        )
        for start, length in zip(sequences.starts, sequences.lengths, strict=True)
    ]
    expected = np.concatenate([part.detach().reshape(-1, 3).numpy() for part in alone])
    np.testing.assert_allclose(predict(made, sequences), expected, atol=1e-6)
    monkeypatch.setattr(
        inference, "BATCH_VALUES", 40
    )  # of the longest sequences one, of others many
    np.testing.assert_allclose(predict(made, sequences, batch_size=5), expected, atol=1e-6)


@pytest.mark.parametrize("per_step", [False, True])
def test_the_mean_loss_is_over_what_is_known(per_step):
    sequences, made = draw(23, 1, per_step=per_step), reader(per_step=per_step)
    truth = sequences.truth.copy()
    truth[::3] = -1
    sequences = replace(sequences, truth=truth)
    scores = torch.from_numpy(predict(made, sequences))
    wanted = torch.nn.functional.cross_entropy(scores, torch.from_numpy(truth), ignore_index=-1)
    for batch_size in (4, 23):
        found = mean_loss(made, sequences, cross_entropy(), batch_size, World())
        assert found == pytest.approx(wanted.item(), rel=1e-6)


def test_classes_and_sequences_are_weighed_as_by_torch():
    scores, truth = torch.randn(4, 5, 3, dtype=torch.float64), torch.randint(0, 3, (4, 5))
    truth[1, 2] = -1
    losses, count = cross_entropy([1, 2, 0.5])(scores, truth)
    wanted = torch.nn.functional.cross_entropy(
        scores.flatten(0, 1), truth.flatten(), torch.tensor([1, 2, 0.5]).double(), ignore_index=-1
    )
    torch.testing.assert_close(losses.sum() / count, wanted)
    weight = torch.tensor([1.0, 0, 2, 1, 0])  # two rows left out, one taken twice
    losses, count = cross_entropy()(scores, truth, weight)
    again, times = cross_entropy()(scores[:, [0, 2, 2, 3]], truth[:, [0, 2, 2, 3]])
    torch.testing.assert_close(losses.sum() / count, again.sum() / times)
    losses, count = per_row(lambda scores, _: scores)(torch.arange(5.0), truth[0], weight)
    assert (losses.tolist(), count) == ([0, 0, 4, 3, 0], 4)


@pytest.mark.parametrize("per_step", [False, True])
def test_training_learns_and_gives_the_same_bits_again(per_step):
    training, validation = draw(150, 1, per_step=per_step), draw(50, 2, per_step=per_step)
    first = fitted(training, validation=validation, epochs=12, dropout=0.1)
    right = predict(first, validation).argmax(axis=1) == validation.truth
    assert right.mean() > 0.6  # by chance a third
    again = [weights(fitted(training, epochs=2, dropout=0.1)) for _ in range(2)]
    assert equal(*again)


def test_stopped_and_resumed_it_ends_with_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e9)  # every round leaves a checkpoint
    training, validation = draw(40, 1, most_steps=90), draw(20, 2)

    def trained_on(**more):
        made = reader(dropout=0.3)
        task = Task(made, training, validation, cross_entropy())
        train(task, options(average=0.9), checkpoint_seconds=0.0, **more)
        return weights(made)

    file = tmp_path / "state"
    with pytest.raises(StoppedError):
        trained_on(checkpoint=file, progress=stop_after(2))
    again = trained_on(checkpoint=file, resume=True, progress=False)
    assert equal(again, trained_on(progress=False))


def test_noise_is_refused_for_codes():
    with pytest.raises(OptionError, match=r"noise=0\.1: codes are no measured values"):
        fitted(draw(20, 1), noise=0.1)


def test_progress_and_a_foreign_checkpoint_name_what_is_counted(tmp_path):
    seen = []
    settings = {"checkpoint": tmp_path / "state", "progress": seen.append}
    train(Task(reader(), draw(20, 1), None, cross_entropy()), options(), **settings)
    assert seen[-1].rate().endswith(" sequences/s")
    with pytest.raises(
        FileError, match="made from 20 training and 0 validation sequences, this run"
    ):
        train(
            Task(reader(), draw(21, 1), None, cross_entropy()), options(), resume=True, **settings
        )
    train(Task(speaker(), text(60, 1), None, cross_entropy()), options(), progress=seen.append)
    assert seen[-1].rate().endswith(" tokens/s")


def test_processes_that_share_uneven_batches_give_the_result_of_one(monkeypatch, tmp_path):
    """As torchrun starts them, one of them being this one: processes cost seconds."""
    one = trained()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, ragged.__file__, str(tmp_path / "two")]
    other = subprocess.Popen(command, env=surroundings() | meeting | {"RANK": "1"})
    for name, value in {**meeting, "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    try:
        two = trained()
    finally:
        _store.cache_clear()
        assert other.wait(timeout=120) == 0
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=TOLERANCE, msg=name)
