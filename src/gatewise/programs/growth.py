"""How a small disturbance of a network's state grows along its input: the largest Lyapunov exponent.

By Benettin et al. 1980: two runs a little apart, brought back to their first distance every few steps;
the mean of the logarithms of the growth between, per step. Each layer and direction runs alone, on the
input that it has in the model, in float64. Sizes: T steps, B rows, I inputs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gatewise.engines.aside import left_to_torch

SPAN = 10
"""Steps between two returns to the first distance."""
DISTANCE = 1e-7
DISTURBANCES = 4
LEAST = 1e-290
"""What stands for a distance of 0, whose logarithm is not finite."""


class Growth(NamedTuple):
    """The exponent of one layer and direction, per step, with the interval that holds it at 95 %."""

    layer: int
    direction: int
    exponent: float
    low: float
    high: float


@torch.no_grad()
def growths(module: nn.RNNBase, x: Tensor) -> list[Growth]:
    """Return the growth in each layer and direction of a float64 module on `x [T, B, I]`."""
    found = []
    for layer in range(module.num_layers):
        outputs = []
        for direction in range(2 if module.bidirectional else 1):
            one = _alone(module, layer, direction, x.shape[-1])
            given = x.flip(0) if direction else x
            found.append(Growth(layer, direction, *_exponent(one, given)))
            out = left_to_torch(one, given)[0]
            outputs.append(out.flip(0) if direction else out)
        x = torch.cat(outputs, -1)
    return found


def _alone(module: nn.RNNBase, layer: int, direction: int, inputs: int) -> Any:
    """Return a layer and direction as a module of its own."""
    options: dict[str, Any] = {"bias": module.bias, "dtype": torch.float64, "device": "cpu"}
    if module.mode.startswith("RNN"):
        options["nonlinearity"] = module.mode.partition("_")[2].lower()
    if module.proj_size:
        options["proj_size"] = module.proj_size
    kinds: dict[str, Any] = {"LSTM": nn.LSTM, "GRU": nn.GRU}
    one = kinds.get(module.mode, nn.RNN)(inputs, module.hidden_size, **options)
    end = f"_l{layer}{'_reverse' * direction}"
    with torch.no_grad():
        for name, parameter in one.named_parameters():
            parameter.copy_(getattr(module, name.removesuffix("_l0") + end))
    return one


def _exponent(one: Any, x: Tensor) -> tuple[float, float, float]:
    """Return the exponent and its interval, from the growth in each span of each row."""
    generator = torch.Generator().manual_seed(0)
    rows = x.shape[1]
    wide = x.repeat(1, 1 + DISTURBANCES, 1)
    state = _end(one, wide[:1], None)
    noise = [
        torch.randn(part.shape, generator=generator, dtype=part.dtype, device="cpu").to(part.device)
        for part in state
    ]
    spans = []
    for start in range(1, len(wide) - SPAN + 1, SPAN):
        state = _apart(state, noise, rows)
        state = _end(one, wide[start : start + SPAN], state)
        noise = [part - part[:, :rows].repeat(1, 1 + DISTURBANCES, 1) for part in state]
        size = _distances(noise)[rows:].clamp_min(LEAST)
        spans.append((size / DISTANCE).log().view(DISTURBANCES, rows).mean(0) / SPAN)
    # In the first quarter a disturbance still turns to where it grows fastest.
    seen = torch.stack(spans[len(spans) // 4 :]).flatten()
    mean = float(seen.mean())
    error = float(seen.std()) / len(seen) ** 0.5 if len(seen) > 1 else float("inf")
    return mean, mean - 2 * error, mean + 2 * error


def _end(one: Any, x: Tensor, state: list[Tensor] | None) -> list[Tensor]:
    """Return the states after `x`."""
    given = None if state is None else tuple(state) if len(state) > 1 else state[0]
    found = left_to_torch(one, x, given)[1]
    return list(found) if isinstance(found, tuple) else [found]


def _distances(noise: list[Tensor]) -> Tensor:
    """Return the length of each row's disturbance, over all its states."""
    every = torch.cat([part[0] for part in noise], -1)
    size: Tensor = torch.linalg.vector_norm(every, dim=-1)
    return size


def _apart(state: list[Tensor], noise: list[Tensor], rows: int) -> list[Tensor]:
    """Return the undisturbed states, and beside them the disturbed ones at the first distance."""
    size = _distances(noise).clamp_min(LEAST)[None, :, None]
    found = []
    for part, one in zip(state, noise, strict=True):
        step = one / size * DISTANCE
        step[:, :rows] = 0
        found.append(part[:, :rows].repeat(1, 1 + DISTURBANCES, 1) + step)
    return found
