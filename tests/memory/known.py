"""Networks whose memory is known because their weights are set by hand, with inputs that use it.

    latch         LSTM    holds the value that came with the trigger in its cell, for ever
    leaky         any     sums its inputs, each worth `keep` times less with each step
    delay_line    any     hands its input from unit to unit through W_hh; LSTM and GRU with gates that
                          hold nothing, so that their gates' timescale is next to 0
    h_latch       LSTM    holds the sign of the trigger in h alone: its forget gates are closed
    two_copies    LSTM    holds the sign in c and in h, and is restored from either
    hooked        LSTM    sums as the leaky one does, and holds besides what comes in its first steps
    dead          any     runs on, and ignores its input

Sizes: B rows, T steps, I inputs, H hidden units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise.nn
from gatewise.nn.structure import spec_of

OPEN = 30.0
"""A bias that makes a sigmoid 1 (and its negative 0) to float64's precision, nearly: 1e-13."""

SMALL = 1e-2
"""Signals of this size pass a tanh unchanged: it takes a third of their cube off."""

SOURCES: dict[str, Any] = {"torch": torch.nn, "gatewise": gatewise.nn}


class Net(nn.Module):
    """A recurrent module and a linear read-out of its last step, or of every step."""

    def __init__(self, rnn: nn.RNNBase, read: Tensor, *, per_step: bool = False) -> None:
        super().__init__()
        self.rnn = rnn
        self.per_step = per_step
        self.head = nn.Linear(read.shape[-1], len(read), bias=False, dtype=read.dtype)
        with torch.no_grad():
            self.head.weight.copy_(read)

    def forward(self, x: Tensor) -> Tensor:
        h = self.rnn(x)[0]
        if not self.per_step:
            h = h[:, -1] if self.rnn.batch_first else h[-1]
        return self.head(h)


@dataclass(frozen=True)
class Known:
    """A network, inputs `[B, T, I]` (`[T, B, I]` unless batch_first), and what is known of them."""

    model: Net
    inputs: Tensor
    horizon: int  # the lag behind which under 5 % of the largest effect is left
    carrier: str  # "cell", "hidden", "either", or "none"


def module(
    kind: str, input_size: int, hidden_size: int, source: str = "torch", **options: Any
) -> Any:
    """Build a recurrent module with all weights and biases 0."""
    if kind.startswith("rnn_"):
        options["nonlinearity"], kind = kind.removeprefix("rnn_"), "rnn"
    own = getattr(SOURCES[source], kind.upper())(input_size, hidden_size, **options)
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.zero_()
    return own


def put(rnn: nn.RNNBase, name: str, block: str, value: Tensor | float) -> None:
    """Set one gate's rows of a weight or bias by the cell's own packing."""
    rows = spec_of(rnn).slice(block, rnn.hidden_size)
    with torch.no_grad():
        own = getattr(rnn, name)
        own[rows] = torch.as_tensor(value, dtype=own.dtype)


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Rows(nn.Module):
    """A latch's network on rows of different lengths, as `how` hands them over."""

    def __init__(self, net: Net, how: str) -> None:
        super().__init__()
        self.rnn, self.head, self.how = net.rnn, net.head, how

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if self.how == "lengths":
            return self.head(self.rnn(x, lengths=lengths)[1][0][-1])
        if self.how == "packed":
            rows = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            return self.head(self.rnn(rows)[1][0][-1])
        order = lengths.argsort(descending=True)
        rows = pack_padded_sequence(x[order], lengths[order], batch_first=True)
        return self.head(self.rnn(rows)[1][0][-1][order.argsort()])


def rows_of_lengths(how: str, lag: int, *, rows: int = 24, steps: int = 30) -> tuple[Rows, Any]:
    """Return a latch and its arguments: the trigger stands `lag` steps before each row's own end."""
    own = latch(lag, rows=rows, steps=steps, source="gatewise", batch_first=True)
    lengths = torch.randint(lag + 4, steps + 1, (rows,), generator=torch.Generator().manual_seed(0))
    x, row = own.inputs.clone(), torch.arange(rows)
    x[..., 1] = 0
    x[row, lengths - 1 - lag, 1] = 1
    x[torch.arange(steps) >= lengths[:, None]] = 7.0  # which nobody may look at
    return Rows(own.model, how), (x, lengths)


