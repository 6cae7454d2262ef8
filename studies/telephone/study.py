"""The vanishing gradient: dL/dx_t of a tanh RNN shrinks by a constant factor with every step back.

Slope of its logarithm over distance against the network's Lyapunov exponent, which is measured by
itself, forward in time (Benettin et al. 1980): two quantities that a theory says are one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import gatewise as gw
from gatewise.report import Curve, Line
from studies.common.checks import Check
from studies.common.recall import Recall, learn
from studies.common.statistics import line, mean_interval
from studies.common.study import Figures, Question, Settings, Study

STARTS = ("torch", "orthogonal", "identity")
SKIPPED = 10
"""Steps next to the loss that the fit leaves out: there the gradient still turns into its direction."""
CONTRACTION = 0.8
"""What an orthogonal and an identity start are multiplied by."""
DRIVE = 0.5
"""Standard deviation of the inputs."""


def measure(seed: int, settings: Settings) -> Figures:
    """Return slopes, fits and exponents of one seed, and the lags that such a network learns."""
    found: dict[str, Any] = {}
    for start in STARTS:
        for name in settings["types"]:
            network = rnn(settings["hidden"], start, seed, getattr(torch, name))
            norms = gradient_norms(network, settings["steps"], settings["rows"], seed)
            distances = np.arange(len(norms))
            # float32 ends at 1e-45: what lies near it is rounded to a few bits, or to nothing.
            keep = (distances >= SKIPPED) & (norms > (1e-30 if name == "float32" else 1e-280))
            fitted = line(distances[keep], np.log(norms[keep]))
            found[f"{start} {name}"] = {
                "slope": fitted.slope,
                "r_squared": fitted.r_squared,
                "exponent": lyapunov(network, settings["exponent_steps"], seed),
                "fitted_steps": int(keep.sum()),
                "log_norms": [_log(norm) for norm in norms[:: settings["every"]]],
            }
    found["learnt"] = {
        str(lag): learns(lag, settings["updates"], settings["hidden"], seed)
        for lag in settings["lags"]
    }
    return found


def rnn(hidden: int, start: str, seed: int, dtype: torch.dtype) -> torch.nn.RNN:
    """Return a tanh RNN of one input whose recurrent weights start so.

    "torch": uniform within 1 / sqrt(hidden). "orthogonal": a random rotation times .8. "identity": the
    identity times .8 (Le, Jaitly & Hinton 2015 use it with ReLU). Below 1, so that they forget at all:
    at 1 the exponent is near 0, and no slope is then within 5 % of it.
    """
    torch.manual_seed(seed)
    network = gw.RNN(1, hidden, dtype=torch.float64, engine="reference")
    recurrent = network.get_parameter("weight_hh_l0")
    with torch.no_grad():
        if start == "orthogonal":
            torch.nn.init.orthogonal_(recurrent).mul_(CONTRACTION)
        elif start == "identity":
            torch.nn.init.eye_(recurrent).mul_(CONTRACTION)
    # The same weights in either type: drawn in float64, then rounded.
    return network.to(dtype)


def gradient_norms(network: torch.nn.RNN, steps: int, rows: int, seed: int) -> np.ndarray[Any, Any]:
    """Return the geometric mean over rows of |dL/dx_t| by distance from the end, `[steps]`.

    L is a random projection of the last hidden state, which a plain sum over rows keeps apart by row.
    """
    generator = torch.Generator().manual_seed(seed + 1)
    dtype = network.get_parameter("weight_hh_l0").dtype
    x = DRIVE * torch.randn(steps, rows, 1, generator=generator, dtype=torch.float64)
    x = x.to(dtype).requires_grad_()
    read = torch.randn(network.hidden_size, generator=generator, dtype=torch.float64).to(dtype)
    loss = (network(x)[0][-1] @ read).sum()
    (gradient,) = torch.autograd.grad(loss, x)
    norms = gradient.norm(dim=2).double().flip(0)
    return np.asarray(norms.log().mean(dim=1).exp())


def lyapunov(network: torch.nn.RNN, steps: int, seed: int) -> float:
    """Return the leading Lyapunov exponent: the mean log growth of a tangent, step by step.

    Forward in time and without autograd: h' = tanh(W x + b + U h) moves a tangent v to
    (1 - h'^2) * (U v), which is set back to length 1 after each step.
    """
    generator = torch.Generator().manual_seed(seed + 2)
    weights = {name: value.detach().double() for name, value in network.named_parameters()}
    drive = weights["weight_ih_l0"][:, 0]
    bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    recurrent = weights["weight_hh_l0"]
    inputs = DRIVE * torch.randn(steps, generator=generator, dtype=torch.float64)
    hidden = torch.zeros_like(bias)
    tangent = torch.nn.functional.normalize(
        torch.randn(len(bias), generator=generator, dtype=torch.float64), dim=0
    )
    growth, settled = 0.0, steps // 10
    for step in range(steps):
        hidden = torch.tanh(drive * inputs[step] + bias + recurrent @ hidden)
        tangent = (1 - hidden.square()) * (recurrent @ tangent)
        length = float(tangent.norm())
        tangent = tangent / length
        if step >= settled:
            growth += math.log(length)
    return growth / (steps - settled)


def learns(lag: int, updates: int, hidden: int, seed: int) -> float:
    """Return the accuracy at recalling the sign of the first input after `lag` steps of noise."""
    torch.manual_seed(seed)
    model = Recall(gw.RNN(1, hidden))
    return learn(model, lag, updates=updates, rate=1e-3, seed=seed).accuracy


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return slope over exponent and the fit of each start, and which lags were learnt."""
    checks = []
    for start in STARTS:
        for name in settings["types"]:
            found = [seed[f"{start} {name}"] for seed in seeds]
            ratio = mean_interval([one["slope"] / one["exponent"] for one in found])
            checks.append(
                Check(
                    f"slope / Lyapunov exponent, {start} start, {name}",
                    *(ratio.value, ratio.low, ratio.high),
                    at_least=0.95,
                    at_most=1.05,
                )
            )
            worst = min(one["r_squared"] for one in found)
            checks.append(
                Check.exact(f"least R² over seeds, {start} start, {name}", worst, at_least=0.99)
            )
    short = [seed["learnt"][str(lag)] for seed in seeds for lag in settings["lags"] if lag <= 20]
    known = mean_interval(short)
    checks.append(
        Check(
            "accuracy of recall over up to 20 steps: it does learn those",
            *(known.value, known.low, known.high),
            at_least=0.9,
        )
    )
    longest = mean_interval([seed["learnt"][str(max(settings["lags"]))] for seed in seeds])
    checks.append(
        Check(
            f"accuracy of recall over {max(settings['lags'])} steps: by chance",
            *(longest.value, longest.low, longest.high),
            at_most=0.6,
        )
    )
    return checks


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return the gradient over distance for each start, and recall over lag."""
    distance = np.arange(0, settings["steps"], settings["every"], dtype=np.float64)
    name = settings["types"][-1]
    lines = []
    for place, start in enumerate(STARTS):
        norms = np.array([seed[f"{start} {name}"]["log_norms"] for seed in seeds], dtype=np.float64)
        low, middle, high = np.exp(np.quantile(norms, (0, 0.5, 1), axis=0))
        lines.append(Line(f"{start} start", middle, low, high, colour=place, interval="all seeds"))
    lags = np.array(settings["lags"], dtype=np.float64)
    recall = np.array([[seed["learnt"][str(lag)] for lag in settings["lags"]] for seed in seeds])
    told = Line("accuracy", recall.mean(0), recall.min(0), recall.max(0), interval="all seeds")
    return [
        Curve(
            "Gradient of the loss by distance",
            "steps back",
            distance,
            tuple(lines),
            y_label="|dL/dx|",
            log_y=True,
            reading="A straight line on a logarithmic axis: each step back costs the same factor.",
            group="The claim",
        ),
        Curve(
            "What it learns in the same number of updates",
            "lag in steps",
            lags,
            (told,),
            y_label="accuracy of recall",
            reading="Short lags are learnt; long ones stay at chance, one in two.",
            group="The claim",
        ),
    ]


def _log(norm: float) -> float | None:
    return math.log(norm) if norm > 0 else None


COMMON = {"hidden": 32, "types": ["float32", "float64"], "every": 5}

STUDY = Study(
    name="telephone",
    title="A simple RNN's gradient vanishes",
    claim=(
        "In a game of telephone each player passes on a little less than they heard. A simple RNN hands "
        "its gradient back through time like that: every step multiplies it by the same Jacobian, so "
        "what reaches a step T back has shrunk by r to the T."
    ),
    prediction=(
        "The logarithm of |dL/dx| falls on a straight line (R² above .99) whose slope is the network's "
        "Lyapunov exponent, ln r, within 5 %: for torch's start, an orthogonal and an identity one, in "
        "float32 and in float64. Lags up to 20 are learnt all the same; 100 is not."
    ),
    source=(
        "Hochreiter 1991; Bengio, Simard & Frasconi 1994 (IEEE Trans. Neural Networks 5); the exponent "
        "by Benettin et al. 1980"
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={**COMMON, "steps": 150, "rows": 16, "exponent_steps": 2000, "lags": [5, 100],
           "updates": 400},
    full={**COMMON, "steps": 300, "rows": 64, "exponent_steps": 20000, "lags": [5, 10, 20, 50, 100],
          "updates": 2000},
    minutes=20.0,
    full_seeds=20,
    questions=(
        Question(
            "What would an orthogonal start with factor 1 instead of .8 do?",
            "Without inputs it would keep the gradient's length exactly. With inputs tanh saturates a "
            "little at every step, and the exponent is still below 0: the line is flatter, not flat.",
        ),
        Question(
            "Does clipping the gradient help?",
            "No. Clipping bounds what grows; here everything shrinks.",
        ),
    ),
)  # fmt: skip
