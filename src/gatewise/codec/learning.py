"""Training of the forecast, on what it sees in use.

At every update stretches of the series are coded with the network as it is, each with a bound drawn
afresh, so that one network serves all; then it learns to forecast from what the decoder had. The loss
is log(1 + (error / bound)^2): it asks how often an error exceeds the bound rather than by how much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gatewise.codec.forecast import BOUNDS, Forecast
from gatewise.codec.sight import OTHERS, Sight, rises_of
from gatewise.nn import GRU
from gatewise.typing import Array, Arrays

ROWS = 64
STEPS = 160
RATE = 5e-3
_SHARE = 0.25
"""Half a step in bounds, in training."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained."""

    hidden_size: int
    updates: int
    seed: int


class Net(torch.nn.Module):
    """A GRU, a read-out of its state, and a straight way for the rises."""

    def __init__(self, rises: int, hidden_size: int) -> None:
        super().__init__()
        self.gru = GRU(rises + OTHERS, hidden_size)
        self.head = torch.nn.Linear(hidden_size, 1 + rises)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)  # it begins as send-on-delta

    def forward(self, x: Tensor, rises: Tensor) -> Tensor:
        """Return the rises to the next steps `[T, B]`: `advance`, for all steps at once."""
        out = self.head(self.gru(x)[0])
        rise: Tensor = out[..., 0] + (out[..., 1:] * rises).sum(-1)
        return rise

    def arrays(self) -> Arrays:
        """Return copies of the weights in float64."""
        return {
            name: tensor.detach().double().numpy().copy()
            for name, tensor in self.state_dict().items()
        }


def least_samples(seasons: tuple[int, ...]) -> int:
    """Return how long a series has to be that is learnt from."""
    return max(seasons, default=0) + STEPS + 2


def learn(series: Array, seasons: tuple[int, ...], recipe: Recipe) -> Forecast:
    """Return a forecast that was trained on a series `[T]`."""
    level, deviation = float(series.mean()), float(series.std())
    x = (series - level) / deviation
    change = float(np.abs(np.diff(x)).mean())
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)  # and no GPU's
        net = Net(rises_of(seasons), recipe.hidden_size)
    adam = torch.optim.Adam(net.parameters(), lr=RATE)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, recipe.updates)
    draws = np.random.default_rng(recipe.seed)
    for _ in range(recipe.updates):
        now = Forecast(net.arrays(), level, deviation, change, seasons)
        inputs, rises, away, bound = (
            torch.from_numpy(part.astype(np.float32)) for part in stretches(x, now, draws)
        )
        miss = (away - net(inputs, rises)) * change / bound
        adam.zero_grad()
        torch.autograd.backward(torch.log1p(miss.square()).mean())
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        rate.step()
    return Forecast(net.arrays(), level, deviation, change, seasons)


def stretches(
    x: Array, forecast: Forecast, draws: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """Code stretches of a scaled series with the network as it is.

    Returns:
        Inputs `[T, B, I]`; rises `[T, B, R]` and how far the next value is from the decoder's last
        `[T, B]`, both in mean changes; bounds `[B]`.
    """
    reach = max(forecast.seasons, default=0) + 1
    begin = draws.integers(reach, len(x) - STEPS + 1, ROWS)
    bound = np.exp(draws.uniform(math.log(BOUNDS[0]), math.log(BOUNDS[1]), ROWS))
    step = 2 * _SHARE * bound
    sight, state = Sight(ROWS, forecast.seasons), np.zeros((ROWS, forecast.units))
    sight.recall(
        x[begin[:, None] + np.arange(-reach, 0)] + draws.uniform(-1, 1, (ROWS, 1)) * bound[:, None]
    )
    kept: list[tuple[Array, Array, Array]] = []
    for t in range(STEPS):
        true = x[begin + t]
        rises = sight.rises() / forecast.change
        seen = sight.inputs(rises, bound, np.log(bound))
        kept.append((seen, rises, (true - sight.last) / forecast.change))
        guess, state = forecast.next(sight, state, bound)
        came = np.abs(true - guess) > bound
        errors = np.where(came, np.round((true - guess) / step) * step, 0.0)
        sight.tell(guess + errors, errors, came)
    inputs, rises, away = (np.stack(part) for part in zip(*kept, strict=True))
    return inputs, rises, away, bound
