"""The network of sequences: padding is inert, reads are what they say, state is carried."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gatewise.estimators.sequences.fronts import EmbeddingFront, OneHotFront
from gatewise.estimators.sequences.network import SequenceNetwork
from gatewise.estimators.sequences.reads import AttentionRead, read_named
from gatewise.training.randomness import seeded

READS = ["last", "mean", "max", "attention", "every"]
LENGTHS = torch.tensor([4, 7, 1, 0, 6])


def network(read: str = "last", **options: Any) -> SequenceNetwork:
    given = {"cell": "lstm", "num_layers": 2, "bidirectional": True, "dropout": 0.0} | options
    directions = 2 if given["bidirectional"] else 1
    with seeded(3):
        head = torch.nn.Linear(5 * directions, 4)
        return SequenceNetwork(
            **{"input_size": 3, "hidden_size": 5, "forget_bias": 1.0, "engine": "native"} | given,
            read=read,
            head=head,
        )


def values(steps: int = 7) -> Tensor:
    """Sequences of `LENGTHS` steps whose padding is NaN."""
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((steps, 5, 3)).astype("f4"))
    x[torch.arange(steps)[:, None] >= LENGTHS] = torch.nan
    return x


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_neither_padding_nor_the_batch_changes_an_answer_or_a_gradient(
    read: str, cell: str
) -> None:
    model = network(read, cell=cell)
    x = values()
    together = model(x, LENGTHS)
    known = [row for row, length in enumerate(LENGTHS) if length]
    sums = together[:, known] if read == "every" else together[known]
    inside = torch.arange(7)[:, None, None] < LENGTHS[known][:, None]
    (sums * inside if read == "every" else sums).square().sum().backward()
    whole = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    for row in known:
        length = int(LENGTHS[row])
        alone = model(x[:length, row : row + 1], LENGTHS[row : row + 1])
        theirs = together[:length, row] if read == "every" else together[row]
        torch.testing.assert_close(alone.squeeze(-2), theirs, rtol=1e-5, atol=1e-6)
        alone.square().sum().backward()
    for one, weight in zip(whole, model.parameters(), strict=True):
        torch.testing.assert_close(one, weight.grad, rtol=1e-4, atol=1e-6)


def test_reads_are_what_they_say() -> None:
    states = torch.from_numpy(np.random.default_rng(1).standard_normal((7, 5, 6)))
    states[torch.arange(7)[:, None] >= LENGTHS] = 0.0  # as the layers return them
    found = {name: read_named(name, 3, 2).double() for name in READS}
    attention = found["attention"]
    assert isinstance(attention, AttentionRead)
    for row, length in enumerate(LENGTHS.tolist()):
        mine = {name: read(states, LENGTHS) for name, read in found.items()}
        own = states[:length, row]
        if not length:
            assert all((mine[name][row] == 0).all() for name in READS if name != "every")
            continue
        assert torch.equal(mine["last"][row], torch.cat([own[-1, :3], own[0, 3:]]))
        torch.testing.assert_close(mine["mean"][row], own.mean(0))
        assert torch.equal(mine["max"][row], own.amax(0))
        scores = attention.score(torch.tanh(attention.hidden(own))).softmax(0)
        torch.testing.assert_close(mine["attention"][row], (scores * own).sum(0))


def test_state_is_carried_from_piece_to_piece() -> None:
    model = network("every", bidirectional=False)
    x = values()
    whole = model(x, LENGTHS)
    first, state = model(x[:3], LENGTHS.clamp(max=3), state=())
    second, _ = model(x[3:], (LENGTHS - 3).clamp(min=0), state=state)
    pieces = torch.cat([first, second])
    inside = torch.arange(7)[:, None] < LENGTHS
    torch.testing.assert_close(pieces[inside], whole[inside], rtol=1e-5, atol=1e-6)


def test_masks_are_those_of_the_whole_batch_and_drop_what_is_read() -> None:
    model = network(dropout=0.5)

    def drawn(rows: slice) -> list[Tensor]:
        found = model.draw_masks(torch.Generator().manual_seed(1), 7, 5, rows)
        assert found is not None
        return found

    whole, part = drawn(slice(0, 5)), drawn(slice(2, 4))
    assert [mask.shape for mask in whole] == [(7, 5, 10), (5, 10)]
    assert torch.equal(part[0], whole[0][:, 2:4])
    assert torch.equal(part[1], whole[1][2:4])
    whole[1].zero_()
    answers = model(values(), LENGTHS, masks=whole)
    assert torch.equal(answers, model.head.bias.expand_as(answers))


def test_symbols_become_one_hot_vectors_or_embeddings() -> None:
    codes = torch.tensor([[0, 1], [3, 2]])
    one_hot = OneHotFront(3)(codes)
    assert one_hot.tolist() == [[[0, 0, 0], [1, 0, 0]], [[0, 0, 1], [0, 1, 0]]]
    with seeded(0):
        front = EmbeddingFront(3, 2)
    assert (front(codes)[0, 0] == 0).all()
    assert torch.equal(front(codes)[1, 0], front.table.weight[3])
