"""An n-gram model with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999, 4.1.6).

    P(w | h) = (a(hw) - D(a(hw))) / a(h) + gamma(h) P(w | h')

with counts a, discounts D for counts of 1, 2 and more, h' the context h without its oldest token, and
gamma what the discounts took. The longest grams are counted as they occur, shorter ones by how many
different tokens stand before them. Below single tokens stands the uniform distribution over the
vocabulary, so that every token has a probability and those of a context add up to 1.

A gram has a number: that of its context and its last token decide it, so that a text is gone through
once per order, by sorting. Sizes: n tokens, V codes, M orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import InputError
from gatewise.typing import Array, Arrays, Indices

MOST_ORDERS = 8
"""The longest gram that is tried, of characters; of larger vocabularies see `orders_for`."""
FEW_CODES = 300
"""Up to so many codes are characters or bytes, which long grams are made of."""


def orders_for(size: int) -> int:
    """Return the longest grams that are worth a try in a vocabulary of `size` codes."""
    return MOST_ORDERS if size <= FEW_CODES else 5


LEAST_DISCOUNT = 0.1
"""Of a count: texts with few tokens that are all frequent would estimate less than nothing."""


@dataclass(frozen=True, eq=False)
class _Counts:
    """Counts of the grams of one order, and what each context gives on to the next shorter one."""

    of_gram: Array  # [grams]
    of_context: Array  # [contexts], their sums
    discounts: Array  # [4]: of counts 0, 1, 2 and more
    left: Array  # [contexts], gamma

    @classmethod
    def of(cls, counts: Indices, context: Indices, contexts: int) -> _Counts:
        """Return them from counts and context of each gram, `[grams]` both."""
        discounts = _discounts(np.bincount(np.minimum(counts[counts > 0], 5), minlength=6))
        total = np.bincount(context, counts, minlength=contexts).astype(np.float64)
        taken = np.bincount(context, discounts[np.minimum(counts, 3)], minlength=contexts)
        left = np.where(total > 0, taken / np.where(total > 0, total, 1.0), 1.0)
        return cls(counts.astype(np.float64), total, discounts, left)

    def mix(self, gram: Indices, context: Indices, below: Array) -> Array:
        """Return the probability of each token `[n]`, from that after the shorter context.

        `gram` and `context` are numbers, -1 for one that training did not have.
        """
        seen = (context >= 0) & (self.of_context[context] > 0)
        count = np.where(gram >= 0, self.of_gram[gram], 0.0)
        discount = self.discounts[np.minimum(count, 3).astype(np.int64)]
        total = np.where(seen, self.of_context[context], 1.0)
        return np.where(seen, (count - discount) / total + self.left[context] * below, below)


def _discounts(counts: Indices) -> Array:
    """Return the discounts of counts 0, 1, 2 and more, from how many grams occur 1 to 4 times.

    (Chen and Goodman 1999, eq. 26.) Where too few grams are there to estimate one, half of the count
    goes; and some always goes, or what a frequent context never had before it would be impossible.
    """
    found = np.zeros(4)
    one, two = float(counts[1]), float(counts[2])
    share = one / (one + 2 * two) if one and two else 0.5
    for k in (1, 2, 3):
        here, more = float(counts[k]), float(counts[k + 1])
        estimate = k - (k + 1) * share * more / here if here and more else k / 2
        found[k] = min(max(estimate, LEAST_DISCOUNT), float(k))
    return found


@dataclass(frozen=True, eq=False)
class _Order:
    """The grams of one order, sorted by key, which is context times V + 1 plus the last token."""

    keys: Indices  # [grams]
    raw: _Counts  # as they occur: where this is the longest order
    continued: _Counts  # by the tokens that stand before them

    def find(self, keys: Indices) -> Indices:
        """Return the numbers of grams, -1 for those that training did not have."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, place, -1)


