"""Memory for the backward pass, bounded by itself where a batch would not fit into what is free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from gatewise.errors import warn
from gatewise.nn.modules import GatedModule
from gatewise.nn.structure import spec_of
from gatewise.training.costs import gates_cost
from gatewise.training.options import TrainingOptions
from gatewise.training.order import Order
from gatewise.training.task import Batches, Task
from gatewise.wording import figure

SHARE = 0.8
"""Of the memory that is free, what a batch may take: an estimate leaves things out."""
COPIES = 4
"""Of inputs and outputs of each layer: with their gradients, and what is made of them on the way."""
WIDTH = 4
"""Bytes of a number in float32."""


@contextmanager
def bounded(
    task: Task, order: Order, options: TrainingOptions, device: torch.device, share: int
) -> Iterator[None]:
    """Let layers keep less for the backward pass inside the block, where the largest batch needs it.

    They compute their gates anew then, segment by segment (`max_memory="sqrt"`): half as much work
    again, and the same bits. A warning says so; it also does where that cannot help. `share`: the
    processes that share each batch. On a CPU alone, where the system tells what is free.
    """
    network, batches = task.network, task.training
    free = free_bytes() if device.type == "cpu" else None
    steps, rows = _largest(batches, order, share)
    layers = [module for module in network.modules() if isinstance(module, GatedModule)]
    if getattr(network, "complement", None) is not None:  # both strands of each sequence
        rows *= 2
    needed = sum(_kept(layer) for layer in layers) * steps * rows
    if free is None or needed <= SHARE * free:
        yield
        return
    told = (
        f"the gates of a batch of {rows:,} sequences of {steps:,} steps take about "
        f"{figure(needed / 1e9, 2)} GB, and {figure(free / 1e9, 2)} GB of memory are free"
    )
    smaller = "a smaller batch_size" + (" or batch_steps" if hasattr(batches, "most_steps") else "")
    bound = [layer for layer in layers if _is_native(layer, steps, rows)]
    if gates_cost(options):
        warn(f"{told}; a cost on gates needs all of them: use {smaller}, or leave the cost out")
    elif not bound:
        warn(f"{told}; engine='native' can do with less, or use {smaller}")
    else:
        warn(
            f"{told}: they are computed anew for the backward pass (max_memory='sqrt'), which gives the "
            f"same bits and takes half as long again; {smaller} does without"
        )
        for layer in bound:
            layer.max_memory = "sqrt"
    try:
        yield
    finally:
        for layer in bound:
            layer.max_memory = None


def free_bytes() -> int | None:
    """Return the bytes that are free, for this process's group too; None where the system is silent."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None
    return min(free * 1024, _left_to_the_group())


def _left_to_the_group() -> int:
    """Return what the limit of a container leaves; without one, more than any machine has."""
    group = Path("/sys/fs/cgroup")
    try:
        most = int((group / "memory.max").read_text(encoding="utf-8"))
        return most - int((group / "memory.current").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no such group, or its limit is the word "max"
        return 1 << 62


def _largest(batches: Batches, order: Order, share: int) -> tuple[int, int]:
    """Return steps and rows of the batch that has most of both, as one process sees it."""
    sizes = []
    for part in order.parts(1):
        steps = len(part.steps) if part.steps else _window(batches)
        sizes.append((steps * len(part.picks), steps, -(-len(part.picks) // share)))
    return max(sizes)[1:]


def _window(batches: Batches) -> int:
    """Return the steps of windows that all have as many."""
    return 0 if batches.measured is None else len(batches.measured)


def _kept(layer: GatedModule) -> int:
    """Return the bytes that a layer keeps for a step of a row, and those of its input and output."""
    sides = layer.num_layers * (2 if layer.bidirectional else 1)
    spec = spec_of(layer)
    gates = sides * layer.hidden_size * len(spec.saved or spec.recorded)
    return WIDTH * (gates + COPIES * (layer.input_size + sides * layer.hidden_size))


def _is_native(layer: GatedModule, steps: int, rows: int) -> bool:
    """Tell whether the native engine runs a layer on such batches: it alone can bound what it keeps."""
    weight = next(layer.parameters())
    like = weight.new_zeros(1, 1, 1).expand(steps, rows, layer.input_size)  # of no memory
    return layer.engine_choice(like).name == "native"
