"""How many figures stand for a label of a column of categories."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 32
"""Figures of the widest embedding that is chosen by itself."""


def width_of(labels: int, size: int | None) -> int:
    """Return how many figures stand for a label: `size`, or a number that grows slowly with the labels.

    By itself 1.6 × labels^0.56, rounded, at most 32: fastai's rule of thumb (Howard and Gugger 2020).
    """
    return size or min(MOST, round(1.6 * labels**0.56))


def width_with_embeddings(features: int, sizes: Sequence[int], size: int | None) -> int:
    """Return W, what the layers read of `features`, the last of which are codes of `sizes` labels."""
    return features - len(sizes) + sum(width_of(labels, size) for labels in sizes)
