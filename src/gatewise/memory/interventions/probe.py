"""A linear probe: how well a concept is read off the state, beside what random weights and lags give.

Sizes: B rows, T steps, H hidden units, I inputs, R networks with random weights, F features.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.cells import State
from gatewise.errors import InputError, OptionError, nearest
from gatewise.memory._base import MIN_GROUPS, Result, Sampling, checked_options, draws_of
from gatewise.memory.interventions._intervene import Intervention, Piece, Place
from gatewise.memory.interventions._readout import Blocks, errors
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.subject import Subject
from gatewise.nn.quiet import lent_generator
from gatewise.typing import Array
from gatewise.wording import between, percent

STEPS_PER_FOLD = 10
"""The fewest valid steps that each fold must have."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Probe(Result):
    """How well a concept is read off the state, on blocks that the read-out has not seen.

    Attributes:
        r2: The share of the concept's variance that the read-out explains; below 0 if it is worse than
            the mean.
        low, high: Its interval; NaN where there are too few rows or pieces of time.
        random: The same for the states of networks with random weights, `[R]`.
        lagged: The same for the last inputs; NaN where none were given.
        gain: `r2` minus the better of the two controls (0 if both are worse than the mean).
        gain_low, gain_high: Its interval.
    """

    r2: float
    low: float
    high: float
    random: Array
    lagged: float
    gain: float
    gain_low: float
    gain_high: float

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        said = []
        if len(self.random):
            said.append(f"random weights {percent(max(float(self.random.mean()), 0.0))}")
        if not np.isnan(self.lagged):
            lags = self.settings["lags"]
            said.append(f"the last {lags + 1} inputs {percent(max(self.lagged, 0.0))}")
        spread = "" if np.isnan(self.low) else between(100 * self.low, 100 * self.high)
        text = f"A linear read-out of the state explains {percent(max(self.r2, 0.0))}{spread}"
        text += " of the concept's variance"
        if not said:
            return f"{text}; without controls that does not show that the network has learnt it."
        low = self.gain if np.isnan(self.gain_low) else self.gain_low
        if self.r2 <= 0:
            verdict = "it is not stored linearly"
        elif low > 0:
            verdict = (
                "it is stored, beyond both controls" if len(said) > 1 else "more than the control"
            )
        else:
            verdict = "no more than can be had without training"
        return f"{text}, {', '.join(said)}: {verdict}."

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        return (
            "what can be read off need not be used; only a change of the state shows whether it is"
        )


