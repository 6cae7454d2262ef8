"""The task of several studies: say at the end what sign the first input had.

Sizes: T = lag + 1 steps, B rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

NOISE = 0.5
"""Standard deviation of what stands between the sign and the answer."""
SOLVED = 0.95
"""Share of right answers from which a lag counts as learnt."""


class Recall(nn.Module):
    """A recurrent layer of one input, and a linear answer at the last step."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer
        dtype = layer.get_parameter("weight_hh_l0").dtype
        self.head = nn.Linear(layer.hidden_size, 1, dtype=dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the answers `[B, 1]`, above 0 for a plus, to sequences `[T, B, 1]`."""
        answers: torch.Tensor = self.head(self.layer(x)[0][-1])
        return answers


def batch(
    lag: int, rows: int, draws: torch.Generator, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sequences `[T, B, 1]`, a sign and then noise, and whether it is a plus, `[B, 1]`."""
    x = NOISE * torch.randn(lag + 1, rows, 1, generator=draws, dtype=dtype)
    plus = torch.randint(0, 2, (rows, 1), generator=draws).to(dtype)
    x[0] = 2 * plus - 1
    return x, plus


@dataclass(frozen=True)
class Learning:
    """How a training went: the updates until the lag was learnt, None where it was not, and the end."""

    solved_after: int | None
    accuracy: float


def learn(
    model: Recall,
    lag: int,
    *,
    updates: int,
    rate: float,
    seed: int,
    rows: int = 32,
    every: int = 0,
    stop: bool = False,
    after: Callable[[], None] | None = None,
) -> Learning:
    """Train on fresh sequences with Adam; look at a thousand others at the end.

    With `every` it looks after so many updates too, and with `stop` it ends when the lag is learnt.
    `after` is called after each update, such as to hold weights where they are.
    """
    draws = torch.Generator().manual_seed(seed + 1)
    dtype = model.head.weight.dtype
    adam = torch.optim.Adam(model.parameters(), lr=rate)
    solved_after = None
    for update in range(1, updates + 1):
        x, plus = batch(lag, rows, draws, dtype)
        adam.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(x), plus)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        if after is not None:
            after()
        looks = every and update % every == 0 and solved_after is None
        if looks and accuracy(model, lag, seed) >= SOLVED:
            solved_after = update
            if stop:
                break
    return Learning(solved_after, accuracy(model, lag, seed))


def accuracy(model: Recall, lag: int, seed: int, rows: int = 1000) -> float:
    """Return the share of right answers to sequences that no training has seen."""
    dtype = model.head.weight.dtype
    x, plus = batch(lag, rows, torch.Generator().manual_seed(seed + 1_000_000), dtype)
    with torch.no_grad():
        return float(((model(x) > 0) == (plus > 0.5)).double().mean())
