"""Rows of unlike lengths into the form of a dense pass, and back, in torch's operators or by kernels.

Sizes: T steps, B rows, N valid steps of all rows, C channels, P outputs of a direction, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gatewise.engines.cuda import launch
from gatewise.engines.layout import Rows


class Frame(Protocol):
    """Where rows end, in the batch's own order."""

    def spread(self, x: Tensor, *, turned: bool, marks: int) -> Tensor:
        """Return packed `x [N, C]` or padded `[T, B, C]` as `[T, B, C + marks]`.

        The padding is 0, of the marks 1 while the rest of them is 0. With `turned` each row is turned
        around within its length.
        """

    def collect(self, outs: Sequence[Tensor], h: Tensor, *, packs: bool) -> tuple[Tensor, Tensor]:
        """Return the outputs of all directions side by side, and what each row ends with, `[D, B, P]`.

        `outs [T, B, P]` are those of each direction, the second turned; `h [D, B, P]` is what rows
        without a step end with. The result is packed, `[N, D*P]`, or padded with 0.
        """


def frame_of(rows: Rows, x: Tensor) -> Frame:
    """Return what moves `rows` on the device of `x`."""
    return _ByOperators(rows) if launch.why_not(x) else _ByKernels.of(rows)


class _ByOperators:
    """By torch's own operators."""

    def __init__(self, rows: Rows) -> None:
        ends = self._ends = rows.ends
        place = torch.arange(rows.batch, device=ends.device)
        step = torch.arange(rows.steps, device=ends.device)[:, None]
        valid = step < ends
        turned = torch.where(valid, ends - 1 - step, step)
        self._rows = rows
        self._valid = valid[:, :, None]
        self._turn = (turned * rows.batch + place).flatten()

    def spread(self, x: Tensor, *, turned: bool, marks: int) -> Tensor:
        padded = self._rows.unpack(x) if x.dim() == 2 else torch.where(self._valid, x, 0.0)
        if turned:
            padded = self._turned(padded)
        if marks:
            found = (~self._valid).to(x.dtype).expand(-1, -1, marks)
            padded = torch.cat([padded, found], dim=-1)
        return padded

    def collect(self, outs: Sequence[Tensor], h: Tensor, *, packs: bool) -> tuple[Tensor, Tensor]:
        last = (self._ends - 1).clamp(min=0).view(1, -1, 1)
        shown, ended = [], []
        for k, out in enumerate(outs):
            padded = torch.where(self._valid, out, 0.0)
            shown.append(self._turned(padded) if k == 1 else padded)
            ended.append(padded.take_along_dim(last, 0))
        output, final = torch.cat(shown, dim=-1), torch.cat(ended)
        if int(self._rows.count[0]) < self._rows.batch:
            final = torch.where((self._ends == 0)[:, None], h.to(final.dtype), final)
        return (self._rows.pack(output) if packs else output), final

    def _turned(self, x: Tensor) -> Tensor:
        return x.flatten(0, 1).index_select(0, self._turn).view(x.shape)


@dataclass(eq=False)
class _ByKernels:
    """By the kernels of `cuda.rows`: one launch a direction each way."""

    first: Tensor | None  # int64 [T]: where step t begins in packed data
    ends: Tensor  # int64 [B], in the order of packed rows where there is a place
    place: Tensor | None  # int64 [B]: of each row among the packed ones; None: its own
    steps: int
    batch: int
    valid: int  # N
    has_empty: bool

    @classmethod
    def of(cls, rows: Rows) -> _ByKernels:
        sizes = (rows.steps, rows.batch, int(rows.count.sum()), int(rows.count[0]) < rows.batch)
        if not rows.packed:
            return cls(None, rows.ends, None, *sizes)
        first, ends = rows.on_device()
        return cls(first, ends, rows.place, *sizes)

    def spread(self, x: Tensor, *, turned: bool, marks: int) -> Tensor:
        found: Tensor = _Spread.apply(x, self, turned, marks)  # type: ignore[no-untyped-call]
        return found

    def collect(self, outs: Sequence[Tensor], h: Tensor, *, packs: bool) -> tuple[Tensor, Tensor]:
        started = h if self.has_empty else None
        output, last = _Collect.apply(self, packs, started, *outs)  # type: ignore[no-untyped-call]
        return output, last

    def lead(self, *, packs: bool) -> tuple[int, ...]:
        """Return the sizes of data before its channels."""
        return (self.valid,) if packs else (self.steps, self.batch)


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, frame: _ByKernels, turned: bool, marks: int) -> Tensor:
        x = x.contiguous()
        found = x.new_empty(frame.steps, frame.batch, x.shape[-1] + marks)
        ctx.frame, ctx.turned, ctx.shape = frame, turned, x.shape
        launch.spread(x, found, frame, turned=turned, back=False)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        found = gradient.new_empty(ctx.shape)
        launch.spread(found, gradient.contiguous(), ctx.frame, turned=ctx.turned, back=True)
        return found, None, None, None


class _Collect(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, frame: _ByKernels, packs: bool, started: Tensor | None, *outs: Tensor
    ) -> tuple[Tensor, Tensor]:
        units = outs[0].shape[-1]
        output = outs[0].new_empty(*frame.lead(packs=packs), len(outs) * units)
        shape = (len(outs), frame.batch, units)
        last = outs[0].new_empty(shape)
        if started is not None:
            last.copy_(started)
        for k, out in enumerate(outs):
            launch.collect(out.contiguous(), output, last[k], frame, side=k, back=False)
        ctx.frame, ctx.shape = frame, outs[0].shape
        ctx.has_start, ctx.count = started is not None, len(outs)
        ctx.set_materialize_grads(False)
        return output, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, on_output: Tensor | None, on_last: Tensor | None) -> Any:
        given = on_output if on_output is not None else on_last
        if given is None:
            return (None,) * (3 + ctx.count)
        frame: _ByKernels = ctx.frame
        on_output = None if on_output is None else on_output.contiguous()
        on_last = None if on_last is None else on_last.contiguous()
        found = []
        for k in range(ctx.count):
            onto = given.new_empty(ctx.shape)
            last = None if on_last is None else on_last[k]
            launch.collect(onto, on_output, last, frame, side=k, back=True)
            found.append(onto)
        on_start = None
        if ctx.has_start and on_last is not None:
            ends = frame.ends if frame.place is None else frame.ends[frame.place]
            on_start = torch.where((ends == 0)[:, None], on_last, 0.0)
        return None, None, on_start, *found
