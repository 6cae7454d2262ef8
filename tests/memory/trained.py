"""Networks trained in a second or so on delayed recall: what they remember is the task's, not by hand.

Sizes: B rows, T steps, H hidden units.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

import gatewise as gw

HIDDEN, STEPS, UPDATES, RATE = 16, 40, 600, 0.02


class Recall(nn.Module):
    """An LSTM that answers at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = gw.LSTM(1, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0])


def rows(count: int, steps: int, seed: int) -> Tensor:
    """Return inputs that say nothing of each other, uniform in (-1, 1), `[B, T, 1]`."""
    return 2 * torch.rand(count, steps, 1, generator=torch.Generator().manual_seed(seed)) - 1


def error(model: Recall, x: Tensor, lag: int) -> Tensor:
    """Return the mean squared error, as a share of the target's variance, which is 1/3."""
    return 3 * (model(x)[:, lag:] - x[:, :-lag]).square().mean()


@cache
def recall(lag: int, seed: int) -> Recall:
    """Return a network whose answer at a step is the input of `lag` steps before."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Recall()
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = OneCycleLR(optimizer, RATE, UPDATES)
    for update in range(UPDATES):
        optimizer.zero_grad()
        error(model, rows(32, STEPS, seed * UPDATES + update), lag).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()
