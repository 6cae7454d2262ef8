"""Several training processes that act as one: under torchrun a script runs as it is.

Every process runs the same program. Each takes its contiguous rows of every global batch; gradients
are averaged by DistributedDataParallel; process 0 alone writes files and prints.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gatewise.engines.devices import found_here, why_not_here
from gatewise.errors import OptionError, cause
from gatewise.launch import world_of_launch
from gatewise.training.task import Count


@dataclass(frozen=True)
class World:
    """The processes that train together: `size` of them, of which this is number `rank`."""

    rank: int = 0
    size: int = 1

    @property
    def main(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def rows(self, number: int) -> slice:
        """Return this process's contiguous share of `number` rows; sizes differ by at most one."""
        return slice(number * self.rank // self.size, number * (self.rank + 1) // self.size)

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return `network`, or around it the module that averages gradients over the processes."""
        return network if self.size == 1 else DistributedDataParallel(network)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum of `values` over the processes, added in order of rank: equal on each."""
        return values if self.size == 1 else torch.stack(self.all(values)).sum(0)

    def all(self, values: Tensor) -> list[Tensor]:
        """Return every process's `values`, of one shape, in order of rank."""
        if self.size == 1:
            return [values]
        parts = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(parts, values)
        return parts

    def total_count(self, count: Count, device: torch.device) -> Count:
        """Return the sum of a count over the processes."""
        if self.size == 1:
            return count
        return self.total(torch.as_tensor(count, dtype=torch.float64, device=device))

    def broadcast(self, data: bytes | None, device: torch.device) -> bytes | None:
        """Return process 0's `data` on every process; the other processes' argument is ignored."""
        if self.size == 1:
            return data
        length = torch.tensor(-1 if data is None else len(data), device=device)
        dist.broadcast(length, src=0)
        if int(length) < 0:
            return None
        held = torch.empty(int(length), dtype=torch.uint8, device=device)
        if self.main:
            held.copy_(torch.frombuffer(bytearray(data or b""), dtype=torch.uint8))
        dist.broadcast(held, src=0)
        return held.cpu().numpy().tobytes()

    def wait(self) -> None:
        """Return once every process has come here."""
        if self.size > 1:
            dist.barrier()


def local_device(device: str | torch.device) -> torch.device:
    """Return the device of this process: under torchrun "cuda" means its own GPU of the machine.

    "auto" is the GPU where torch finds one, else the CPU.
    """
    chosen = torch.device(found_here(device) if isinstance(device, str) else device)
    if chosen == torch.device("cuda"):
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return chosen


def check_device(device: str) -> None:
    """Raise OptionError unless torch can compute on `device`, naming what there is and the fix."""
    place = found_here(device)
    reason = why_not_here(place)
    if not reason:
        try:
            one = torch.ones(1, dtype=torch.float32, device=place)
            if one.is_meta:
                raise TypeError("numbers there have no values")
            one.item()
        except Exception as error:  # each back end fails in its own way
            reason = cause(error)[:200]
    if reason:
        raise OptionError(f"device={device!r} cannot be used here: {reason}")


@cache
def _store() -> Any:
    """Return the store in which torchrun's processes find one another."""
    # exported by torch where it can be used, but not to type checkers
    return next(dist.rendezvous("env://"))[0]  # type: ignore[attr-defined]


_groups = count()
"""Number of the next group: under one name a second group would read what the first one left."""


@contextmanager
def joined(device: str | torch.device = "cpu") -> Iterator[World]:
    """Take part in the processes that torchrun started; alone, a world of one.

    A process group that exists is used. Where there is none and torchrun's `WORLD_SIZE` is above 1,
    one is made (gloo on the CPU, NCCL on GPUs) and ended with the block. Blocks may be nested: a
    caller that trains several networks joins once around them all.
    """
    if dist.is_available() and dist.is_initialized():
        yield World(dist.get_rank(), dist.get_world_size())
        return
    rank, size = world_of_launch()
    if size == 1:
        yield World()
        return
    chosen = local_device(device)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    dist.init_process_group(
        "nccl" if chosen.type == "cuda" else "gloo",
        store=dist.PrefixStore(f"gatewise-{next(_groups)}", _store()),  # type: ignore[attr-defined]
        rank=rank,
        world_size=size,
    )
    try:
        yield World(dist.get_rank(), dist.get_world_size())
        # gloo's threads let go of their last tensors after the results are there, for which they need
        # Python's lock: where the interpreter ends first, they abort the process. They get it in here.
        dist.barrier()
        time.sleep(0.05)
    finally:
        dist.destroy_process_group()
