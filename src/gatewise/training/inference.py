"""Predictions and mean losses over many windows, in fixed batches: the same bits every time.

Sizes: n windows, S predicted steps, K targets, Q quantile levels (1 for a point head).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gatewise.training.distributed import World, local_device
from gatewise.training.task import Batches, Loss

BATCH_SIZE = 256
BATCH_VALUES = 1 << 24
"""Input values of a batch, 64 MiB: wide and long windows come in smaller batches."""


def predict(
    network: nn.Module,
    windows: Batches,
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
            network(*inputs).cpu()
            for *inputs, _ in batches(windows, np.arange(len(windows)), batch_size, place)
        ]
    return torch.cat(parts).numpy()


def mean_loss(
    network: nn.Module, windows: Batches, loss: Loss, batch_size: int, world: World
) -> float:
    """Return the mean loss over all windows, or over what counts in them.

    The processes of `world` share the windows out.
    """
    device = device_of(network)
    rows = world.rows(len(windows))
    total = torch.zeros((), dtype=torch.float64, device=device)
    counted = 0.0
    with torch.no_grad():
        for *inputs, truth in batches(
            windows, np.arange(rows.start, rows.stop), batch_size, device
        ):
            losses, count = loss(network(*inputs), truth)
            total += losses.double().sum()
            counted += count
    return float(world.total(total)) / world.total_count(counted, device)


def batches(
    windows: Batches, order: NDArray[np.int64], batch_size: int, device: torch.device
) -> Iterator[list[Tensor]]:
    """Yield the inputs and the truth of the windows in `order`, `batch_size` at a time."""
    for start in range(0, len(order), batch_size):
        yield gathered(windows, order[start : start + batch_size], device)


def gathered(windows: Batches, picks: NDArray[np.int64], device: torch.device) -> list[Tensor]:
    """Return one batch as tensors on `device`: the inputs, and the truth as the last of them.

    Copied even on the CPU, into torch's own aligned memory: the bits of a matrix product were seen to
    depend on where its operands begin.
    """
    return [torch.from_numpy(values).to(device, copy=True) for values in windows.gather(picks)]


def device_of(network: nn.Module) -> torch.device:
    """Return the device that holds the network's weights."""
    return next(network.parameters()).device
