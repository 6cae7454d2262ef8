"""What a message costs: the time since the last one and whole numbers, each in an Exp-Golomb code.

All coders pay by this one format. An Exp-Golomb code of order k writes n >= 0 in
2 floor(log2(n / 2^k + 1)) + 1 + k bits, a prefix code that no outlier ruins; k of each field is the
one that was cheapest on the part that is learnt from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gatewise.typing import Array, Indices

ORDERS = range(24)


@dataclass(frozen=True)
class Coded:
    """What a coder sent, and what its decoder makes of it.

    Attributes:
        values: The decoder's series `[T]`.
        at: The step of each message `[N]`, rising.
        fields: What each message carries beside its time: whole numbers from 0 `[N]` for each field.
        clocked: The times are agreed and not sent.
        wait: Steps for which the decoder waits for a value, on the mean.
    """

    values: Array
    at: Indices
    fields: tuple[Indices, ...] = field(default=())
    clocked: bool = False
    wait: float = 0.0

    def columns(self) -> list[Indices]:
        """Return all that is sent, the gaps first."""
        gaps = changes(self.at + 1) - 1
        return [*([] if self.clocked else [gaps]), *self.fields]


def lengths(numbers: Indices, order: int) -> Indices:
    """Return the bits of each number."""
    found: Indices = 2 * np.floor(np.log2((numbers >> order) + 1)).astype(np.int64) + 1 + order
    return found


def orders(coded: Coded) -> list[int]:
    """Return the order of each field that is cheapest for these messages."""
    return [
        min(ORDERS, key=lambda order: int(lengths(column, order).sum()))
        for column in coded.columns()
    ]


def bits(coded: Coded, order: list[int]) -> int:
    """Return the bits of all messages."""
    pairs = zip(coded.columns(), order, strict=True)
    return sum(int(lengths(column, one).sum()) for column, one in pairs)


def changes(numbers: Sequence[int] | Indices) -> Indices:
    """Return by how much each number differs from the one before; the first from 0."""
    kept = np.asarray(numbers, np.int64)
    found: Indices = kept - np.append(0, kept[:-1])
    return found


def signed(numbers: Indices) -> Indices:
    """Return whole numbers as numbers from 0: 0, -1, 1, -2, 2 become 0 to 4."""
    return np.where(numbers >= 0, 2 * numbers, -2 * numbers - 1)


def beyond(numbers: Indices, least: int) -> Indices:
    """Return numbers none of which is nearer to 0 than `least` as numbers from 0."""
    return 2 * (np.abs(numbers) - least) + (numbers < 0)
