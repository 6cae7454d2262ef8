"""The memory horizon that `gw.memory.horizon` returns: the effect of each lag, and the last that counts.

Sizes: L lags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.curve import Curve, Line, Mark
from gatewise.memory._base import Result, in_blocks, known_band
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import between, counted, percent

EFFECT = "M(k), change of the answer"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Horizon(Result):
    """The memory horizon of a model on its inputs.

    Attributes:
        steps: The largest lag whose effect is above `share` of the largest effect; 0 where only the
            current step counts, or none.
        low, high: The interval of `steps`, over rows; NaN where there are fewer than ten.
        at_least: Whether `steps` is `reach`: the horizon may be longer.
        reach: The largest lag that is read: as far as the inputs go back without their first `run_in`
            steps, or as `max_lag` allows.
        run_in: How many steps at the start of each row are left out, because the network answers to
            them more strongly when it begins with no state than it does further on; 0 for none.
        depends: Whether the answer depends on the input at all.
        lags: The lags measured, `[L]`; those beyond `reach` are of the run-in, and not read.
        rows: How many rows, or rows and steps, are so long that they have each lag, `[L]`.
        curve: M(k), in the units of the answer, `[L]`.
        curve_low, curve_high: Its interval, `[L]`.
        floor: Effects up to this are rounding.
        future: Whether lags count forwards in time.
    """

    steps: int
    low: float
    high: float
    at_least: bool
    reach: int
    run_in: int
    depends: bool
    lags: NDArray[np.int64]
    rows: NDArray[np.int64]
    curve: Array
    curve_low: Array
    curve_high: Array
    floor: float
    future: bool

    @property
    def rows_there(self) -> int:
        """How many rows are so long that they have the lag of `steps`."""
        return int(self.rows[self.lags == self.steps][0])

    @property
    def start(self) -> float:
        """The largest effect of a step of the run-in, as a share of the largest of the others."""
        beyond = self.curve[self.lags > self.reach]
        return (
            float(beyond.max() / self.curve[self.lags <= self.reach].max()) if len(beyond) else 0.0
        )

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        if not self.depends:
            return "The answer does not depend on the input at all, at any lag."
        where = "ahead" if self.future else "back"
        if self.at_least:
            end = "as far as the inputs reach; longer inputs"
            if self.settings["cut"]:
                end = "as far as max_lag lets it look; a larger one"
            elif self.run_in:
                end = "as far as the inputs reach without their start; longer inputs"
            return (
                f"The answer depends on inputs at least {counted(self.steps, 'step')} {where}, {end} "
                "would show where it ends."
            )
        if self.steps == 0:
            extent = between(self.low, self.high, " steps") if self.high > 0 else ""
            return f"The answer depends on the input of its own step alone{extent}."
        return (
            f"The answer depends on inputs up to {counted(self.steps, 'step')} "
            f"{where}{between(self.low, self.high)}."
        )

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        return self.caveat_in(Unit())

    def caveat_in(self, unit: Unit) -> str:
        """See `Result.caveat_in`."""
        text = (
            f"steps are replaced one at a time and count above {percent(self.settings['share'])} of the "
            "largest effect: memory spread thinly over many steps, or of what others repeat, lies below"
        )
        text += self._start_in_words(unit)
        if untested := self.settings["untested"]:
            text += f"; {untested} lags beyond the horizon were not tried one by one"
        return text + in_blocks(self.settings)

    def _start_in_words(self, unit: Unit) -> str:
        """Return what was left out at the start of the rows, to go on a caveat with."""
        if why := self.settings["run_in_untold"]:
            return f"; what the start from no state adds to the furthest lags is not known: {why}"
        if not self.run_in:
            return ""
        return (
            f"; the first {unit.counted(self.run_in)} of each row are left out: the network, which "
            "begins there with no state, answers to them more strongly than to the same steps further "
            f"on (up to {percent(self.start)} of the largest effect), which is no memory"
        )

    def as_curve(self, unit: Unit | None = None) -> Curve:
        """Return M(k) over the lags, what counts of it, and the horizon, counted in `unit` (steps)."""
        unit = unit or Unit()
        each, plural = unit.axis(float(self.lags[-1]))
        way = "ahead" if self.future else "back"
        beyond = self.lags > self.reach
        low, high = (
            end if end is None else np.where(beyond, np.nan, end)
            for end in known_band(self.curve_low, self.curve_high)
        )
        read = np.where(beyond, np.nan, self.curve)
        lines = [
            Line(EFFECT, read, low, high, "intervention", interval=self.interval_name),
        ]
        if self.run_in:
            start = np.where(self.lags < self.reach, np.nan, self.curve)
            name = f"not read: the first {unit.counted(self.run_in)} of each row"
            lines.append(Line(name, start, dashed=True))
        # rounding counts as no effect, however small the largest one is
        share = float(self.settings["share"])
        bar = max(share * float(np.nanmax(read, initial=0.0)), self.floor)
        return Curve(
            "Memory horizon",
            f"{plural} {way}",
            self.lags * each,
            tuple(lines),
            y_label="change of the answer",
            marks=(self._mark(unit),) if self.depends else (),
            level=Mark(bar, f"{percent(share)} of the largest") if self.depends else None,
            reading=self._reading_of_curve(unit),
            note=self.note_in(unit),
        )

    def _mark(self, unit: Unit) -> Mark:
        furthest = float(self.lags[-1])
        each, _ = unit.axis(furthest)
        least = "at least " if self.at_least else ""
        text = f"horizon {least}{unit.of_interval(furthest, self.steps)}"
        return Mark(self.steps * each, text, self.low * each, self.high * each)

    def _reading_of_curve(self, unit: Unit) -> str:
        """Return what the curve shows and where it ends, in the unit of the data."""
        if not self.depends:
            return f"No {unit.noun} of the input, however near, changes the answer when it is replaced."
        drawn = (
            f"How much the answer changes when the input of one {unit.noun}, so far "
            f"{'ahead' if self.future else 'back'}, is replaced by another one."
        )
        bar = f"{percent(float(self.settings['share']))} of the largest change"
        if self.run_in:
            drawn += (
                f" Dashed, and not read as memory: the first {unit.counted(self.run_in)} of each "
                "window, where the network begins with no state."
            )
        if self.at_least:
            without = " without their start" if self.run_in else ""
            return (
                f"{drawn} At {unit.counted(self.steps)}, as far as the inputs reach{without}, it is "
                f"above {bar}."
            )
        if self.steps == 0:
            return f"{drawn} At every earlier {unit.noun} it is below {bar}."
        return f"{drawn} Beyond {unit.spanned(self.steps, self.low, self.high)} it is below {bar}."
