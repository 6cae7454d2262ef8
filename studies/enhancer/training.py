"""How the network is trained: the recipe for long memories, and starts without it.

Adam's rate and what it is multiplied by were found on seeds from 1,000 on, which are not among those
that are reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

import gatewise as gw
from studies.common.statistics import share_interval
from studies.enhancer.task import Drawn, Reader, batch, bits

SURE = 0.99
"""Training ends when the 95 % interval of the accuracy on fresh sequences lies above this, twice."""
LOOKS = 2
"""How many such looks in a row, at other sequences each, end a training."""
KEEPS_GATES = 200_000
"""Steps up to which a pass keeps its gates; beyond them it computes them anew in the backward pass."""


@dataclass(frozen=True)
class Recipe:
    """What a training is made of.

    Attributes:
        rate: Adam's learning rate at the start.
        cost: Price of an open input gate, on its mean over steps times the steps: the sum of what is
            written. Of the first length: a high price there, and nothing is ever written.
        later: The price from the second length on, once there is something to save.
        decay: Weight decay, of recurrent weights alone.
        start: The length of the first sequences; None: the final one, without a curriculum.
        long: Whether starting values are those of `gw.init.long_memory`.
        chrono: Or those of `gw.init.chrono`, for the final length.
    """

    rate: float = 0.04
    cost: float = 0.01
    later: float = 0.1
    decay: float = 0.3
    start: int | None = 100
    long: bool = True
    chrono: bool = False


@dataclass
class Learning:
    """How a training went.

    Attributes:
        solved: Whether it ended by the bound on accuracy, not by its budget.
        updates: By length, in the order of the stages: how many updates.
        seconds: By length: CPU time.
        losses: By length: the loss before each update.
    """

    solved: bool = False
    updates: dict[int, int] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    losses: dict[int, list[float]] = field(default_factory=dict)

    @property
    def reached(self) -> int:
        """The longest sequences that were trained on."""
        return max(self.updates, default=0)


def rows_for(steps: int) -> int:
    """Return the rows of a batch: fewer of longer sequences."""
    return 32 if steps < 5_000 else 16 if steps <= 200_000 else 8


def learn(
    model: Reader,
    final: int,
    recipe: Recipe,
    *,
    seed: int,
    budget: int,
    check: int = 512,
    drawn: Drawn = batch,
    made: tuple[gw.LengthCurriculum, torch.optim.Optimizer] | None = None,
    shown: Callable[[gw.LengthCurriculum, float], None] = lambda curriculum, loss: None,
) -> Learning:
    """Train on fresh sequences until they are answered right, or the budget is spent.

    `budget`: how many steps of sequences may be read in all, counted per batch: a batch of any number of
    rows and 100 steps counts 100. `check`: how many fresh sequences the last stage is judged by.
    `drawn`: the task. `made`: schedule and optimizer, where they are others than the recipe's; the model
    has its starting values then. `shown` is told after each update.
    """
    curriculum, adam = made or (started(model, final, recipe, seed), optimizer(model, recipe))
    training, checking = (torch.Generator().manual_seed(seed + n) for n in (1, 1_000_000))
    learning, read, passed = Learning(), 0, 0
    while read < budget:
        steps = curriculum.length
        begun = time.process_time()
        price = recipe.later if curriculum.stage else recipe.cost
        loss, right = update(model, adam, drawn(steps, rows_for(steps), training), price)
        # At the final length accuracy is what counts, and fresh sequences judge it.
        curriculum.step(right and (loss < 0.05 or steps == final))
        set_rate(adam, recipe.rate, curriculum, loss)
        if curriculum.done:
            # Twice in a row, with training between: of many looks, one may come out well by luck.
            passed = passed + 1 if sure(model, steps, check, checking, drawn) else 0
            learning.solved = passed == LOOKS
            if not learning.solved:
                curriculum.step(False)
        read += steps
        learning.updates[steps] = learning.updates.get(steps, 0) + 1
        learning.losses.setdefault(steps, []).append(loss)
        spent = learning.seconds.get(steps, 0.0) + time.process_time() - begun
        learning.seconds[steps] = spent
        shown(curriculum, loss)
        if learning.solved:
            break
    curriculum.release()
    return learning


def started(model: Reader, final: int, recipe: Recipe, seed: int) -> gw.LengthCurriculum:
    """Give the model its starting values, and return its schedule of lengths."""
    start = final if recipe.start is None else min(recipe.start, final)
    draws = torch.Generator().manual_seed(seed + 2)
    if recipe.long:
        gw.init.long_memory(model, final, start, generator=draws)
    elif recipe.chrono:
        gw.init.chrono(model, final, generator=draws)
    return gw.LengthCurriculum(model, final, start=start, last_streak=6, hold=recipe.long)


def optimizer(model: Reader, recipe: Recipe) -> torch.optim.AdamW:
    """Return AdamW with decay on recurrent weights alone.

    Its epsilon is far below the default, which is the size of the gradients that such distances leave.
    """
    recurrent = [one for name, one in model.named_parameters() if "weight_hh" in name]
    others = [one for name, one in model.named_parameters() if "weight_hh" not in name]
    groups = [
        {"params": recurrent, "weight_decay": recipe.decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.rate, eps=1e-14)


def update(
    model: Reader,
    adam: torch.optim.Optimizer,
    data: tuple[torch.Tensor, torch.Tensor],
    cost: float,
) -> tuple[float, bool]:
    """Take one step, and return the loss before it and whether all answers were right."""
    x, symbols = data
    last, written = forward(model.layer, x, priced=bool(cost))
    price = cost * len(x) * written
    loss = nn.functional.binary_cross_entropy_with_logits(model.head(last), bits(symbols))
    adam.zero_grad()
    torch.autograd.backward(loss + price)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    adam.step()
    with torch.no_grad():
        right = bool((model.answers(last.detach()) == symbols).all())
    return float(loss.detach()), right


def forward(
    layer: nn.Module, x: torch.Tensor, *, priced: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the last output `[B, H]`, and the mean of what is written, 0 where nobody asks."""
    if not priced:
        return layer(x)[0][-1], torch.zeros(())
    if len(x) <= KEEPS_GATES or not isinstance(layer, gw.LSTM | gw.GRU):
        output, _, gates = layer(x, return_gates=True)
        return output[-1], gw.penalties.write_cost(gates)
    layer.max_memory = "sqrt"
    output, state = layer(x)
    layer.max_memory = None
    # Taken from the state: the gradient of one step of the output would be zeros of all its size.
    last = (state[0] if isinstance(state, tuple) else state)[0]
    return last, gw.penalties.write_cost_of(layer, x, output)


