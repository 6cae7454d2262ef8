"""Running a model so that nothing of it or of torch's random numbers is changed afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import RLock

import torch

_LENT = RLock()


@contextmanager
def lent_generator(seed: int, devices: Iterable[torch.device] = ()) -> Iterator[None]:
    """Let what draws from torch's global generators draw from `seed`; then put the generators back.

    Lent are that of the CPU and those of the GPUs in `devices`: `torch.manual_seed` would change every
    GPU's. A model of the user's has no other to draw from, so one thread borrows them at a time.
    """
    lent = list(devices)
    with _LENT, torch.random.fork_rng(lent):
        torch.default_generator.manual_seed(seed)
        for device in lent:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


@contextmanager
def quiet(model: torch.nn.Module) -> Iterator[None]:
    """Run `model` in eval mode, without gradients, from fixed random numbers; then put all back."""
    modes = {part: part.training for part in model.modules()}
    devices = {p.device for p in model.parameters() if p.is_cuda}
    with lent_generator(0, devices), torch.no_grad():
        try:
            model.eval()
            yield
        finally:
            for part, mode in modes.items():
                part.training = mode
