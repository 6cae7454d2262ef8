"""The worth of each direction of a bidirectional model.

Sizes: B rows, T steps, S steps that answers are given for (1 for an answer per sequence).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gatewise.errors import InputError, OptionError
from gatewise.memory._base import Result, Sampling, checked_options, draws_of, in_blocks
from gatewise.memory.interventions._held import HeldDirection, RunMeans
from gatewise.memory.interventions._judge import NOTHING_TO_LOSE, Judge
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.losses import Loss
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.typing import Array
from gatewise.wording import DIRECTIONS, between, percent

DROPPABLE = 0.01
"""A direction worth under this share may be dropped."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DirectionShare(Result):
    """What is lost without the forward direction (place 0) and without the reverse one (place 1).

    Attributes:
        effect: Loss, or change of the answer, by direction and step, `[2, S]`; S is 1 for a model that
            answers once per sequence.
        effect_low, effect_high: Its interval, over rows, `[2, S]`; NaN where there are fewer than ten.
        relative: The mean over steps as a share of `scale`, `[2]`.
        low, high: Its interval, `[2]`.
        share: The forward direction's part of what both lose, one at a time, between 0 and 1.
        scale: What the model has to lose, see `settings["measure"]`; NaN where it is not shown to have
            anything.
    """

    effect: Array
    effect_low: Array
    effect_high: Array
    relative: Array
    low: Array
    high: Array
    share: float
    scale: float

    @property
    def has_score(self) -> bool:
        """Whether there is something to lose, of which shares can be told."""
        return not np.isnan(self.scale)

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        if np.isnan(self.scale):
            return f"{NOTHING_TO_LOSE}, so that neither direction can be said to count."
        said = [
            f"without the {name} direction {percent(float(value))}{self._between(n)}"
            for n, (name, value) in enumerate(zip(DIRECTIONS, self.relative, strict=True))
        ]
        text = f"The model loses {' and '.join(said)} of {self.settings['against']}"
        # small on the mean is not enough: an interval that reaches far beyond tells nothing
        small = (self.relative <= DROPPABLE) & ~(self.high > DROPPABLE)
        if small.all():
            return f"{text}: either direction can be dropped, the other one stands in for it."
        if small.any():
            return f"{text}: the {DIRECTIONS[int(small.argmax())]} direction could be dropped."
        doubtful = [name for name, low in zip(DIRECTIONS, self.low, strict=True) if low <= 0]
        if not doubtful:
            return f"{text}: both directions count."
        if len(doubtful) == 2:
            return f"{text}: neither direction alone is shown to count."
        return f"{text}: the {doubtful[0]} direction is not shown to count."

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        text = "the network was trained with both directions; one trained without may do better"
        return text + in_blocks(self.settings)

    def _between(self, n: int) -> str:
        if np.isnan(self.low[n]):
            return ""
        return between(100 * float(self.low[n]), 100 * float(self.high[n]))


@checked_options
def direction_share(
    model: torch.nn.Module,
    inputs: Inputs,
    targets: Any = None,
    *,
    loss: Loss | None = None,
    replace: str = "mean",
    module: str | Sequence[str] | None = None,
    time: int | None = None,
    output: Output | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> DirectionShare:
    """Return what is lost, per step, when one direction of the bidirectional modules is taken out.

    What the direction gives, in every layer, is replaced by its mean over the rows and steps of
    `inputs`, or by 0.

    Args:
        model: Any module that holds bidirectional LSTM, GRU or RNN modules, or one itself.
        inputs: The sequence `[B, T, I]` or `[T, B, I]`, or the call's arguments with it first.
        targets, loss: As in `idle_units`.
        replace: "mean" or "zero".
        module: The path of one bidirectional module, or several; all of them by default.
        time, output, sampling: As in `horizon`.

    Raises InputError for a model without a bidirectional module and targets that do not fit, and
    OptionError for an unknown `replace`.
    """
    if replace not in ("mean", "zero"):
        raise OptionError(f"direction_share: replace must be 'mean' or 'zero'; got {replace!r}")
    subject = Subject(model, inputs, caller="direction_share", time=time, output=output)
    names = _bidirectional(subject, module)
    judge, average = Judge(subject, targets, loss), RunMeans()
    subject.answers(intervention=average, module=names)
    effects = np.stack([
        judge.effect(
            subject.answers(
                intervention=HeldDirection(direction, average.means, zero=replace == "zero"),
                module=names,
            )
        )
        for direction in (0, 1)
    ])  # [2, B, S]  # fmt: skip
    means = effects.mean(axis=2)  # [2, B]
    draws = draws_of(np.column_stack([judge.scale, means.T]), sampling)
    scale = float(judge.scale.mean()) if judge.has_scale(draws) else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = (draws.weights @ means.T) / (draws.weights @ judge.scale)[:, None]
    low, high = draws.interval(drawn if scale > 0 else drawn[:0])
    steps = draws.interval(np.einsum("rb,dbs->rds", draws.weights, effects))
    lost = np.maximum(means.mean(axis=1), 0)
    return DirectionShare(
        effect=effects.mean(axis=1),
        effect_low=steps[0],
        effect_high=steps[1],
        relative=means.mean(axis=1) / scale,
        low=low,
        high=high,
        share=float(lost[0] / lost.sum()) if lost.sum() > 0 else np.nan,
        scale=scale,
        settings={
            **subject.settings,
            "replace": replace,
            "measure": judge.measure,
            "against": judge.against(),
            "full_loss": judge.full,
            "module": names,
            **draws.settings(),
            **sampling.settings(),
        },
    )


def _bidirectional(subject: Subject, module: str | Sequence[str] | None) -> list[str]:
    """Return the paths of the modules that have two directions."""
    if module is not None:
        chosen = subject.chosen(module)
        for name, part in chosen.items():
            if not part.bidirectional:
                raise InputError(
                    f"direction_share: {name or 'the model'!r} has one direction; name one with two"
                )
        return list(chosen)
    names = [name for name, part in subject.parts.items() if getattr(part, "bidirectional", False)]
    if not names:
        raise InputError(
            f"direction_share: {type(subject.model).__name__} contains no bidirectional module; its "
            "recurrent modules run forwards only"
        )
    return names
