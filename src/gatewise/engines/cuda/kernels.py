"""The kernels of gate recovery, in Triton: activations and the scan of the LSTM's cell in one pass.

A program takes UNITS of the B * H sequences (one a row and unit) and goes over time in tiles of TIME
steps, in the direction's own order. All loads of a tile are in flight at once; within it the recurrence
c_t = f_t * c_(t-1) + i_t * g_t is an associative scan, and from tile to tile a carry. Steps outside
a row keep the carry as it is. Everything is computed in the type of the gates.

Sizes: T steps, B rows, H units; the summed products `pre` are `[T, B, 4H]` in the order of torch's
weights, a gate or state `[T, B, H]`.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _after(keep, put, next_keep, next_put):
    """Return the map c -> keep * c + put, followed by the next one, as such a map."""
    return keep * next_keep, put * next_keep + next_put


@triton.jit
def _sigmoid(x):
    e = tl.exp(-tl.abs(x))  # never above 1
    return tl.where(x < 0, e, 1.0) / (1.0 + e)


@triton.jit
def _tanh(x, SMALL: tl.constexpr):
    """Return tanh: by its series below SMALL, where the difference of two exponentials loses digits."""
    e = tl.exp(-2.0 * tl.abs(x))  # never above 1: the usual form is NaN from -45 on
    far = (1.0 - e) / (1.0 + e)
    s = x * x
    near = x * (1.0 + s * (-1.0 / 3 + s * (2.0 / 15 + s * (-17.0 / 315 + s * (62.0 / 2835)))))
    return tl.where(tl.abs(x) < SMALL, near, tl.where(x < 0, -far, far))


@triton.jit
def _both(first, second, there):
    return tl.load(first, mask=there, other=0.0) + tl.load(second, mask=there, other=0.0)


@triton.jit
def _plus(value, arriving, inside, IS_THERE: tl.constexpr):
    if IS_THERE:
        value += tl.load(arriving, mask=inside, other=0.0)
    return value


@triton.jit
def _last(tile, TIME: tl.constexpr):
    """Return the last row of a tile `[TIME, UNITS]`."""
    return tl.sum(tl.where(tl.arange(0, TIME)[:, None] == TIME - 1, tile, 0.0), axis=0)


@triton.jit(do_not_specialize=["steps", "batch", "units"])
def lstm_forward(
    pre, b_ih, b_hh, begun, first_cell, lengths,
    input_gate, forget_gate, candidate, output_gate, cell, steps, batch, units,
    HAS_BIAS: tl.constexpr, HAS_STATE: tl.constexpr, HAS_LENGTHS: tl.constexpr, REVERSE: tl.constexpr,
    REAL: tl.constexpr, SMALL: tl.constexpr, TIME: tl.constexpr, UNITS: tl.constexpr,
):  # fmt: skip
    """Fill the gates and the cell of one direction, NaN outside each row.

    `b_ih` and `b_hh` are `[4H]`, `first_cell` is `[B, H]`, `lengths` `[B]`; `begun [B, 4H]` is what the
    initial h adds to each row's first step.
    """
    place = tl.program_id(0) * UNITS + tl.arange(0, UNITS)
    there = place < batch * units
    row, unit = place // units, place % units
    summed = (row * 4 * units + unit).to(tl.int64)
    length = tl.zeros([UNITS], tl.int32) + steps
    if HAS_LENGTHS:
        length = tl.load(lengths + row, mask=there, other=0).to(tl.int32)
    c = tl.zeros([UNITS], REAL)
    if HAS_STATE:
        c = tl.load(first_cell + place, mask=there, other=0.0).to(REAL)
    for done in range(0, steps, TIME):
        order = done + tl.arange(0, TIME)
        t = order
        if REVERSE:
            t = steps - 1 - order
        inside = (order < steps)[:, None] & (t[:, None] < length[None, :]) & there[None, :]
        first = (t == 0)[:, None] & inside
        if REVERSE:
            first = (t[:, None] == length[None, :] - 1) & inside
        at = t.to(tl.int64)[:, None] * (batch * 4 * units) + summed[None, :]
        i = tl.load(pre + at, mask=inside, other=0.0).to(REAL)
        f = tl.load(pre + at + units, mask=inside, other=0.0).to(REAL)
        g = tl.load(pre + at + 2 * units, mask=inside, other=0.0).to(REAL)
        o = tl.load(pre + at + 3 * units, mask=inside, other=0.0).to(REAL)
        if HAS_BIAS:
            i += _both(b_ih + unit, b_hh + unit, there)[None, :]
            f += _both(b_ih + units + unit, b_hh + units + unit, there)[None, :]
            g += _both(b_ih + 2 * units + unit, b_hh + 2 * units + unit, there)[None, :]
            o += _both(b_ih + 3 * units + unit, b_hh + 3 * units + unit, there)[None, :]
        if HAS_STATE:
            i += tl.where(first, tl.load(begun + summed, mask=there)[None, :], 0.0)
            f += tl.where(first, tl.load(begun + summed + units, mask=there)[None, :], 0.0)
            g += tl.where(first, tl.load(begun + summed + 2 * units, mask=there)[None, :], 0.0)
            o += tl.where(first, tl.load(begun + summed + 3 * units, mask=there)[None, :], 0.0)
        i, f, g, o = _sigmoid(i), _sigmoid(f), _tanh(g, SMALL), _sigmoid(o)
        keep, put = tl.where(inside, f, 1.0), tl.where(inside, i * g, 0.0)
        keep, put = tl.associative_scan((keep, put), 0, _after)
        after = keep * c[None, :] + put
        c = _last(after, TIME)
        to = t.to(tl.int64)[:, None] * (batch * units) + place[None, :]
        shown = (order < steps)[:, None] & there[None, :]
        nan = float("nan")
        tl.store(input_gate + to, tl.where(inside, i, nan), mask=shown)
        tl.store(forget_gate + to, tl.where(inside, f, nan), mask=shown)
        tl.store(candidate + to, tl.where(inside, g, nan), mask=shown)
        tl.store(output_gate + to, tl.where(inside, o, nan), mask=shown)
        tl.store(cell + to, tl.where(inside, after, nan), mask=shown)


@triton.jit(do_not_specialize=["steps", "batch", "units"])
def lstm_backward(
    input_gate, forget_gate, candidate, output_gate, cell, first_cell, lengths,
    on_input, on_forget, on_candidate, on_output, on_cell, on_pre, on_first_cell, steps, batch, units,
    HAS_INPUT: tl.constexpr, HAS_FORGET: tl.constexpr, HAS_CANDIDATE: tl.constexpr,
    HAS_OUTPUT: tl.constexpr, HAS_ON_CELL: tl.constexpr, HAS_STATE: tl.constexpr,
    HAS_LENGTHS: tl.constexpr, REVERSE: tl.constexpr,
    REAL: tl.constexpr, TIME: tl.constexpr, UNITS: tl.constexpr,
):  # fmt: skip
    """Fill the gradient of the summed products of one direction, 0 outside each row.

    dc_t = (what arrives at c_t) + f_(t+1) dc_(t+1), against the direction's own order.
    """
    place = tl.program_id(0) * UNITS + tl.arange(0, UNITS)
    there = place < batch * units
    row, unit = place // units, place % units
    summed = (row * 4 * units + unit).to(tl.int64)
    length = tl.zeros([UNITS], tl.int32) + steps
    if HAS_LENGTHS:
        length = tl.load(lengths + row, mask=there, other=0).to(tl.int32)
    begun = tl.zeros([UNITS], REAL)
    if HAS_STATE:
        begun = tl.load(first_cell + place, mask=there, other=0.0).to(REAL)
    dc = tl.zeros([UNITS], REAL)
    for done in range(0, steps, TIME):
        order = steps - 1 - done - tl.arange(0, TIME)
        t, before, after = order, order - 1, order + 1
        if REVERSE:
            t = steps - 1 - order
            before, after = t + 1, t - 1
        shown = (order >= 0)[:, None] & there[None, :]
        inside = shown & (t[:, None] < length[None, :])
        follows = shown & (order < steps - 1)[:, None] & (after[:, None] < length[None, :])
        precedes = inside & (order > 0)[:, None] & (before[:, None] < length[None, :])
        at = t.to(tl.int64)[:, None] * (batch * units) + place[None, :]
        step = (after - t).to(tl.int64)[:, None] * (batch * units)
        kept = tl.load(forget_gate + at + step, mask=follows, other=1.0).to(REAL)
        arrives = _plus(tl.zeros([TIME, UNITS], REAL), on_cell + at, inside, HAS_ON_CELL)
        kept, arrives = tl.associative_scan((kept, arrives), 0, _after)
        onto = kept * dc[None, :] + arrives
        dc = _last(onto, TIME)
        i = tl.load(input_gate + at, mask=inside, other=0.0).to(REAL)
        f = tl.load(forget_gate + at, mask=inside, other=0.0).to(REAL)
        g = tl.load(candidate + at, mask=inside, other=0.0).to(REAL)
        o = tl.load(output_gate + at, mask=inside, other=0.0).to(REAL)
        held = tl.load(cell + at - step, mask=precedes, other=0.0).to(REAL)
        held = tl.where(precedes, held, begun[None, :])
        di, df, dg, do = onto * g, onto * held, onto * i, tl.zeros([TIME, UNITS], REAL)
        di = _plus(di, on_input + at, inside, HAS_INPUT)
        df = _plus(df, on_forget + at, inside, HAS_FORGET)
        dg = _plus(dg, on_candidate + at, inside, HAS_CANDIDATE)
        do = _plus(do, on_output + at, inside, HAS_OUTPUT)
        to = t.to(tl.int64)[:, None] * (batch * 4 * units) + summed[None, :]
        tl.store(on_pre + to, tl.where(inside, di * i * (1.0 - i), 0.0), mask=shown)
        tl.store(on_pre + to + units, tl.where(inside, df * f * (1.0 - f), 0.0), mask=shown)
        tl.store(on_pre + to + 2 * units, tl.where(inside, dg * (1.0 - g * g), 0.0), mask=shown)
        tl.store(on_pre + to + 3 * units, tl.where(inside, do * o * (1.0 - o), 0.0), mask=shown)
    if HAS_STATE:
        # The first step of the direction keeps of the initial cell what its forget gate says.
        t = tl.zeros([UNITS], tl.int64)
        if REVERSE:
            t += steps - 1
        f = tl.load(forget_gate + t * (batch * units) + place, mask=there & (t < length), other=1.0)
        tl.store(on_first_cell + place, dc * f.to(REAL), mask=there)


@triton.jit
def _place_of(
    lengths,
    steps,
    batch,
    units,
    HAS_LENGTHS: tl.constexpr,
    REVERSE: tl.constexpr,
    SIZE: tl.constexpr,
):
    """Return what an element-wise program works on: element, row of the products, unit, masks."""
    element = tl.program_id(0).to(tl.int64) * SIZE + tl.arange(0, SIZE)
    line, unit = element // units, (element % units).to(tl.int32)
    t, row = (line // batch).to(tl.int32), (line % batch).to(tl.int32)
    there = t < steps
    inside = there
    last = tl.zeros([SIZE], tl.int32) + (steps - 1)
    if HAS_LENGTHS:
        last = tl.load(lengths + row, mask=there, other=0).to(tl.int32) - 1
        inside = there & (t <= last)
    first = inside & (t == 0)
    if REVERSE:
        first = inside & (t == last)
    return element, line * 3 * units + unit, row * 3 * units + unit, unit, there, inside, first


@triton.jit(do_not_specialize=["steps", "batch", "units"])
def gru_forward(
    from_x,  # [T, B, 3H]: W_ih x
    from_h,  # [T, B, 3H]: W_hh h of the step before, 0 at each row's first step
    b_ih,  # [3H]
    b_hh,  # [3H]
    begun,  # [B, 3H]: W_hh h of the initial state
    lengths,  # [B]
    reset_gate,
    update_gate,
    candidate,
    inner,  # W_hh h + b_hh of the candidate, which the reset gate multiplies
    steps,
    batch,
    units,
    HAS_BIAS: tl.constexpr,
    HAS_STATE: tl.constexpr,
    HAS_LENGTHS: tl.constexpr,
    HAS_INNER: tl.constexpr,
    REVERSE: tl.constexpr,
    REAL: tl.constexpr,
    SMALL: tl.constexpr,
    SIZE: tl.constexpr,
):
    """Fill the gates of one direction, NaN outside each row; everything follows from h_(t-1)."""
    element, at, begins, unit, there, inside, first = _place_of(
        lengths, steps, batch, units, HAS_LENGTHS, REVERSE, SIZE
    )
    r = tl.load(from_x + at, mask=inside, other=0.0).to(REAL)
    z = tl.load(from_x + at + units, mask=inside, other=0.0).to(REAL)
    n = tl.load(from_x + at + 2 * units, mask=inside, other=0.0).to(REAL)
    r += tl.load(from_h + at, mask=inside, other=0.0)
    z += tl.load(from_h + at + units, mask=inside, other=0.0)
    a = tl.load(from_h + at + 2 * units, mask=inside, other=0.0).to(REAL)
    if HAS_BIAS:
        r += _both(b_ih + unit, b_hh + unit, there)
        z += _both(b_ih + units + unit, b_hh + units + unit, there)
        n += tl.load(b_ih + 2 * units + unit, mask=there, other=0.0)
        a += tl.load(b_hh + 2 * units + unit, mask=there, other=0.0)
    if HAS_STATE:
        r += tl.load(begun + begins, mask=first, other=0.0)
        z += tl.load(begun + begins + units, mask=first, other=0.0)
        a += tl.load(begun + begins + 2 * units, mask=first, other=0.0)
    r, z = _sigmoid(r), _sigmoid(z)
    n = _tanh(n + r * a, SMALL)
    nan = float("nan")
    tl.store(reset_gate + element, tl.where(inside, r, nan), mask=there)
    tl.store(update_gate + element, tl.where(inside, z, nan), mask=there)
    tl.store(candidate + element, tl.where(inside, n, nan), mask=there)
    if HAS_INNER:
        tl.store(inner + element, a, mask=there)


@triton.jit(do_not_specialize=["steps", "batch", "units"])
def gru_backward(
    reset_gate,
    update_gate,
    candidate,
    inner,
    lengths,
    on_reset,  # the gradients that arrive at each of the three
    on_update,
    on_candidate,
    on_x,  # to be filled, [T, B, 3H] each
    on_h,
    steps,
    batch,
    units,
    HAS_RESET: tl.constexpr,
    HAS_UPDATE: tl.constexpr,
    HAS_CANDIDATE: tl.constexpr,
    HAS_LENGTHS: tl.constexpr,
    REAL: tl.constexpr,
    SIZE: tl.constexpr,
):
    """Fill the gradients of both products of one direction, 0 outside each row."""
    element, at, _, _, there, inside, _ = _place_of(
        lengths, steps, batch, units, HAS_LENGTHS, False, SIZE
    )
    r = tl.load(reset_gate + element, mask=inside, other=0.0).to(REAL)
    z = tl.load(update_gate + element, mask=inside, other=0.0).to(REAL)
    n = tl.load(candidate + element, mask=inside, other=0.0).to(REAL)
    a = tl.load(inner + element, mask=inside, other=0.0).to(REAL)
    dr, dz, dn = tl.zeros([SIZE], REAL), tl.zeros([SIZE], REAL), tl.zeros([SIZE], REAL)
    if HAS_CANDIDATE:
        dn = tl.load(on_candidate + element, mask=inside, other=0.0) * (1.0 - n * n)
    if HAS_RESET:
        dr = tl.load(on_reset + element, mask=inside, other=0.0).to(REAL)
    if HAS_UPDATE:
        dz = tl.load(on_update + element, mask=inside, other=0.0) * z * (1.0 - z)
    dr = (dr + dn * a) * r * (1.0 - r)
    tl.store(on_x + at, dr, mask=there)
    tl.store(on_x + at + units, dz, mask=there)
    tl.store(on_x + at + 2 * units, dn, mask=there)
    tl.store(on_h + at, dr, mask=there)
    tl.store(on_h + at + units, dz, mask=there)
    tl.store(on_h + at + 2 * units, dn * r, mask=there)
