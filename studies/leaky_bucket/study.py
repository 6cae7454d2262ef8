"""A forget gate just below 1 is a leak: it halves what is held every 69 steps, and bounds it.

An LSTM cell whose gates are set by its biases alone, driven by an impulse and by noise for a million
steps in three types. Recursion: c_t = f c_(t-1) + (1 - f) g_t, so what stays of an impulse after n steps
is f^n, and noise of variance s^2 holds the cell at a variance of s^2 (1 - f)^2 / (1 - f^2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import gatewise as gw
from gatewise.report import Curve, Line, Mark
from studies.common.checks import Check
from studies.common.statistics import mean_interval
from studies.common.study import Figures, Question, Settings, Study

TYPES = ("float64", "float32", "bfloat16")
KEEP = 0.99
HALF_LIFE = math.log(2) / -math.log(KEEP)
NOISE = 0.25
"""Standard deviation of what is written: small enough that tanh is all but the identity."""


def measure(seed: int, settings: Settings) -> Figures:
    """Return half-lives, the bound's largest breach, variances, and what each type makes of f near 1."""
    found: dict[str, Any] = {}
    for name in TYPES:
        dtype = getattr(torch, name)
        found[name] = {
            "half_life": half_life(leaky(KEEP, dtype), settings["impulse_steps"]),
            "decay": decay(leaky(KEEP, dtype), settings["impulse_steps"])[:: settings["every"]],
            **driven(leaky(KEEP, dtype), settings["steps"], seed),
            "poured": poured(leaky(KEEP, dtype)),
        }
        found[name]["kept_of_long"] = half_life_of_long(dtype)
    return found


def leaky(keep: float, dtype: torch.dtype) -> gw.LSTM:
    """Return an LSTM of one unit: forget gate `keep`, write 1 - `keep` of tanh(x), output gate open.

    Weights but for the candidate's are 0, so the gates are those of their biases at every step.
    """
    lstm = gw.LSTM(1, 1, dtype=torch.float64, engine="reference")
    logit = math.log(keep / (1 - keep))
    with torch.no_grad():
        for weight in lstm.parameters():
            weight.zero_()
        # torch's order of gates: input, forget, candidate, output
        lstm.get_parameter("bias_ih_l0").copy_(torch.tensor([-logit, logit, 0.0, 40.0]))
        lstm.get_parameter("weight_ih_l0")[2] = 1.0
    return lstm.to(dtype)


def decay(lstm: gw.LSTM, steps: int) -> list[float]:
    """Return what is left of a cell that begins at 1, after each step without input."""
    dtype = lstm.get_parameter("bias_ih_l0").dtype
    x = torch.zeros(steps, 1, 1, dtype=dtype)
    state = (torch.zeros(1, 1, 1, dtype=dtype), torch.ones(1, 1, 1, dtype=dtype))
    with torch.no_grad():
        _, _, gates = lstm(x, state, return_gates=True)
    return [float(value) for value in gates.cell[0, 0, :, 0, 0].double()]


def half_life(lstm: gw.LSTM, steps: int) -> float:
    """Return the steps until half is left, between two steps by the logarithm of what is left."""
    left = np.array([1.0, *decay(lstm, steps)])
    below = int(np.nonzero(left <= 0.5)[0][0])
    one, other = math.log(left[below - 1]), math.log(left[below])
    return below - 1 + (one - math.log(0.5)) / (one - other)


