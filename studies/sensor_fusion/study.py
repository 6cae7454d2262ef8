"""Two sensors that fail now and then: which gate keeps a bad reading away, how near to the best filter.

A hidden state x_t = a x_(t-1) + w_t is read by two sensors whose noise switches between small and large,
each by a Markov chain of its own. A flag for each sensor says when its noise is large: in time, LATE
steps late, or in time with the task of answering 0 while both are bad ("abstain"). The best possible
error is Kalman's (1960) with the noise known; with late flags, that of replaying the filter from the
last step whose flags are known, over every way the flags since may have been.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch

import gatewise as gw
from gatewise.report import Curve, Line
from studies.common.checks import Check
from studies.common.statistics import Interval, mean_interval, paired
from studies.common.study import Figures, Question, Settings, Study

KEPT, DRIVE = 0.9, 1 - 0.9**2
"""a, and the variance of w, which gives x variance 1."""
NOISE = torch.tensor([0.1, 5.0])
"""Variances of a sensor's noise: good, bad."""
SWITCH, LATE, SENSORS = 0.1, 2, 2
TASKS = ("timely", "late", "abstain")
WARM = 10
"""First steps, which are not scored: the filter starts from x's distribution, a network from zero."""


class Fuser(torch.nn.Module):
    """An LSTM that reads both sensors and their flags, and a linear estimate at every step."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.lstm = gw.LSTM(2 * SENSORS, units)
        self.head = torch.nn.Linear(units, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the estimates `[T, B]` for inputs `[T, B, 4]`."""
        estimate: torch.Tensor = self.head(self.lstm(x)[0])[..., 0]
        return estimate


