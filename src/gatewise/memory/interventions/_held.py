"""Running a model with some units, or a whole direction, held at what they are on average.

Sizes: T steps, B rows, H hidden units, P projected units, G blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gatewise.cells import Parameters, State
from gatewise.engines import PassResult
from gatewise.engines.heads import dense
from gatewise.memory.interventions._intervene import Intervention, Piece, Place


@dataclass(frozen=True)
class Mean:
    """What one layer and direction has on average over valid steps and rows, in float64."""

    units: Tensor  # [H], what each unit gives: h, or o * tanh(c) before a projection
    output: Tensor  # [P], h
    states: State  # [P], then [H] each: the states by the spec's order
    ends: State  # the same of the last states alone


class RunMeans(Intervention):
    """Runs the model as it is and keeps the means of every layer and direction, of the last call."""

    def __init__(self) -> None:
        self.means: dict[Place, Mean] = {}

    def layer(self, piece: Piece) -> tuple[Tensor, State]:
        """See `Intervention.layer`."""
        found = piece.run(gates=True)
        assert found.gates is not None
        record = {name: _mean(value) for name, value in found.gates.items()}
        ends = tuple(state.double().mean(dim=(0, 1)) for state in found.states)
        spec = piece.network.spec
        states = tuple(record.get(name, end) for name, end in zip(spec.states, ends, strict=True))
        units = states[0] if _projection(piece) is None else _mean(_given(found))
        self.means[piece.place] = Mean(units, states[0], states, ends)
        return found.output, found.states


class HeldUnits(Intervention):
    """Holds units of one layer and direction at their mean.

    With `recurrence`, everything that reads a unit reads its mean: the next layer, the rest of the model
    and the layer's own next step. A unit reaches all of them through h alone, so that holding c besides
    changes nothing but the last c that the module returns. The column of W_hh that reads the unit is set
    to 0 and what it read goes into the bias, exactly. Where a norm stands between the two, the states
    are held from step to step instead. Without it, the layer's own recurrence goes on with the unit as
    it is.
    """

    def __init__(self, place: Place, units: Sequence[int], mean: Mean, *, recurrence: bool) -> None:
        self._place, self._units, self._mean, self._recurrence = (
            place,
            list(units),
            mean,
            recurrence,
        )

    def layer(self, piece: Piece) -> tuple[Tensor, State]:
        """See `Intervention.layer`."""
        if piece.place != self._place:
            return super().layer(piece)
        return self._projected(piece) if _projection(piece) is not None else self._plain(piece)

    def _plain(self, piece: Piece) -> tuple[Tensor, State]:
        held = self._mean.output[self._units].to(piece.x)
        if not self._recurrence:
            found = piece.run()
            return self._set(found.output, held), (
                self._set(found.states[0], held),
                *found.states[1:],
            )
        if piece.network.spec.adds_biases:
            found = self._step_by_step(piece)
        else:
            weights = piece.network.parameters[0][0]
            w_hh = dense(weights.W_hh, len(self._mean.output)).clone()
            read = w_hh[:, self._units] @ held
            w_hh[:, self._units] = 0
            # The matrix is whole now, zeros of other heads and all, so the layer is run as one head.
            whole = replace(piece, network=replace(piece.network, heads=1))
            found = whole.run(parameters=_shifted(replace(weights, W_hh=w_hh), read))
        return self._set(found.output, held), self._hold(found.states)

    def _step_by_step(self, piece: Piece) -> PassResult:
        """Run a cell whose bias is no place for what `W_hh` reads: hold the states between steps."""
        spec = piece.network.spec

        def step(
            wx: Tensor, rh: Tensor, state: State, parameters: Parameters
        ) -> tuple[State, dict[str, Tensor]]:
            after, gates = spec.step(wx, rh, state, parameters)
            return self._hold(after), gates

        network = replace(piece.network, spec=replace(spec, step=step))
        return replace(piece, network=network).run(state=self._hold(piece.start))

    def _hold(self, states: State) -> State:
        """Return states whose held units are at their means."""
        means = (mean[self._units].to(states[0]) for mean in self._mean.states)
        return tuple(self._set(state, mean) for state, mean in zip(states, means, strict=True))

    def _projected(self, piece: Piece) -> tuple[Tensor, State]:
        weights = piece.network.parameters[0][0]
        assert weights.W_hr is not None
        held = self._mean.units[self._units].to(piece.x)
        columns = weights.W_hr[:, self._units]
        if not self._recurrence:
            found = piece.run(gates=True)
            off = (_given(found)[..., self._units] - held) @ columns.T  # [T, B, P]
            off = off.nan_to_num()  # padding
            # The last h of a direction is that of its last step, of the row's own end.
            last = found.states[0] - _last(off, piece)[None]
            return found.output - off, (last, *found.states[1:])
        shift, w_hr = columns @ held, weights.W_hr.clone()
        w_hr[:, self._units] = 0
        changed = _shifted(replace(weights, W_hr=w_hr), weights.W_hh @ shift)
        h, c = piece.start
        found = piece.run(state=(h - shift, c), parameters=changed)
        cell = self._set(found.states[1], self._mean.states[1][self._units].to(piece.x))
        return found.output + shift, (found.states[0] + shift, cell)

    def _set(self, values: Tensor, held: Tensor) -> Tensor:
        """Return `values [..., H]` with the held units."""
        values = values.clone()
        values[..., self._units] = held.to(values.dtype)
        return values


class HeldDirection(Intervention):
    """Holds what one direction gives, in every layer, at its mean or at 0."""

    def __init__(self, direction: int, means: Mapping[Place, Mean], *, zero: bool) -> None:
        self._direction, self._means, self._zero = direction, means, zero

    def layer(self, piece: Piece) -> tuple[Tensor, State]:
        """See `Intervention.layer`."""
        if piece.place.direction != self._direction or piece.place not in self._means:
            return super().layer(piece)
        mean, scale = self._means[piece.place], 0 if self._zero else 1
        output = (scale * mean.output).to(piece.x).expand(*piece.x.shape[:2], -1)
        ends = tuple(
            (scale * end).to(piece.x).expand(state.shape)
            for end, state in zip(mean.ends, piece.start, strict=True)
        )
        return output.contiguous(), tuple(end.contiguous() for end in ends)


class Together(Intervention):
    """Holds units in several layers and directions at once."""

    def __init__(self, held: Mapping[Place, HeldUnits]) -> None:
        self._held = held

    def layer(self, piece: Piece) -> tuple[Tensor, State]:
        """See `Intervention.layer`."""
        units = self._held.get(piece.place)
        return super().layer(piece) if units is None else units.layer(piece)


def held_units(
    picked: Sequence[tuple[Place, int]], means: Mapping[Place, Mean], *, recurrence: bool
) -> Together:
    """Return what holds these units, of any layers and directions, at their means."""
    return Together({
        place: HeldUnits(
            place, [n for of, n in picked if of == place], means[place], recurrence=recurrence
        )
        for place in {of for of, _ in picked}
    })  # fmt: skip


def _projection(piece: Piece) -> Tensor | None:
    return piece.network.parameters[0][0].W_hr


def _given(found: PassResult) -> Tensor:
    """Return what the units of a projected LSTM give before the projection, `[T, B, H]`."""
    assert found.gates is not None
    return (found.gates["output"] * torch.tanh(found.gates["cell"]))[0, 0]


def _mean(values: Tensor) -> Tensor:
    """Return the mean over all but the units; NaN is padding."""
    return values.double().flatten(0, -2).nanmean(dim=0)


def _last(values: Tensor, piece: Piece) -> Tensor:
    """Return `values [T, B, P]` at the step that the direction takes last, `[B, P]`."""
    if piece.place.direction == 1:
        return values[0]
    if piece.lengths is None:
        return values[-1]
    ends = (piece.lengths - 1).clamp(min=0).to(values.device)
    return values[ends, torch.arange(values.shape[1], device=values.device)]


def _shifted(weights: Parameters, by: Tensor) -> Parameters:
    """Return parameters whose recurrent bias has grown by a vector `[G*H]`."""
    zero = torch.zeros_like(by)
    b_ih = zero if weights.b_ih is None else weights.b_ih
    return replace(weights, b_ih=b_ih, b_hh=by if weights.b_hh is None else weights.b_hh + by)
