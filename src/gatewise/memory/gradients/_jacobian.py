"""Jacobians of a recurrent layer's state through time, from recorded gates and the weights alone.

A step's Jacobian is a closed form of the gates, so a product of thousands needs neither a graph nor
another pass of the network. For the LSTM, with f, i, g, o the gates and U_* their blocks of W_hh
(Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", equation
5, with the states of Gers, Schmidhuber & Cummins 2000):

    dc_s = D(f_s) dc_(s-1) + A_s dh_(s-1)
    dh_s = D(o_s (1 - tanh^2 c_s)) dc_s + D(tanh(c_s) o_s (1 - o_s)) U_o dh_(s-1)     (W_hr times it)
    A_s  = D(c_(s-1) f_s (1 - f_s)) U_f + D(g_s i_s (1 - i_s)) U_i + D(i_s (1 - g_s^2)) U_g
    dc_T/dc_t = prod D(f_s) + sum_s [prod_(u>s) D(f_u)] A_s dh_(s-1)/dc_t

`dc_T/dc_t` is the total derivative: h_t follows c_t through the output gate of its own step. The GRU
(state h, torch's form, z keeps) and the RNN have one state. The product is built from the later end,
row by row, and every row carries its own logarithm of scale: nothing overflows or underflows.

Sizes: T steps, B rows of the batch, N samples (a row and a time), K rows of a Jacobian or probes, H
hidden units, P projected units, G blocks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import linear

from gatewise.cells import CellSpec, Parameters
from gatewise.engines import Gates
from gatewise.errors import InputError

State = Literal["cell", "full"]
CHUNK = 2**18
"""Numbers of one gate turned into float64 coefficients at a time: 2 MiB each."""


@dataclass(frozen=True)
class Strand:
    """One direction of one layer, its time running the way that the direction reads.

    Attributes:
        spec: The cell's equations.
        parameters: The weights, in float64 on the CPU.
        gates: Gates and states by name `[T, B, H]`, in the type they were recorded in, on the CPU;
            what lies past a row's end is arbitrary.
        lengths: int64 `[B]`.
    """

    spec: CellSpec
    parameters: Parameters
    gates: dict[str, Tensor]
    lengths: Tensor

    @classmethod
    def of(
        cls, spec: CellSpec, parameters: Parameters, gates: Gates, layer: int, direction: int
    ) -> Strand:
        """Take one direction (0 forward, 1 reverse) of one layer out of a record of gates.

        `gates` are `[L, D, T, B, H]` each, or `[L, D, T, H]`. Raises InputError for a cell without
        a closed form here, and for states that are not finite.
        """
        if spec.name not in TRANSITIONS:
            raise InputError(
                f"the cell {spec.name!r} has no closed Jacobian here; there are "
                f"{', '.join(TRANSITIONS)}"
            )
        lengths = gates.lengths.reshape(-1).cpu()
        own = {}
        for name, value in gates.items():
            one = value.detach()[layer, direction].cpu()
            own[name] = one if one.dim() == 3 else one.unsqueeze(1)
        _check_finite(own, spec.states, lengths)
        if direction == 1:
            own = {name: _turned(value, lengths) for name, value in own.items()}
        return cls(spec, _on_cpu(parameters), own, lengths)

    @property
    def hidden_size(self) -> int:
        """Return H."""
        return len(self.parameters.W_hh) // len(self.spec.packing)

    @property
    def state_size(self) -> int:
        """Return the units of the whole state: P + H for the LSTM, else H."""
        own = self.parameters.W_hh.shape[1]
        return own + self.hidden_size * (len(self.spec.states) - 1)

    @cached_property
    def log_keep(self) -> Tensor | None:
        """Return the logarithm of the gate that keeps, float64 `[T, B, H]`; None if there is none."""
        gate = self.spec.keep_gate
        return None if gate is None else self.gates[gate].double().log()


@dataclass(frozen=True)
class Samples:
    """The ends of the products: N pairs of a row and a time, and how far back each can be followed."""

    rows: Tensor  # int64 [N]
    times: Tensor  # int64 [N], in the strand's own direction

    def at(self, lag: Tensor) -> tuple[Tensor, Tensor]:
        """Return the index `(time, row)` of each sample at `lag [C, 1]` before its end, `[C, N]`."""
        return (self.times - lag).clamp(min=0), self.rows.expand(len(lag), -1)


def adjoints(
    strand: Strand, samples: Samples, seeds: Tensor, max_lag: int, state: State = "cell"
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield `v^T ds_T/ds_(T-k)` for k = 0 to `max_lag`: scaled rows, and the logarithm of the scale.

    `seeds [N, K, S]` are the v, on c_T for `state="cell"` (S = H; h_T for a cell with one state) and
    on the whole state for `"full"` (S = P + H, h before c). Each yield is `([N, K, S], [N, K])`. What
    comes at lags beyond a sample's time is meaningless.
    """
    transition = TRANSITIONS[strand.spec.name](strand, state)
    adjoint = transition.begin(seeds)
    scale = seeds.new_zeros(seeds.shape[:2])
    for lag, step in transition.steps(samples, max_lag):
        adjoint, shown = transition.fold(adjoint, step)
        yield shown, scale
        if lag == max_lag:
            return
        adjoint = transition.back(adjoint, step)
        size = torch.stack([part.abs().amax(dim=-1) for part in adjoint]).amax(dim=0)
        size = torch.where((size > 0) & size.isfinite(), size, 1.0)
        adjoint = tuple(part / size.unsqueeze(-1) for part in adjoint)
        scale = scale + size.log()


