"""Every random number of a training run, derived from its seed, a purpose and a place.

Nothing is drawn from the global generators, which other threads may use, and a resumed run needs no
generator's state: it draws the numbers of epoch 17 again from the seed and the number 17.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


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


def drawn_mask(
    generator: torch.Generator, shape: Sequence[int], share: float, rows: slice = slice(None)
) -> Tensor:
    """Return a mask that is 0 with probability `share`, else 1 / (1 - share); `rows` of dimension 1.

    With a shape of `[T, B, H]` every value is dropped by itself. With `[1, B, H]` the same units are
    dropped at every step (variational dropout: Gal and Ghahramani 2016, section 4), and with `[V, 1]`
    symbols of a table of embeddings, wherever they occur (their section 4.2).
    """
    mask = torch.empty(*shape, dtype=torch.float32, device=generator.device)
    mask.bernoulli_(1 - share, generator=generator).div_(1 - share)
    return mask[:, rows]


class seeded(TorchFunctionMode):  # noqa: N801 - used as a function, as torch.no_grad is
    """Build modules inside this block: their first weights follow from `seed` alone.

    Torch's modules draw from the global generator when they are built. Inside the block, and in this
    thread, they draw from one of their own, so that fits in several threads do not disturb each other.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._generator = generator(seed, Purpose.WEIGHTS)

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Hand the generator to what fills a tensor with random numbers."""
        given = dict(kwargs or {})
        if function in _FILLING:
            given["generator"] = self._generator
        return function(*args, **given)


# What the modules of a network draw with.
_FILLING = (
    *(nn.init.uniform_, nn.init.kaiming_uniform_, Tensor.uniform_),
    *(nn.init.normal_, Tensor.normal_),  # embeddings
)
