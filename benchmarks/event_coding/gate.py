"""The gate of the study as a coder: a network that sees the series learns when to send, at a price.

A GRU sees the value, its change and the error of what the decoder holds, and opens or shuts: where it
opens the value is sent, and the decoder holds it. The loss is (error)^2 + kappa, for a sending, in the
series' variance; the gate is hard from the start, with the soft gate's gradient
(straight-through; Bengio, Leonard and Courville 2013, "Estimating or propagating gradients through
stochastic neurons"). Prices are drawn afresh for each row: one network serves all. It has no bound.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from benchmarks.event_coding.messages import Coded, changes, signed
from gatewise.typing import Array

HIDDEN = 16
KAPPAS = (1e-4, 3.0)
INPUTS = 6
ROWS, STEPS = 128, 64
FLOOR = 1e-4
"""Added to an error's square in prices before its logarithm."""


class Gate(torch.nn.Module):
    """A GRU and a logit."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = torch.nn.GRUCell(INPUTS, HIDDEN)
        self.head = torch.nn.Linear(HIDDEN + INPUTS, 1)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gate's logit `[B]` and the state."""
        h = self.cell(x, h)
        return self.head(torch.cat((x, h), 1))[:, 0], h


def inputs(value: Tensor, before: Tensor, held: Tensor, kappa: Tensor, scale: float) -> Tensor:
    """Return what the gate sees `[B, 6]`; errors and changes on a scale that is fine near 0."""
    error = value - held
    # the error of a step, weighed against the price: squared it may be as dear as a message
    fine = torch.log(error.square() / kappa + FLOOR) / 4
    rise = torch.asinh((value - before) / scale)
    return torch.stack(
        (fine, torch.asinh(error / scale), rise, error.sign() * rise, value, kappa.log() / 4), 1
    )


def train(x: Array, scale: float, seed: int, updates: int) -> Gate:
    """Return a gate that was trained on a series."""
    torch.manual_seed(seed)
    net = Gate()
    adam = torch.optim.Adam(net.parameters(), lr=0.01)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, updates)
    draws = torch.Generator().manual_seed(seed + 1)
    series = torch.tensor(x, dtype=torch.float32)
    low, high = map(math.log, KAPPAS)
    for _ in range(updates):
        begin = torch.randint(1, len(series) - STEPS, (ROWS,), generator=draws)
        kappa = torch.exp(low + (high - low) * torch.rand(ROWS, generator=draws))
        held, before = series[begin - 1], series[begin - 1]
        h = torch.zeros(ROWS, HIDDEN)
        terms = []
        for t in range(STEPS):
            value = series[begin + t]
            logit, h = net(inputs(value, before, held, kappa, scale), h)
            soft = torch.sigmoid(logit)
            gate = soft + ((logit > 0).float() - soft).detach()
            held = held + gate * (value - held)
            # over the price's root: dear and cheap rows weigh alike
            terms.append(((value - held).square() + kappa * gate) / kappa.sqrt())
            before = value
        adam.zero_grad()
        torch.autograd.backward(torch.stack(terms).mean())
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        rate.step()
    return net


def code(x: Array, net: Gate, kappa: float, scale: float, share: float) -> Coded:
    """Return what the gate sends at a price; the step's half is a share of the price's root."""
    step = 2 * share * math.sqrt(kappa)
    a = {name: tensor.double().numpy() for name, tensor in net.state_dict().items()}
    h = np.zeros(HIDDEN)
    held, before = 0, float(x[0])
    at, sent, values = [], [], np.empty(len(x))
    for t, value in enumerate(x.tolist()):
        error, rise = value - held * step, math.asinh((value - before) / scale)
        seen = np.array(
            [
                math.log(error**2 / kappa + FLOOR) / 4,
                math.asinh(error / scale),
                rise,
                np.sign(error) * rise,
                value,
                math.log(kappa) / 4,
            ]
        )
        gi = a["cell.weight_ih"] @ seen + a["cell.bias_ih"]
        gh = a["cell.weight_hh"] @ h + a["cell.bias_hh"]
        reset, update = 1 / (1 + np.exp(-(gi + gh)[: 2 * HIDDEN].reshape(2, HIDDEN)))
        new = np.tanh(gi[2 * HIDDEN :] + reset * gh[2 * HIDDEN :])
        h = (1 - update) * new + update * h
        if float((a["head.weight"] @ np.concatenate((seen, h)) + a["head.bias"])[0]) > 0:
            held = round(value / step)
            at.append(t)
            sent.append(held)
        values[t] = held * step
        before = value
    return Coded(values, np.array(at, np.int64), (signed(changes(sent)),))
