"""What is said where a device has no room for the gates of a call: how much they take, and a budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gatewise.errors import EngineError
from gatewise.nn.calls import Call
from gatewise.nn.structure import spec_of


class NoRoomForGatesError(EngineError, torch.OutOfMemoryError):
    """A device has no room for the gates of a call; whoever waits for torch's own error gets it too."""


@contextmanager
def shortage_told(module: torch.nn.RNNBase, call: Call) -> Iterator[None]:
    """Say what the gates of a call take where the device runs out of memory inside the block."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        if isinstance(error, NoRoomForGatesError):
            raise
        raise NoRoomForGatesError(_told(module, call)) from error


def _told(module: torch.nn.RNNBase, call: Call) -> str:
    steps, batch = call.x.shape[:2] if call.rows is None else (call.rows.steps, call.rows.batch)
    names = spec_of(module).recorded
    sides = module.num_layers * (2 if module.bidirectional else 1)
    needed = len(names) * sides * steps * batch * module.hidden_size * call.x.itemsize
    free = torch.cuda.mem_get_info(call.x.device)[0] if call.x.is_cuda else 0
    return (
        f"{call.x.device} ran out of memory: the gates of this call take {needed:,} bytes "
        f"({len(names)} quantities x {sides} layers and directions x {steps} steps x {batch} rows x "
        f"{module.hidden_size} units), and {free:,} are free; record fewer with gw.trace(model, "
        "quantities=..., steps=..., units=...), which keeps within max_bytes=... and, with "
        "device='cpu', on the host, or call it with fewer rows"
    )
