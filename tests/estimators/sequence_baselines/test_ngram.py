"""Kneser-Ney: probabilities that add up to 1, a plain version in dictionaries, the choice of order."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.estimators.baselines.ngram import LEAST_DISCOUNT, KneserNey


def text(n: int, size: int, seed: int = 0) -> np.ndarray:
    """Return tokens of which each depends on the two before it."""
    generator = np.random.default_rng(seed)
    table = np.random.default_rng(99).dirichlet(np.full(size, 0.15), size=(size, size))
    codes = [0, 1]
    for _ in range(n):
        codes.append(int(generator.choice(size, p=table[codes[-2], codes[-1]])))
    return np.array(codes)


class Plain:
    """The same equations gram by gram, in dictionaries."""

    def __init__(self, sequences: list[list[int]], size: int, order: int) -> None:
        self.size, self.order = size, order
        grams: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]
        for sequence in sequences:
            padded = [size] * (order - 1) + sequence
            for end, m in itertools.product(range(order - 1, len(padded)), range(1, order + 1)):
                grams[m][tuple(padded[end - m + 1 : end + 1])] += 1
        self.counts = [Counter[tuple[int, ...]]() for _ in range(order)]
        for m in range(1, order):
            for gram in grams[m + 1]:
                self.counts[m][gram[1:]] += 1
        self.counts.append(grams[order])
        self.discounts = [self.discounts_of(counts) for counts in self.counts]

    @staticmethod
    def discounts_of(counts: Counter[tuple[int, ...]]) -> list[float]:
        n = Counter(counts.values())
        y = n[1] / (n[1] + 2 * n[2]) if n[1] and n[2] else 0.5
        found = [0.0]
        for k in (1, 2, 3):
            d = k - (k + 1) * y * n[k + 1] / n[k] if n[k] and n[k + 1] else k / 2
            found.append(min(max(d, LEAST_DISCOUNT), k))
        return found

    def probability(self, context: tuple[int, ...], token: int) -> float:
        m = len(context) + 1
        below = 1 / self.size if m == 1 else self.probability(context[1:], token)
        followers = {g[-1]: c for g, c in self.counts[m].items() if g[:-1] == context}
        if not followers:
            return below
        discount = [self.discounts[m][min(c, 3)] for c in followers.values()]
        total = sum(followers.values())
        count = followers.get(token, 0)
        taken = self.discounts[m][min(count, 3)]
        return (count - taken) / total + sum(discount) / total * below


@pytest.mark.parametrize("order", [1, 2, 4])
def test_it_is_what_the_equations_say(order: int) -> None:
    first, second = text(60, 4).tolist(), text(25, 4, seed=1).tolist()
    fast = KneserNey(np.array(first + second), np.array([len(first), len(second)]), 5, order)
    plain = Plain([first, second], 5, order)
    test = text(12, 4, seed=2).tolist()
    bits = fast.bits(test, [len(test)])
    for place, token in enumerate(test):
        context = tuple(([5] * order + test[:place])[-(order - 1) :]) if order > 1 else ()
        assert abs(2 ** -bits[place] - plain.probability(context, token)) < 1e-12


@pytest.mark.parametrize("order", [1, 3, 6])
@pytest.mark.parametrize("context", [[], [0], [3, 3, 3, 3, 3, 3, 3], [2, 0, 1, 6]])
def test_probabilities_of_every_context_add_up_to_1(order: int, context: list[int]) -> None:
    model = KneserNey(text(400, 5), np.array([402]), 7, order)
    found = model.probabilities(context)
    assert found.shape == (7,)
    assert (found > 0).all()  # codes 5 and 6 never occur
    assert abs(found.sum() - 1) < 1e-12


def test_the_order_is_the_one_that_the_validation_part_asks_for() -> None:
    train, validation, test = (text(n, 6, seed=n) for n in (6000, 1000, 1500))
    model = KneserNey.fit(train, [len(train)], 7, validation=(validation, [len(validation)]))
    assert model.order == 3
    costs = {
        order: KneserNey(train, np.array([len(train)]), 7, order).bits(test, [len(test)]).mean()
        for order in (1, 2, 3, 8)
    }
    assert costs[3] == min(costs.values())
    assert model.bits(test, [len(test)]).mean() == costs[3]


def test_a_part_costs_the_same_alone_and_among_others() -> None:
    model = KneserNey(text(300, 4), np.array([302]), 5, 4)
    one, two = text(20, 4, seed=3), text(9, 4, seed=4)
    both = model.bits(np.concatenate([one, two]), [len(one), 0, len(two)])
    assert np.array_equal(both[: len(one)], model.bits(one, [len(one)]))
    assert np.array_equal(both[len(one) :], model.bits(two, [len(two)]))


def test_it_is_kept_as_arrays() -> None:
    model = KneserNey(text(300, 4), np.array([100, 202]), 5, 4)
    said, arrays = model.to_state()
    again = KneserNey.from_state(said, arrays)
    test = text(50, 4, seed=5)
    assert arrays["codes"].dtype == np.uint8
    assert np.array_equal(again.bits(test, [52]), model.bits(test, [52]))


def test_texts_too_short_to_estimate_discounts_are_no_trouble() -> None:
    for codes in ([0], [0, 0], [0, 1, 2, 3]):
        model = KneserNey.fit(codes, [len(codes)], 5, orders=4)
        assert abs(model.probabilities([0, 1]).sum() - 1) < 1e-12
    with pytest.raises(InputError, match="at least one token"):
        KneserNey.fit([], [], 5)
    with pytest.raises(InputError, match="between 0 and 4"):
        KneserNey.fit([5], [1], 5)
    with pytest.raises(InputError, match="1 tokens for sequences of 2"):
        KneserNey.fit([1], [2], 5)


def test_counts_after_each_context_are_those_of_the_text() -> None:
    """Of the longest order, mass given to what was seen plus what is left is 1 for each context."""
    codes = text(500, 4)
    model = KneserNey(codes, np.array([len(codes)]), 5, 3)
    seen = defaultdict(int)
    for a, b, _ in zip(codes, codes[1:], codes[2:], strict=False):
        seen[a, b] += 1
    raw = model.orders[2].raw
    assert sorted(raw.of_context[raw.of_context > 0].tolist())[-1] == max(seen.values())


def test_nothing_is_impossible_where_every_gram_is_frequent() -> None:
    # Pairs that occur four times, and one three times: by these counts the discount would be below 0.
    pairs = [(2 * j, 2 * j + 1) for j in range(6)] * 3 + [(2 * j, 2 * j + 1) for j in range(1, 6)]
    model = KneserNey.fit(np.ravel(pairs), np.full(len(pairs), 2), 12, orders=2)
    assert model.orders[-1].raw.discounts[3] == LEAST_DISCOUNT
    found = model.probabilities([2])
    assert found.sum() == pytest.approx(1)
    assert 0 < found[5] < found[3]