def set_rate(
    adam: torch.optim.Optimizer, rate: float, curriculum: gw.LengthCurriculum, loss: float
) -> None:
    """Lower the rate where the loss is small, and by half at each length beyond 1,000, four times."""
    longer = sum(length > 1_000 for length in curriculum.lengths[: curriculum.stage + 1])
    now = rate * 0.5 ** min(4, longer) * (0.3 if loss < 0.3 else 1.0)
    for group in adam.param_groups:
        group["lr"] = now


@torch.no_grad()
def accuracy(
    model: Reader,
    steps: int,
    rows: int,
    draws: torch.Generator,
    *,
    marked: bool = True,
    drawn: Drawn = batch,
) -> float:
    """Return the share of right answers to fresh sequences."""
    right = 0
    for size in blocks(steps, rows):
        x, symbols = drawn(steps, size, draws, marked=marked)
        right += int((model.answers(model.layer(x)[0][-1]) == symbols).sum())
    return right / rows


def sure(
    model: Reader, steps: int, rows: int, draws: torch.Generator, drawn: Drawn = batch
) -> bool:
    """Return whether the 95 % interval of the accuracy lies above `SURE`; ends as soon as it cannot."""
    wrong = 0
    for size in blocks(steps, rows):
        wrong += size - round(size * accuracy(model, steps, size, draws, drawn=drawn))
        if share_interval(rows - wrong, rows).low <= SURE:
            return False
    return True


def blocks(steps: int, rows: int) -> list[int]:
    """Return how many sequences to read at a time: 1.5 GB of them at most, and of long ones a batch."""
    size = min(rows, max(8, 16_000_000 // steps) if steps <= KEEPS_GATES else rows_for(steps))
    return [min(size, rows - first) for first in range(0, rows, size)]