@checked_options
def probe(
    states: Any,
    concept: Any,
    *,
    random: Sequence[Any] = (),
    inputs: Any = None,
    lags: int = 16,
    folds: int = 5,
    gap: int | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Probe:
    """Return the cross-validated R² of a ridge read-out of `concept` from states, beside two controls.

    Folds are neighbouring rows where there are at least ten (and two a fold), else blocks of time, with
    `gap` steps on either side left out of training. Linear probes: Alain & Bengio 2016, "Understanding
    intermediate layers using linear classifier probes"; controls: Hewitt & Liang 2019, "Designing and
    interpreting probes with control tasks".

    Args:
        states: c, or any state, `[T, B, H]` or `[T, H]`; NaN past a row's end.
        concept: What is looked for, `[T, B]` or `[T]`; NaN where it is not known.
        random: The same states of networks with random weights, one array each.
        inputs: What the networks were given, `[T, B, I]` or `[T, I]`.
        lags: How many steps back the inputs go that are the second control.
        folds: How many blocks are held out in turn.
        gap: Steps on either side of a block of time; `lags` by default.
        sampling: Level, resamples and seed of the interval, over rows or pieces of time.

    Raises InputError for shapes that do not match and too few steps, and OptionError for options out of
    range.
    """
    gap = lags if gap is None else gap
    if lags < 0 or folds < 3 or gap < 0:
        raise OptionError(
            f"probe: lags and gap must be at least 0, and folds at least 3; got {lags}, {gap}, {folds}"
        )
    c = _array(states, 3, "states")
    y = _array(concept, 2, "concept")
    if y.shape != c.shape[:2]:
        raise InputError(
            f"probe: concept has shape {list(y.shape)}, but the states {list(c.shape)} need "
            f"{list(c.shape[:2])}, [T, B]"
        )
    controls = [_array(control, 3, f"random[{n}]") for n, control in enumerate(random)]
    if inputs is not None:
        controls.append(_lagged(_array(inputs, 3, "inputs"), lags))
    for control in controls:
        if control.shape[:2] != y.shape:
            raise InputError(
                f"probe: a control has {list(control.shape[:2])} steps and rows, the states "
                f"{list(y.shape)}"
            )
    # all are judged on the same steps, or the comparison would be one of steps
    valid = np.isfinite(y)
    for features in (c, *controls):
        valid &= np.isfinite(features).all(axis=2)
    blocks = Blocks.of(valid, folds, gap, fewest=MIN_GROUPS)
    _enough(blocks, y, folds)
    y = np.where(valid, y, 0.0)
    found = [
        errors(np.where(valid[:, :, None], features, 0.0), y, blocks) for features in (c, *controls)
    ]
    return _result(
        found,
        blocks,
        sampling,
        networks=len(random),
        lagged=inputs is not None,
        lags=lags,
        folds=folds,
    )


@checked_options
def probe_model(
    model: torch.nn.Module,
    inputs: Inputs,
    concept: Any,
    *,
    state: str | None = None,
    module: str | None = None,
    layer: int = -1,
    networks: int = 3,
    time: int | None = None,
    lags: int = 16,
    folds: int = 5,
    gap: int | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Probe:
    """Return what `probe` finds in the states of a model.

    Its controls are copies of the model with random weights, and the lagged inputs.

    Args:
        model: Any module that holds LSTM, GRU or RNN modules, or one itself.
        inputs: The sequence `[B, T, I]` or `[T, B, I]`, or the call's arguments with it first.
        concept: `[B, T]` or `[T, B]`, as the inputs.
        state: "cell" or "hidden"; the cell where there is one, by default.
        module: The path of the recurrent module; needed where there are several.
        layer: Which of its layers; both directions of it are read.
        networks: How many copies with fresh weights, as `reset_parameters` draws them.
        time, lags, folds, gap, sampling: As in `horizon` and `probe`.

    Raises InputError for a model without recurrence, an unknown module, layer or state and a concept
    that does not fit, and OptionError for options out of range.
    """
    subject = Subject(model, inputs, caller="probe_model", time=time)
    subject.check_order()
    if module is None and len(subject.parts) > 1:
        raise InputError(
            f"probe_model: there are several recurrent modules, {', '.join(map(repr, subject.parts))}; "
            "name one with module="
        )
    path = next(iter(subject.parts)) if module is None else module
    part = subject.chosen(path)[path]
    if not -part.num_layers <= layer < part.num_layers:
        raise InputError(
            f"probe_model: layer={layer} is none of the {part.num_layers} layers of {path!r}"
        )
    collect = _Collect(path, layer % part.num_layers, state)
    subject.answers(intervention=collect, module=path)
    # weights drawn anew read the same inputs: what a random network holds is no learnt memory
    states = collect.taken()
    others = []
    for n in range(networks):
        twin = _drawn_anew(subject.model, sampling.seed + 1 + n)
        subject.on(twin).answers(intervention=collect, module=path)
        others.append(collect.taken())
    try:
        values = torch.as_tensor(concept, device="cpu").detach().cpu().double().numpy()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise InputError(
            f"probe_model: concept must be an array of numbers; got {type(concept).__name__}"
        ) from None
    wanted = (subject.steps, subject.rows) if subject.time == 0 else (subject.rows, subject.steps)
    if values.shape != wanted:
        raise InputError(
            f"probe_model: concept has shape {list(values.shape)}; the inputs need {list(wanted)}, a "
            f"value for each {'step and row' if subject.time == 0 else 'row and step'}"
        )
    y = values.T if subject.time == 1 else values
    first = subject.sequences[0]
    x = first.reshape(*first.shape[:2], -1).transpose(0, 1) if first.is_floating_point() else None
    return probe(
        states, y, random=others, inputs=x, lags=lags, folds=folds, gap=gap, sampling=sampling
    )


def _drawn_anew(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Return a copy with fresh weights, drawn on the CPU: every device has the same ones then."""
    twin = copy.deepcopy(model)
    places = list({tensor.device for tensor in (*twin.parameters(), *twin.buffers())})
    lent = [place for place in places if place.type == "cuda"] if len(places) > 1 else []
    if not lent:
        twin.cpu()
    with lent_generator(seed, lent):
        for inner in twin.modules():
            if callable(reset := getattr(inner, "reset_parameters", None)):
                reset()
    return twin if lent or not places else twin.to(places[0])


class _Collect(Intervention):
    """Runs the model as it is and keeps one state of one layer, `[T, B, H]` a direction and call."""

    def __init__(self, path: str, layer: int, state: str | None) -> None:
        self._path, self._layer, self._state = path, layer, state
        self._found: dict[int, list[Tensor]] = {}

    def layer(self, piece: Piece) -> tuple[Tensor, State]:
        """See `Intervention.layer`."""
        if (piece.place.module, piece.place.layer) != (self._path, self._layer):
            return super().layer(piece)
        found = piece.run(gates=True)
        assert found.gates is not None
        name = self._state or ("cell" if "cell" in found.gates else "hidden")
        if name not in found.gates:
            raise InputError(
                f"probe_model: {Place(self._path, self._layer, 0)} has no state {name!r}; there are "
                f"{', '.join(found.gates)}.{nearest(name, found.gates)}"
            )
        self._found.setdefault(piece.place.direction, []).append(found.gates[name][0, 0])
        return found.output, found.states

    def taken(self) -> Tensor:
        """Return what was kept since the last time, the directions side by side."""
        found, self._found = self._found, {}
        if not found:
            raise InputError(f"probe_model: the model does not call {self._path!r}")
        return torch.cat([torch.cat(calls) for _, calls in sorted(found.items())], dim=-1)


def _array(value: Any, dims: int, name: str) -> Array:
    """Return an array or tensor as float64 with a row axis."""
    array = (
        value.detach().cpu().double().numpy() if isinstance(value, Tensor) else np.asarray(value)
    )
    if array.ndim == dims - 1:
        array = array[:, None]
    if array.ndim != dims or array.size == 0:
        shape = "[T, B, H] or [T, H]" if dims == 3 else "[T, B] or [T]"
        raise InputError(f"probe: {name} has shape {list(np.shape(value))}; it must be {shape}")
    return array.astype(np.float64)


def _lagged(x: Array, lags: int) -> Array:
    """Return `x [T, B, I]` beside its last `lags` steps, as features; 0 before the first step."""
    steps = len(x)
    parts = [
        np.zeros_like(x) if lag >= steps else np.roll(x, lag, axis=0) for lag in range(lags + 1)
    ]
    for lag, lagged in enumerate(parts):
        lagged[: min(lag, steps)] = 0
    return np.concatenate(parts, axis=2)


def _enough(blocks: Blocks, y: Array, folds: int) -> None:
    seen = y[blocks.fold >= 0]
    for fold in range(folds):
        train, held = blocks.split(fold)
        if min(int(held.sum()), int(train.sum())) < STEPS_PER_FOLD:
            raise InputError(
                f"probe: fold {fold} of {folds} has {int(held.sum())} known steps and "
                f"{int(train.sum())} to train on, {STEPS_PER_FOLD} are needed; give longer data, fewer "
                "folds or a smaller gap"
            )
    if np.ptp(seen) == 0:
        raise InputError(
            "probe: the concept is the same at every step; there is nothing to read off"
        )


def _result(
    found: Sequence[tuple[Array, Array]],
    blocks: Blocks,
    sampling: Sampling,
    *,
    networks: int,
    lagged: bool,
    **options: int,
) -> Probe:
    """Return R² of the states and the controls, and intervals over groups of rows or time."""
    used = blocks.fold >= 0
    groups, place = np.unique(blocks.group[used], return_inverse=True)
    count = len(groups)
    sums = np.array([[np.bincount(place, e[used], count) for e in pair] for pair in found])
    whole = 1 - sums[:, 0].sum(axis=1) / sums[:, 1].sum(axis=1)  # [1 + controls]
    draws = draws_of(np.moveaxis(sums, 2, 0), sampling)  # drawn: [1 + controls, resamples]
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = 1 - (sums[:, 0] @ draws.weights.T) / (sums[:, 1] @ draws.weights.T)

    def gain(r2: Array) -> Array:
        """Return what is left of the first beyond the best control, the random ones averaged."""
        best = np.zeros(r2.shape[1:])
        if networks:
            best = np.maximum(best, r2[1 : 1 + networks].mean(axis=0))
        if lagged:
            best = np.maximum(best, r2[-1])
        return np.asarray(r2[0] - best)

    low, high = draws.interval(drawn[0])
    gain_low, gain_high = draws.interval(gain(drawn))
    return Probe(
        r2=float(whole[0]),
        low=float(low),
        high=float(high),
        random=whole[1 : 1 + networks],
        lagged=float(whole[-1]) if lagged else np.nan,
        gain=float(gain(whole)),
        gain_low=float(gain_low),
        gain_high=float(gain_high),
        settings={
            "steps": int(used.sum()),
            "rows": used.shape[1],
            "blocks": blocks.kind,
            "gap": blocks.gap,
            "networks": networks,
            **options,
            **draws.settings(),
            **sampling.settings(),
        },
    )
