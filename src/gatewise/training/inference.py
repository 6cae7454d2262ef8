"""Predictions and mean losses over many windows, in fixed batches: the same bits every time.

Sizes: n windows, S predicted steps, K targets, Q quantile levels (1 for a point head).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gatewise.training.distributed import World, local_device
from gatewise.training.losses import Loss

BATCH_SIZE = 256
BATCH_VALUES = 1 << 24
"""Input values of a batch, 64 MiB: wide and long windows come in smaller batches."""


class Windowed(Protocol):
    """Windows that come in batches, such as `gatewise.data.tables.windows.Windows`."""

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which inputs are measured values, [T, F]; noise in training is for these alone."""

    def __len__(self) -> int:
        """Return the number of windows."""

    def gather(self, picks: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the inputs `[T, B, F]` and the truth `[B, S, K]` of the windows `picks` [B]."""


def predict(
    network: nn.Module,
    windows: Windowed,
    batch_size: int = BATCH_SIZE,
    device: str | torch.device = "cpu",
) -> NDArray[np.float32]:
    """Return the network's output `[n, S, K, Q]` for all windows; the network moves to `device`."""
    place = local_device(device)
    network.to(place).eval()
    steps, features = windows.measured.shape
    batch_size = max(1, min(batch_size, BATCH_VALUES // (steps * features)))
    with torch.no_grad():
        parts = [
            network(x).cpu()
            for x, _ in batches(windows, np.arange(len(windows)), batch_size, place)
        ]
    return torch.cat(parts).numpy()


def mean_loss(
    network: nn.Module, windows: Windowed, loss: Loss, batch_size: int, world: World
) -> float:
    """Return the mean loss over all windows, which the processes of `world` share out."""
    device = device_of(network)
    rows = world.rows(len(windows))
    total = torch.zeros((), dtype=torch.float64, device=device)
    with torch.no_grad():
        for x, y in batches(windows, np.arange(rows.start, rows.stop), batch_size, device):
            total += loss(network(x), y).double().sum()
    return float(world.total(total)) / len(windows)


def batches(
    windows: Windowed, order: NDArray[np.int64], batch_size: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the inputs and the truth of the windows in `order`, `batch_size` at a time."""
    for start in range(0, len(order), batch_size):
        yield gathered(windows, order[start : start + batch_size], device)


def gathered(
    windows: Windowed, picks: NDArray[np.int64], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return one batch as tensors on `device`.

    Copied even on the CPU, into torch's own aligned memory: the bits of a matrix product were seen to
    depend on where its operands begin.
    """
    x, y = (torch.from_numpy(values).to(device, copy=True) for values in windows.gather(picks))
    return x, y


def device_of(network: nn.Module) -> torch.device:
    """Return the device that holds the network's weights."""
    return next(network.parameters()).device
