"""State traffic: the amounts written to the state, erased from it and read out of it at each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import OptionError
from gatewise.memory._base import Result, Sampling, checked_options, groups_of, ratio_interval
from gatewise.memory.records._recorded import Recorded, Slice, initial_of, recorded
from gatewise.memory.records._roles import Record, spec_of_record, without_gate
from gatewise.typing import Array
from gatewise.wording import between, figure, place_name


@dataclass(frozen=True, eq=False, repr=False)
class Events:
    """The steps at which most flowed, largest first.

    Attributes:
        where: int `[events, leading axes + 2]`: layer, direction, step, row.
        amount: Summed over the units, `[events]`.
        unit: The unit with the largest part of it, `[events]`.
        unit_amount: That part, `[events]`.
    """

    where: NDArray[np.int64]
    amount: Array
    unit: NDArray[np.int64]
    unit_amount: Array


@dataclass(frozen=True, eq=False, repr=False)
class Flow:
    """One kind of traffic.

    Attributes:
        amount: Of each unit at each step, `[..., T, B, H]` in the order of time, NaN in padding; in
            the floating type of the record.
        mean: Over steps and rows, `[..., H]`.
        low: Lower end of the interval of the mean.
        high: Upper end.
        average: Mean, low and high over steps, rows and all units, `[3]`.
        events: The steps with the largest sums over the units of a layer and direction.
    """

    amount: NDArray[Any]
    mean: Array
    low: Array
    high: Array
    average: Array
    events: Events


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Traffic(Result):
    """What each unit's state takes in, loses and shows, step by step."""

    write: Flow
    erase: Flow
    read: Flow

    @property
    def reading(self) -> str:
        """One sentence: the mean of each kind, and the largest erasure."""
        if np.isnan(self.write.mean).all():
            return "The record has no valid step, so nothing flows."
        parts = []
        for verb, flow in (("writes", self.write), ("erases", self.erase), ("shows", self.read)):
            mean, low, high = flow.average.tolist()
            parts.append(f"{verb} {figure(mean)}{between(low, high)}")
        event = self.erase.events
        *place, step, row = (int(i) for i in event.where[0])
        where = place_name(place, self.erase.amount.shape[:-3], " in ")
        return (
            f"In a step the average unit {parts[0]}, {parts[1]} and {parts[2]}; most is erased at "
            f"step {step} of row {row}{where}: {figure(float(event.amount[0]))} "
            f"over all units."
        )

    @property
    def caveat(self) -> str:
        """Amounts, not importance."""
        return "amounts in the state's own units, not importance"


@checked_options
def traffic(
    gates: Record | None = None,
    *,
    initial: ArrayLike | None = None,
    events: int = 10,
    keep: ArrayLike | None = None,
    write: ArrayLike | None = None,
    state: ArrayLike | None = None,
    read: ArrayLike | None = None,
    sampling: Sampling | None = None,
) -> Traffic:
    """Return what is written, erased and read at each step, with means and the largest events.

    The terms of the state's update, in size:

        LSTM  |i_t g_t|        |(1 - f_t) c_(t-1)|   |o_t tanh(c_t)|
        GRU   |(1 - z_t) n_t|  |(1 - z_t) h_(t-1)|   |h_t|
        RNN   |h_t|            |h_(t-1)|             |h_t|         all is rewritten at each step

    after Gers, Schmidhuber & Cummins 2000, "Learning to forget", equations 4 to 7, and Cho et al.
    2014, "Learning phrase representations using RNN encoder-decoder", equation 7.

    Args:
        gates: A record of gates; NaN pads the ends of rows.
        initial: The state before the first step, `[..., B, H]` or as torch has it; None: zeros.
        events: How many of the largest steps to list.
        keep: The keep factor as an array `[..., T, B, H]`, instead of the record's.
        write: What is added to the state, as an array.
        state: The state after each step, as an array.
        read: What leaves each unit, as an array; without it and a record, the state.
        sampling: How the intervals of the means are made.

    Raises InputError for missing arrays, and for shapes and values that do not fit.
    """
    if events < 1:
        raise OptionError(f"events must be at least 1; got {events!r}")
    sampling = sampling or Sampling()
    read = state if read is None and gates is None else read
    given = {"keep": keep, "write": write, "state": state, "read": read}
    # a cell without a gate rewrites its whole state, so keep and write say nothing
    gated = gates is None or not without_gate(spec_of_record(gates))
    roles = ("keep", "write", "state", "read") if gated else ("state", "read")
    found = recorded(gates, roles, given=given)
    start = initial_of(initial, found)
    kinds = ("write", "erase", "read")
    amounts = {kind: _like(found) for kind in kinds}
    figures = {kind: [found.empty(found.units) for _ in range(3)] for kind in kinds}
    for part in found:
        valid = part.valid
        groups = groups_of(valid, sampling, like=part["state"])
        count = groups.sums(valid.astype(np.float64))
        for kind, flow in _flows(part, start[part.place], gated).items():
            mean, low, high = figures[kind]
            if valid.any():
                mean[part.place] = np.nansum(flow, axis=(0, 1)) / valid.sum()
            low[part.place], high[part.place] = ratio_interval(
                groups.sums(flow), count, groups, sampling
            )
            amounts[kind][part.place] = part.in_time(flow)
    flows = {kind: _flow(amounts[kind], figures[kind], events, sampling) for kind in kinds}
    settings = {**found.settings(), **sampling.settings(), "initial": initial is not None}
    return Traffic(**flows, settings=settings)