def driven(lstm: gw.LSTM, steps: int, seed: int) -> dict[str, float]:
    """Return what noise of `steps` steps does to the cell: its variance, and how near it came its bound.

    Run in pieces with the state handed on, and in 16 rows at once: the same noise in every type.
    """
    generator = torch.Generator().manual_seed(seed)
    dtype = lstm.get_parameter("bias_ih_l0").dtype
    rows = 16
    state = tuple(torch.zeros(1, rows, 1, dtype=dtype) for _ in range(2))
    settled, squares, count, nearest, piece = 2000, 0.0, 0, 0.0, 2000
    for start in range(0, steps // rows, piece):
        x = NOISE * torch.randn(piece, rows, 1, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            _, state, gates = lstm(x.to(dtype), state, return_gates=True)
        cell = gates.cell[0, 0].double()
        nearest = max(nearest, share_of_bound(gates))
        if start >= settled:
            squares += float(cell.square().sum())
            count += cell.numel()
    generator.manual_seed(seed)
    written_variance = float(torch.tanh(NOISE * torch.randn(10**6, generator=generator)).var())
    expected = written_variance * (1 - KEEP) ** 2 / (1 - KEEP**2)
    return {"variance_ratio": squares / count / expected, "share_of_bound": nearest}


def poured(lstm: gw.LSTM) -> float:
    """Return how far a constant input fills the cell, as a share of its bound."""
    x = torch.full((3000, 1, 1), 2.0, dtype=lstm.get_parameter("bias_ih_l0").dtype)
    with torch.no_grad():
        return share_of_bound(lstm(x, return_gates=True)[2])


def share_of_bound(gates: Any) -> float:
    """Return the largest |c| as a share of max |i g| / (1 - max f): its bound, from a start at 0."""
    written = float((gates.input * gates.candidate).double().abs().max())
    bound = written / (1 - float(gates.forget.double().max()))
    return float(gates.cell.double().abs().max()) / bound


def half_life_of_long(dtype: torch.dtype) -> float | None:
    """Return the half-life of f = .9995, 1386 steps by arithmetic; None where nothing decays."""
    left = np.array([1.0, *decay(leaky(0.9995, dtype), 3000)])
    if left[-1] > 0.5:
        return None
    return float(np.nonzero(left <= 0.5)[0][0])


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return the checks of each type."""
    checks = []
    for name in ("float64", "float32"):
        found = [seed[name] for seed in seeds]
        checks.append(
            Check.exact(
                f"half-life at f = .99, {name}",
                found[0]["half_life"],
                at_least=HALF_LIFE - 0.01,
                at_most=HALF_LIFE + 0.01,
                unit="steps",
            )
        )
        # bfloat16 is left out: it stops filling where a step adds less than its last bit.
        checks.append(
            Check.exact(
                f"|c| of a constant input / its bound, {name}",
                found[0]["poured"],
                at_least=0.9999,
                # each product is rounded: the last bits may lie beyond what exact numbers reach
                at_most=1.0 + 100 * torch.finfo(getattr(torch, name)).eps,
            )
        )
        ratio = mean_interval([one["variance_ratio"] for one in found])
        checks.append(
            Check(
                f"variance under noise / theory, {name}",
                *(ratio.value, ratio.low, ratio.high),
                at_least=0.98,
                at_most=1.02,
            )
        )
    for name in TYPES:
        worst = max(seed[name]["share_of_bound"] for seed in seeds)
        checks.append(
            Check.exact(f"largest |c| under noise / its bound, {name}", worst, at_most=1.0)
        )
    long = [seeds[0][name]["kept_of_long"] for name in ("float32", "bfloat16")]
    checks.append(
        Check.exact(
            "half-life at f = .9995, float32",
            long[0] or math.nan,
            at_least=1383,
            at_most=1389,
            unit="steps",
        )
    )
    checks.append(
        Check.exact(
            "bfloat16 holds f = .9995 for ever (1 for yes)",
            float(long[1] is None),
            at_least=1,
            at_most=1,
        )
    )
    return checks


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return what is left of an impulse in each type."""
    steps = np.arange(1, settings["impulse_steps"] + 1, settings["every"], dtype=np.float64)
    lines = [
        Line(name, np.array(seeds[0][name]["decay"]), colour=place)
        for place, name in enumerate(TYPES)
    ]
    lines.append(Line("f^n", KEEP**steps, dashed=True, colour=len(TYPES)))
    return [
        Curve(
            "What is left of an impulse at f = .99",
            "steps",
            steps,
            tuple(lines),
            y_label="share of the cell",
            marks=(Mark(HALF_LIFE, "half-life by arithmetic"),),
            reading="Half is left after 69 steps; bfloat16 rounds the leak, and goes its own way.",
            group="The claim",
        )
    ]


STUDY = Study(
    name="leaky-bucket",
    title="A forget gate of .99 is a leak that keeps the state stable",
    claim=(
        "A cell that never forgets can grow without end. With a forget gate of .99 it is a leaky "
        "bucket: half of what is in it has gone after 69 steps, and however long one pours, it does "
        "not overflow."
    ),
    prediction=(
        "The half-life is ln 2 / -ln .99 = 68.97 steps. Over a million steps of noise the bound |c| <= "
        "max |i g| / (1 - f) is never broken, in any type, and the variance is that of theory within "
        "2 %; a constant input fills the cell to the bound. In bfloat16, which has 8 bits, f = .9995 is "
        "stored as 1: nothing leaks at all."
    ),
    source='Gers, Schmidhuber & Cummins 2000, "Learning to forget"; the bound is a geometric series',
    correction=(
        "The leak is there only in a type that can store it: bfloat16 rounds gates between .998 and 1 "
        "to 1. And nothing obliges a trained network to keep its forget gates below 1."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={"steps": 192_000, "impulse_steps": 400, "every": 4},
    full={"steps": 1_024_000, "impulse_steps": 400, "every": 4},
    minutes=5.0,
    questions=(
        Question(
            "Which forget gate halves what it holds every 10,000 steps?",
            "f = exp(-ln 2 / 10,000) = .99993, a logit of 9.6. float32 stores it; bfloat16 does not.",
        ),
        Question(
            "What does the bound become if the input gate is tied to the forget gate, i = 1 - f?",
            "max |g|: the cell is then a mean of what was written, and a mean lies within its values.",
        ),
    ),
)
