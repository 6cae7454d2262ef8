"""From hidden states to answers, in NumPy: the heads of `gatewise.estimators.heads`, trained.

Sizes: S steps read, B windows, H hidden units, K targets, Q quantile levels, P parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gatewise.answers.families import Family, NegativeBinomial, softplus
from gatewise.typing import AnyArray, Arrays

Head = Callable[[AnyArray, AnyArray], AnyArray]
"""Hidden states `[S, B, H]` and numbers of the first step `[B, F]` to answers `[B, S, K, ...]`."""


def head_of(weights: Arrays, levels: Sequence[float], family: Family | None) -> Head:
    """Return the head with these weights, by their names in a model file.

    Without a `family` it answers the quantiles of `levels`, or where there are none one number.
    """
    weight, bias = (np.ascontiguousarray(weights[f"head.linear.{n}"]) for n in ("weight", "bias"))
    size = family.size if family is not None else max(len(levels), 1)

    def head(hidden: AnyArray, first: AnyArray) -> AnyArray:
        raw = linear(hidden, weight, bias).swapaxes(0, 1)
        raw = raw.reshape(*raw.shape[:-1], -1, size)
        if family is not None:
            return _distribution(family, raw, first)
        return _quantiles(raw, tuple(levels).index(0.5)) if levels else raw

    return head


def linear(x: AnyArray, weight: AnyArray, bias: AnyArray | None = None) -> AnyArray:
    """Return `x [..., F]` times the transpose of `weight [O, F]`, and the bias: torch's Linear.

    Row by row, so that a row's bits do not depend on how many rows there are: a stream of windows gives
    what a table of them gives.
    """
    product: AnyArray = (x.reshape(-1, 1, x.shape[-1]) @ weight.T)[:, 0]
    if bias is not None:
        product = product + bias
    return product.reshape(*x.shape[:-1], len(weight))


def _quantiles(raw: AnyArray, median: int) -> AnyArray:
    """Return quantiles `[..., Q]`: gaps added outwards from the median, in torch's order of sums."""
    gaps = softplus(raw)
    found = [raw[..., median]]
    for level in range(median + 1, raw.shape[-1]):
        found.append(found[-1] + gaps[..., level])
    for level in range(median - 1, -1, -1):
        found.insert(0, found[0] - gaps[..., level])
    return np.stack(found, axis=-1)


def _distribution(family: Family, raw: AnyArray, first: AnyArray) -> AnyArray:
    """Return parameters `[B, S, K, P]`; means of counts are multiples of the window's rates."""
    parameters = family.parameters(raw)
    if isinstance(family, NegativeBinomial):
        rate = np.exp(first[:, None, -raw.shape[-2] :])
        parameters[..., 0] *= rate
    return parameters
