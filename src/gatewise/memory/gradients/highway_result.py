"""The result of `gw.memory.highway`: the two curves, their ratio, and the sentence that reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.curve import Curve, Line, Mark
from gatewise.memory._base import FELT, Result, known_band, left_out
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import between, figure, layer_name, percent

TINY = 1e-30
"""Norms below it have no place on a logarithmic axis: it would have to end somewhere."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Highway(Result):
    """The norm of `dc_T/dc_(T-k)` over lags k: total, along the cell's own path, and their ratio.

    Curves are medians over rows (within a row, over the times), and `low` and `high` the
    interval of the median of `total` over rows, NaN where rows are too few. Norms beyond the range
    of float64 are 0 or inf here and finite in the logarithms.

    Attributes:
        cell: The name of the cell: "lstm", "gru", "rnn_tanh", "rnn_relu" or one registered.
        lags: Steps back from T, `[L + 1]` from 0.
        total: Norm of the total Jacobian, through gates and W_hh, `[L + 1]`.
        low: Lower end of the interval of `total`.
        high: Upper end of it.
        direct: Norm of the product of the keep gates, `[L + 1]`; 0 for a cell that has none.
        ratio: `direct / total`, the median of each row's, `[L + 1]`.
        standard_error: Of `total` by the random probes alone, `[L + 1]`; zeros where exact.
        log_total: Natural logarithm of the total norm by row `[B, L + 1]`, NaN beyond a row's start.
        log_direct: The same of the direct path.
        rate: Growth of log `total` per step by least squares; below 0 where gradients vanish.
        rate_low: Lower end of its interval.
        rate_high: Upper end of it.
        units: Units of the state, so that the norm at lag 0 is `sqrt(units)` (Frobenius) or 1.
    """

    cell: str
    lags: NDArray[np.int64]
    total: Array
    low: Array
    high: Array
    direct: Array
    ratio: Array
    standard_error: Array
    log_total: Array
    log_direct: Array
    rate: float
    rate_low: float
    rate_high: float
    units: int

    @property
    def gain(self) -> Array:
        """By how much a change of the state has grown after each lag: `total` over that at lag 0.

        For the Frobenius norm that is the root mean square over all directions of the change.
        """
        return np.asarray(self.total / self.total[0])

    @property
    def gate_gain(self) -> Array:
        """The same along the cell's own path alone: `direct` over that at lag 0."""
        return np.asarray(self.direct / self.direct[0])

    @property
    def reach(self) -> int:
        """The largest lag at which `gain` is at least 0.05."""
        return int(np.nonzero(self.gain >= FELT)[0][-1])

    @property
    def own_share(self) -> float:
        """How much of what is felt comes by the direct path: the mean of `ratio` over lags 1 to `reach`.

        Each lag counts by its `gain`, at most 1, and none below 0.05: the last lags alone would be
        those where only the units that forget most slowly are left. NaN where `reach` is 0.
        """
        gain = self.gain[1 : self.reach + 1]
        felt = gain >= FELT
        if not felt.any():
            return math.nan
        return float(
            np.average(self.ratio[1 : self.reach + 1][felt], weights=np.minimum(gain[felt], 1.0))
        )

    @property
    def path(self) -> str:
        """Where the memory travels: "cell", "recurrent", "both" or "cancelled".

        By `own_share`: at least 0.5 and at most 2 the cell's own path, below 0.1 the recurrent
        weights, above 2 a direct path that the recurrent weights undo. "none" where `reach` is 0.
        """
        if self.reach == 0:
            return "none"
        if self.own_share > 2:
            return "cancelled"
        return "cell" if self.own_share >= 0.5 else "recurrent" if self.own_share < 0.1 else "both"

    @property
    def reading(self) -> str:
        """One sentence: how far a change is felt, by which path, and how fast it decays or grows."""
        lag, where = self.reach, self._where()
        if lag == 0:
            if len(self.settings["looked_at"]) > 1:
                where = f"In each of the {self.settings['layers']} layers, a"
            return (
                f"{where} change of the state is felt by less than {percent(FELT)} one step later: "
                "the gradient carries no memory here."
            )
        by_gates = float(self.gate_gain[lag])
        gate = self.settings["gates"]
        # "(h, c)" is read as two states in a sentence
        kept = " and ".join(self.settings["symbol"].strip("()").split(", "))
        over = f"; over the lags up to there {figure(self.own_share)} times the total"
        alone = (
            f"and {figure(by_gates)} times through {gate} alone (gate gain{over if lag > 1 else ''})"
            if gate
            else ""
        )
        travels = {
            "cell": "the memory travels in the cell's own path",
            "recurrent": "the memory travels through the recurrent weights W_hh, not through the "
            "cell's own path",
            "both": "the memory travels partly in the cell's own path, partly through W_hh",
            "cancelled": "the recurrent weights W_hh undo part of what the gates keep",
        }[self.path]
        if not gate:
            travels = (
                "the memory travels through the recurrent weights W_hh, the only path there is"
            )
        return (
            f"{where} change of {kept} is {figure(float(self.gain[lag]))} times as large {lag} "
            f"{'step' if lag == 1 else 'steps'} later{', ' + alone if alone else ''}: {travels}; "
            f"it {self._speed()}."
        )

    def _where(self) -> str:
        """Return "A", or where it is and then "a"."""
        layers, direction = self.settings["layers"], self.settings["direction"]
        two = self.settings["directions"] > 1
        if layers == 1:
            return f"In the {direction} direction, a" if two else "A"
        way = f"the {direction} direction of " if two else ""
        why = ", where it lasts longest" if len(self.settings["looked_at"]) > 1 else ""
        return f"In {way}{layer_name(self.settings['layer'])} of {layers}{why}, a"

    def _speed(self) -> str:
        if math.isnan(self.rate):
            return "has no rate of decay"
        verb = "grows" if self.rate > 0 else "decays"
        share = [100 * math.expm1(rate) for rate in (self.rate, self.rate_low, self.rate_high)]
        size, *ends = (abs(one) if self.rate <= 0 else one for one in share)
        if self.rate <= 0:  # the interval of a decay, the weaker end first
            ends = [-share[2], -share[1]]
        return f"{verb} by {figure(size)} % per step{between(ends[0], ends[1], ' %')}"

    @property
    def caveat(self) -> str:
        """What a gradient does not say, and how the figures were made."""
        return self.caveat_in(Unit())

    def caveat_in(self, unit: Unit) -> str:
        """See `Result.caveat_in`."""
        parts = [
            "gradient only: a network that latches what it remembers has small Jacobians, so set "
            "this beside an intervention (horizon, state transplant)"
        ]
        if self.settings["method"] == "estimate":
            worst = float(np.nanmax(_relative(self.standard_error, self.total)))
            parts.append(
                f"estimated with {self.settings['probes']} random probes, standard error up to "
                f"{figure(100 * worst)} %"
            )
        if run_in := self.settings.get("run_in"):
            parts.append(left_out(run_in, unit))
        if self.reach == self.lags[-1]:
            parts.append("still felt at the largest lag looked at")
        if self.path == "cancelled":
            parts.append("the ratio is above 1 because paths of opposite sign cancel in the total")
        return "; ".join(parts)

    @property
    def has_gate_path(self) -> bool:
        """Whether anything is left of a change by the cell's own path alone, one step later."""
        return bool(self.settings["gates"]) and bool((self.direct[1:] > TINY).any())

    def as_curve(self, unit: Unit | None = None) -> Curve:
        """Return the norms over the lag, total and by the gates alone, counted in `unit` (steps)."""
        unit = unit or Unit()
        furthest, state = float(self.lags[-1]), self.settings["symbol"]
        each, plural = unit.axis(furthest)
        low, high = known_band(_positive(self.low), _positive(self.high))
        total = _positive(self.total)
        lines = [Line("total gradient", total, low, high, "gradient", interval=self.interval_name)]
        if self.has_gate_path:
            lines.append(
                Line("gate path only", _positive(self.direct), kind="gate path", dashed=True)
            )
        falls = f"falls to {percent(FELT)} after {unit.of_interval(furthest, self.reach)}"
        return Curve(
            "Gradient highway",
            f"{plural} later",
            self.lags * each,
            tuple(lines),
            y_label=f"norm of d{state}/d{state}",
            log_y=True,
            marks=(Mark(self.reach * each, falls),) if self.reach else (),
            reading=self._reading_of_curve(unit),
            note=self.note_in(unit),
        )

    def _reading_of_curve(self, unit: Unit) -> str:
        """Return what the curve shows, and how much is left at the last lag where anything is felt."""
        symbol, lag = self.settings["symbol"], self.reach
        state = {"c": "cell c", "h": "hidden state h"}.get(symbol, f"state {symbol}")
        drawn = f"How strongly a small change of the {state} is felt later."
        if lag == 0:
            return f"{drawn} One {unit.noun} later it has all but vanished."
        left = f"{drawn} After {unit.counted(lag)} it is {figure(float(self.gain[lag]))} times as large"
        if not self.has_gate_path:
            return f"{left}."
        return f"{left}, by the gates alone {figure(float(self.gate_gain[lag]))} times (gate gain)."


def _positive(values: Array) -> Array:
    """Return what a logarithmic axis has a place for, NaN for the rest."""
    return np.where((values > TINY) & np.isfinite(values), values, np.nan)


def _relative(error: Array, total: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where((total > 0) & np.isfinite(total), error / total, np.nan))