def log_direct(strand: Strand, samples: Samples, max_lag: int) -> Tensor:
    """Return the logarithm of the product of the keep gates `[max_lag + 1, N, H]`.

    At lag k it is that of f_T ... f_(T-k+1), 0 at lag 0: the part of dc_T/dc_(T-k) along the cell's
    own path. A cell without a gate that keeps has no such path: minus infinity from lag 1 on.
    """
    H, N = strand.hidden_size, len(samples.rows)
    start = torch.zeros(1, N, H, dtype=torch.float64, device="cpu")
    if strand.log_keep is None:
        return torch.cat([start, start.new_full((max_lag, N, H), -torch.inf)])
    index = samples.at(torch.arange(max_lag, device="cpu")[:, None])
    return torch.cat([start, strand.log_keep[index].cumsum(dim=0)])


def state_jacobian(
    strand: Strand, time: int, source: int, *, row: int = 0, state: State = "cell"
) -> tuple[Tensor, Tensor]:
    """Return `ds_time/ds_source` as rows `[S, S]` and the logarithm of each row's scale `[S]`.

    The matrix itself is `rows * scale.exp()[:, None]`. Both times are counted in the direction's own
    order; `state` is "cell" (c, with h a function of it) or "full" (h, then c).
    """
    if not 0 <= source <= time < int(strand.lengths[row]):
        raise InputError(
            f"times must hold 0 <= source <= time < {int(strand.lengths[row])}, the steps of row "
            f"{row}; got source={source}, time={time}"
        )
    size = strand.hidden_size if state == "cell" else strand.state_size
    samples = Samples(torch.tensor([row], device="cpu"), torch.tensor([time], device="cpu"))
    seeds = torch.eye(size, dtype=torch.float64, device="cpu")[None]
    *_, (rows, scale) = adjoints(strand, samples, seeds, time - source, state)
    return rows[0], scale[0]


Adjoint = tuple[Tensor, ...]
Step = dict[str, Tensor]


