"""The number of rows and steps that are looked at, so that an explanation keeps to its budget.

The choice depends on sizes alone and not on a clock, so that the same call gives the same figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from gatewise.errors import InputError, OptionError
from gatewise.nn.finding import recurrent_parts
from gatewise.wording import figure

BUDGET = 30.0
"""Seconds of an explanation, where nothing else is asked for."""

SPEED = 4e10
"""Multiplications and additions a second that the estimate counts with: about what one core does on
narrow networks (32 units, native engine); wide ones are faster, a loop of cells is slower."""

PASSES = 500
"""Passes over all rows that one explanation makes, besides two for each unit."""

INPUTS = 400
"""Those that the importance of inputs takes besides, integrated gradients among them."""

HORIZON = 300
"""Those of one horizon."""

MOST_ROWS = 256
FEWEST_ROWS = 12
FEWEST_STEPS = 32


@dataclass(frozen=True)
class Affordable:
    """Rows and steps to look at, and the seconds that this is estimated to take."""

    rows: int
    steps: int
    seconds: float


def affordable(
    model: torch.nn.Module, rows: int, steps: int, budget: float, *, horizons: int = 0
) -> Affordable:
    """Return how many of `rows` and `steps` fit the budget; `horizons` are asked for besides the first.

    Rows are left out before steps are, since steps left out are memory that cannot be seen.
    Raises OptionError for a budget that is no time, and InputError for one that is too small.
    """
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget < math.inf:
        raise OptionError(f"budget must be a number of seconds above 0, such as 30; got {budget!r}")
    weights, units = sizes(model)
    # 2.0: a weight takes a multiplication and an addition at each step, and SPEED counts both.
    each = 2.0 * weights * (PASSES + INPUTS + 2 * units + HORIZON * horizons) / SPEED

    def seconds(some_rows: int, some_steps: int) -> float:
        return each * some_rows * some_steps

    least = min(rows, FEWEST_ROWS), min(steps, FEWEST_STEPS)
    if seconds(*least) > budget:
        need = seconds(*least)
        raise InputError(
            f"explain: budget={budget:g} seconds is too little: {least[0]} rows of {least[1]} steps, "
            f"the fewest that say something, take about {figure(need)}; give "
            f"budget={_rounded_up(need)} or more"
        )
    picked = min(rows, MOST_ROWS)
    if seconds(picked, steps) > budget:
        picked = max(least[0], min(picked, int(budget / seconds(1, steps))))
    kept = steps
    if seconds(picked, steps) > budget:
        kept = max(least[1], int(budget / seconds(picked, 1)))
    return Affordable(picked, kept, seconds(picked, kept))


def sizes(model: torch.nn.Module) -> tuple[int, int]:
    """Return the weights and the units of all recurrent modules of a model."""
    weights = units = 0
    for part in recurrent_parts(model).values():
        weights += sum(weight.numel() for weight in part.parameters())
        per_layer: Any = part.hidden_size
        layers = 1
        if isinstance(part, torch.nn.RNNBase):
            layers = part.num_layers * (2 if part.bidirectional else 1)
        units += int(per_layer) * layers
    return weights, units


def _rounded_up(seconds: float) -> str:
    size = 10 ** math.floor(math.log10(seconds))
    return f"{math.ceil(seconds / size) * size:g}"
