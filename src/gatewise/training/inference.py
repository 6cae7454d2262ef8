"""Predictions and mean losses over many windows, in fixed batches: the same bits every time.

Sizes: n windows or sequences, N steps of all of them, S predicted steps, K targets, Q quantile levels
(1 for a point head).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.training.carried import State
from gatewise.training.distributed import World, local_device
from gatewise.training.order import Part
from gatewise.training.sequences import SequenceBatches
from gatewise.training.task import Batches, Count, Loss
from gatewise.typing import AnyArray, Array32, Indices, Mask

BATCH_SIZE = 256
BATCH_VALUES = 1 << 24
"""Input values of a batch, 64 MiB: wide and long windows come in smaller batches."""


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch as tensors on a device; lengths, the second input of sequences, are on the CPU."""

    inputs: list[Tensor]
    truth: Tensor
    weight: Tensor | None = None  # [B]

    def losses(self, loss: Loss, output: Tensor) -> tuple[Tensor, Count]:
        """Return the losses of a network's `output` and their count."""
        if self.weight is None:
            return loss(output, self.truth)
        return loss(output, self.truth, self.weight)


def predict(
    network: nn.Module,
    windows: Batches,
    batch_size: int = BATCH_SIZE,
    device: str | torch.device = "cpu",
) -> Array32:
    """Return the network's output `[n, S, K, Q]` for all windows; the network moves to `device`.

    Of sequences that is `[n, ...]`, or where each step has an answer `[N, ...]`: the steps of one
    sequence after those of another, in the order in which the sequences were given.
    """
    place = local_device(device)
    network.to(place).eval()
    if windows.measured is not None and not isinstance(windows, SequenceBatches):
        batch_size = max(1, min(batch_size, BATCH_VALUES // windows.measured.size))
    with torch.no_grad():
        found = [
            (part, output.cpu())
            for part, _, output in answered(network, windows, batch_size, World(), place)
        ]
    if isinstance(windows, SequenceBatches):
        return _in_given_order(windows, found)
    return torch.cat([output for _, output in found]).numpy()


def _in_given_order(sequences: SequenceBatches, found: list[tuple[Part, Tensor]]) -> Array32:
    """Return what was found in batches, each `[B, ...]` or `[T, B, ...]`, as the sequences came."""
    rows, shape = len(sequences), found[0][1].shape[1:]
    if sequences.per_step:
        rows, shape = int(sequences.lengths.sum()), shape[1:]
    result = np.empty((rows, *shape), dtype=np.float32)
    first = _first_steps(sequences) if sequences.per_step else None
    for part, output in found:
        if first is not None:
            inside, places = _places(sequences, part, first)
            result[places] = output.numpy()[inside]
        else:
            result[part.picks] = output.numpy()
    return result


def answers_of_steps(
    sequences: SequenceBatches,
    answer: Callable[[AnyArray, Indices], AnyArray],
    batch_size: int,
    most_values: int,
) -> AnyArray:
    """Return an answer to every step, [N, ...], the steps of one sequence after those of another.

    `answer` takes x `[T, B, ...]` and lengths `[B]` of some sequences, the longest first, to
    `[T, B, ...]`. A sequence with more than `most_values` comes alone.
    """
    result: AnyArray | None = None
    first = _first_steps(sequences)
    for part in sequences.in_turn(batch_size, most_values, 0, 1):
        x, lengths, _ = sequences.gather(part.picks, part.steps)
        found = answer(x, lengths)
        if result is None:
            result = np.empty((int(sequences.lengths.sum()), *found.shape[2:]), dtype=found.dtype)
        inside, places = _places(sequences, part, first)
        result[places] = found[inside]
    assert result is not None, "there are no sequences"
    return result


def _first_steps(sequences: SequenceBatches) -> Indices:
    """Return the place of each sequence's first step among the steps of all, [N]."""
    first: Indices = np.cumsum(sequences.lengths) - sequences.lengths
    return first


def _places(sequences: SequenceBatches, part: Part, first: Indices) -> tuple[Mask, Indices]:
    """Return which steps of a batch [T, B] are within its sequences, and their places among all, [K]."""
    inside, step = sequences.within(part.picks, part.steps)
    return inside, (first[part.picks] + step)[inside]


def mean_loss(
    network: nn.Module, windows: Batches, loss: Loss, batch_size: int, world: World
) -> float:
    """Return the mean loss over all windows, or over what counts in them.

    The processes of `world` share the windows out.
    """
    device = device_of(network)
    total = torch.zeros((), dtype=torch.float64, device=device)
    counted: Count = 0.0
    with torch.no_grad():
        for _, batch, output in answered(network, windows, batch_size, world, device):
            losses, count = batch.losses(loss, output)
            total += losses.double().sum()
            counted = counted + count
    return float(world.total(total)) / float(world.total_count(counted, device))


def answered(
    network: nn.Module, windows: Batches, batch_size: int, world: World, device: torch.device
) -> Iterator[tuple[Part, Batch, Tensor]]:
    """Yield this process's batches with the network's output, its state handed on where that goes on."""
    state: State = ()
    for part in batches(windows, batch_size, world):
        batch = gathered(windows, part, device)
        if goes_on(windows):
            output, state = network(*batch.inputs, state=state)
        else:
            output = network(*batch.inputs)
        yield part, batch, output


def batches(windows: Batches, batch_size: int, world: World) -> Iterator[Part]:
    """Yield the batches in which all windows are judged, of these this process's share."""
    if isinstance(windows, SequenceBatches):
        yield from windows.in_turn(batch_size, BATCH_VALUES, world.rank, world.size)
        return
    rows = world.rows(len(windows))
    for start in range(rows.start, rows.stop, batch_size):
        yield Part(np.arange(start, min(start + batch_size, rows.stop)))


def goes_on(windows: Batches) -> bool:
    """Tell whether each batch goes on from the state after the one before it."""
    return isinstance(windows, SequenceBatches) and windows.window is not None


def gathered(windows: Batches, part: Part, device: torch.device) -> Batch:
    """Return one batch as tensors on `device`.

    Copied even on the CPU, into torch's own aligned memory: the bits of a matrix product were seen to
    depend on where its operands begin.
    """
    if not isinstance(windows, SequenceBatches):
        tensors = [_tensor(values, device) for values in windows.gather(part.picks)]
        return Batch(tensors[:-1], tensors[-1])
    x, lengths, truth = windows.gather(part.picks, part.steps)
    weights = windows.weights
    return Batch(
        [_tensor(x, device), torch.from_numpy(lengths)],
        _tensor(truth, device),
        None if weights is None else _tensor(weights[part.picks], device),
    )


def _tensor(values: AnyArray, device: torch.device) -> Tensor:
    # From ordinary memory a copy is made of what it takes, and only that is waited for.
    return torch.from_numpy(values).to(device, copy=True, non_blocking=True)


def device_of(network: nn.Module) -> torch.device:
    """Return the device that holds the network's weights."""
    return next(network.parameters()).device