def world(
    rows: int, steps: int, draws: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return states `[T, B]`, readings `[T, B, 2]` and which sensors are bad, `[T, B, 2]`, 0 or 1."""
    time = torch.arange(steps)
    ago = (time[:, None] - time).clamp(min=0)
    reach = (KEPT ** ago.float()).tril()
    drive = DRIVE**0.5 * torch.randn(steps, rows, generator=draws)
    drive[0] /= DRIVE**0.5
    state = reach @ drive
    flips = torch.rand(steps, rows, SENSORS, generator=draws) < SWITCH
    flips[0] = torch.rand(rows, SENSORS, generator=draws) < 0.5
    bad = flips.cumsum(0) % 2
    noise = torch.randn(steps, rows, SENSORS, generator=draws)
    return state, state[..., None] + NOISE[bad].sqrt() * noise, bad


def batch(
    task: str, rows: int, steps: int, draws: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return inputs `[T, B, 4]`, targets `[T, B]` and which sensors are bad, `[T, B, 2]`."""
    state, readings, bad = world(rows, steps, draws)
    told = bad.float()
    if task == "late":
        # Before the first flags arrive, neither value.
        told = torch.cat((torch.full((LATE, rows, SENSORS), 0.5), told[:-LATE]))
    target = state * trusted(bad) if task == "abstain" else state
    return torch.cat((readings, told), -1), target, bad


def trusted(bad: torch.Tensor) -> torch.Tensor:
    """Return 1 where a sensor is good, 0 where both are bad."""
    return 1.0 - (bad.sum(-1) == SENSORS).float()


def predicted(mean: torch.Tensor, variance: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the distribution one step on, before its readings."""
    return KEPT * mean, KEPT**2 * variance + DRIVE


def updated(
    mean: torch.Tensor, variance: torch.Tensor, readings: torch.Tensor, noise: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the distribution after readings `[..., 2]` with noise of these variances."""
    after = 1 / (1 / variance + (1 / noise).sum(-1))
    surprise = (readings - mean[..., None]) / noise
    return mean + after * surprise.sum(-1), after


def kalman(readings: torch.Tensor, bad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return means and variances `[T, B]` of the state, given readings and noises up to each step."""
    mean = torch.zeros_like(readings[0, :, 0])
    variance = torch.ones_like(mean)
    means, variances = [], []
    for step, (reading, noise) in enumerate(zip(readings, NOISE.to(readings)[bad], strict=True)):
        if step:
            mean, variance = predicted(mean, variance)
        mean, variance = updated(mean, variance, reading, noise)
        means.append(mean)
        variances.append(variance)
    return torch.stack(means), torch.stack(variances)


def replayed(readings: torch.Tensor, bad: torch.Tensor) -> torch.Tensor:
    """Return the means `[T, B]` of the state where flags are known up to LATE steps ago.

    From the last step with known flags the filter is run anew for every way the flags since may have
    been; their means count by the probability of way and readings. For steps from LATE on; 0 before.
    """
    known, spread = kalman(readings, bad)
    ways = torch.tensor(list(itertools.product((0, 1), repeat=SENSORS * LATE)))
    ways = ways.reshape(-1, LATE, SENSORS)
    chance = torch.tensor((1 - SWITCH, SWITCH), dtype=readings.dtype).log()
    result = torch.zeros_like(known)
    for step in range(LATE, len(readings)):
        begin = step - LATE
        mean = known[begin].expand(len(ways), -1)
        variance = spread[begin].expand(len(ways), -1)
        weight = torch.zeros_like(mean)
        before = bad[begin].expand(len(ways), -1, -1)
        for ago in range(LATE):
            now = ways[:, ago, None].expand_as(before)
            noise = NOISE.to(readings)[now]
            weight = weight + chance[(now != before).long()].sum(-1)
            mean, variance = predicted(mean, variance)
            reading = readings[begin + 1 + ago]
            weight = weight + likelihood(reading - mean[..., None], variance, noise)
            mean, variance = updated(mean, variance, reading, noise)
            before = now
        result[step] = (weight.softmax(0) * mean).sum(0)
    return result


def likelihood(surprise: torch.Tensor, variance: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Return the log density, but for a constant, of both readings, which share the state's variance."""
    # Of covariance diag(noise) + variance: determinant and inverse by Sherman & Morrison (1950).
    shared = 1 + variance * (1 / noise).sum(-1)
    square = (surprise.square() / noise).sum(-1)
    common = variance * (surprise / noise).sum(-1).square() / shared
    return -0.5 * (noise.log().sum(-1) + shared.log() + square - common)


def floor(task: str, readings: torch.Tensor, bad: torch.Tensor) -> torch.Tensor:
    """Return the best possible estimates `[T, B]`, computed in float64."""
    readings = readings.double()
    if task == "late":
        return replayed(readings, bad)
    best = kalman(readings, bad)[0]
    return best * trusted(bad) if task == "abstain" else best


def measure(seed: int, settings: Settings) -> Figures:
    """Return errors of network, floor, and network with a gate held, and how gates follow the flags."""
    found: dict[str, Any] = {}
    for task in TASKS:
        torch.manual_seed(seed)
        model = Fuser(settings["units"])
        train(model, task, settings, seed)
        draws = torch.Generator().manual_seed(seed + 1_000_000)
        x, target, bad = batch(task, settings["test"], settings["steps"], draws)
        best = floor(task, x[..., :SENSORS], bad)
        lowest = squared(best.float(), target)
        errors = {"network": squared(estimates(model, x), target)}
        for gate in ("input", "output"):
            errors[gate] = squared(estimates(held(model, gate, x), x), target)
        found[task] = {
            "floor": float(lowest.mean()),
            **{name: float(one.mean() / lowest.mean()) for name, one in errors.items()},
            "auc": {gate: separation(model, gate, x, bad) for gate in ("input", "output")},
        }
    return found


def train(model: Fuser, task: str, settings: Settings, seed: int) -> None:
    """Train with Adam on fresh sequences, at a rate that falls to 0 in a cosine."""
    draws = torch.Generator().manual_seed(seed + 1)
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, settings["updates"])
    for _ in range(settings["updates"]):
        x, target, _ = batch(task, settings["rows"], settings["steps"], draws)
        adam.zero_grad()
        torch.autograd.backward(squared(model(x), target).mean())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        rate.step()


def squared(estimate: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return each row's mean squared error, `[B]`."""
    return (estimate - target)[WARM:].square().mean(0)


@torch.no_grad()
def estimates(model: Fuser, x: torch.Tensor) -> torch.Tensor:
    """Return the estimates without a graph."""
    found: torch.Tensor = model(x)
    return found


@torch.no_grad()
def opening(model: Fuser, gate: str, x: torch.Tensor) -> torch.Tensor:
    """Return a gate of each unit, `[T, B, H]`."""
    _, _, gates = model.lstm(x, return_gates=True)
    values: torch.Tensor = gates[gate][0, 0]
    return values


@torch.no_grad()
def held(model: Fuser, gate: str, x: torch.Tensor) -> Fuser:
    """Return the network with that gate of every unit held at its mean over `x`."""
    mean = opening(model, gate, x)[WARM:].mean((0, 1)).clamp(1e-6, 1 - 1e-6)
    copy = deepcopy(model)
    units = model.lstm.hidden_size
    # torch's order of gates: input, forget, candidate, output
    first = {"input": 0, "output": 3}[gate] * units
    for name, weight in copy.lstm.named_parameters():
        weight[first : first + units] = mean.logit() if name == "bias_ih_l0" else 0.0
    return copy


def separation(model: Fuser, gate: str, x: torch.Tensor, bad: torch.Tensor) -> float:
    """Return the area under the curve between a sensor's flag and the unit that follows it best.

    Sensor and unit are chosen on one half of the sequences and measured on the other. Of the true
    flags, which the network is told in time or late.
    """
    values = opening(model, gate, x)[WARM:]
    half = x.shape[1] // 2
    areas = [
        torch.stack([auc(values[:, part], bad[WARM:, part, one]) for one in range(SENSORS)])
        for part in (slice(None, half), slice(half, None))
    ]
    place = int((areas[0] - 0.5).abs().argmax())
    chosen = float(areas[1].flatten()[place])
    # A gate may open or shut at a bad sensor: the half that chose has told which.
    return chosen if float(areas[0].flatten()[place]) > 0.5 else 1 - chosen


def auc(values: torch.Tensor, flags: torch.Tensor) -> torch.Tensor:
    """Return, for each unit, how often its value `[..., H]` is larger where the flag is 1, `[H]`."""
    values, flags = values.flatten(0, -2), flags.flatten().double()
    ranks = (values.argsort(0).argsort(0) + 1).double()
    ones = flags.sum()
    total = (ranks * flags[:, None]).sum(0) - ones * (ones + 1) / 2
    return total / (ones * (len(flags) - ones))


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return errors over the floor, what holding a gate costs, and how gates follow the flags."""
    checks = []
    for task in TASKS:
        found = mean_interval([seed[task]["network"] for seed in seeds])
        words = f"error over the best possible, {task}"
        checks.append(check(words, found, at_most=settings["near"]))
    extra = {
        (task, gate): [seed[task][gate] - seed[task]["network"] for seed in seeds]
        for task in TASKS
        for gate in ("input", "output")
    }
    for (task, gate), costs in extra.items():
        words = f"cost of holding the {gate} gate, {task}, in floors"
        checks.append(check(words, mean_interval(costs)))
    # Compared seed by seed, so that a seed that learns better counts the same on both sides.
    compared = (
        ("input", "timely", "output", "timely"),
        ("output", "late", "output", "timely"),
        ("output", "abstain", "output", "timely"),
    )
    for gate, task, other, other_task in compared:
        found = paired(extra[task, gate], extra[other_task, other])
        words = f"cost of holding {gate} in {task}, less that of {other} in {other_task}"
        checks.append(check(words, found, at_least=0.0))
    for task in TASKS:
        for gate in ("input", "output"):
            found = mean_interval([seed[task]["auc"][gate] for seed in seeds])
            least = 0.95 if (task, gate) == ("timely", "input") else -math.inf
            words = f"area under the curve, best {gate} gate and a sensor's flag, {task}"
            checks.append(check(words, found, at_least=least))
    return checks


def check(
    words: str, found: Interval, *, at_least: float = -math.inf, at_most: float = math.inf
) -> Check:
    """Return the check of an interval."""
    return Check(words, found.value, found.low, found.high, at_least, at_most)


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return, for each task, every seed's error as it is and with a gate held."""
    number = np.arange(len(seeds), dtype=np.float64)
    names = (
        ("network", "as trained"),
        ("input", "input gate held"),
        ("output", "output gate held"),
    )
    readings = {
        "timely": "With a flag in time the input gate keeps bad readings out.",
        "late": "With a late flag what was read must be held, and shown when the flag has come.",
        "abstain": "To answer 0 and not forget, the output gate shuts over a cell that is kept.",
    }
    drawn = []
    for task in TASKS:
        lines = [
            Line(words, np.array([seed[task][name] for seed in seeds]), colour=place)
            for place, (name, words) in enumerate(names)
        ]
        lines.append(Line("best possible", np.ones(len(seeds)), dashed=True, colour=3))
        drawn.append(
            Curve(
                f"Error, {task}",
                "seed",
                number,
                tuple(lines),
                y_label="times the best possible",
                reading=readings[task],
                group="The claim",
            )
        )
    return drawn


STUDY = Study(
    name="sensor-fusion",
    title="Gates keep an unreliable sensor away from the estimate",
    claim=(
        "Two sensors read one hidden state, and now and then one of them goes bad. An LSTM that is told "
        "when can keep the bad reading away: the output gate shields the output from it."
    ),
    prediction=(
        "The error is at most 1.05 times that of the best possible filter (Kalman's with the noise "
        "known; with flags that come 2 steps late, its replay over all that the flags may have been). "
        "With timely flags holding the input gate at its mean costs more than holding the output gate, "
        "and an input gate follows a sensor's flag (area under the curve .95 or more). Holding the "
        "output gate costs more where flags are late, or where the answer must be 0 while both are bad."
    ),
    source=(
        "Kalman 1960, J. Basic Engineering 82; Hochreiter & Schmidhuber 1997, section 4, on what input "
        "and output gates are for"
    ),
    correction=(
        "With a timely flag it is the input gate that does the work: what is not let in need not be "
        "shielded. The output gate's part needs a flag that comes late, or an answer that must be held "
        "back while the memory stays."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    # The short training has not converged, so it is asked to come within a fifth of the floor only.
    quick={"units": 16, "updates": 700, "rows": 48, "steps": 50, "test": 1000, "near": 1.2},
    full={"units": 32, "updates": 8000, "rows": 64, "steps": 60, "test": 4000, "near": 1.05},
    minutes=15.0,
    quick_seeds=2,
    questions=(
        Question(
            "Does a gate that costs much when held show that the network could not do without it?",
            "No. It shows that this network uses it. Train anew with the gate held from the start, and "
            "see what another solution costs.",
        ),
        Question(
            "Why is the floor higher when flags come late?",
            "For the last two steps it is not known which readings to trust. They tell something about "
            "that themselves: a reading far from what was expected is more likely a bad one.",
        ),
        Question(
            "What could open the gate in place of a flag?",
            "The surprise: how far a reading lies from the prediction. It says less than a flag, as the "
            "late floor shows.",
        ),
    ),
)