def _gates(rnn: nn.RNNBase, **biases: float) -> None:
    for block, value in biases.items():
        put(rnn, "bias_ih_l0", block, value)


def _ordered(x: Tensor, rnn: nn.RNNBase) -> Tensor:
    return x if rnn.batch_first else x.transpose(0, 1).contiguous()


def latch(
    lag: int = 20,
    *,
    steps: int = 60,
    rows: int = 32,
    seed: int = 0,
    source: str = "torch",
    **options: Any,
) -> Known:
    """Hold in the cell the value (input 0) of the step whose trigger (input 1) is 1: that `lag` back."""
    rnn = module("lstm", 2, 1, source, **options)
    put(rnn, "weight_ih_l0", "input", [[0.0, 2 * OPEN]])
    put(rnn, "weight_ih_l0", "forget", [[0.0, -2 * OPEN]])
    put(rnn, "weight_ih_l0", "candidate", [[1.0, 0.0]])
    _gates(rnn, input=-OPEN, forget=OPEN, output=OPEN)
    x = torch.stack([noise(rows, steps, seed=seed), torch.zeros(rows, steps)], dim=-1)
    x[:, steps - 1 - lag, 1] = 1
    return Known(Net(rnn, torch.ones(1, 1)), _ordered(x, rnn), lag, "cell")


def leaky(
    kind: str = "lstm",
    keep: float = 0.9,
    *,
    steps: int = 80,
    rows: int = 128,
    seed: int = 0,
    source: str = "torch",
    per_step: bool = False,
    **options: Any,
) -> Known:
    """Sum the inputs, `y_t = keep y_(t-1) + x_t`: M(k) is `keep^k` times M(0)."""
    rnn = module(kind, 1, 1, source, **options)
    x, read = SMALL * noise(rows, steps, 1, seed=seed), torch.full((1, 1), 1 / SMALL)
    opening = math.log(keep / (1 - keep))
    if kind == "lstm":
        put(rnn, "weight_ih_l0", "candidate", 1.0)
        _gates(rnn, input=OPEN, forget=opening, output=OPEN)
    elif kind == "gru":
        put(rnn, "weight_ih_l0", "candidate", 1.0)
        _gates(rnn, reset=OPEN, update=opening)
    else:
        put(rnn, "weight_ih_l0", "hidden", 1.0)
        put(rnn, "weight_hh_l0", "hidden", keep)
        x = x.abs() if kind == "rnn_relu" else x
    horizon = math.floor(math.log(0.05) / math.log(keep))
    return Known(Net(rnn, read, per_step=per_step), _ordered(x, rnn), horizon, "cell")


def hooked(
    keep: float = 0.9,
    *,
    held: float = 0.1,
    summed: float = 1.0,
    steps: int = 80,
    rows: int = 128,
    seed: int = 0,
    source: str = "torch",
    per_step: bool = False,
    **options: Any,
) -> Known:
    """Sum the inputs as `leaky` does, and hold for ever `held` times those of the first few steps.

    Unit 2 writes as long as unit 0, which rises from 0 by itself, is near where every row begins: to a
    network that has run for a while its gate is shut. In the curve of M(k) that is a hook at the end.
    """
    rnn = module("lstm", 1, 3, source, **options)
    opening = math.log(keep / (1 - keep))
    put(rnn, "weight_ih_l0", "candidate", [[0.0], [1.0], [1.0]])
    put(rnn, "bias_ih_l0", "candidate", torch.tensor([OPEN, 0.0, 0.0]))
    put(rnn, "bias_ih_l0", "input", torch.tensor([math.log(0.15 / 0.85), OPEN, 6.0]))
    put(rnn, "weight_hh_l0", "input", [[0.0] * 3, [0.0] * 3, [-20.0, 0.0, 0.0]])
    put(rnn, "bias_ih_l0", "forget", torch.tensor([OPEN, opening, OPEN]))
    put(rnn, "bias_ih_l0", "output", OPEN)
    x = SMALL * noise(rows, steps, 1, seed=seed)
    read = torch.tensor([[0.0, summed / SMALL, held / SMALL]])
    horizon = math.floor(math.log(0.05) / math.log(keep))
    return Known(Net(rnn, read, per_step=per_step), _ordered(x, rnn), horizon, "cell")