def _flow(amount: NDArray[Any], figures: list[Array], events: int, sampling: Sampling) -> Flow:
    mean, low, high = figures
    return Flow(
        amount=amount,
        mean=mean,
        low=low,
        high=high,
        average=_average(amount, sampling),
        events=_events(amount, events),
    )


def _average(amount: NDArray[Any], sampling: Sampling) -> Array:
    """Return mean, low and high of the amounts `[..., T, B, H]` of all units together."""
    over = (*range(amount.ndim - 3), -1)
    each = amount.mean(axis=over, dtype=np.float64)[..., None]  # [T, B, 1], NaN in the padding
    valid = ~np.isnan(each[..., 0])
    groups = groups_of(valid, sampling, like=each)
    total, count = groups.sums(each), groups.sums(valid.astype(np.float64))
    low, high = ratio_interval(total, count, groups, sampling)
    mean = np.nansum(each) / valid.sum() if valid.any() else np.nan
    return np.array([mean, low[0], high[0]])


def _like(found: Recorded) -> NDArray[Any]:
    """Return an empty array of all steps in the floating type of the record."""
    types = [source.values.dtype for product in found.sources.values() for source in product]
    dtype = np.result_type(np.float32, *types)
    return np.empty((*found.lead, found.steps, found.rows, found.units), dtype=dtype)


def _flows(part: Slice, initial: Array, gated: bool) -> dict[str, Array]:
    """Return the three flows `[T, B, H]` in the order of the steps taken."""
    state = part["state"]
    before = np.concatenate([initial[None], state[:-1]])[: len(state)]
    before = np.where(part.valid[:, :, None], before, np.nan)
    write = part["write"] if gated else state
    erase = (1 - part["keep"]) * before if gated else before
    return {"write": np.abs(write), "erase": np.abs(erase), "read": np.abs(part["read"])}


def _events(amount: NDArray[Any], count: int) -> Events:
    """Return the steps whose sums over the units are largest; fewer where there are not so many."""
    totals = amount.sum(axis=-1, dtype=np.float64)  # NaN in the padding
    seen = np.flatnonzero(~np.isnan(totals))
    values = totals.ravel()[seen]
    top = np.argsort(-values, kind="stable")[:count]
    where = np.stack(np.unravel_index(seen[top], totals.shape), axis=-1)
    units = amount.reshape(-1, amount.shape[-1])[seen[top]].astype(np.float64)
    unit = units.argmax(axis=-1) if len(units) else np.zeros(0, dtype=np.int64)
    return Events(where, values[top], unit, units[np.arange(len(units)), unit])
