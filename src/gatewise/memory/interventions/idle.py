"""Units that could go: what is lost when a unit is held at its mean.

Sizes: B rows, N units, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.errors import OptionError
from gatewise.memory._base import Result, Sampling, checked_options, draws_of, in_blocks
from gatewise.memory.interventions._held import RunMeans, held_units
from gatewise.memory.interventions._intervene import Place, place_names
from gatewise.memory.interventions._judge import NOTHING_TO_LOSE, Judge
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.losses import Loss
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.typing import Array
from gatewise.wording import between, counted, percent


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class IdleUnits(Result):
    """What each unit is worth, in the order of the modules, layers, directions and units.

    Attributes:
        names: Each unit, such as "encoder.lstm layer 1 unit 3", `[N]`.
        effect: What is lost when it is held at its mean: loss, or change of the answer, `[N]`.
        relative: The same as a share of `scale`, `[N]`.
        low, high: The interval of `relative`, over rows, `[N]`; NaN where there are fewer than ten.
        order: The units from the least needed on, as places in these arrays, `[N]`.
        idle: Which lose at most `threshold`, `[N]`.
        count, count_low, count_high: How many these are, and their interval.
        together: The share lost when all idle ones are held at once; NaN where there is none.
        scale: What the model has to lose, see `settings["measure"]`; NaN where it is not shown to have
            anything.
        threshold: The share up to which a unit is called idle.
    """

    names: NDArray[np.str_]
    effect: Array
    relative: Array
    low: Array
    high: Array
    order: NDArray[np.int64]
    idle: NDArray[np.bool_]
    count: int
    count_low: float
    count_high: float
    together: float
    scale: float
    threshold: float

    @property
    def has_score(self) -> bool:
        """Whether there is something to lose, of which shares can be told."""
        return not np.isnan(self.scale)

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        if np.isnan(self.scale) and self.settings["rows"] == 1:
            return (
                "One row has too little to lose, so that no unit can be called idle; give several."
            )
        if np.isnan(self.scale):
            return f"{NOTHING_TO_LOSE}, so that no unit can be told from an idle one."
        total = counted(len(self.names), "unit")
        if not self.count:
            least = percent(float(self.relative[self.order[0]]))
            return f"None of {total} is idle: the least needed is worth {least} of {self._against}."
        return (
            f"{self.count} of {total}{between(self.count_low, self.count_high)} "
            f"{'is' if self.count == 1 else 'are'} idle, each worth at most {percent(self.threshold)} "
            f"of {self._against}; holding {'it' if self.count == 1 else 'all of them'} at the mean "
            f"costs {percent(self.together)}."
        )

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        text = "units are held one at a time: two that stand in for each other both look idle"
        if self.settings["where"] == "output":
            text += "; only what reads the layer's output was changed, not its own recurrence"
        return text + in_blocks(self.settings)

    @property
    def _against(self) -> str:
        return str(self.settings["against"])


@checked_options
def idle_units(
    model: torch.nn.Module,
    inputs: Inputs,
    targets: Any = None,
    *,
    loss: Loss | None = None,
    where: str = "recurrence",
    threshold: float = 0.01,
    module: str | Sequence[str] | None = None,
    time: int | None = None,
    output: Output | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> IdleUnits:
    """Return what is lost when each unit's state is replaced by its mean at every step.

    The mean is over the rows and steps of `inputs`. The model runs once for each unit. For a projected
    LSTM a unit is one of the H before the projection.

    Args:
        model: Any module that holds LSTM, GRU or RNN modules, or one itself.
        inputs: The sequence `[B, T, I]` or `[T, B, I]`, or the call's arguments with it first.
        targets: As the answers, `[B, K]` or `[B, T, K]`, or classes without the last axis. None: what
            counts is the change of the answer.
        loss: As in `context_need`.
        where: "recurrence" holds the unit for all that reads it; "output" only for what reads the
            layer's output.
        threshold: The share of the score, or of the answers' spread, up to which a unit is idle.
        module: The path of one recurrent module, or several; all by default.
        time, output, sampling: As in `horizon`.

    Raises InputError for a model without recurrence or one whose state cannot be changed and targets
    that do not fit, and OptionError for options out of range.
    """
    if where not in ("recurrence", "output"):
        raise OptionError(f"idle_units: where must be 'recurrence' or 'output'; got {where!r}")
    if not 0 <= threshold < 1:
        raise OptionError(
            f"idle_units: threshold must lie between 0 and 1, as 0.01 does; got {threshold!r}"
        )
    subject = Subject(model, inputs, caller="idle_units", time=time, output=output)
    judge = Judge(subject, targets, loss)
    average = RunMeans()
    subject.answers(intervention=average, module=module)
    called = place_names(average.means)
    units = [(place, n) for place, mean in average.means.items() for n in range(len(mean.units))]

    def lost(picked: Sequence[tuple[Place, int]]) -> Array:
        """Return the effect of holding these units, by row `[B]`."""
        held = held_units(picked, average.means, recurrence=where == "recurrence")
        answers = subject.answers(intervention=held, module=module)
        return np.asarray(judge.effect(answers).mean(axis=1))

    effects = np.stack([lost([unit]) for unit in units], axis=1)  # [B, N]
    figures, drawing = _figures(effects, judge, threshold, sampling)
    idle = [unit for unit, yes in zip(units, figures["idle"], strict=True) if yes]
    scale = figures["scale"]
    return IdleUnits(
        names=np.array([f"{called[place]} unit {n}" for place, n in units]),
        together=float(lost(idle).mean()) / scale if idle else np.nan,
        threshold=threshold,
        settings={
            **subject.settings,
            "where": where,
            "measure": judge.measure,
            "against": judge.against(),
            "full_loss": judge.full,
            "module": module,
            **drawing,
            **sampling.settings(),
        },
        **figures,
    )


def _figures(
    effects: Array, judge: Judge, threshold: float, sampling: Sampling
) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the fields that follow from the effects `[B, N]`, and how rows were drawn for them.

    None is idle where there is no scale.
    """
    draws = draws_of(np.column_stack([judge.scale, effects]), sampling)
    scale = float(judge.scale.mean()) if judge.has_scale(draws) else np.nan
    effect = effects.mean(axis=0)
    relative = effect / scale
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = (draws.weights @ effects) / (draws.weights @ judge.scale)[:, None]  # [R, N]
    if np.isnan(scale):
        drawn = drawn[:0]
    low, high = draws.interval(drawn)
    idle = relative <= threshold
    count_low, count_high = draws.interval((drawn <= threshold).sum(axis=1))
    count = int(idle.sum())
    fields = {
        "effect": effect,
        "relative": relative,
        "low": low,
        "high": high,
        "order": np.argsort(effect, kind="stable"),
        "idle": idle,
        "count": count,
        "count_low": float(np.fmin(count_low, count)) if len(drawn) else np.nan,
        "count_high": float(np.fmax(count_high, count)) if len(drawn) else np.nan,
        "scale": scale,
    }
    return fields, draws.settings()
