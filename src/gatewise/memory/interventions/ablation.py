"""Ablation: the loss of the answer when the state, c, h or both, is wiped at one step.

Sizes: B rows, K answers, S sets of states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gatewise.errors import OptionError
from gatewise.memory._base import Result, Sampling, checked_options, draws_of, in_blocks
from gatewise.memory.interventions._states import Boundary, kinds_of, label_of
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.idle import IdleUnits, idle_units
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.typing import Array
from gatewise.wording import between, percent

__all__ = ["Ablation", "IdleUnits", "ablation", "idle_units"]

NOTICEABLE = 0.05
"""A change under this share of the answer's own spread counts as none."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Ablation(Result):
    """How far the answer moves when states are wiped after `at` steps.

    Attributes:
        at: The steps before the states were wiped.
        change: Mean absolute change of the answer, by state: "cell", "hidden", "both".
        relative: The same in shares of `spread`; 1 is as far as to another row's answer.
        low, high: The interval of `relative`, over rows; NaN where there are fewer than ten.
        spread: Mean absolute difference between the answers of two rows.
    """

    at: int
    change: Mapping[str, float]
    relative: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    spread: float

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        if self.settings["rows"] == 1:
            return "One row has no other to be compared with; give several."
        if self.spread == 0:
            return (
                "All rows have one answer, so that nothing can be said to be lost with the state."
            )
        spoken = {"cell": "c", "hidden": "h"}
        said = [
            f"{spoken.get(name, name)} by {percent(value)}{self._between(name)}"
            for name, value in self.relative.items()
        ]
        text = (
            f"Wiped after {self.at} steps, the state{self._whose} moves the answer, with "
            f"{', '.join(said)}, of the distance between two rows' answers."
        )
        alone = [value for name, value in self.relative.items() if name != "both"]
        if self.relative.get("both", 0) > NOTICEABLE and max(alone) <= NOTICEABLE:
            text += " Either state alone is enough to restore the answer: the memory is in both."
        return text

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        return (
            f"a state of {'zeros' if self.settings['replace'] == 'zero' else 'means'} may be one that "
            "the network never meets; a transplant between runs is the gentler test"
        ) + in_blocks(self.settings)

    @property
    def _whose(self) -> str:
        head = self.settings.get("head")
        return "" if head is None else f" of head {head}"

    def _between(self, name: str) -> str:
        if np.isnan(self.low[name]):
            return ""
        return between(100 * self.low[name], 100 * self.high[name])


@checked_options
def ablation(
    model: torch.nn.Module,
    inputs: Inputs,
    *,
    at: int | None = None,
    replace: str = "zero",
    head: int | None = None,
    module: str | Sequence[str] | None = None,
    time: int | None = None,
    output: Output | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Ablation:
    """Return how far the last answer moves when c, h, or both are wiped after `at` steps.

    Every layer and direction of the modules is wiped at once, and the run goes on from there; the
    reverse direction's state is the one that passes from step `at` to the step before it.

    Args:
        model: Any module that holds LSTM, GRU or RNN modules, or one itself.
        inputs: The sequence `[B, T, I]` or `[T, B, I]`, or the call's arguments with it first.
        at: The steps before the states are wiped, 1 to T - 1; the middle by default.
        replace: "zero" for the state before any step, or "mean" for each unit's mean over the rows at
            that step.
        head: Of layers with heads, the one whose units are wiped, from 0; all by default.
        module: The path of one recurrent module, or several; all by default.
        time, output, sampling: As in `horizon`.

    Raises InputError for a model without recurrence or one whose state cannot be changed, and for `at`
    out of range, and OptionError for an unknown `replace` and a head that there is not.
    """
    if replace not in ("zero", "mean"):
        raise OptionError(f"ablation: replace must be 'zero' or 'mean'; got {replace!r}")
    subject = Subject(model, inputs, caller="ablation", time=time, output=output)
    at = subject.boundary(at)
    boundary = Boundary(subject, at, module)
    filled = boundary.filled(replace, head)
    moves = {
        label_of(kinds): np.abs(boundary.with_states(kinds, filled) - boundary.plain).mean(axis=1)
        for kinds in kinds_of(subject, module)
    }
    apart = _apart(boundary.plain)
    # what lies below rounding is no spread, and nothing can be a share of it
    spread = float(apart.mean()) if apart.mean() > subject.floor else 0.0
    draws = draws_of(np.stack([apart, *moves.values()], axis=1), sampling)
    with np.errstate(divide="ignore", invalid="ignore"):
        spreads = draws.weights @ apart
        drawn = {name: (draws.weights @ moved) / spreads for name, moved in moves.items()}
    ends = {name: draws.interval(resampled) for name, resampled in drawn.items()}
    known = spread > 0
    change = {name: _over(float(moved.mean()), subject.floor) for name, moved in moves.items()}
    return Ablation(
        at=at,
        change=change,
        relative={name: size / spread if known else np.nan for name, size in change.items()},
        low={name: float(interval[0]) if known else np.nan for name, interval in ends.items()},
        high={name: float(interval[1]) if known else np.nan for name, interval in ends.items()},
        spread=spread,
        settings={
            **subject.settings,
            "replace": replace,
            "head": head,
            "module": module,
            **draws.settings(),
            **sampling.settings(),
        },
    )


def _apart(answers: Array) -> Array:
    """Return the mean distance `[B]` of each row's answer to those of the others."""
    rows = len(answers)
    if rows < 2:
        return np.zeros(rows)
    # Sorted, the sum of distances to all others is a matter of cumulative sums, not of B * B pairs.
    order = np.argsort(answers, axis=0)
    y = np.take_along_axis(answers, order, axis=0)
    below = np.cumsum(y, axis=0)
    n = np.arange(1, rows + 1)[:, None]
    sums = n * y - below + (below[-1] - below) - (rows - n) * y
    found = np.empty_like(sums)
    np.put_along_axis(found, order, sums, axis=0)
    return np.asarray(np.maximum(found, 0).mean(axis=1) / (rows - 1))


def _over(value: float, floor: float) -> float:
    """Return `value`, 0 where it is rounding."""
    return value if value > floor else 0.0
