"""Every random number of a training run, derived from its seed, a purpose and a place.

Torch's global generator is left as it was found, and a resumed run needs no generator's state: it
draws the numbers of epoch 17 again from the seed and the number 17.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


class Purpose(IntEnum):
    """What random numbers are for; each purpose has a stream of its own."""

    WEIGHTS = 0
    ORDER = 1
    DROPOUT = 2
    NOISE = 3


def derived_seed(seed: int, purpose: Purpose, *place: int) -> int:
    """Return a 63-bit seed from a run's `seed` (>= 0), a purpose and a place, as the epoch."""
    state = np.random.SeedSequence([seed, int(purpose), *place]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def generator(
    seed: int, purpose: Purpose, *place: int, device: torch.device | None = None
) -> torch.Generator:
    """Return a fresh generator on `device` (the CPU where absent) for one purpose and place."""
    made = torch.Generator(device=device or torch.device("cpu"))
    return made.manual_seed(derived_seed(seed, purpose, *place))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Build modules inside this block, on the CPU: their first weights follow from `seed` alone.

    Torch's modules draw from the global generator when they are built; inside the block it is lent
    a derived state, and afterwards it is as it was.
    """
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(derived_seed(seed, Purpose.WEIGHTS))
        yield
