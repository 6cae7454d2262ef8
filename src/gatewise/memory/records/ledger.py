"""The account of a state: which step wrote how much of what it holds, exactly.

Unrolled, the update of the state `c_t = f_t c_(t-1) + w_t` is the sum

    c_t = R(0 -> t) c_0 + sum over s of R(s -> t) w_s,     R(s -> t) = f_(s+1) * ... * f_t

with `w = i * g` for the LSTM (Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000,
equations 4 and 5), and for the GRU's hidden state f = z and `w = (1 - z) * n` (Cho et al. 2014,
equation 7). It says when the content was written, not which input it came from: g itself depends on
all that the network knew at that step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import InputError
from gatewise.memory._base import (
    MIN_GROUPS,
    Result,
    Sampling,
    checked_options,
    drawn,
    expanded_tail,
)
from gatewise.memory.records._recorded import Recorded, Slice, initial_of, recorded
from gatewise.memory.records._roles import Record
from gatewise.typing import Array
from gatewise.wording import counted, figure, place_name

MAX_BYTES = 2**30
"""The most that the entries of one ledger may take."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Ledger(Result):
    """What the state holds at some steps, by the step that wrote it. A is the number of those steps.

    Attributes:
        at: The steps looked at, int `[A, ..., B]` by leading axes and row; -1 for a row that does
            not reach it.
        written: R(s -> at) w_s of every step s in the order of time, `[A, ..., T, B, H]`; 0 for the
            steps that come later, NaN for rows that do not reach `at`.
        carried: R(0 -> at) c_0, what is left of the state before the first step, `[A, ..., B, H]`.
        state: The recorded state that the entries must sum to, `[A, ..., B, H]`.
        residual: Sum of the entries minus the state, `[A, ..., B, H]`.
        relative_residual: Its largest size over the largest size of the state, `[A, ...]`.
        half: The last steps in which half of the content was written, by the sizes of the entries
            over all rows and units, `[A, ...]`; inf where half is from before the first step.
        low: Lower end of its interval over rows, NaN for fewer than ten.
        high: Upper end.
    """

    at: NDArray[np.int64]
    written: Array
    carried: Array
    state: Array
    residual: Array
    relative_residual: Array
    half: Array
    low: Array
    high: Array

    @property
    def reading(self) -> str:
        """One sentence: how recently half of it was written, and whether the account is right."""
        if np.isnan(self.half).all():
            return "No row reaches the step asked for, or the state is empty there."
        last = np.argwhere(~np.isnan(self.half))[-1]
        half = float(self.half[tuple(last)])
        steps = self.at[tuple(last)]
        reached = np.unique(steps[steps >= 0])
        when = f"step {reached[0]}" if len(reached) == 1 else "the end of each row"
        where = place_name(last[1:].tolist(), self.half.shape[1:], " of ")
        what = (
            "half of what the state holds is from before the first step"
            if half == np.inf
            else f"half of what the state holds was written in the last {_steps_text(half)}"
        )
        low, high = float(self.low[tuple(last)]), float(self.high[tuple(last)])
        span = "" if np.isnan(low) else f" ({figure(low)} to {figure(high)} over rows)"
        return (
            f"At {when}{where}, {what}{span}; the entries sum to the recorded state within "
            f"{figure(float(np.nanmax(self.relative_residual)), 2)} of its size."
        )

    @property
    def caveat(self) -> str:
        """When, not from which input."""
        return "gate path only: it says when the content was written, not from which input it came"


