"""Running a model so that nothing of it or of torch's random numbers is changed afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import torch

_LENT = RLock()


@contextmanager
def lent_generator(seed: int, devices: list[torch.device] | None = None) -> Iterator[None]:
    """Let what draws from torch's global generator draw from `seed`; then put the generator back.

    A model of the user's has no other to draw from, so one thread borrows it at a time.
    """
    with _LENT, torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


@contextmanager
def quiet(model: torch.nn.Module) -> Iterator[None]:
    """Run `model` in eval mode, without gradients, from fixed random numbers; then put all back."""
    modes = {part: part.training for part in model.modules()}
    devices = {p.device for p in model.parameters() if p.is_cuda}
    with lent_generator(0, list(devices)), torch.no_grad():
        try:
            model.eval()
            yield
        finally:
            for part, mode in modes.items():
                part.training = mode
