"""The chain's log-likelihood, against every sequence of labels scored one by one, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gatewise.answers.chain import FORBIDDEN, Chain, best_path, marginals
from gatewise.estimators.tagger import chain as module
from gatewise.estimators.tagger.chain import (
    ChainScores,
    log_partition,
    negative_log_likelihood,
    path_score,
)
from tests.estimators.chains import LENGTHS, STEPS, every, made, score
from tests.tolerances import FLOAT64

WAYS = pytest.mark.parametrize("tree_classes", [0, 100], ids=["by step", "as a tree"])


@pytest.fixture
def way(tree_classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TREE_CLASSES", tree_classes)


def tensors(chain: Chain) -> tuple[Tensor, Tensor, Tensor]:
    start, between, end = (torch.from_numpy(x) for x in (chain.start, chain.transitions, chain.end))
    return start, between, end


def scores_of(chain: Chain) -> ChainScores:
    """Return a module with the numbers of `chain`, in float64 as the oracle's are."""
    made_of = ChainScores(len(chain.start)).double()
    with torch.no_grad():
        for name, values in zip(("start", "between", "end"), tensors(chain), strict=True):
            getattr(made_of, name).copy_(values)
    return made_of


@WAYS
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("forbid", [False, True])
@pytest.mark.parametrize("classes", [1, 2, 3])
def test_log_partition_is_the_sum_over_all_paths(classes: int, *, forbid: bool) -> None:
    scores, chain = made(classes=classes, forbid=forbid and classes > 1)
    found = log_partition(torch.from_numpy(scores), torch.from_numpy(LENGTHS), tensors(chain))
    for row, length in enumerate(LENGTHS):
        paths = every(scores[:length, row], chain)
        wanted = np.log(sum(np.exp(one) for one in paths.values()))
        assert float(found[row]) == pytest.approx(wanted, rel=FLOAT64, abs=FLOAT64)


def test_the_score_of_labels_is_its_terms() -> None:
    scores, chain = made()
    labels = np.random.default_rng(1).integers(0, 3, scores.shape[:2])
    labels[np.arange(STEPS)[:, None] >= LENGTHS] = -1
    arguments = (torch.from_numpy(a) for a in (scores, labels, LENGTHS))
    found = path_score(*arguments, tensors(chain))
    for row, length in enumerate(LENGTHS):
        wanted = score(scores[:length, row], tuple(labels[:length, row]), chain) if length else 0.0
        assert float(found[row]) == pytest.approx(wanted, rel=FLOAT64, abs=FLOAT64)


@WAYS
@pytest.mark.usefixtures("way")
def test_unknown_labels_are_summed_over() -> None:
    scores, chain = made()
    labels = np.array(
        [[0, 1, 2, -1, -1], [-1, 1, 0, 0, 0], [2, -1, 0, 0, -1], [0, -1, 0, 0, -1], [0] * 5]
    )
    found = negative_log_likelihood(
        torch.from_numpy(scores),
        torch.from_numpy(labels),
        torch.from_numpy(LENGTHS),
        tensors(chain),
    )
    for row, length in enumerate(LENGTHS):
        paths = every(scores[:length, row], chain)
        known = labels[:length, row]
        fits = [
            np.exp(one)
            for path, one in paths.items()
            if all(label in (-1, at) for label, at in zip(known, path, strict=True))
        ]
        wanted = np.log(sum(np.exp(one) for one in paths.values())) - np.log(sum(fits))
        assert float(found[row].detach()) == pytest.approx(wanted, rel=1e-10, abs=1e-10)


@WAYS
@pytest.mark.usefixtures("way")
def test_gradients() -> None:
    scores, chain = made()
    inputs = [torch.from_numpy(scores).requires_grad_()]
    inputs += [part.requires_grad_() for part in tensors(chain)]
    lengths = torch.from_numpy(LENGTHS)
    assert torch.autograd.gradcheck(lambda s, *parts: log_partition(s, lengths, parts), inputs)
    labels = torch.from_numpy(np.random.default_rng(1).integers(0, 3, scores.shape[:2]))
    assert torch.autograd.gradcheck(lambda s, *parts: path_score(s, labels, lengths, parts), inputs)


@WAYS
@pytest.mark.usefixtures("way")
def test_the_gradient_of_log_partition_is_the_marginals_of_the_numpy_side() -> None:
    scores, chain = made(forbid=True)
    leaf = torch.from_numpy(scores).requires_grad_()
    log_partition(leaf, torch.from_numpy(LENGTHS), tensors(chain)).sum().backward()
    assert leaf.grad is not None
    wanted = marginals(scores, LENGTHS, chain)
    np.testing.assert_allclose(leaf.grad.numpy(), wanted, rtol=1e-10, atol=1e-12)


@WAYS
@pytest.mark.usefixtures("way")
def test_padding_changes_neither_the_loss_nor_a_gradient() -> None:
    scores, chain = made()
    labels = torch.from_numpy(np.random.default_rng(1).integers(0, 3, scores.shape[:2]))
    padding = torch.from_numpy(np.arange(STEPS)[:, None] >= LENGTHS)
    found = []
    for filling in (0.0, 1e4):
        leaf = torch.from_numpy(scores).masked_fill(padding[..., None], filling).requires_grad_()
        chained = scores_of(chain)
        loss = negative_log_likelihood(leaf, labels, torch.from_numpy(LENGTHS), chained.parts())
        loss.sum().backward()
        assert leaf.grad is not None
        assert (leaf.grad[padding] == 0).all()
        found.append([loss.detach(), leaf.grad, *(weight.grad for weight in chained.parameters())])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_a_sequence_without_steps_costs_nothing() -> None:
    chained = ChainScores(3)
    nothing = torch.zeros(0, 2, dtype=torch.int64)
    loss = negative_log_likelihood(
        torch.zeros(0, 2, 3), nothing, torch.zeros(2, dtype=torch.int64), chained.parts()
    )
    assert loss.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("steps", [1, 2, 7, 8, 9, 33])
def test_a_tree_of_any_number_of_steps_is_the_steps_one_by_one(steps: int) -> None:
    draw = torch.Generator().manual_seed(steps)
    scores = torch.randn(steps, 6, 3, generator=draw, dtype=torch.float64)
    lengths = torch.tensor([0, 1, steps, steps - 1, steps // 2, min(2, steps)])
    between = torch.randn(3, 3, generator=draw, dtype=torch.float64)
    found = [
        through(scores[0], scores[1:], lengths - 1, between)[lengths > 0]
        for through in (module._by_tree, module._by_step)
    ]
    torch.testing.assert_close(*found, rtol=FLOAT64, atol=FLOAT64)


def test_training_learns_what_follows_what_and_keeps_to_what_is_forbidden() -> None:
    """Labels 0 1 2 0 1 2 …, from steps that say nothing but where the first is."""
    chained = ChainScores(3, forbidden=[(2, 1)])
    labels = torch.arange(12).remainder(3)[:, None].expand(12, 4)
    scores = torch.zeros(12, 4, 3)
    scores[0, :, 0] = 5.0
    lengths = torch.full((4,), 12)
    descent = torch.optim.Adam(chained.parameters(), lr=0.3)
    for _ in range(60):
        descent.zero_grad()
        negative_log_likelihood(scores, labels, lengths, chained.parts()).sum().backward()
        descent.step()
    numbers = chained.numbers()
    assert numbers.transitions[2, 1] == FORBIDDEN
    found = best_path(scores.numpy(), lengths.numpy(), numbers)
    assert np.array_equal(found, labels.numpy())