@checked_options
def ledger(
    gates: Record | None = None,
    *,
    at: int | Sequence[int] | Literal["end", "all"] = "end",
    initial: ArrayLike | None = None,
    keep: ArrayLike | None = None,
    write: ArrayLike | None = None,
    state: ArrayLike | None = None,
    sampling: Sampling | None = None,
) -> Ledger:
    """Return the exact account of the state at some steps: what is left of each step's write.

    The reverse direction of a record takes its steps from each row's end: what it holds at a step
    was written there or at later ones.

    Args:
        gates: A record of gates; NaN pads the ends of rows.
        at: A step or steps from 0, "all", or "end": after the last step that each row and direction
            took (for the reverse direction, step 0).
        initial: The state before the first step, `[..., B, H]` or as torch has it; None: zeros.
        keep: The keep factor as an array `[..., T, B, H]`, instead of the record's.
        write: What is added to the state, as an array.
        state: The state after each step, as an array.
        sampling: How the interval over rows is made.

    Raises InputError for steps that the record does not have, for shapes and values that do not fit,
    and for an account of more than a gibibyte.
    """
    sampling = sampling or Sampling()
    given = {"keep": keep, "write": write, "state": state}
    found = recorded(gates, ["keep", "write", "state"], given=given)
    start = initial_of(initial, found)
    steps = _steps(at, found)
    lead = (1 if steps is None else len(steps), *found.lead)
    # an account is as large as steps times steps: it is refused before memory is asked for
    written = np.zeros(_fitting((*lead, found.steps, found.rows, found.units)))
    places = np.full((*lead, found.rows), -1, dtype=np.int64)
    carried, held = (np.full((*lead, found.rows, found.units), np.nan) for _ in range(2))
    half, low, high = (np.full(lead, np.nan) for _ in range(3))
    for part in found:
        for a in range(lead[0]):
            index = (a, *part.place)
            taken = _taken(part, None if steps is None else int(steps[a]))
            entries, carried[index], held[index] = _account(part, start[part.place], taken)
            places[index] = _in_time(part, taken)
            ages, before = _by_age(entries, carried[index], taken)
            half[index] = half_of(ages, before)
            low[index], high[index] = bootstrap_half(ages, before, sampling)
            written[index] = part.in_time(entries)
    residual = carried + written.sum(axis=-3) - held
    return Ledger(
        at=places,
        written=written,
        carried=carried,
        state=held,
        residual=residual,
        relative_residual=_relative(residual, held),
        half=half,
        low=low,
        high=high,
        settings={
            **found.settings(),
            **sampling.settings(),
            "at": at if steps is None or isinstance(at, str) else steps.tolist(),
            "initial": "zeros" if initial is None else "given",
        },
    )


def _steps_text(count: float) -> str:
    return "step" if count == 1 else f"{figure(count)} steps"


def _steps(at: Any, found: Recorded) -> NDArray[np.int64] | None:
    """Return the steps asked for, None for each row's end; raises InputError for others."""
    if isinstance(at, str):
        if at not in ("end", "all"):
            raise InputError(f"at must be a step, steps, 'end' or 'all'; got {at!r}")
        return None if at == "end" else np.arange(found.steps)
    steps = np.atleast_1d(np.asarray(at))
    if steps.ndim != 1 or steps.dtype.kind not in "iu" or not steps.size:
        raise InputError(f"at must be a step, steps, 'end' or 'all'; got {at!r}")
    if (steps < 0).any() or (steps >= found.steps).any():
        raise InputError(
            f"at={at!r} must be steps of the record, which has {found.steps} "
            f"(0 to {found.steps - 1})"
        )
    return steps.astype(np.int64)


