"""The kernels that move rows of unlike lengths, in Triton: into a padded form and out of it.

`spread` makes what a dense pass takes: padded rows, turned around within each row for the reverse
direction, with marks of the padding beside them. `collect` makes what a module returns: rows packed or
padded, turned back, and what each row ends with. Each has one program for a few steps of rows, and runs
its own way back: an element is read from one place and written to one.

Sizes: T steps, B rows, N valid steps of all rows, C channels, H hidden units, P outputs of a direction.
Step t of row b is at `first[t] + place[b]` of packed data, and at `t * B + b` of padded.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _end_of(ends, place, row, there, HAS_PLACE: tl.constexpr):
    """Return where rows are in packed data of one step, and where they end; `ends` are in that order."""
    at = row
    if HAS_PLACE:
        at = tl.load(place + row, mask=there, other=0).to(tl.int32)
    return at, tl.load(ends + at, mask=there, other=0).to(tl.int32)


@triton.jit
def _source_of(first, t, row, at, end, batch, IS_PACKED: tl.constexpr, TURNED: tl.constexpr):
    """Return which row of the data holds step `t` of the pass, int64; valid steps only."""
    step = t
    if TURNED:
        step = tl.where(t < end, end - 1 - t, t)
    found = step.to(tl.int64) * batch + row
    if IS_PACKED:
        found = tl.load(first + step, mask=t < end, other=0).to(tl.int64) + at
    return found


@triton.jit(do_not_specialize=["steps", "batch", "channels", "width"])
def spread(
    data,  # [N, C] or [T, B, C]; with BACK to be filled
    padded,  # [T, B, width], the channels and then marks; with BACK its gradient
    first,
    ends,
    place,
    steps,
    batch,
    channels,
    width,
    IS_PACKED: tl.constexpr,
    HAS_PLACE: tl.constexpr,
    TURNED: tl.constexpr,
    BACK: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Fill `padded` from `data`, 0 in the padding and 1 in its marks; with BACK the other way."""
    line = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = line < steps * batch
    t, row = line // batch, line % batch
    at, end = _end_of(ends, place, row, there, HAS_PLACE)
    is_valid = there & (t < end)
    source = _source_of(first, t, row, at, end, batch, IS_PACKED, TURNED)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (column < channels)[None, :]
    here = padded + line.to(tl.int64)[:, None] * width + column[None, :]
    there_too = data + source[:, None] * channels + column[None, :]
    if BACK:
        value = tl.load(here, mask=is_valid[:, None] & inside, other=0.0)
        shown = is_valid
        if not IS_PACKED:  # padding has a place, and no gradient
            shown = there
        tl.store(there_too, value, mask=shown[:, None] & inside)
    else:
        value = tl.load(there_too, mask=is_valid[:, None] & inside, other=0.0)
        mark = tl.where(is_valid, 0.0, 1.0).to(value.dtype)
        value = tl.where(inside, value, mark[:, None])
        tl.store(here, value, mask=there[:, None] & (column < width)[None, :])


@triton.jit(do_not_specialize=["steps", "batch", "units", "width", "offset"])
def collect(
    out,  # [T, B, P], what the pass returned; with BACK its gradient, to be filled
    data,  # [N, width] or [T, B, width]: a direction's part is P columns from `offset` on
    last,  # [B, P], each row's last output
    first,
    ends,
    place,
    steps,
    batch,
    units,
    width,
    offset,
    IS_PACKED: tl.constexpr,
    HAS_PLACE: tl.constexpr,
    TURNED: tl.constexpr,
    BACK: tl.constexpr,
    HAS_DATA: tl.constexpr,
    HAS_LAST: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Fill `data`, 0 in the padding, and `last` from `out`; with BACK `out` from their gradients."""
    line = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = line < steps * batch
    t, row = line // batch, line % batch
    at, end = _end_of(ends, place, row, there, HAS_PLACE)
    is_valid = there & (t < end)
    target = _source_of(first, t, row, at, end, batch, IS_PACKED, TURNED)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (column < units)[None, :]
    here = out + line.to(tl.int64)[:, None] * units + column[None, :]
    there_too = data + target[:, None] * width + (offset + column)[None, :]
    ending = last + row.to(tl.int64)[:, None] * units + column[None, :]
    is_last = (is_valid & (t == end - 1))[:, None] & inside
    if BACK:
        value = tl.zeros([ROWS, COLUMNS], out.dtype.element_ty)
        if HAS_DATA:
            value = tl.load(there_too, mask=is_valid[:, None] & inside, other=0.0)
        if HAS_LAST:
            value += tl.load(ending, mask=is_last, other=0.0)
        tl.store(here, value, mask=there[:, None] & inside)
    else:
        value = tl.load(here, mask=is_valid[:, None] & inside, other=0.0)
        shown = is_valid
        if not IS_PACKED:
            shown = there
        tl.store(there_too, value, mask=shown[:, None] & inside)
        tl.store(ending, value, mask=is_last)