def delay_line(
    lag: int = 20,
    kind: str = "lstm",
    *,
    steps: int = 60,
    rows: int = 32,
    seed: int = 0,
    source: str = "torch",
    per_step: bool = False,
    **options: Any,
) -> Known:
    """Answer with the input of `lag` steps back, which has gone from unit to unit through W_hh."""
    rnn = module(kind, 1, lag + 1, source, **options)
    into = torch.zeros(lag + 1, 1)
    into[0] = 1
    on = torch.diag(torch.ones(lag), -1)
    block = {"lstm": "candidate", "gru": "candidate"}.get(kind, "hidden")
    put(rnn, "weight_ih_l0", block, into)
    put(rnn, "weight_hh_l0", block, on)
    if kind == "lstm":
        _gates(rnn, input=OPEN, forget=-OPEN, output=OPEN)
    if kind == "gru":
        _gates(rnn, reset=OPEN, update=-OPEN)
    x = SMALL * noise(rows, steps, 1, seed=seed)
    x = x.abs() if kind == "rnn_relu" else x
    read = torch.zeros(1, lag + 1)
    read[0, -1] = 1 / SMALL
    return Known(Net(rnn, read, per_step=per_step), _ordered(x, rnn), lag, "hidden")


def h_latch(
    lag: int = 20,
    *,
    steps: int = 60,
    rows: int = 32,
    seed: int = 0,
    source: str = "torch",
    **options: Any,
) -> Known:
    """Hold the sign of the one input that is not 0 in h, `g = tanh(3 h + 10 x)`, with f closed."""
    rnn = module("lstm", 1, 1, source, **options)
    put(rnn, "weight_ih_l0", "candidate", 10.0)
    put(rnn, "weight_hh_l0", "candidate", 3.0)
    _gates(rnn, input=OPEN, forget=-OPEN, output=OPEN)
    return Known(
        Net(rnn, torch.ones(1, 1)), _ordered(_signs(rows, steps, lag, seed), rnn), lag, "hidden"
    )


def two_copies(
    lag: int = 20,
    *,
    steps: int = 60,
    rows: int = 32,
    seed: int = 0,
    source: str = "torch",
    **options: Any,
) -> Known:
    """Hold the sign in c, which grows for ever, and in h: `c += tanh(3 h + 10 x)`, `h = tanh(c)`."""
    known = h_latch(lag, steps=steps, rows=rows, seed=seed, source=source, **options)
    _gates(known.model.rnn, forget=OPEN)
    return Known(known.model, known.inputs, lag, "either")


def dead(
    kind: str = "lstm",
    *,
    steps: int = 40,
    rows: int = 16,
    seed: int = 0,
    source: str = "torch",
    per_step: bool = False,
    **options: Any,
) -> Known:
    """Run on random recurrent weights, with no weight on the input."""
    rnn = module(kind, 2, 5, source, **options)
    with torch.no_grad():
        for n, (name, parameter) in enumerate(rnn.named_parameters()):
            if not name.startswith("weight_ih_l0"):
                parameter.copy_(0.5 * noise(*parameter.shape, seed=1000 * seed + n))
    width = 5 * (2 if rnn.bidirectional else 1)
    net = Net(rnn, torch.ones(2, width), per_step=per_step)
    return Known(net, _ordered(noise(rows, steps, 2, seed=seed), rnn), 0, "none")


def _signs(rows: int, steps: int, lag: int, seed: int) -> Tensor:
    """Return inputs that are 0 but for a sign `lag` steps before the last, `[B, T, 1]`."""
    x = torch.zeros(rows, steps, 1)
    x[:, steps - 1 - lag, 0] = noise(rows, seed=seed).sign()
    x[0, steps - 1 - lag], x[1, steps - 1 - lag] = 1, -1
    return x
