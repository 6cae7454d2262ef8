"""One step backward through a cell: closed forms for four cells, differentiation for every other.

Sizes: N samples, K rows of a Jacobian or probes, C lags at a time, H hidden units, P projected units,
G blocks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import linear

from gatewise.engines.heads import backwards, of_input, recurrent
from gatewise.errors import InputError
from gatewise.memory.gradients._strand import Index, Samples, StateChoice, Strand

CHUNK = 2**18
"""Numbers of one gate turned into float64 coefficients at a time: 2 MiB each."""

Adjoint = tuple[Tensor, ...]
Coefficients = dict[str, Tensor]


class _Transition(ABC):
    """One step backward of a cell: what multiplies the adjoint, from the gates of that step."""

    def __init__(self, strand: Strand, state: StateChoice) -> None:
        self.strand = strand
        self.weights = strand.parameters.W_hh
        self.state = state

    def begin(self, seeds: Tensor) -> Adjoint:
        """Return the adjoint of the last step's state, h first."""
        return (seeds,)

    def fold(self, adjoint: Adjoint, step: Coefficients) -> tuple[Adjoint, Tensor]:
        """Return the adjoint as `back` takes it, and the part to show `[N, K, S]`."""
        return adjoint, adjoint[0]

    @abstractmethod
    def back(self, adjoint: Adjoint, step: Coefficients) -> Adjoint:
        """Return the adjoint of the state one step earlier."""

    @abstractmethod
    def factors(self, now: Index, before: Index) -> Coefficients:
        """Return what `back` needs of the steps `now`, each `[C, N, *]`, and of those before them."""

    def steps(self, samples: Samples, max_lag: int) -> Iterator[tuple[int, Coefficients]]:
        """Yield each lag with its factors `[N, 1, *]`, formed some lags at a time."""
        size = max(1, CHUNK // max(1, len(samples.rows) * self.strand.hidden_size))
        for first in range(0, max_lag + 1, size):
            lags = torch.arange(first, min(first + size, max_lag + 1), device="cpu")[:, None]
            found = self.factors(samples.at(lags), samples.at(lags + 1))
            factors = {name: value.unsqueeze(2).unbind(0) for name, value in found.items()}
            for place in range(len(lags)):
                yield first + place, {name: value[place] for name, value in factors.items()}


class _Closed(_Transition):
    """A step whose Jacobian is a closed form of its gates."""

    def factors(self, now: Index, before: Index) -> Coefficients:
        """Return the coefficients of the steps `now`."""
        return self.coefficients(self._gathered(now), self._gathered(before))

    @abstractmethod
    def coefficients(self, now: dict[str, Tensor], before: dict[str, Tensor]) -> Coefficients:
        """Return the factors of steps `[C, N, *]` from their gates and the states before them."""

    def _gathered(self, index: Index) -> dict[str, Tensor]:
        return {name: value[index].double() for name, value in self.strand.gates.items()}


class _LSTM(_Closed):
    def begin(self, seeds: Tensor) -> Adjoint:
        P = self.weights.shape[1]
        if self.state == "full":
            return seeds[..., :P], seeds[..., P:]
        return seeds.new_zeros(*seeds.shape[:2], P), seeds

    def fold(self, adjoint: Adjoint, step: Coefficients) -> tuple[Adjoint, Tensor]:
        h, c = adjoint
        W_hr = self.strand.parameters.W_hr
        read = h if W_hr is None else h @ W_hr  # on o * tanh(c)
        total = torch.addcmul(c, read, step["read"])
        shown = total if self.state == "cell" else torch.cat(adjoint, dim=-1)
        return (read, total), shown

    def back(self, adjoint: Adjoint, step: Coefficients) -> Adjoint:
        read, c = adjoint
        summed = torch.cat([c, c, c, read], dim=-1) * step["summed"]
        return summed @ self.weights, c * step["keep"]

    def coefficients(self, now: dict[str, Tensor], before: dict[str, Tensor]) -> Coefficients:
        i, f, g, o = (now[name] for name in self.strand.spec.packing)
        squashed = now["cell"].tanh()
        summed = [
            g * i * (1 - i),
            before["cell"] * f * (1 - f),
            i * (1 - g * g),
            squashed * o * (1 - o),
        ]
        return {
            "summed": torch.cat(summed, dim=-1),
            "keep": f,
            "read": o * (1 - squashed * squashed),
        }


class _GRU(_Closed):
    def back(self, adjoint: Adjoint, step: Coefficients) -> Adjoint:
        (h,) = adjoint
        return (
            torch.addcmul(
                (torch.cat([h, h, h], dim=-1) * step["summed"]) @ self.weights, h, step["keep"]
            ),
        )

    def coefficients(self, now: dict[str, Tensor], before: dict[str, Tensor]) -> Coefficients:
        r, z, n = (now[name] for name in self.strand.spec.packing)
        rows = self.strand.spec.slice("candidate", self.strand.hidden_size)
        bias = self.strand.parameters.b_hh
        recurrent = linear(
            before["hidden"], self.weights[rows], None if bias is None else bias[rows]
        )
        onto_n = (1 - z) * (1 - n * n)
        summed = [
            onto_n * recurrent * r * (1 - r),
            (before["hidden"] - n) * z * (1 - z),
            onto_n * r,
        ]
        return {"summed": torch.cat(summed, dim=-1), "keep": z}


class _RNN(_Closed):
    def back(self, adjoint: Adjoint, step: Coefficients) -> Adjoint:
        return ((adjoint[0] * step["slope"]) @ self.weights,)

    def coefficients(self, now: dict[str, Tensor], before: dict[str, Tensor]) -> Coefficients:
        h = now["hidden"]
        return {"slope": (h > 0).double() if self.strand.spec.name == "rnn_relu" else 1 - h * h}


class _Differentiated(_Transition):
    """Any cell, by differentiating its own step at the recorded states and the layer's inputs.

    The products with W_hh, which take the time of wide layers, are as many as in a closed form. Raises
    InputError for a strand without inputs.
    """

    def __init__(self, strand: Strand, state: StateChoice) -> None:
        super().__init__(strand, state)
        if strand.inputs is None:
            raise InputError(
                f"the Jacobian of the cell {strand.spec.name!r} is no closed form of its gates: give "
                "the layer's inputs too"
            )
        self.inputs = strand.inputs
        with torch.inference_mode(False):  # what is made there cannot be differentiated
            self.parameters = strand.parameters.map(torch.clone)

    def begin(self, seeds: Tensor) -> Adjoint:
        """Return the adjoint of the last step's states."""
        sizes = self.strand.sizes
        if self.state == "full":
            return torch.split(seeds, sizes, dim=-1)
        parts = [seeds.new_zeros(*seeds.shape[:2], size) for size in sizes]
        parts[self.strand.carrier] = seeds
        return tuple(parts)

    def fold(self, adjoint: Adjoint, step: Coefficients) -> tuple[Adjoint, Tensor]:
        """Return the adjoint one step earlier already, and the part to show.

        With `state="cell"` the other states follow the carrier within the step (LSTM: h_t = o_t
        tanh(c_t)): what reaches them reaches it too, and autograd meets that sum on its way back.
        """
        lead = adjoint[0].shape[:2]
        held = adjoint[self.strand.carrier]
        whole = torch.cat(adjoint, dim=-1)
        with torch.inference_mode(False), torch.enable_grad():
            wx, rh, *states = (value.expand(*lead, -1).detach().clone() for value in step.values())
            leaves = [leaf.requires_grad_() for leaf in (rh, *states)]
            after, _ = self.strand.spec.step(wx, rh, tuple(states), self.parameters)
            reached = [pair for pair in zip(after, adjoint, strict=True) if pair[0].requires_grad]
            if not reached:  # a cell that remembers nothing
                back = tuple(torch.zeros_like(part) for part in adjoint)
                return back, whole if self.state == "full" else held
            carrier = after[self.strand.carrier]
            found = torch.autograd.grad(
                [state for state, _ in reached],
                [*leaves, *([carrier] if carrier.requires_grad else [])],
                [part for _, part in reached],
                materialize_grads=True,
                allow_unused=True,
            )
        onto_rh, onto_hidden, *others = found[: len(leaves)]
        onto_carrier = (*found[len(leaves) :], held)[0]
        shown = whole if self.state == "full" else onto_carrier
        onto_before = onto_hidden + backwards(self.weights, onto_rh, onto_hidden.shape[-1])
        return (onto_before, *others), shown

    def back(self, adjoint: Adjoint, step: Coefficients) -> Adjoint:
        """Return the adjoint as it is: `fold` has gone back."""
        return adjoint

    def factors(self, now: Index, before: Index) -> Coefficients:
        """Return `wx`, `rh` and the states that the steps `now` began with, in that order."""
        weights = self.parameters
        b_ih, b_hh = self.strand.spec.biases(weights)
        times, rows = now
        first = (times == 0).unsqueeze(-1)
        states = []
        for place, name in enumerate(self.strand.spec.states):
            state = self.strand.gates[name][before].double()
            start = self.strand.start
            if start is None:
                initial = torch.full_like(state, self.strand.spec.starts.get(name, 0.0))
            else:
                initial = start[place][rows].double()
            states.append(torch.where(first, initial, state))
        return {
            "W_ih x": of_input(weights.W_ih, self.inputs[now].double(), b_ih, states[0].shape[-1]),
            "W_hh h": recurrent(weights.W_hh, states[0], b_hh),
            **dict(zip(self.strand.spec.states, states, strict=True)),
        }


CLOSED: dict[str, type[_Closed]] = {
    "lstm": _LSTM,
    "gru": _GRU,
    "rnn_tanh": _RNN,
    "rnn_relu": _RNN,
}
"""The cells whose step backward is a closed form."""


def transition_of(strand: Strand, state: StateChoice) -> _Transition:
    """Return one step backward of a strand's cell: its closed form, else its step differentiated."""
    return CLOSED.get(strand.spec.name, _Differentiated)(strand, state)
