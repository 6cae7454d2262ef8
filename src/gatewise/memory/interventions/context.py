"""Context need: the number of last steps that a model needs, so that it loses next to nothing.

Sizes: B rows, T steps, K answers, N lengths, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.curve import Curve, Line, Mark
from gatewise.errors import InputError, OptionError
from gatewise.memory._base import Result, Sampling, checked_options, draws_of, in_blocks, known_band
from gatewise.memory.interventions._lags import grid
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.losses import (
    Loss,
    checked_targets,
    constant,
    loss_name,
    losses,
    targets_as_tensor,
)
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import between, counted, figure, percent


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ContextNeed(Result):
    """The loss from a fresh state with the last n steps, beside that with all of them.

    Attributes:
        steps: The fewest last steps from which on under `tolerance` of the score is lost; 0 where the
            model is not shown to have a score to lose.
        low, high: The interval of `steps`, over rows; NaN where there are fewer than ten.
        at_least: Whether nothing under all steps of the inputs was enough.
        lengths: The n measured, `[N]`.
        curve: Loss with the last n steps minus the loss with all, `[N]`.
        curve_low, curve_high: Its interval, `[N]`.
        full: The loss with all steps.
        score: How much lower that is than the loss of the best that ignores its input, the mean answer.
        tolerance: The share of the score that may be lost.
    """

    steps: int
    low: float
    high: float
    at_least: bool
    lengths: NDArray[np.int64]
    curve: Array
    curve_low: Array
    curve_high: Array
    full: float
    score: float
    tolerance: float

    @property
    def has_score(self) -> bool:
        """Whether there is a score to lose, of which shares can be told."""
        return self.steps > 0

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        loss = self.settings["loss"]
        if self.steps == 0 and self.settings["rows"] == 1:
            return (
                "One row has one answer, so that no window can be told from another; give several."
            )
        if self.steps == 0:
            return (
                f"The model is not shown to do better than one answer for all (loss "
                f"{figure(self.full)}, {loss}), so that no context can be said to be needed."
            )
        lost = f"under {percent(self.tolerance)} of the score"
        if self.at_least:
            return (
                f"Every one of the {counted(self.steps, 'step')} is needed: any shorter window that was "
                f"tried loses more than {percent(self.tolerance)} of the score ({loss})."
            )
        return (
            f"A window of the last {counted(self.steps, 'step')}{between(self.low, self.high)} loses "
            f"{lost} ({loss}) against all {self.settings['steps']}."
        )

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        text = (
            "shorter windows start from a fresh state, which the model may not have met in training"
        )
        if not self.settings["targets"]:
            text += "; no targets were given: what is compared are the model's own answers"
        return text + in_blocks(self.settings)

    def as_curve(self, unit: Unit | None = None) -> Curve:
        """Return the added loss over the last n steps that are seen, counted in `unit` (steps)."""
        unit = unit or Unit()
        furthest = float(self.lengths[-1])
        each, plural = unit.axis(furthest)
        low, high = known_band(self.curve_low, self.curve_high)
        needed = f"needed {'all ' if self.at_least else ''}{unit.of_interval(furthest, self.steps)}"
        mark = Mark(self.steps * each, needed, self.low * each, self.high * each)
        bar = Mark(self.tolerance * self.score, f"{percent(self.tolerance)} of the score")
        return Curve(
            "Context need",
            f"last {plural} seen",
            self.lengths * each,
            (Line("added loss", self.curve, low, high, "score", interval=self.interval_name),),
            y_label=f"added loss ({self.settings['loss']})",
            marks=(mark,) if self.steps else (),
            level=bar if self.has_score else None,
            reading=self._reading_of_curve(unit),
            note=self.note_in(unit),
        )

    @property
    def scored_by(self) -> str:
        """What `score` is the whole of: the score, or the answers' spread where there are no targets."""
        return "score" if self.settings["targets"] else "answers' spread"

    def _reading_of_curve(self, unit: Unit) -> str:
        text = (
            f"How much of the {self.scored_by} is lost when only the last {unit.plural} are seen."
        )
        if self.steps and not self.at_least:
            need = unit.spanned(self.steps, self.low, self.high)
            text += f" With {need} it is under {percent(self.tolerance)}."
        return text


