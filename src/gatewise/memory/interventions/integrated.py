"""Integrated gradients: the way from the answer at a baseline to the answer, shared out among inputs.

Sizes: B rows, T steps, I features, K answers, C columns, L ranges of lags, P points, M copies of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.errors import InputError, OptionError
from gatewise.memory._base import Draws, Sampling, checked_options, draws_of
from gatewise.memory.interventions._columns import FeaturesByColumn, Lags, flat
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.integrated_result import IntegratedGradients
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.nn.quiet import quiet
from gatewise.typing import Array

__all__ = ["IntegratedGradients", "integrated_gradients"]

CALLER = "integrated_gradients"

CLOSE = 0.01
"""The error of completeness from which on twice the points are taken."""

DOUBLED = 2
"""How often that is done, at most."""

GRAPH = 8
"""How many times the numbers of a plain call a call with its graph and gradients takes, roughly."""


@checked_options
def integrated_gradients(
    model: torch.nn.Module,
    inputs: Inputs,
    *,
    columns: Any = None,
    baseline: Any = None,
    now: int | None = None,
    points: int = 16,
    time: int | None = None,
    output: Output | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> IntegratedGradients:
    """Return how far each column and lag takes the answer from that at the baseline.

    Sundararajan, Taly & Yan 2017, "Axiomatic attribution for deep networks", equation 1: the gradient
    of the answer, averaged over the straight way from the baseline to the input, times the difference
    of the two. Of several answers it is that of the distance they move, along the way that they take in
    the row, so that the parts of a row add up to that distance (completeness, proposition 1). The
    average is Gauss and Legendre's over `points` points, and over twice or four times as many where
    the parts do not add up to it within a hundredth.

    Args:
        model: Any module that holds recurrent modules, or one itself.
        inputs: The sequence `[B, T, I]` or `[T, B, I]`, or the call's arguments with it first.
        columns: As in `importance`.
        baseline: One step of the input `[I]` that each step is compared with; by default each feature's
            mean over rows and steps. What is in no column stays as it is.
        now: As in `importance`.
        points: At how many points gradients are taken first.
        time, output, sampling: As in `horizon`.

    Raises InputError for a model without recurrence, inputs without gradient, answers that do not
    depend on them differentiably, columns and baselines that do not fit; OptionError for `points`.
    """
    if not 1 <= points <= 1024:
        raise OptionError(f"{CALLER}: points must lie between 1 and 1,024; got {points!r}")
    subject = Subject(model, inputs, caller=CALLER, time=time, output=output)
    if not subject.sequences[0].is_floating_point():
        raise InputError(
            f"{CALLER}: inputs are {subject.sequences[0].dtype}, which has no gradient; give the part "
            "of the model behind its embedding, and the embedded sequence"
        )
    given, lags = FeaturesByColumn.of(subject, columns), Lags.of(subject, now)
    way = _Way(subject, given, _baseline(subject, baseline))
    parts, error = way.parts(points)
    for _ in range(DOUBLED):
        if not error > CLOSE:
            break
        points *= 2
        parts, error = way.parts(points)
    rows = _by_range(parts, given, lags)  # [B, C, L]
    moved = np.abs(rows.sum(axis=2))  # [B, C]
    draws = draws_of(moved, sampling)
    total = float(moved.mean(axis=0).sum())
    low, high = _interval(draws, moved)
    return IntegratedGradients(
        columns=np.array(given.names),
        moved=moved.mean(axis=0),
        share=moved.mean(axis=0) / total if total > 0 else np.full(moved.shape[1], np.nan),
        low=low,
        high=high,
        lag_first=lags.first,
        lag_last=lags.last,
        by_lag=np.abs(rows).mean(axis=0) / total if total > 0 else np.full(rows.shape[1:], np.nan),
        baseline=way.baseline.detach().cpu().double().numpy(),
        distance=float(way.distance.mean()),
        error=error,
        points=points,
        settings={
            **subject.settings,
            "baseline": "the mean input" if baseline is None else "the baseline given",
            "now": "the end of each row" if now is None else now,
            **draws.settings(),
            **sampling.settings(),
        },
    )


def _baseline(subject: Subject, given: Any) -> Tensor:
    """Return the baseline `[I]`."""
    x = flat(subject.sequences[0])
    if given is None:
        inside = torch.from_numpy(np.arange(subject.steps)[None] <= subject.ends[:, None])
        # in float64: a mean over a million steps in float32 is off by more than a constant is
        return x[inside.to(x.device)].double().mean(dim=0).to(x)
    try:
        made = torch.as_tensor(given, dtype=x.dtype, device=x.device)
    except (TypeError, ValueError, RuntimeError):
        made = x.new_zeros(0)
    if tuple(made.shape) != (x.shape[2],) or not bool(torch.isfinite(made).all()):
        raise InputError(
            f"{CALLER}: baseline must be one step of the inputs, {x.shape[2]} finite numbers"
        )
    return made


def _interval(draws: Draws, moved: Array) -> tuple[Array, Array]:
    drawn = draws.weights @ moved
    with np.errstate(divide="ignore", invalid="ignore"):
        return draws.interval(drawn / drawn.sum(axis=1, keepdims=True))


def _by_range(parts: Array, columns: FeaturesByColumn, lags: Lags) -> Array:
    """Return the sums of `parts [B, T, I]` over the features of a column and a range, `[B, C, L]`."""
    rows, steps, _ = parts.shape
    by_column = np.stack([parts[:, :, one].sum(axis=2) for one in columns.features], axis=1)
    found = np.zeros((rows, len(columns.names), len(lags.first)))
    row = np.arange(rows)[:, None]
    for place in range(len(lags.first)):
        at = lags.steps(place)
        inside = (at >= 0) & (at < steps)
        values = by_column[row, :, np.where(inside, at, 0)]  # [B, W, C]
        found[:, :, place] = np.where(inside[..., None], values, 0.0).sum(axis=1)
    return found


class _Way:
    """The straight way from the baseline to each row.

    Attributes:
        baseline: One step of it, `[I]`.
        distance: How far the answers of each row lie from those at the baseline, `[B]`.
    """

    def __init__(self, subject: Subject, columns: FeaturesByColumn, baseline: Tensor) -> None:
        self._subject = subject
        self._shape = subject.sequences[0].shape[1:]
        self._x = flat(subject.sequences[0]).detach()
        start = self._x.clone()
        told = torch.from_numpy(np.concatenate(columns.features)).to(start.device)
        inside = torch.from_numpy(np.arange(subject.steps)[None] <= subject.ends[:, None])
        start[..., told] = torch.where(
            inside.to(start.device)[..., None], baseline[told], start[..., told]
        )
        self._start, self.baseline = start, baseline
        moved = self._ends(torch.from_numpy(subject.answer)) - self._ends(
            torch.from_numpy(subject.answers(self._call(start), self._index(1)))
        )
        self.distance = moved.norm(dim=1).numpy()
        self.distance[self.distance <= subject.floor] = 0.0
        still = torch.from_numpy(self.distance == 0)[:, None]
        self._direction = torch.where(
            still, 0.0, moved / moved.norm(dim=1, keepdim=True).clamp(1e-300)
        )

    def parts(self, points: int) -> tuple[Array, float]:
        """Return what each input adds, float64 `[B, T, I]`, and the error of completeness."""
        places, weights = np.polynomial.legendre.leggauss(points)
        places, weights = (places + 1) / 2, weights / 2
        first = next(self._subject.batches(points))
        size = max(1, (first.stop - first.start) // GRAPH)
        total = torch.zeros(self._x.shape, dtype=torch.float64, device="cpu")
        for begin in range(0, points, size):
            some = slice(begin, begin + size)
            gradients = self._gradients(places[some])
            total += torch.einsum("m,mbti->bti", torch.from_numpy(weights[some]), gradients)
        found = (total * (self._x - self._start).cpu().double()).numpy()
        gap = np.abs(found.sum(axis=(1, 2)) - self.distance)
        whole = float(self.distance.mean())
        return found, float(gap.mean()) / whole if whole > 0 else np.nan

    def _gradients(self, places: Array) -> Tensor:
        """Return the gradients at these shares of the way, float64 `[M, B, T, I]`."""
        subject, copies = self._subject, len(places)
        share = torch.from_numpy(places).to(self._x)[:, None, None, None]
        x = (self._start + share * (self._x - self._start)).flatten(0, 1).requires_grad_()
        # cuDNN has no backward pass in eval mode.
        no_cudnn = torch.backends.cudnn.flags(enabled=False)
        with quiet(subject.model), torch.enable_grad(), no_cudnn:
            # a model may write into its input, but not into a leaf
            args, named = subject.arguments.call(self._call(x.clone(), copies), self._index(copies))
            y = subject._read(subject.model(*args, **named), copies * subject.rows, subject.steps)
            if not y.requires_grad:
                raise InputError(
                    f"{CALLER}: the answers do not depend on the inputs differentiably; the model, or "
                    "output=, cuts the graph (no_grad, detach, argmax, or a trip to NumPy)"
                )
            ends = self._ends(y, copies)
            gradient: Any = torch.autograd.grad(
                ends, x, self._direction.to(ends).repeat(copies, 1), allow_unused=True
            )[0]
        if gradient is None:  # no answer depends on them at all
            return torch.zeros((copies, *self._x.shape), dtype=torch.float64, device="cpu")
        found: Tensor = gradient.double().cpu().reshape(copies, *self._x.shape)
        return found

    def _ends(self, answers: Tensor, copies: int = 1) -> Tensor:
        """Return the answers at the end of each row, `[M * B, K]`."""
        if not self._subject.per_step:
            return answers
        ends = torch.from_numpy(self._subject.ends).repeat(copies).to(answers.device)
        return answers[torch.arange(len(answers), device=answers.device), ends]

    def _call(self, x: Tensor, copies: int = 1) -> list[Tensor]:
        others = self._subject.sequences[1:]
        repeated = [one.repeat(copies, *(1,) * (one.dim() - 1)) for one in others]
        return [x.reshape(len(x), *self._shape), *repeated]

    def _index(self, copies: int) -> Tensor:
        return torch.arange(self._subject.rows, device="cpu").repeat(copies)