class _Transition(ABC):
    """One step backward of a cell: what multiplies the adjoint, from the gates of that step."""

    def __init__(self, strand: Strand, state: State) -> None:
        self.strand = strand
        self.weights = strand.parameters.W_hh
        self.state = state

    def begin(self, seeds: Tensor) -> Adjoint:
        """Return the adjoint of the last step's state, h first."""
        return (seeds,)

    def fold(self, adjoint: Adjoint, step: Step) -> tuple[Adjoint, Tensor]:
        """Return the adjoint as `back` takes it, and the part to show `[N, K, S]`."""
        return adjoint, adjoint[0]

    @abstractmethod
    def back(self, adjoint: Adjoint, step: Step) -> Adjoint:
        """Return the adjoint of the state one step earlier."""

    @abstractmethod
    def coefficients(self, now: dict[str, Tensor], before: dict[str, Tensor]) -> Step:
        """Return the factors of steps `[C, N, *]` from their gates and the states before them."""

    def steps(self, samples: Samples, max_lag: int) -> Iterator[tuple[int, Step]]:
        """Yield each lag with its factors `[N, 1, *]`, formed some lags at a time."""
        size = max(1, CHUNK // max(1, len(samples.rows) * self.strand.hidden_size))
        for first in range(0, max_lag + 1, size):
            lags = torch.arange(first, min(first + size, max_lag + 1), device="cpu")[:, None]
            now, before = self._gathered(samples.at(lags)), self._gathered(samples.at(lags + 1))
            factors = {
                name: value.unsqueeze(2).unbind(0)
                for name, value in self.coefficients(now, before).items()
            }
            for place in range(len(lags)):
                yield first + place, {name: value[place] for name, value in factors.items()}

    def _gathered(self, index: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        return {name: value[index].double() for name, value in self.strand.gates.items()}


class _LSTM(_Transition):
    def begin(self, seeds: Tensor) -> Adjoint:
        P = self.weights.shape[1]
        if self.state == "full":
            return seeds[..., :P], seeds[..., P:]
        return seeds.new_zeros(*seeds.shape[:2], P), seeds

    def fold(self, adjoint: Adjoint, step: Step) -> tuple[Adjoint, Tensor]:
        h, c = adjoint
        W_hr = self.strand.parameters.W_hr
        read = h if W_hr is None else h @ W_hr  # on o * tanh(c)
        total = torch.addcmul(c, read, step["read"])
        shown = total if self.state == "cell" else torch.cat(adjoint, dim=-1)
        return (read, total), shown

    def back(self, adjoint: Adjoint, step: Step) -> Adjoint:
        read, c = adjoint
        summed = torch.cat([c, c, c, read], dim=-1) * step["summed"]
        return summed @ self.weights, c * step["keep"]

    def coefficients(self, now: dict[str, Tensor], before: dict[str, Tensor]) -> Step:
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


class _GRU(_Transition):
    def back(self, adjoint: Adjoint, step: Step) -> Adjoint:
        (h,) = adjoint
        return (
            torch.addcmul(
                (torch.cat([h, h, h], dim=-1) * step["summed"]) @ self.weights, h, step["keep"]
            ),
        )

    def coefficients(self, now: dict[str, Tensor], before: dict[str, Tensor]) -> Step:
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


class _RNN(_Transition):
    def back(self, adjoint: Adjoint, step: Step) -> Adjoint:
        return ((adjoint[0] * step["slope"]) @ self.weights,)

    def coefficients(self, now: dict[str, Tensor], before: dict[str, Tensor]) -> Step:
        h = now["hidden"]
        return {"slope": (h > 0).double() if self.strand.spec.name == "rnn_relu" else 1 - h * h}


TRANSITIONS: dict[str, type[_Transition]] = {
    "lstm": _LSTM,
    "gru": _GRU,
    "rnn_tanh": _RNN,
    "rnn_relu": _RNN,
}
"""One step backward of each cell."""


def _check_finite(gates: Mapping[str, Tensor], states: Sequence[str], lengths: Tensor) -> None:
    """Raise InputError where a state `[T, B, H]` within its row is NaN or infinite."""
    valid = torch.arange(len(gates[states[0]]), device="cpu")[:, None] < lengths
    for name in states:
        bad = (valid & ~gates[name].isfinite().all(dim=-1)).nonzero()
        if len(bad):
            step, row = bad[0].tolist()
            raise InputError(
                f"the {name} state is not finite at step {step} of row {row}: the inputs hold such a "
                "value, or the network has diverged; leave the row out"
            )


def _turned(value: Tensor, lengths: Tensor) -> Tensor:
    """Return `value [T, B, H]` with each row's valid steps in reverse; the rest is arbitrary."""
    index = (lengths - 1 - torch.arange(len(value), device="cpu")[:, None]).clamp(min=0)  # [T, B]
    return value[index, torch.arange(value.shape[1], device="cpu")]


def _on_cpu(parameters: Parameters) -> Parameters:
    """Return detached weights in float64 on the CPU."""
    return parameters.map(lambda tensor: tensor.detach().cpu().double())
