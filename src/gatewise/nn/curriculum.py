"""Longer and longer sequences: a schedule of lengths for any training loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gatewise.errors import InputError
from gatewise.nn.init import Gated, check_lengths, gated_in

__all__ = ["LengthCurriculum"]

SHUT = 1.0
"""The bias, towards shut, from which on what a gate hears of the input is multiplied too."""


class LengthCurriculum:
    """Sequences whose length doubles whenever the last batches were solved, and gates that follow.

        gw.init.long_memory(model, final=50_000, length=100)
        curriculum = gw.LengthCurriculum(model, final=50_000, start=100)
        while not curriculum.done:
            x, y = batch(curriculum.length)
            ...  # forward, backward, optimizer.step()
            curriculum.step(solved)  # whether all answers of this batch were right

    A network that has learnt a dependency has to learn next to nothing where it is twice as long, if
    what enters its state between the marks stays the same. So whenever the length grows, the bias of the
    gate that writes falls by the logarithm of that growth (ln 2 where it doubles); of a GRU, whose one
    gate keeps and writes, it rises. What the gate hears of the input grows by the same factor as its
    bias: where the gate was shut it shuts further, where the input held it half open it stays. Lowering
    the bias alone would halve what is written at the marks too, while the noise of all steps between
    them, which add up like a random walk, falls by the root of 2 alone. What the gate hears of h stays
    as it is, so that the network is not led to remember there. The length goes by the criterion alone,
    never by time.

    Lengths that grow with what is solved: Bengio, Louradour, Collobert & Weston 2009, "Curriculum
    learning"; Zaremba & Sutskever 2014, "Learning to execute". A gate that writes 1/T of the time for
    a dependency of T: Tallec & Ollivier 2018, "Can recurrent neural networks warp time?", section 2.

    Attributes:
        lengths: The length of each stage, in steps: `start`, its doubles, and `final` as the last.
        stage: Which of them is trained on, from 0 on.
        in_a_row: How many batches in a row were solved at this length.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        final: int,
        *,
        start: int = 100,
        streak: int = 6,
        last_streak: int = 12,
        hold: bool = True,
    ) -> None:
        """Make the schedule; biases change only when the length does.

        Args:
            module: The model that is trained, with an LSTM, GRU or their cells in it.
            final: The length of the last stage, in steps.
            start: The length of the first, at most `final`.
            streak: How many solved batches in a row end a stage.
            last_streak: How many end the last one.
            hold: Whether the gate that keeps stays as it is, by gradients of 0, where the cell has
                another one that writes: until `release()`. Leave weight decay off it.

        Raises InputError for lengths and numbers that are none, for a weight that is computed by a
        parametrization, and for a model without gates.
        """
        check_lengths("LengthCurriculum", start=start, final=final)
        for name, value in (("streak", streak), ("last_streak", last_streak)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(
                    f"LengthCurriculum: {name} must be a number of batches; got {value!r}"
                )
        self._gated = gated_in(module, "LengthCurriculum", leaves=True)
        doublings = math.ceil(math.log2(final / start))
        self.lengths: tuple[int, ...] = (*(start * 2**stage for stage in range(doublings)), final)
        self.stage = 0
        self.in_a_row = 0
        self._streak, self._last_streak = streak, last_streak
        self._holds = [handle for one in self._gated for handle in _hold(one)] if hold else []

    @property
    def length(self) -> int:
        """How many steps the sequences have now."""
        return self.lengths[self.stage]

    @property
    def done(self) -> bool:
        """Whether the last stage is solved. Steps count on; one that is not solved begins anew."""
        return self._at_the_end and self.in_a_row >= self._last_streak

    def step(self, solved: bool) -> bool:
        """Take note of a batch, and return whether the length has grown, and biases with it.

        Args:
            solved: Whether the batch was solved: what that means is the caller's, such as all answers
                right and a small loss. Batches of fresh sequences make it a fair test.

        Raises InputError for what is neither True nor False: a loss or a share of right answers is no
        answer to the question.
        """
        solved = _truth(solved)
        self.in_a_row = self.in_a_row + 1 if solved else 0
        if self._at_the_end or self.in_a_row < self._streak:
            return False
        before = self.length
        self.stage += 1
        self.in_a_row = 0
        with torch.no_grad():
            for gated in self._gated:
                _write_less(gated, math.log(self.length / before))
        return True

    def release(self) -> None:
        """Let the gates that were held learn from now on."""
        while self._holds:
            self._holds.pop().remove()

    def state_dict(self) -> dict[str, Any]:
        """Return where the schedule is, as plain numbers; the biases are in the model's own state."""
        return {"lengths": list(self.lengths), "stage": self.stage, "in_a_row": self.in_a_row}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was; the model's state is loaded apart, and no bias changes here.

        Raises InputError for what is no such state, and for that of other lengths.
        """
        try:
            lengths, stage, in_a_row = (state[key] for key in ("lengths", "stage", "in_a_row"))
            first, last = lengths[0], lengths[-1]
        except (KeyError, IndexError, TypeError):
            raise InputError(
                "LengthCurriculum: state must be what state_dict() returns: lengths, stage and in_a_row"
            ) from None
        if tuple(lengths) != self.lengths:
            raise InputError(
                f"LengthCurriculum: the state is of the lengths {first} to {last}, and this goes "
                f"from {self.lengths[0]} to {self.lengths[-1]}; make it with the same start and final"
            )
        whole = all(isinstance(value, int) for value in (stage, in_a_row))
        if not whole or not 0 <= stage < len(self.lengths) or in_a_row < 0:
            raise InputError(
                f"LengthCurriculum: the state has stage {stage} and in_a_row {in_a_row}"
            )
        self.stage, self.in_a_row = stage, in_a_row

    def __repr__(self) -> str:
        return (
            f"LengthCurriculum({self.length} of {self.lengths[-1]} steps, {self.in_a_row} in a row)"
        )

    @property
    def _at_the_end(self) -> bool:
        return self.stage == len(self.lengths) - 1


def _truth(solved: object) -> bool:
    """Return True or False, of a tensor or a NumPy scalar too; raises InputError for all else."""
    single = solved.item() if getattr(solved, "shape", None) == () else solved  # type: ignore[attr-defined]
    if not isinstance(single, bool):
        raise InputError(
            "LengthCurriculum.step: solved must be True or False, whether this batch was solved; got "
            f"{solved!r:.60}"
        )
    return single


def _write_less(gated: Gated, by: float) -> None:
    """Lower the logit of what is written at a step, by `by` where it comes from the bias alone."""
    spec = gated.spec
    if spec.write_gate in spec.with_bias:
        rows, shift = gated.rows(spec.write_gate), -by
    elif spec.keep_gate is not None:
        rows, shift = gated.rows(spec.keep_gate), by
    else:
        return
    before = gated.b_ih[rows] + gated.b_hh[rows]
    # A gate that is not shut has no logit that could be multiplied to shut it further.
    shut = before * math.copysign(1.0, shift) >= SHUT
    factor = torch.where(shut, (before + shift) / before, 1.0)[:, None]
    gated.b_ih[rows] += shift
    gated.parameters.W_ih[rows] *= factor


def _hold(gated: Gated) -> list[torch.utils.hooks.RemovableHandle]:
    """Give the gate that keeps gradients of 0, if the cell has another one that writes.

    By hooks, because a parameter stacks all gates, and half of one cannot be left out of training.
    """
    spec, weights = gated.spec, gated.parameters
    if len(spec.with_bias) < 2 or spec.keep_gate is None:
        return []
    zeroed = _zeroing(gated.rows(spec.keep_gate))
    tensors = (weights.W_ih, weights.W_hh, gated.b_ih, gated.b_hh)
    hooked = (tensor for tensor in tensors if tensor.requires_grad)
    return [tensor.register_hook(zeroed) for tensor in hooked]  # type: ignore[no-untyped-call]  # torch's


def _zeroing(rows: slice) -> Callable[[Tensor], Tensor]:
    def zeroed(gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        gradient[rows] = 0.0
        return gradient

    return zeroed
