"""Loss functions, one value per window, and the loss that the loop takes, made of them.

Sizes: B windows, S predicted steps, K targets, Q quantile levels. Truth that is NaN is left out: a
window's loss is the mean over its known values, and 0 where none is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.training.task import Count, Loss

RowLoss = Callable[[Tensor, Tensor], Tensor]
"""Prediction `[B, S, K, Q]` and truth `[B, S, K]` to the loss of each window `[B]`."""


class Density(Protocol):
    """What a loss must know of a family of distributions: estimators.likelihoods has some."""

    def log_density(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the logarithm of the density of `truth [...]` under `parameters [..., P]`."""

    def centre(self, parameters: Tensor) -> Tensor:
        """Return the mean `[...]`."""


def per_row(loss: RowLoss) -> Loss:
    """Return the loss in which every window counts once, or as much as its weight `[B]` says."""

    def weighed(
        prediction: Tensor, truth: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Count]:
        losses = loss(prediction, truth)
        if weight is None:
            return losses, len(truth)
        return losses * weight, weight.sum().double()

    return weighed


def _beside(like: Tensor, values: Sequence[float]) -> Tensor:
    """Return numbers on the device of a tensor and of its type, without waiting for the device."""
    made = torch.tensor(values, dtype=like.dtype, device="cpu")
    return made.to(like.device, non_blocking=True)


def cross_entropy(class_weights: Sequence[float] | None = None) -> Loss:
    """Return the loss of labels, the negative logarithm of the probability of the true one.

    Scores are `[B, C]` of sequences or `[T, B, C]` of steps, truth labels `[B]` or `[T, B]`. Those
    below 0 are not known: they, as steps past a sequence's end, have a loss of 0 and do not count. Each
    label that is known counts once, or as much as its class and its sequence's weight `[B]` say.
    """

    def loss(scores: Tensor, truth: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Count]:
        known = truth >= 0
        label = truth.clamp(min=0)
        losses = functional.cross_entropy(scores.flatten(0, -2), label.flatten(), reduction="none")
        counts = known.to(losses.dtype)
        if class_weights is not None:
            counts = counts * _beside(losses, class_weights)[label]
        if weight is not None:
            counts = counts * weight
        return losses.view_as(counts) * counts, counts.sum(dtype=torch.float64)

    return loss


def squared_error(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean squared error of each window `[B]` of prediction `[B, S, K, 1]`."""
    error, known = _errors(prediction, truth)
    return _mean_over_known(error.square(), known)


def absolute_error(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute error of each window `[B]` of prediction `[B, S, K, 1]`."""
    error, known = _errors(prediction, truth)
    return _mean_over_known(error.abs(), known)


def huber_error(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean Huber loss of each window `[B]` of prediction `[B, S, K, 1]` (Huber 1964).

    e^2 / 2 of errors e below 1, and |e| - 1/2 of larger ones.
    """
    error, known = _errors(prediction, truth)
    size = error.abs()
    return _mean_over_known(torch.where(size < 1, 0.5 * size.square(), size - 0.5), known)


def pinball(levels: Sequence[float]) -> RowLoss:
    """Return the pinball loss of quantile `levels` (Koenker and Bassett 1978, eq. 2.1).

    The loss of a truth y and a prediction q at level p is `max(p (y - q), (p - 1) (y - q))`, and a
    window's loss is the mean over the known values and over the levels; prediction `[B, S, K, Q]`.
    """
    chosen = tuple(levels)

    def loss(prediction: Tensor, truth: Tensor) -> Tensor:
        error, known = _errors(prediction, truth)
        level = _beside(error, chosen)
        return _mean_over_known(torch.maximum(level * error, (level - 1) * error), known)

    return loss


def negative_log_likelihood(family: Density) -> RowLoss:
    """Return the negative log-likelihood of a family of distributions.

    A window's loss is the mean over its known values; prediction is the parameters `[B, S, K, P]`.
    """

    def loss(prediction: Tensor, truth: Tensor) -> Tensor:
        known = ~torch.isnan(truth)
        # filled before the density: a NaN behind `where` would still reach the gradient
        filled = torch.where(known, truth, family.centre(prediction).detach())
        return _mean_over_known(-family.log_density(prediction, filled), known)

    return loss


def _errors(prediction: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Return truth minus prediction `[B, S, K, Q]`, 0 where unknown, and which are known."""
    known = ~torch.isnan(truth).unsqueeze(-1)
    # filled before the subtraction: a NaN behind `where` would still reach the gradient
    filled = torch.where(known, truth.unsqueeze(-1), prediction.detach())
    return filled - prediction, known.expand_as(prediction)


def _mean_over_known(values: Tensor, known: Tensor) -> Tensor:
    total = (values * known).flatten(1).sum(1)
    return total / known.flatten(1).sum(1).clamp(min=1)


POINT_LOSSES = {"squared": squared_error, "absolute": absolute_error, "huber": huber_error}
"""The losses of a prediction without quantiles, by name."""