def _fitting(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the entries, or raise InputError where they would not fit."""
    size = 8 * math.prod(shape)
    if size > MAX_BYTES:
        raise InputError(
            f"the account of {counted(shape[0], 'step')} {list(shape)} would take "
            f"{figure(size / 2**30)} GiB of the {figure(MAX_BYTES / 2**30)} allowed; ask for fewer "
            "steps (at=), rows or units"
        )
    return shape


def _taken(part: Slice, step: int | None) -> NDArray[np.int64]:
    """Return which of its own steps each row looks at, `[B]`; -1 where it does not reach it."""
    if step is None:
        return part.lengths - 1
    steps = part.lengths - 1 - step if part.backwards else np.full_like(part.lengths, step)
    return np.where(step < part.lengths, steps, -1)


def _in_time(part: Slice, taken: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the steps in time of a direction's own steps, `[B]`."""
    return np.where(taken < 0, -1, part.lengths - 1 - taken if part.backwards else taken)


def _account(part: Slice, initial: Array, taken: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Return the entries `[T, B, H]`, what was carried and the state `[B, H]`, in steps taken."""
    order = np.arange(len(part["keep"]))[:, None]
    counts = (order <= taken)[:, :, None]
    factors = np.where(counts, part["keep"], 1.0)
    # left[s] = f_s * ... * f_at: a product from the end, which no zero or underflow can spoil.
    left = np.cumprod(factors[::-1], axis=0)[::-1]
    since = np.concatenate([left[1:], np.ones((1, *left.shape[1:]))])[: len(left)]
    entries = np.where(counts, since * np.where(counts, part["write"], 0.0), 0.0)
    reached = (taken >= 0)[:, None]
    carried = initial * (left[0] if len(left) else 1.0)
    held = np.take_along_axis(part["state"], np.maximum(taken, 0)[None, :, None], axis=0)[0]
    entries[:, taken < 0] = np.nan
    return entries, np.where(reached, carried, np.nan), np.where(reached, held, np.nan)


def _by_age(entries: Array, carried: Array, taken: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return the sizes summed over units by age `[T, B]` (0: written at the step) and from before."""
    sizes = np.abs(entries).sum(axis=-1)  # [T, B]
    ages = (
        taken - np.arange(len(sizes))[:, None]
    )  # reversed up to the step; applying it twice gives the first order again
    index = np.where(ages >= 0, ages, 0)
    by_age = np.where(ages >= 0, np.take_along_axis(sizes, index, axis=0), 0.0)
    return by_age, np.where(taken >= 0, np.abs(carried).sum(axis=-1), 0.0)


def _relative(residual: Array, held: Array) -> Array:
    """Return the largest residual over the largest state, by the leading axes."""
    largest = np.max(np.abs(residual), axis=(-2, -1), initial=0.0, where=~np.isnan(residual))
    scale = np.max(np.abs(held), axis=(-2, -1), initial=0.0, where=~np.isnan(held))
    relative = np.divide(largest, scale, out=np.full_like(largest, np.inf), where=scale > 0)
    return np.where(largest == 0, 0.0, relative)


def half_of(ages: Array, before: Array) -> float:
    """Return the least n so that the last n steps wrote at least half of it.

    `ages [T, B]` are the sizes by age, 0 first, and `before [B]` is what was there before the first
    step, the oldest of all. inf where half is older than the first step, NaN where there is nothing.
    """
    return float(_halves(ages.sum(axis=1)[None], before.sum()[None])[0])


def bootstrap_half(ages: Array, before: Array, sampling: Sampling) -> tuple[float, float]:
    """Return the bootstrap interval of `half_of` over rows; NaN for under ten rows with content."""
    used = ages.sum(axis=0) + before > 0
    count = int(used.sum())
    if count < MIN_GROUPS:
        return math.nan, math.nan
    weights = drawn(count, sampling)
    halves = [
        _halves(some @ ages[:, used].T, some @ before[used])
        for some in np.array_split(weights, max(1, len(ages) // 1000))
    ]
    tail = expanded_tail(count, sampling.level)
    ends = np.quantile(np.concatenate(halves), [tail, 1 - tail], method="inverted_cdf")
    return float(ends[0]), float(ends[1])


def _halves(ages: Array, before: Array) -> Array:
    """Return `half_of` for each row of `ages [R, T]` and `before [R]`."""
    reached = np.cumsum(ages, axis=1)
    total = ages.sum(axis=1) + before
    enough = reached >= (total / 2)[:, None]
    steps = np.where(enough.any(axis=1), enough.argmax(axis=1) + 1.0, np.inf)
    return np.where(total > 0, steps, np.nan)
