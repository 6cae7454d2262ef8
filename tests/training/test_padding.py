"""Padding is inert: neither the order of rows nor what lies past their ends, nor how much, matters.

Sizes: T steps, B sequences, F features.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional

from gatewise.estimators.sequences.fronts import EmbeddingFront
from gatewise.estimators.sequences.network import SequenceNetwork
from gatewise.training.losses import cross_entropy
from gatewise.training.randomness import seeded
from tests.tolerances import FLOAT64, assert_close64

LENGTHS = torch.tensor([3, 7, 1, 7, 4])
FEATURES, UNITS, LABELS = 3, 4, 3
READS = ("last", "mean", "max", "attention", "every")
# In float32 sums of some dozen terms below 1 come in another order: 3e-8 is the most that was seen.
FLOAT32 = 2e-7


def network(read, dtype, engine="auto", **changes):
    settings = {"cell": "lstm", "num_layers": 2, "bidirectional": True, "front": None, **changes}
    with seeded(0):
        made = SequenceNetwork(
            input_size=FEATURES,
            hidden_size=UNITS,
            dropout=None,
            forget_bias=1.0,
            engine=engine,
            read=read,
            head=torch.nn.Linear(UNITS * (2 if settings["bidirectional"] else 1), LABELS),
            **settings,
        )
    return made.to(dtype)


def rows(read, dtype=torch.float64):
    """Return sequences [T, B, F] without padding that means anything, and their labels."""
    drawn = torch.Generator().manual_seed(1)
    x = torch.randn(7, len(LENGTHS), FEATURES, generator=drawn, dtype=torch.float64).to(dtype)
    every = read == "every"
    truth = torch.randint(0, LABELS, (7, len(LENGTHS)) if every else LENGTHS.shape, generator=drawn)
    if every:
        truth[torch.arange(7)[:, None] >= LENGTHS] = -1
    return x, truth


def answers(made, x, lengths, truth):
    """Return the answers, and the gradient of the mean loss by every weight and by the input."""
    made.zero_grad()
    if x.is_floating_point():
        x = x.clone().requires_grad_()
    scores = made(x, lengths)
    losses, count = cross_entropy()(scores, truth)
    (losses.sum() / count).backward()
    gradient = [weight.grad.clone() for weight in made.parameters()]
    return scores.detach(), gradient + ([x.grad] if x.requires_grad else [])


def repadded(x, truth, order, padding):
    """Return the same sequences in another `order`, with `padding` (more steps, and what is in them)."""
    more, fill = padding
    x = functional.pad(x, (0, 0) * (x.dim() - 2) + (0, 0, 0, more))[:, order]
    past = torch.arange(len(x))[:, None] >= LENGTHS[order]
    x = torch.where(
        past if x.dim() == 2 else past[..., None], torch.as_tensor(fill, dtype=x.dtype), x
    )
    if truth.dim() == 1:
        return x, LENGTHS[order], truth[order]
    return x, LENGTHS[order], functional.pad(truth, (0, 0, 0, more), value=-1)[:, order]


def assert_inert(made, x, truth, *, fills, close):
    """Check answers and gradients in several orders, paddings and contents against a plain call."""
    scores, gradient = answers(made, x, LENGTHS, truth)
    inside = torch.arange(len(x))[:, None] < LENGTHS
    ways = [([0, 1, 2, 3, 4], 0), ([4, 2, 0, 3, 1], 5), ([1, 3, 4, 0, 2], 1)]
    for (order, more), fill in zip(ways, fills, strict=True):
        back = torch.argsort(torch.tensor(order))
        found, theirs = answers(made, *repadded(x, truth, order, (more, fill)))
        if truth.dim() == 2:
            close(found[: len(x), back][inside], scores[inside], f"answers {order} {fill}")
        else:
            close(found[back], scores, f"answers {order} {fill}")
        if x.is_floating_point():
            assert not theirs[-1][len(x) :].any()
            theirs[-1] = theirs[-1][: len(x), back]
            assert not theirs[-1][~inside].any()
        for number, (one, other) in enumerate(zip(gradient, theirs, strict=True)):
            close(other, one, f"gradient {number} {order} {fill}")


def close32(ours, theirs, what):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=FLOAT32, msg=what)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("read", READS)
def test_padding_and_order_change_nothing_in_float64(cell, read):
    x, truth = rows(read)
    for layers, both in ((1, False), (2, False), (1, True), (2, True)):
        made = network(read, torch.float64, cell=cell, num_layers=layers, bidirectional=both)
        fills = (torch.nan, torch.inf, 1e30)
        assert_inert(made, x, truth, fills=fills, close=assert_close64)


@pytest.mark.parametrize("engine", ["torch", "native"])
@pytest.mark.parametrize("read", READS)
def test_padding_and_order_change_nothing_in_float32(engine, read):
    made = network(read, torch.float32, engine)
    x, truth = rows(read, torch.float32)
    fills = (torch.nan, -torch.inf, 1e30)
    assert_inert(made, x, truth, fills=fills, close=close32)


@pytest.mark.parametrize("read", ["last", "every"])
def test_codes_in_the_padding_change_nothing(read):
    with seeded(0):
        front = EmbeddingFront(5, FEATURES)
    made = network(read, torch.float64, front=front)
    drawn = torch.Generator().manual_seed(2)
    codes = torch.randint(0, 6, (7, len(LENGTHS)), generator=drawn)
    _, truth = rows(read)
    assert_inert(made, codes, truth, fills=(0, 3, 5), close=assert_close64)


@pytest.mark.parametrize("read", READS)
def test_a_batch_is_its_sequences_one_by_one(read):
    made = network(read, torch.float64)
    x, truth = rows(read)
    scores, gradient = answers(made, x, LENGTHS, truth)
    total, counted = [torch.zeros_like(one) for one in gradient[:-1]], 0
    for row, length in enumerate(LENGTHS.tolist()):
        label = truth[:length, [row]] if read == "every" else truth[[row]]
        alone, theirs = answers(made, x[:length, [row]], LENGTHS[[row]], label)
        ours = scores[:length, [row]] if read == "every" else scores[[row]]
        assert_close64(ours, alone, f"row {row}")
        total = [so_far + one * label.numel() for so_far, one in zip(total, theirs, strict=False)]
        counted += label.numel()
    for ours, theirs in zip(gradient, total, strict=False):
        assert_close64(ours, theirs / counted)


@pytest.mark.parametrize("read", READS)
def test_a_sequence_without_steps_has_an_answer_and_leaves_the_others_alone(read):
    """As a stream has that ended before the last window of a text did."""
    made = network(read, torch.float64, bidirectional=False)
    x, truth = rows(read)
    scores, _ = answers(made, x, LENGTHS, truth)
    lengths = torch.cat([LENGTHS, torch.tensor([0])])
    wider = torch.cat([x, torch.full((7, 1, FEATURES), torch.nan, dtype=x.dtype)], dim=1)
    found = made(wider, lengths)
    assert bool(found.isfinite().all())
    assert_close64(found.detach()[..., :-1, :], scores)
    before = tuple((torch.ones(1, 6, UNITS), torch.full((1, 6, UNITS), 0.5)) for _ in range(2))
    before = tuple(tuple(part.double() for part in layer) for layer in before)
    _, after = made(wider, lengths, state=before)
    for old, new in zip(before, after, strict=True):
        for was, now in zip(old, new, strict=True):
            np.testing.assert_array_equal(now[:, -1].detach(), was[:, -1])
            assert not torch.equal(now[:, 0], was[:, 0])


def test_what_is_compared_would_show_a_leak():
    """A network that reads past the ends fails the comparison."""
    made = network("mean", torch.float64, bidirectional=False)
    x, truth = rows("mean")
    whole = torch.full_like(LENGTHS, len(x))
    scores, _ = answers(made, x, whole, truth)
    moved, *_ = repadded(x, truth, [0, 1, 2, 3, 4], (0, 1e3))
    assert (made(moved, whole) - scores).abs().max() > 1e6 * FLOAT64
