"""Long sequences in pieces: what training sees of them, and that predictions have no seams."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.estimators.sequences.fronts import OneHotFront
from gatewise.estimators.tagger import whole
from gatewise.estimators.tagger.chain import ChainScores
from gatewise.estimators.tagger.network import TaggerNetwork
from gatewise.estimators.tagger.pieces import Pieces, in_pieces
from gatewise.estimators.tagger.whole import answers_in_pieces, scores_of_steps
from gatewise.training.randomness import seeded
from gatewise.training.sequences import SequenceBatches
from tests.tolerances import FLOAT32_FLOOR

LENGTHS = np.array([1, 10, 25, 3])
STARTS = np.cumsum(LENGTHS) - LENGTHS


def batches() -> SequenceBatches:
    steps = np.arange(LENGTHS.sum())
    return SequenceBatches(steps, STARTS, LENGTHS, steps % 3, per_step=True)


@pytest.mark.parametrize("steps", [1, 2, 4, 10, 24, 25, 99, None])
@pytest.mark.parametrize("before", [0, 3, 100])
@pytest.mark.parametrize("after", [0, 2])
def test_every_step_is_trained_on_once_with_its_overlap(
    steps: int | None, before: int, after: int
) -> None:
    found = in_pieces(batches(), steps, before, after)
    trained = []
    for row in range(len(found)):
        values, _, truth = (
            part[:, 0] if part.ndim == 2 else part for part in found.gather(np.array([row]))
        )
        core = values[truth >= 0]
        assert np.array_equal(core % 3, truth[truth >= 0])
        assert np.array_equal(values, np.arange(values[0], values[-1] + 1))
        sequence = np.searchsorted(STARTS, core[0], side="right") - 1
        first, last = STARTS[sequence], STARTS[sequence] + LENGTHS[sequence] - 1
        # the overlap reaches as far as it is asked to, and never into another sequence
        assert values[0] == max(first, core[0] - before)
        assert values[-1] == min(last, core[-1] + after)
        assert steps is None or len(core) <= steps
        trained.append(core)
    assert np.array_equal(np.concatenate(trained), np.arange(LENGTHS.sum()))


def test_cores_are_of_nearly_one_size() -> None:
    pieces = Pieces.of(np.array([1001]), 100, 0, 0)
    assert len(pieces) == 11
    assert set(pieces.core_stop - pieces.core_start) == {91}


def test_pieces_without_a_known_label_are_left_out() -> None:
    given = batches()
    given.truth[STARTS[2] + 5 : STARTS[2] + 10] = -1
    found = in_pieces(given, 5, 2, 2)
    assert len(found) == len(in_pieces(batches(), 5, 2, 2)) - 1


def test_a_piece_has_the_weight_of_its_sequence() -> None:
    steps = np.arange(LENGTHS.sum())
    weights = np.array([1, 2, 3, 4], dtype=np.float32)
    given = SequenceBatches(steps, STARTS, LENGTHS, steps % 3, per_step=True, weights=weights)
    found = in_pieces(given, 5, 0, 0)
    assert found.weights is not None
    assert found.weights.tolist() == [1, 2, 2, 3, 3, 3, 3, 3, 4]


def made(
    cell: str, layers: int, engine: str, *, bidirectional: bool, measured: bool = False
) -> TaggerNetwork:
    with seeded(3):
        network = TaggerNetwork(
            cell=cell, input_size=4, hidden_size=6, num_layers=layers, bidirectional=bidirectional,
            dropout=0.0, forget_bias=3.0, engine="auto", head=nn.Linear(12 if bidirectional else 6, 3),
            front=None if measured else OneHotFront(4), chain=ChainScores(3),
        )  # fmt: skip
    network.settle(engine)
    return network.eval()


@pytest.mark.parametrize("engine", ["native", "torch"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@torch.no_grad()
def test_seams_cannot_be_seen(cell: str, layers: int, engine: str, *, bidirectional: bool) -> None:
    """Pieces of 7 steps with states that last much longer give what one pass gives."""
    network = made(cell, layers, engine, bidirectional=bidirectional)
    codes = torch.randint(0, 5, (60,), generator=torch.Generator().manual_seed(1))
    unbroken = network.scores(codes[:, None], torch.tensor([60]))[:, 0]
    pieces = answers_in_pieces(network, codes, 7)
    assert (pieces - unbroken).abs().max() <= FLOAT32_FLOOR * (1 + unbroken.abs().max())
    # and they would be seen without the states: the network does remember across them
    apart = torch.cat(
        [network.scores(part[:, None], torch.tensor([len(part)])) for part in codes.split(7)]
    )
    assert (apart[:, 0] - unbroken).abs().max() > 1e-3


@torch.no_grad()
def test_sequences_of_any_lengths_are_answered_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    network = made("lstm", 1, "native", bidirectional=True, measured=True)
    monkeypatch.setattr(
        whole, "VALUES", 12 * 40
    )  # 40 steps together: the longest is read in pieces
    lengths = np.array([5, 100, 1, 40, 17, 17])
    values = np.random.default_rng(0).normal(size=(lengths.sum(), 4)).astype(np.float32)
    names = tuple(map(str, range(len(lengths))))
    sequences = Sequences(values, lengths, names, columns=tuple("abcd"))
    found = np.split(scores_of_steps(network, sequences, values), sequences.offsets[1:-1])
    for row, answer in enumerate(found):
        alone = torch.from_numpy(sequences.row(row).copy())[:, None]
        wanted = network.scores(alone, torch.tensor([len(alone)]))[:, 0].numpy()
        np.testing.assert_allclose(answer, wanted, rtol=0, atol=FLOAT32_FLOOR * 2)


def test_codes_are_read_too() -> None:
    network = made("gru", 2, "native", bidirectional=True)
    lengths = np.array([3, 9])
    vocabulary = Vocabulary(tuple("ACGT"))
    sequences = Sequences(vocabulary.encode("ACGTACGTACGT"), lengths, ("a", "b"), vocabulary)
    assert scores_of_steps(network, sequences, sequences.values).shape == (12, 3)
