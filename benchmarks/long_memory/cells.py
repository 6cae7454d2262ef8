"""The cells that are compared, and how those start for which `gw.init.long_memory` is not made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn

import gatewise as gw
from benchmarks.long_memory.delay import DelayMemory
from gatewise.cells import CELLS as EQUATIONS
from studies.enhancer.task import Reader

CELLS: Mapping[str, Callable[[int, int], nn.Module]] = {
    "lstm": gw.LSTM,
    "gru": gw.GRU,
    "slstm": gw.SLSTM,
    "rnn": gw.RNN,
    "rnn, identity": partial(gw.RNN, nonlinearity="relu"),
    "delay": DelayMemory,
}
"""All with 16 units, and the delay memory with as many coefficients."""


class Lengths(gw.LengthCurriculum):
    """A schedule of lengths alone; `follow(before, now)` is called whenever the length grows."""

    def __init__(
        self, final: int, start: int, follow: Callable[[int, int], None] = lambda before, now: None
    ) -> None:
        super().__init__(
            gw.LSTM(1, 1), final, start=start, last_streak=6
        )  # whose biases nobody needs
        self._follow = follow

    def step(self, solved: bool) -> bool:
        """Take note of a batch, as the schedule does."""
        before = self.length
        grown = super().step(solved)
        if grown:
            with torch.no_grad():
                self._follow(before, self.length)
        return grown


def of_slstm(model: Reader, final: int, start: int, draws: torch.Generator) -> Lengths:
    """Start an sLSTM as an LSTM is started, where it has the same gates, and return its schedule.

    What is kept of a step is its weight by that of all others, so nothing is shut as lengths grow:
    what the exponential gate hears of the input grows with the logarithm of the length instead.
    """
    units, named = model.head.in_features, _weights(model)
    rows = {
        name: slice(k * units, (k + 1) * units) for k, name in enumerate(EQUATIONS["slstm"].packing)
    }
    named["weight_hh_l0"].zero_()
    keeps = torch.empty(units).uniform_(final, 10 * final, generator=draws).log()
    named["weight_ih_l0"][rows["forget"]] = 0.0
    named["bias_ih_l0"][rows["forget"]] = keeps
    named["bias_hh_l0"][rows["forget"]] = 0.0

    def louder(before: int, now: int) -> None:
        named["weight_ih_l0"][rows["input"]] *= math.log(now) / math.log(before)

    return Lengths(final, start, louder)


def of_identity(model: Reader, final: int, start: int, draws: torch.Generator) -> Lengths:
    """Start an RNN with relu from the identity (Le, Jaitly & Hinton 2015), and return its schedule."""
    named = _weights(model)
    nn.init.eye_(named["weight_hh_l0"])
    named["bias_ih_l0"].zero_()
    named["bias_hh_l0"].zero_()
    named["weight_ih_l0"].mul_(0.004)  # of deviation .001, as they have it
    return Lengths(final, start)


def of_delay(model: Reader, final: int, start: int, draws: torch.Generator) -> Lengths:
    """Make a delay memory for the present length, and return the schedule by which that grows."""
    layer = model.layer
    assert isinstance(layer, DelayMemory)
    layer.window = start

    def wider(before: int, now: int) -> None:
        layer.window = now

    return Lengths(final, start, wider)


def of_lengths(model: Reader, final: int, start: int, draws: torch.Generator) -> Lengths:
    """Leave the start as it is, and return a schedule of lengths."""
    return Lengths(final, start)


def _weights(model: Reader) -> dict[str, torch.Tensor]:
    return {name: weight.detach() for name, weight in model.layer.named_parameters()}
