"""State transplant: one run's state is put into another, to see whose answer follows, by c, h or both.

Sizes: B rows, K answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gatewise.errors import InputError
from gatewise.memory._base import Result, Sampling, checked_options, draws_of, in_blocks
from gatewise.memory.interventions._states import Boundary, kinds_of, label_of
from gatewise.memory.interventions.arguments import Arguments, Inputs
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.wording import between, figure, percent

MOST = 2 / 3
"""A state that takes along more than this share of what the whole state takes is said to carry it: each
of two that carry one half does not."""

ASTRAY = 0.5
"""A caveat where the answer lies further than this off the line between the runs."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Transplant(Result):
    """Whose answer follows when run A's state is put into run B after `at` steps.

    Attributes:
        at: The steps before the transplant.
        share: How far B's answer moves towards A's, from 0 (B's own) to 1 (A's), by the state put
            in: "cell", "hidden", "both"; a GRU or RNN has "hidden" alone. NaN where the answers of the
            two runs do not differ.
        low, high: The interval of `share`, over rows; NaN where there are fewer than ten.
        astray: What part of the distance between the answers the new answer lies off the line between
            them: much of it means that it follows neither.
        distance: Root mean square distance between the answers of the two runs.
    """

    at: int
    share: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    astray: Mapping[str, float]
    distance: float

    @property
    def carrier(self) -> str:
        """Which state carries the answer across: "cell", "hidden", "each", "together" or "none"."""
        whole = self.share.get("both", self.share["hidden"])
        if not whole > 0.05:
            return "none"
        if "both" not in self.share:
            return "hidden"
        enough = {n: self.share[n] > MOST * whole for n in ("cell", "hidden") if n in self.share}
        if all(enough.values()):
            return "each"
        return next((name for name, yes in enough.items() if yes), "together")

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        if self.distance == 0:
            return "The two runs have the same answers, so that a transplant shows nothing."
        said = {
            "cell": "the cell carries it",
            "hidden": "the hidden state carries it",
            "each": "either state carries it alone",
            "together": "neither state carries it alone",
            "none": "the state carries nothing of it, the inputs after it decide",
        }[self.carrier]
        parts = [
            f"{percent(value)} with {'c' if name == 'cell' else 'h' if name == 'hidden' else name}"
            + (
                ""
                if np.isnan(self.low[name])
                else between(100 * self.low[name], 100 * self.high[name])
            )
            for name, value in self.share.items()
        ]
        return (
            f"Put into another run after {self.at} steps, the state takes the answer along by "
            f"{', '.join(parts)}: {said}."
        )

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        text = "the rest of the answer comes from the inputs after the transplant"
        if "both" in self.share:
            text += "; c of one run beside h of another is a pair that the network may never meet"
        worst = max(self.astray.values())
        if worst > ASTRAY:
            text += (
                f"; the answer lies off the line between the runs by {figure(worst)} of its length"
            )
        return text + in_blocks(self.settings)


@checked_options
def transplant(
    model: torch.nn.Module,
    inputs_a: Inputs,
    inputs_b: Inputs | None = None,
    *,
    at: int | None = None,
    module: str | Sequence[str] | None = None,
    time: int | None = None,
    output: Output | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Transplant:
    """Put run A's c, h or both into run B after `at` steps; return whose last answer follows.

    The share is the least-squares slope of the answers' moves on the distance from B's to A's,
    `sum (y - y_B)(y_A - y_B) / sum (y_A - y_B)^2` over rows and answers, between 0 and 1. States of all
    layers and directions are put in at once.

    Args:
        model: Any module that holds LSTM, GRU or RNN modules, or one itself.
        inputs_a: The runs that give: a sequence `[B, T, I]` or `[T, B, I]`, or call arguments.
        inputs_b: The runs that take, of the same shape; by default each row takes from the next one of
            `inputs_a`.
        at: The steps before the transplant, 1 to T - 1; the middle by default.
        module: The path of one recurrent module, or several; all by default.
        time, output, sampling: As in `horizon`.

    Raises InputError for a model without recurrence or one whose state cannot be changed, for inputs
    that do not match and for `at` out of range.
    """
    subject = Subject(model, inputs_a, caller="transplant", time=time, output=output)
    subject.check_order()
    at = subject.boundary(at)
    giving, taking = _both(subject, inputs_a, inputs_b)
    run_a, run_b = (Boundary(subject, at, module, run) for run in (giving, taking))
    y_b = run_b.plain
    towards = run_a.plain - y_b
    squares = (towards**2).sum(axis=1)  # [B]
    distance = float(np.sqrt(squares.mean() / towards.shape[1]))
    known = distance > subject.floor
    moves = {
        label_of(kinds): run_b.with_states(kinds, run_a.states) - y_b
        for kinds in kinds_of(subject, module)
    }
    alongs = {name: (moved * towards).sum(axis=1) for name, moved in moves.items()}
    draws = draws_of(np.stack([squares, *alongs.values()], axis=1), sampling)
    share, low, high, astray = {}, {}, {}, {}
    for name, along in alongs.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = along.sum() / squares.sum() if known else np.nan
            drawn = np.clip((draws.weights @ along) / (draws.weights @ squares), 0, 1)
        ends = draws.interval(drawn)
        share[name] = float(np.clip(slope, 0, 1))
        low[name], high[name] = (float(end) if known else np.nan for end in ends)
        off = moves[name] - slope * towards
        astray[name] = float(np.sqrt((off**2).sum() / squares.sum())) if known else np.nan
    return Transplant(
        at=at,
        share=share,
        low=low,
        high=high,
        astray=astray,
        distance=distance if known else 0.0,
        settings={
            **subject.settings,
            "module": module,
            "pairs": "next row" if inputs_b is None else "given",
            **draws.settings(),
            **sampling.settings(),
        },
    )


def _both(
    subject: Subject, inputs_a: Inputs, inputs_b: Inputs | None
) -> tuple[Arguments, Arguments]:
    """Return the arguments of the runs that give and of those that take."""
    if inputs_b is not None:
        taking = Arguments(inputs_b, subject.time, caller="transplant: inputs_b")
        shapes_a, shapes_b = (
            [tuple(x.shape) for x in run.sequences] for run in (subject.arguments, taking)
        )
        if shapes_a != shapes_b:
            raise InputError(
                "transplant: inputs_b must have the shape of inputs_a; got sequences "
                f"{shapes_b} and {shapes_a} (rows, steps, ...)"
            )
        return subject.arguments, taking
    if subject.rows < 2:
        raise InputError(
            "transplant: one row has no other to take from; give inputs_b, or more rows"
        )
    # the next row gives: each gives once and takes once, so that no row weighs more
    order = (torch.arange(subject.rows, device="cpu") + 1) % subject.rows
    moved = [sequence.index_select(0, order.to(sequence.device)) for sequence in subject.sequences]
    args, named = subject.arguments.call(moved, order)
    return (
        Arguments(named or args, subject.time, caller="transplant"),
        subject.arguments,
    )