@checked_options
def context_need(
    model: torch.nn.Module,
    inputs: Inputs,
    targets: Any = None,
    *,
    loss: Loss | None = None,
    tolerance: float = 0.01,
    time: int | None = None,
    output: Output | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> ContextNeed:
    """Return how the loss grows when the model sees the last n steps alone, and the n that suffices.

    The score is the loss of the mean answer minus the full loss, so that with squared errors the share
    lost is the share of the explained variance. The need is the smallest n from which on no length
    measured loses more than `tolerance` of it, to the step.

    Args:
        model: Any module that holds recurrent modules, or one itself.
        inputs: The sequence `[B, T, I]` or `[T, B, I]`, or the call's arguments with it first.
        targets: `[B, K]`, or `[B]` (classes, or for one answer); for a model that answers per step those
            of the last step, or of every step `[B, T, K]`. None: the model's own answers to all steps.
        loss: "mse", "mae", "cross_entropy" or a function that returns one number a row; by default the
            cross-entropy for integers, else the squared error.
        tolerance: The share of the score that may be lost.
        time, output, sampling: As in `horizon`.

    Raises InputError for a model without recurrence, targets that do not fit and models that take one
    length only, and OptionError for options out of range.
    """
    if not 0 < tolerance < 1:
        raise OptionError(
            f"context_need: tolerance must lie between 0 and 1, as 0.01 does; got {tolerance!r}"
        )
    subject = Subject(model, inputs, caller="context_need", time=time, output=output)
    if subject.ends.min() != subject.ends.max():
        least, most = subject.ends.min() + 1, subject.ends.max() + 1
        raise InputError(
            f"context_need: rows have from {least} to {most} steps, and the last n of them are cut off "
            "together; give rows of one length"
        )
    if subject.steps < 2:
        raise InputError("context_need: inputs have one step, which nothing can be shorter than")
    full_answer = subject.last(subject.answer)
    if targets is None:
        goal, loss = torch.from_numpy(full_answer), loss or "mse"
    else:
        goal = _of_last(targets, subject, loss)
    full = losses(full_answer, goal, loss, subject.caller)
    score = losses(constant(full_answer), goal, loss, subject.caller) - full
    tried: dict[int, Array] = {
        subject.steps: np.zeros(subject.rows)
    }  # exactly, whatever the rounding

    def extra(n: int) -> Array:
        """Return the loss of each row `[B]` with the last n steps, less its loss with all of them."""
        if n not in tried:
            tried[n] = losses(_answers(subject, n), goal, loss, subject.caller) - full
        return tried[n]

    for n in grid(subject.steps):
        extra(n + 1)
    _bisect(tried, extra, tolerance * float(score.mean()))
    lengths = sorted(tried)
    settings = {
        "tolerance": tolerance,
        "loss": loss_name(loss, goal),
        "targets": targets is not None,
    }
    losts = np.stack([tried[n] for n in lengths], axis=1)
    return _result(subject, losts, lengths, full, score, settings=settings, sampling=sampling)


def _of_last(targets: Any, subject: Subject, loss: Loss | None) -> torch.Tensor:
    """Return the targets of the answers that are compared, those of the last step."""
    given, last = targets_as_tensor(targets, subject.caller), subject.last(subject.answer)
    if subject.per_step and tuple(given.shape[:2]) == subject.answer.shape[:2] and given.dim() > 1:
        every = checked_targets(given, subject.answer, subject.caller, loss)
        return every[:, -1]
    return checked_targets(given, last, subject.caller, loss)


def _answers(subject: Subject, n: int) -> Array:
    """Return the last answers `[B, K]` to the last n steps."""
    short = [sequence[:, subject.steps - n :] for sequence in subject.sequences]
    try:
        return subject.last(subject.answers(short, torch.arange(subject.rows, device="cpu")))
    except (RuntimeError, IndexError) as error:
        raise InputError(
            f"context_need: the model fails on the last {n} of {subject.steps} steps, so that it cannot "
            f"be asked for the context it needs: {str(error).splitlines()[0]}"
        ) from error


def _bisect(tried: dict[int, Array], extra: Any, allowed: float) -> None:
    """Measure lengths between the last that is too short and the next until they are neighbours."""
    while True:
        lengths = sorted(tried)
        short = [n for n in lengths if float(tried[n].mean()) > allowed]
        if not short or short[-1] == lengths[-1]:
            return
        below, above = short[-1], lengths[lengths.index(short[-1]) + 1]
        if above - below < 2:
            return
        extra((below + above) // 2)


def _result(
    subject: Subject,
    losts: Array,
    lengths: list[int],
    full: Array,
    score: Array,
    *,
    settings: dict[str, Any],
    sampling: Sampling,
) -> ContextNeed:
    """Read the need off the losses `[B, N]`, and off resampled ones for its interval."""
    tolerance = settings["tolerance"]
    all_lengths = np.array(lengths)
    draws = draws_of(np.column_stack([score, losts]), sampling)
    drawn = draws.weights @ losts
    mean_score = float(score.mean())
    # without a score to lose every length suffices, which does not mean that none is needed
    answers = subject.last(subject.answer)
    differ = float(np.abs(answers - answers.mean(axis=0)).max()) > subject.floor
    skilled = differ and draws.above_zero(score)
    ends = _needed(all_lengths, drawn, tolerance * (draws.weights @ score))
    low, high = draws.interval(ends.astype(np.float64))
    curve = losts.mean(axis=0)
    steps = int(_needed(all_lengths, curve[None], np.array([tolerance * mean_score]))[0])
    band = draws.interval(drawn)
    return ContextNeed(
        steps=steps if skilled else 0,
        low=float(np.fmin(low, steps)) if skilled and len(ends) else np.nan,
        high=float(np.fmax(high, steps)) if skilled and len(ends) else np.nan,
        at_least=skilled and steps == subject.steps,
        lengths=all_lengths,
        curve=curve,
        curve_low=band[0],
        curve_high=band[1],
        full=float(full.mean()),
        score=mean_score,
        tolerance=tolerance,
        settings={**subject.settings, **settings, **draws.settings(), **sampling.settings()},
    )


def _needed(lengths: NDArray[np.int64], curves: Array, allowed: Array) -> NDArray[np.int64]:
    """Return for each of `curves [R, N]` the length from which on all lose at most `allowed [R]`."""
    lost = curves > allowed[:, None]
    lost[:, -1] = False  # all steps lose nothing
    too_short = lost.shape[1] - 1 - lost[:, ::-1].argmax(axis=1)
    return np.asarray(lengths[np.where(lost.any(axis=1), too_short + 1, 0)])
