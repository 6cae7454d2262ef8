"""Connectivity: the inputs that an answer depends on, `|dy_t/dx_s|`, by autograd through the model.

Sizes: B rows, T steps, A steps whose answer is read, K answers, I inputs, L lags, M copies of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.errors import InputError, OptionError, nearest
from gatewise.memory._base import Method, Sampling, checked_options
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.connectivity_result import Connectivity, by_lag
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.nn.quiet import quiet
from gatewise.typing import Array

__all__ = ["Connectivity", "connectivity"]

CALLER = "connectivity"
_CUT = (
    f"{CALLER}: the answers do not depend on the inputs differentiably; the model, or output=, cuts "
    "the graph (no_grad, detach, argmax, or a trip to NumPy)"
)

STEPS = 16
"""Steps whose answer is read by default, evenly spaced, where the model answers per step."""

GRAPH = 8
"""How many times the numbers of a plain call a call with its graph and gradients takes, roughly."""


@checked_options
def connectivity(
    model: torch.nn.Module,
    inputs: Inputs,
    *,
    at: int | Sequence[int] | None = None,
    method: Method = "auto",
    probes: int = 32,
    run_in: int = 0,
    time: int | None = None,
    output: Output | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Connectivity:
    """Return `|dy_t/dx_s|` for chosen t and every s, absolute, by input channel and by lag t - s.

    The gradient of an answer by its input (Simonyan, Vedaldi & Zisserman 2014, "Deep inside
    convolutional networks", section 3) for pairs of steps, by its Frobenius norm over answers and
    channels, in the model's own units. It is not divided by that of another step: a network that
    has all but forgotten would look as one that remembers. The model runs in eval mode; neither its
    parameters nor their gradients are touched. Rows must not depend on each other.

    Args:
        model: Any module that holds recurrent modules, or one itself.
        inputs: The sequence `[B, T, I]` or `[T, B, I]`, or the call's arguments with it first.
        at: For a model that answers per step: the steps t; by default 16, evenly spaced up to the
            last. A model that answers once has its answer at the last step of each row.
        method: "exact": one backward pass for each of the K answers. "estimate": one for each of
            `probes` random signs v over the answers, whose `|v^T J|^2` has the mean `|J|^2`
            (Hutchinson 1990). "auto": exact up to `probes` answers.
        probes: How many.
        run_in: How many steps at the start of each row the curve leaves out, such as `Horizon.run_in`.
        time: The axis of time in `inputs`; by default read off the recurrent modules' calls.
        output: Takes what the model returns to its answers `[B, K]` or `[B, T, K]`.
        sampling: Level, resamples and seed of the interval over rows; the seed of the probes, too.

    Raises InputError for a model without recurrence, inputs that are not floating-point numbers and
    answers that do not depend on them differentiably, and OptionError for an unknown option.
    """
    _check(method, probes, run_in)
    subject = Subject(model, inputs, caller=CALLER, time=time, output=output)
    if not subject.sequences[0].is_floating_point():
        raise InputError(
            f"{CALLER}: inputs are {subject.sequences[0].dtype}, which has no gradient; give the part "
            "of the model behind its embedding, and the embedded sequence"
        )
    at = _default(subject) if at is None else at
    times = subject.times(at)
    width = subject.answer.shape[-1]
    # one backward pass an answer is exact, and no dearer than as many probes
    exact = method == "exact" or (method == "auto" and width <= probes)
    backward = _Gradients(subject, times, None if exact else probes, sampling.seed)
    rows, channels, error = backward.run()
    lags, drawing = by_lag(rows, *subject.places(at), sampling, run_in)
    return Connectivity(
        times=np.array(times),
        heat=rows.mean(axis=1),
        channels=channels,
        rows=rows,
        standard_error=error,
        **lags,
        settings={
            **subject.settings,
            "at": times,
            "answer_count": width,
            "run_in": run_in,
            "method": "exact" if exact else "estimate",
            "probes": None if exact else probes,
            **drawing,
            **sampling.settings(),
        },
    )


def _check(method: str, probes: int, run_in: int) -> None:
    known = ("auto", "exact", "estimate")
    if method not in known:
        raise OptionError(
            f"method must be one of {', '.join(map(repr, known))}; got {method!r}."
            f"{nearest(str(method), known)}"
        )
    if isinstance(probes, bool) or not isinstance(probes, int) or probes < 2:
        raise OptionError(f"probes must be a whole number of at least 2; got {probes!r}")
    if isinstance(run_in, bool) or not isinstance(run_in, int) or run_in < 0:
        raise OptionError(f"run_in must be a whole number of at least 0; got {run_in!r}")


def _default(subject: Subject) -> list[int] | None:
    """Return the steps whose answer is read where none are named."""
    if not subject.per_step:
        return None
    count = min(STEPS, subject.steps)
    return [int(t) for t in np.linspace(0, subject.steps, count + 1).round()[1:] - 1]


class _Gradients:
    """The backward passes: as many (step, cotangent) pairs a call as its memory allows."""

    def __init__(self, subject: Subject, times: list[int], probes: int | None, seed: int) -> None:
        self._subject = subject
        self._times = times
        self._probes = probes
        self._generator = torch.Generator().manual_seed(seed)
        self._width = subject.answer.shape[-1]
        self._count = self._width if probes is None else probes  # cotangents for each step
        first = next(subject.batches(len(times) * self._count))
        self._copies = max(1, (first.stop - first.start) // GRAPH)
        self._kept: tuple[Tensor, Tensor] | None = None

    def run(self) -> tuple[Array, Array, Array]:
        """Return norms `[A, B, T]`, those by channel `[A, T, I]`, and the errors of the first."""
        rows, channels, errors = [], [], []
        for squares, spread in self._squares():
            norm = squares.flatten(2).sum(dim=2).sqrt()  # [B, T]
            rows.append(norm)
            channels.append(squares.sqrt().mean(dim=0))
            # From a square to its root by the derivative of the root.
            errors.append(torch.where(norm > 0, spread / (2 * norm), 0.0))
        self._kept = None
        return tuple(torch.stack(part).numpy() for part in (rows, channels, errors))  # type: ignore[return-value]

    def _squares(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield for each time the squares `[B, T, I]`, and the standard error of their sums `[B, T]`."""
        together = max(1, self._copies // self._count)  # steps in one call
        for begin in range(0, len(self._times), together):
            times = self._times[begin : begin + together]
            if self._count <= self._copies:
                grads = self._gradients(times, torch.arange(self._count, device="cpu"))
                yield from map(self._summed, *self._moments(grads))
                continue
            parts = [
                self._moments(self._gradients(times, which))
                for which in torch.split(torch.arange(self._count, device="cpu"), self._copies)
            ]
            yield self._summed(
                sum(one[0] for one, _ in parts), sum(second[0] for _, second in parts)
            )

    def _moments(self, grads: Tensor) -> tuple[Tensor, Tensor]:
        """Return sums over cotangents of squares `[A, B, T, I]`, and of their sums' squares."""
        squares = grads.square()
        return squares.sum(dim=1), squares.sum(dim=-1).square().sum(dim=1)

    def _summed(self, squares: Any, second: Any) -> tuple[Tensor, Tensor]:
        if self._probes is None:
            return squares, torch.zeros_like(second)
        mean = squares / self._probes
        variance = second / self._probes - mean.sum(dim=-1).square()
        return mean, (variance.clamp(min=0) / (self._probes - 1)).sqrt()

    def _gradients(self, times: list[int], which: Tensor) -> Tensor:
        """Return the gradients of these answers at these steps, float64 `[A, C, B, T, I]`."""
        rows, steps = self._subject.rows, self._subject.steps
        copies = len(times) * len(which)
        weights = self._cotangents(which, copies)  # [A * C, B, K]
        x, y = self._graph(copies)
        seeds = torch.zeros_like(y.detach()).view(copies, rows, *y.shape[1:])
        if self._subject.per_step:
            picked = torch.as_tensor(times, device=y.device).repeat_interleave(len(which))
            seeds[torch.arange(copies, device=y.device), :, picked] = weights.to(seeds)
        else:
            seeds.copy_(weights)
        (grad,) = torch.autograd.grad(
            y, x, seeds.view_as(y), retain_graph=copies == 1, allow_unused=True
        )
        if grad is None:
            raise InputError(_CUT)
        return grad.double().cpu().reshape(len(times), len(which), rows, steps, -1)

    def _cotangents(self, which: Tensor, copies: int) -> Tensor:
        """Return unit vectors, or signs of their own for each copy and row `[M, B, K]`."""
        rows = self._subject.rows
        if self._probes is None:
            vectors = torch.eye(self._width, dtype=torch.float32, device="cpu")[which].repeat(
                copies // len(which), 1
            )
            return vectors[:, None].expand(copies, rows, self._width)
        signs = torch.randint(
            0, 2, (copies, rows, self._width), generator=self._generator, device="cpu"
        )
        return signs.float() * 2 - 1

    def _graph(self, copies: int) -> tuple[Tensor, Tensor]:
        """Return the first sequence `[M * B, T, ...]` and the answers to it, with their graph."""
        if copies == 1 and self._kept is not None:
            return self._kept
        subject = self._subject
        index = torch.arange(subject.rows, device="cpu").repeat(copies)
        sequences = [
            one.detach().index_select(0, index.to(one.device)) for one in subject.sequences
        ]
        x = sequences[0].requires_grad_()
        # cuDNN has no backward pass in eval mode.
        no_cudnn = torch.backends.cudnn.flags(enabled=False)
        with quiet(subject.model), torch.enable_grad(), no_cudnn:
            sequences[0] = x.clone()  # a model may write into its input, but not into a leaf
            args, named = subject.arguments.call(sequences, index)
            y = subject._read(subject.model(*args, **named), copies * subject.rows, subject.steps)
        if not y.requires_grad:
            raise InputError(_CUT)
        if copies == 1:
            self._kept = (x, y)
        return x, y
