"""How the hidden states of a sequence become what a head reads: its read.

Sizes: T steps, B sequences, D directions, H hidden units. States are `[T, B, D*H]`, forward before
backward, and 0 past each sequence's end; of a sequence without steps every read is 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class LastRead(nn.Module):
    """The last state of each direction: forward at a sequence's own end, backward at its first step."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return `[B, D*H]` of the states `[T, B, D*H]`."""
        ends = (lengths - 1).clamp(min=0).to(states.device, non_blocking=True)
        rows = torch.arange(len(ends), device=states.device)
        forward = states[ends, rows, : self.hidden_size]
        return torch.cat([forward, states[0, :, self.hidden_size :]], dim=-1)

    def of_ends(self, end: Any) -> Tensor:
        """Return the same of the state that a layer ends with, h `[D, B, H]` or a tuple that h begins.

        No gradient then goes by way of all steps: in training that saves a pass over `[T, B, D*H]`.
        """
        hidden: Tensor = end[0] if isinstance(end, tuple) else end
        return torch.cat(list(hidden), dim=-1)


class MeanRead(nn.Module):
    """The mean over a sequence's own steps."""

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return `[B, D*H]` of the states `[T, B, D*H]`."""
        counts = lengths.clamp(min=1).unsqueeze(1)
        return states.sum(0) / counts.to(states.device, non_blocking=True)


class MaxRead(nn.Module):
    """The largest value of each unit over a sequence's own steps."""

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return `[B, D*H]` of the states `[T, B, D*H]`."""
        inside = steps_inside(states, lengths)
        largest = states.masked_fill(~inside, -torch.inf).amax(0)
        return torch.where(inside.any(0), largest, 0.0)


class AttentionRead(nn.Module):
    """A mean weighted by what a sequence holds: softmax over its steps of `v . tanh(W h + b)`.

    The additive scores of Bahdanau, Cho and Bengio (2015, appendix A.1.2) without a query, as Yang et
    al. (2016, eqs. 5-7) use them to read a sentence.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        options: Any = {"device": "cpu", "dtype": torch.float32}
        self.hidden = nn.Linear(size, size, **options)
        self.score = nn.Linear(size, 1, bias=False, **options)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return `[B, D*H]` of the states `[T, B, D*H]`."""
        return (self.weights(states, lengths) * states).sum(0)

    def weights(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return the weight of every step, `[T, B, 1]`: of a sequence together 1, 0 past its end."""
        scores: Tensor = self.score(torch.tanh(self.hidden(states)))
        # a sequence without steps keeps its first, whose state is 0: nothing is divided by 0
        inside = steps_inside(states, lengths.clamp(min=1))
        return scores.masked_fill(~inside, -torch.inf).softmax(0)


class EveryRead(nn.Module):
    """The state of every step, for an answer at each."""

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return the states `[T, B, D*H]` as they are."""
        return states


def read_named(name: str, hidden_size: int, directions: int) -> nn.Module:
    """Return the read of that name: "last", "mean", "max", "attention" or "every"."""
    if name == "last":
        return LastRead(hidden_size)
    if name == "attention":
        return AttentionRead(hidden_size * directions)
    return {"mean": MeanRead, "max": MaxRead, "every": EveryRead}[name]()


def steps_inside(states: Tensor, lengths: Tensor) -> Tensor:
    """Return which steps lie before their sequence's end, `[T, B, 1]`."""
    steps = torch.arange(len(states), device=states.device)
    ends = lengths.to(states.device, non_blocking=True)
    return (steps.unsqueeze(1) < ends).unsqueeze(2)
