"""Copies of records from a GPU to the host, which go on while the model does, and the wait for them.

A copy into ordinary memory makes the host wait for all that the GPU has still to do; one into
page-locked memory is only asked for. It lies in the stream of the call, behind what computes the record
and before whatever the caller does to it. Whoever reads a record waits first, and so does the end of the
trace.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

MOST = 2**31
"""Bytes of page-locked memory that the records of one trace may take: the system has little of it."""


class HostCopies:
    """The copies of one trace."""

    def __init__(self) -> None:
        self._events: dict[tuple[torch.device, int], Any] = {}  # the last copy of each stream
        self._locked = 0

    def move(self, value: Tensor, device: torch.device | None, dtype: torch.dtype | None) -> Tensor:
        """Return a tensor without a graph, on `device` and of `dtype`: `value` itself where it is so."""
        if not is_brought(value, device):
            return value.to(device=device, dtype=dtype)
        value = value.to(dtype=dtype).contiguous()
        host = self.empty(value.shape, value.dtype)
        host.copy_(value, non_blocking=True)
        self.note(value.device)
        return host

    def empty(self, shape: Any, dtype: torch.dtype) -> Tensor:
        """Return memory on the host for a record: page-locked, up to `MOST` bytes, if there is any."""
        size = torch.Size(shape).numel() * dtype.itemsize
        if self._locked + size <= MOST:
            try:
                found = torch.empty(shape, dtype=dtype, device="cpu", pin_memory=True)
            except RuntimeError:  # the system locks no more pages: the copy waits then
                self._locked = MOST
            else:
                self._locked += size
                return found
        return torch.empty(shape, dtype=dtype, device="cpu")

    def note(self, device: torch.device) -> None:
        """Note that copies from `device` were asked for in the stream of the present call."""
        stream = torch.cuda.current_stream(device)
        event = self._events[device, stream.cuda_stream] = torch.Event(device)
        event.record(stream)

    def wait(self) -> None:
        """Return once every copy is there."""
        while self._events:
            self._events.popitem()[1].synchronize()


def is_brought(value: Tensor, device: torch.device | None) -> bool:
    """Tell whether a tensor comes from a GPU to the host."""
    return device is not None and device.type == "cpu" and value.is_cuda
