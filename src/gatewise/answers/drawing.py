"""Probabilities of classes or tokens from a network's scores, and draws by them.

Sizes: V codes or classes.
"""

from __future__ import annotations

import numpy as np

from gatewise.errors import OptionError
from gatewise.typing import Array


def softmax(logits: Array) -> Array:
    """Return the probabilities [..., V] of logits."""
    found = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(found / found.sum(axis=-1, keepdims=True))


def draw(
    probabilities: Array,
    generator: np.random.Generator,
    *,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
) -> int:
    """Return a code drawn by its probability [V], "unknown" never.

    `temperature` divides the logits (0: the likeliest token), `top_k` keeps the likeliest so many, and
    `top_p` the fewest likeliest ones that hold so much together (Holtzman et al. 2020).
    """
    found = probabilities.copy()
    found[0] = 0.0  # "unknown" cannot be written
    order = np.argsort(-found, kind="stable")
    if temperature == 0:
        return int(order[0])
    kept = order[: top_k or len(order)]
    with np.errstate(divide="ignore"):
        logits = np.log(found[kept]) / temperature
    share = softmax(logits)
    if top_p is not None:
        # those before which less than top_p is reached: one at least
        share = share * (np.cumsum(share) - share < top_p)
        share /= share.sum()
    place = np.searchsorted(np.cumsum(share), generator.random(), side="right")
    return int(kept[min(int(place), len(kept) - 1)])


def check_drawing(
    n: int, temperature: float, top_k: int | None, top_p: float | None, seed: int
) -> None:
    """Raise OptionError for what tokens cannot be drawn by."""
    whole = {"n": (n, 0), "seed": (seed, 0), "top_k": (1 if top_k is None else top_k, 1)}
    for name, (value, least) in whole.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise OptionError(f"{name} must be a whole number of at least {least}, not {value!r}")
    if not (np.isfinite(temperature) and temperature >= 0):
        raise OptionError(f"temperature must be a number of at least 0, not {temperature!r}")
    if top_p is not None and not 0 < top_p <= 1:
        raise OptionError(f"top_p must be a share above 0 and at most 1, not {top_p!r}")