class KneserNey:
    """The model of a text: fit it, then ask for probabilities or the bits that another text costs."""

    name = "ngram"

    def __init__(self, codes: Indices, lengths: Indices, size: int, order: int) -> None:
        """Count the grams of up to `order` tokens in `codes` of a vocabulary of `size`."""
        self.codes, self.lengths, self.size, self.order = codes, lengths, size, order
        self.orders: list[_Order] = []
        stream, counted = self._stream(codes, lengths)
        gram = np.zeros(len(stream), dtype=np.int64)
        shorter, contexts = gram, 1
        found: list[tuple[Indices, Indices, Indices, Indices]] = []
        for _ in range(order):
            context = np.concatenate([[0], gram[:-1]])
            keys, gram = np.unique(context * (size + 1) + stream, return_inverse=True)
            raw = np.bincount(gram[counted], minlength=len(keys))
            suffix = np.zeros(len(keys), dtype=np.int64)
            suffix[gram] = shorter
            found.append((keys, raw, suffix, np.array([contexts])))
            shorter, contexts = gram, len(keys)
        self._settle(found)

    @classmethod
    def fit(
        cls,
        codes: ArrayLike,
        lengths: ArrayLike,
        size: int,
        *,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        orders: int | None = None,
    ) -> KneserNey:
        """Return the model of `codes` `[n]`, sequences of `lengths` one after the other.

        The order is the one, up to `orders`, that `validation` (codes, lengths) costs the fewest bits;
        without it, the longest. Raises InputError for a text of no tokens and codes outside the
        vocabulary.
        """
        found, sizes = _checked(codes, lengths, size)
        if not len(found):
            raise InputError("an n-gram model needs a text of at least one token")
        whole = cls(found, sizes, size, orders or orders_for(size))
        if validation is None or not np.size(validation[0]):
            return whole
        costs = whole._all_orders(*_checked(*validation, size)).mean(axis=1)
        best = int(np.argmin(costs)) + 1
        return whole if best == whole.order else cls(found, sizes, size, best)

    def bits(self, codes: ArrayLike, lengths: ArrayLike) -> Array:
        """Return the bits that each token costs, `[n]`, in the context of its sequence.

        Raises InputError for codes outside the vocabulary.
        """
        found: Array = self._all_orders(*_checked(codes, lengths, self.size))[-1]
        return found

    def probabilities(self, context: ArrayLike) -> Array:
        """Return the probability of each code after `context`, `[V]`: they add up to 1."""
        before = np.asarray(context, dtype=np.int64)
        every = np.arange(self.size)
        texts = np.concatenate([np.tile(before, (self.size, 1)), every[:, None]], axis=1)
        lengths = np.full(self.size, texts.shape[1])
        bits = self.bits(texts.ravel(), lengths).reshape(texts.shape)
        return np.exp2(-bits[:, -1])

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays: the text, of which it is counted anew in a moment."""
        kind = np.uint8 if self.size <= 256 else np.uint16 if self.size <= 65536 else np.int32
        return {"size": self.size, "order": self.order}, {
            "codes": self.codes.astype(kind),
            "lengths": self.lengths,
        }

    @classmethod
    def from_state(cls, said: dict[str, Any], arrays: Arrays) -> KneserNey:
        """Return the model that `to_state` kept; InputError where codes and lengths do not fit."""
        codes, lengths = _checked(arrays["codes"], arrays["lengths"], said["size"])
        return cls(codes, lengths, said["size"], said["order"])

    def _stream(self, codes: Indices, lengths: Indices) -> tuple[Indices, Indices]:
        """Return the text with beginnings (code V) before each sequence, and its tokens' places."""
        ahead = self.order - 1
        shift = ahead * (1 + np.repeat(np.arange(len(lengths)), lengths))
        places = np.arange(len(codes)) + shift
        stream = np.full(len(codes) + ahead * len(lengths), self.size, dtype=np.int64)
        stream[places] = codes
        return stream, places

    def _settle(self, found: list[tuple[Indices, Indices, Indices, Indices]]) -> None:
        """Count the contexts of every order, and shorter grams by the tokens before them."""
        for place, (keys, raw, _, contexts) in enumerate(found):
            context = keys // (self.size + 1)
            if place + 1 < len(found):
                _, longer, suffix, _ = found[place + 1]
                continued = np.bincount(suffix[longer > 0], minlength=len(keys))
            else:
                continued = raw
            many = int(contexts[0])
            self.orders.append(
                _Order(keys, _Counts.of(raw, context, many), _Counts.of(continued, context, many))
            )

    def _all_orders(self, codes: Indices, lengths: Indices) -> Array:
        """Return the bits of each token by the models of every order up to this one, `[M, n]`."""
        stream, places = self._stream(codes, lengths)
        gram = np.zeros(len(stream), dtype=np.int64)
        below = np.full(len(codes), 1.0 / self.size)
        out = np.empty((self.order, len(codes)))
        for place, order in enumerate(self.orders):
            context = np.concatenate([[0], gram[:-1]])
            known = np.where(context >= 0, context, 0)
            gram = np.where(context >= 0, order.find(known * (self.size + 1) + stream), -1)
            here = gram[places], context[places]
            out[place] = -np.log2(order.raw.mix(*here, below))
            below = order.continued.mix(*here, below)
        return out


def _checked(codes: ArrayLike, lengths: ArrayLike, size: int) -> tuple[Indices, Indices]:
    found, sizes = np.asarray(codes, dtype=np.int64), np.asarray(lengths, dtype=np.int64)
    if found.ndim != 1 or sizes.sum() != len(found):
        raise InputError(f"{len(found)} tokens for sequences of {int(sizes.sum())}")
    if len(found) and not 0 <= found.min() <= found.max() < size:
        raise InputError(f"codes must lie between 0 and {size - 1}, the vocabulary's")
    return found, sizes
