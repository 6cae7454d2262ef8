"""Losses of a model's answers, one for each row or each row and step, and the targets that they need.

Sizes: B rows, T steps, K answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gatewise.errors import InputError, OptionError, nearest
from gatewise.typing import Array

Loss = str | Callable[[Tensor, Tensor], Tensor]
"""`"mse"`, `"mae"`, `"cross_entropy"`, or a function of answers `[B, K]` and targets to one number a
row, `[B]`, or one for each answer, `[B, K]`."""

LOSSES = ("mse", "mae", "cross_entropy")


def targets_as_tensor(targets: Any, caller: str) -> Tensor:
    """Return targets on the CPU; raises InputError for what is no array of numbers."""
    try:
        return torch.as_tensor(targets, device="cpu").detach().cpu()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise InputError(
            f"{caller}: targets must be a tensor or an array of numbers; got {type(targets).__name__}"
        ) from None


def checked_targets(targets: Any, answers: Array, caller: str, loss: Loss | None) -> Tensor:
    """Return targets that fit `answers` `[B, K]` or `[B, T, K]`, classes as integers.

    Raises InputError, naming both shapes, where they do not.
    """
    tensor = targets_as_tensor(targets, caller)
    shape, wanted = list(tensor.shape), answers.shape
    classes = not tensor.is_floating_point() and loss in (None, "cross_entropy") and wanted[-1] > 1
    if loss == "cross_entropy" and not classes:
        raise InputError(
            f"{caller}: cross_entropy needs integer targets and an answer for each class; got "
            f"{tensor.dtype} and {wanted[-1]} answers"
        )
    if classes:
        fits, tensor = tuple(tensor.shape) == wanted[:-1], tensor.long()
    elif callable(loss) and not tensor.is_floating_point():
        # what stands behind the rows is the function's business
        fits = tensor.shape[: len(wanted) - 1] == wanted[:-1]
    else:
        tensor = tensor.double()
        if tensor.dim() == len(wanted) - 1 and wanted[-1] == 1:
            tensor = tensor.unsqueeze(-1)
        fits = tuple(tensor.shape) == wanted
    if not fits:
        need = list(wanted[:-1]) if classes else list(wanted)
        raise InputError(
            f"{caller}: targets have shape {shape}, but the answers {list(wanted)} need "
            f"{need}{', one class each' if classes else ''}"
        )
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise InputError(f"{caller}: targets hold a value that is not finite; leave such rows out")
    if classes and tensor.numel() and not 0 <= int(tensor.min()) <= int(tensor.max()) < wanted[-1]:
        raise InputError(
            f"{caller}: targets must be classes from 0 to {wanted[-1] - 1}; got "
            f"{int(tensor.min())} to {int(tensor.max())}"
        )
    return tensor


def loss_name(loss: Loss | None, targets: Tensor) -> str:
    """Return how settings call the loss: by default the one that fits the targets."""
    if loss is None:
        return "mse" if targets.is_floating_point() else "cross_entropy"
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)


def losses(answers: Array, targets: Tensor, loss: Loss | None, caller: str) -> Array:
    """Return the loss of each row `[B]`, or of each row and step `[B, T]`.

    Raises OptionError for an unknown name and InputError for a function that averages over rows.
    """
    y = torch.from_numpy(np.array(answers, dtype=np.float64))
    shape = tuple(y.shape[:-1])
    if callable(loss):
        found = loss(y, targets.to(y.dtype) if targets.is_floating_point() else targets)
        if not isinstance(found, Tensor):
            raise InputError(f"{caller}: loss must return a tensor; got {type(found).__name__}")
        # a mean over the rows leaves nothing to draw for an interval
        if found.shape[: len(shape)] != shape:
            raise InputError(
                f"{caller}: loss returns shape {list(found.shape)} for answers {list(y.shape)}; it must "
                f'return one number for each of {list(shape)}: use reduction="none"'
            )
        return np.asarray(found.detach().double().reshape(*shape, -1).mean(dim=-1).numpy())
    name = loss_name(loss, targets)
    if name not in LOSSES:
        raise OptionError(
            f"{caller}: loss must be one of {', '.join(LOSSES)} or a function; got {loss!r}."
            f"{nearest(str(loss), LOSSES)}"
        )
    if name == "cross_entropy":
        flat = cross_entropy(y.flatten(0, -2), targets.flatten(), reduction="none")
        return np.asarray(flat.reshape(shape).numpy())
    error = y - targets
    return np.asarray((error.square() if name == "mse" else error.abs()).mean(dim=-1).numpy())


def constant(answers: Array) -> Array:
    """Return the same answer for every row: the mean of all, `[B, K]` or `[B, T, K]`."""
    mean = answers.mean(axis=tuple(range(answers.ndim - 1)))
    return np.asarray(np.broadcast_to(mean, answers.shape))
