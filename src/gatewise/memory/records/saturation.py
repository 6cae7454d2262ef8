"""Saturation: how often gates are nearly closed or open, where they switch and hardly learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.cells.records import names_in
from gatewise.errors import InputError, OptionError
from gatewise.memory._base import Result, Sampling, checked_options, groups_of, share_interval
from gatewise.memory.records._recorded import named
from gatewise.memory.records._roles import Record, spec_of_record
from gatewise.typing import Array
from gatewise.wording import between, counted, percent, unit_name


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Saturation(Result):
    """The share of steps at which each gate of each unit is nearly closed or nearly open.

    Attributes:
        closed: By gate, P(gate < closed_below), `[..., H]`; NaN where nothing was observed.
        closed_low: Lower end of its interval.
        closed_high: Upper end.
        opened: By gate, P(gate > open_above), `[..., H]`.
        opened_low: Lower end of its interval.
        opened_high: Upper end.
    """

    closed: Mapping[str, Array]
    closed_low: Mapping[str, Array]
    closed_high: Mapping[str, Array]
    opened: Mapping[str, Array]
    opened_low: Mapping[str, Array]
    opened_high: Mapping[str, Array]

    @property
    def reading(self) -> str:
        """One sentence: each gate's mean shares, and the most saturated one."""
        both = {name: self.closed[name] + self.opened[name] for name in self.closed}
        if all(np.isnan(values).all() for values in both.values()):
            return "The record has no valid step, so no gate is known to saturate."
        gate = max(both, key=lambda name: float(np.nanmean(both[name])))
        stuck = int((both[gate] > 0.95).sum())
        return (
            f"The {gate} gate saturates most: on average over its units it is nearly closed at "
            f"{percent(float(np.nanmean(self.closed[gate])))} and nearly open at "
            f"{percent(float(np.nanmean(self.opened[gate])))} of the steps; "
            f"{stuck} of {counted(both[gate].size, 'unit')} are saturated at more than 95 % of them, "
            f"first of all {self._most(gate, both[gate])}."
        )

    @property
    def caveat(self) -> str:
        """A saturated gate may be right."""
        return (
            "a saturated gate passes little gradient, but a unit that latches needs such gates; "
            "these shares alone do not mean that anything is wrong"
        )

    def _most(self, gate: str, both: Array) -> str:
        """Return the clause on the most saturated unit of a gate."""
        top = np.unravel_index(int(np.nanargmax(both)), both.shape)
        opened = self.opened[gate][top] >= self.closed[gate][top]
        share, low, high = (
            (self.opened, self.opened_low, self.opened_high)
            if opened
            else (self.closed, self.closed_low, self.closed_high)
        )
        span = between(100 * float(low[gate][top]), 100 * float(high[gate][top]), " %")
        end = "open" if opened else "closed"
        return f"{unit_name(top, both.shape)}, nearly {end} at {percent(float(share[gate][top]))}{span}"


@checked_options
def saturation(
    gates: Record,
    *,
    names: Sequence[str] | None = None,
    closed_below: float = 0.1,
    open_above: float = 0.9,
    sampling: Sampling | None = None,
) -> Saturation:
    """Return P(gate < 0.1) and P(gate > 0.9) of every gate and unit.

    The shares of "left-" and "right-saturated" steps of Karpathy, Johnson & Fei-Fei 2015,
    "Visualizing and understanding recurrent networks", section 4.2, with an interval by Wilson on
    the effective number of steps (`intervals.share_interval`).

    Args:
        gates: A record of activated gates `[..., T, B, H]`; NaN pads the ends of rows.
        names: The gates to look at; by default those of the cell that lie between 0 and 1.
        closed_below: Below this a gate counts as closed.
        open_above: Above this a gate counts as open.
        sampling: How the interval is made.

    Raises InputError for a cell without gates, and for values and shapes that do not fit.
    """
    if not 0 < closed_below <= open_above < 1:
        raise OptionError(
            f"0 < closed_below <= open_above < 1 must hold; got {closed_below} and {open_above}"
        )
    sampling = sampling or Sampling()
    found = named(gates, _names(gates, names), gates_only=True)
    shares: dict[str, dict[str, Array]] = {}
    intervals: list[dict[str, Any]] = []
    for key in ("closed", "closed_low", "closed_high", "opened", "opened_low", "opened_high"):
        shares[key] = {name: found.empty(found.units) for name in found.sources}
    for part in found:
        valid, place = part.valid, part.place
        every = np.concatenate([part[name] for name in found.sources], axis=2)
        groups = groups_of(valid, sampling, like=every)
        trials = groups.sums(valid.astype(np.float64))
        intervals.append(groups.settings())
        for name in found.sources:
            ends = {"closed": part[name] < closed_below, "opened": part[name] > open_above}
            for end, hit in ends.items():
                hits = groups.sums(hit.astype(np.float64))  # NaN compares as no hit
                if valid.any():
                    shares[end][name][place] = hit.sum(axis=(0, 1)) / valid.sum()
                low, high = share_interval(hits, trials, groups, sampling)
                shares[f"{end}_low"][name][place] = low
                shares[f"{end}_high"][name][place] = high
    settings = {
        **found.settings(),
        "closed_below": closed_below,
        "open_above": open_above,
        "level": sampling.level,
        "interval": intervals,
    }
    return Saturation(**shares, settings=settings)


def _names(gates: Record, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the gates to look at: those of the cell, in the record's order."""
    if names is not None:
        if isinstance(names, str) or not isinstance(names, Iterable) or len(names) == 0:
            raise InputError(
                f"names must be a sequence of gates, such as ('forget',); got {names!r}"
            )
        return tuple(names)
    spec = spec_of_record(gates)
    gate_names = [name for name in names_in(gates) if name in spec.fractions]
    if not gate_names:
        raise InputError(
            f"the record of a {spec.name!r} holds {', '.join(names_in(gates))}: none of these is a gate "
            "between 0 and 1 that could saturate"
        )
    return tuple(gate_names)
