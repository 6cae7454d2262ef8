"""The additive cell as a highway: the full Jacobian, its direct path, and the cell without its addition.

The Jacobian of (c, h) over k steps is taken twice: by autograd, and as the product of one-step Jacobians
written out from the recorded gates (Gers, Schmidhuber & Cummins 2000). Of the part from c to c, the
product of the forget gates is the direct path, what textbooks call dc_T/dc_t. The same network with its
forget gates held shut, c_t = i g alone, shows what the addition is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

import gatewise as gw
from gatewise.report import Curve, Line
from studies.common.checks import Check
from studies.common.recall import Recall, accuracy, batch, learn
from studies.common.statistics import mean_interval
from studies.common.study import Figures, Question, Settings, Study

HIDDEN, BIAS, CHECKED, SHUT = 16, 3.0, 20, -40.0
"""Units, the forget gates' starting bias, the lag of the checks, and the bias of a gate that is shut."""


def measure(seed: int, settings: Settings) -> Figures:
    """Return residuals, the direct path's share, and gains with and without the addition."""
    found: dict[str, Any] = {}
    for name in ("fresh", "trained", "without addition"):
        torch.manual_seed(seed)
        lstm = gw.LSTM(1, HIDDEN, dtype=torch.float64)
        gw.init.open_forget_gate(lstm, bias=BIAS)
        model, lag = Recall(lstm), settings["lag"]
        hold = partial(shut, lstm) if name == "without addition" else None
        if hold is not None:
            hold()
        if name != "fresh":
            learn(model, lag, updates=settings["updates"], rate=3e-3, seed=seed, after=hold)
        x, _ = batch(lag, 16, torch.Generator().manual_seed(seed + 5), torch.float64)
        full = gw.memory.highway(model, x, state="full", method="exact")
        cell = gw.memory.highway(model, x, method="exact")
        found[name] = {
            "residual": residual(model, x),
            "norm_residual": norm_residual(model, x, full),
            "gain": [float(one) for one in cell.gain],
            "gate_gain": [float(one) for one in cell.gate_gain],
            "share": cell.own_share,
            "accuracy": accuracy(model, lag, seed),
        }
    return found


def shut(lstm: gw.LSTM) -> None:
    """Hold the forget gates at 0: c_t = i g, the cell without its addition."""
    with torch.no_grad():
        for name, weight in lstm.named_parameters():
            # torch's order of gates: input, forget, candidate, output
            weight[HIDDEN : 2 * HIDDEN] = SHUT if name == "bias_ih_l0" else 0.0


def steps_by_autograd(model: Recall, x: torch.Tensor) -> torch.Tensor:
    """Return d(c, h) after the last CHECKED steps by (c, h) before, `[2H, 2H]`, of the first row."""
    row = x[:, :1]
    first = len(x) - CHECKED
    with torch.no_grad():
        _, (hidden, cell) = model.layer(row[:first])

    def run(state: torch.Tensor) -> torch.Tensor:
        begun = (state[None, None, HIDDEN:], state[None, None, :HIDDEN])
        _, (last_hidden, last_cell) = model.layer(row[first:], begun)
        return torch.cat((last_cell[0, 0], last_hidden[0, 0]))

    begin = torch.cat((cell[0, 0], hidden[0, 0]))
    jacobian: torch.Tensor = torch.func.jacrev(run)(begin)
    return jacobian


def steps_by_gates(model: Recall, x: torch.Tensor) -> torch.Tensor:
    """Return the same as the product of one-step Jacobians, each written out from its gates."""
    with torch.no_grad():
        _, _, gates = model.layer(x[:, :1], return_gates=True)
        weights = model.layer.get_parameter("weight_hh_l0")
        u_i, u_f, u_g, u_o = weights.chunk(4)
        product = torch.eye(2 * HIDDEN, dtype=torch.float64)
        for step in range(len(x) - CHECKED, len(x)):
            i, f, g, o, c = (
                gates[name][0, 0, step, 0]
                for name in ("input", "forget", "candidate", "output", "cell")
            )
            before = gates.cell[0, 0, step - 1, 0]
            c_by_h = (
                (before * f * (1 - f))[:, None] * u_f
                + (g * i * (1 - i))[:, None] * u_i
                + (i * (1 - g.square()))[:, None] * u_g
            )
            tanh = torch.tanh(c)
            h_by_c = o * (1 - tanh.square())
            h_by_h = h_by_c[:, None] * c_by_h + (tanh * o * (1 - o))[:, None] * u_o
            top = torch.cat((torch.diag(f), c_by_h), dim=1)
            bottom = torch.cat((torch.diag(h_by_c * f), h_by_h), dim=1)
            product = torch.cat((top, bottom)) @ product
    return product


def residual(model: Recall, x: torch.Tensor) -> float:
    """Return how far the two Jacobians lie apart, relative to their norm."""
    one, other = steps_by_autograd(model, x), steps_by_gates(model, x)
    return float(((one - other).norm() / one.norm()).detach())


def norm_residual(model: Recall, x: torch.Tensor, full: Any) -> float:
    """Return how far `memory.highway`'s norm at that lag lies from autograd's, for the same row."""
    expected = float(steps_by_autograd(model, x).norm().detach())
    return abs(float(np.exp(full.log_total[0, CHECKED])) / expected - 1)


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return the residuals, what the direct path carries, and what the addition is worth."""
    checks = []
    for kind, words in (
        ("residual", "full Jacobian by gates against autograd, relative residual"),
        ("norm_residual", "gw.memory.highway against autograd, relative error"),
    ):
        worst = max(seed[name][kind] for seed in seeds for name in ("fresh", "trained"))
        checks.append(Check.exact(words, worst, at_most=1e-10))
    apart = mean_interval(
        [
            abs(seed["trained"]["gate_gain"][CHECKED] / seed["trained"]["gain"][CHECKED] - 1)
            for seed in seeds
        ]
    )
    checks.append(
        Check(
            f"|product of f / total - 1| over {CHECKED} steps, trained: not the same",
            *(apart.value, apart.low, apart.high),
            at_least=0.01,
        )
    )
    fresh = mean_interval([seed["fresh"]["share"] for seed in seeds])
    checks.append(
        Check(
            "share of the direct path, fresh with b_f = 3",
            *(fresh.value, fresh.low, fresh.high),
            at_least=0.5,
            at_most=1.5,
        )
    )
    lost = mean_interval(
        [
            np.log10(max(seed["without addition"]["gain"][CHECKED], 1e-300))
            - np.log10(seed["trained"]["gain"][CHECKED])
            for seed in seeds
        ]
    )
    checks.append(
        Check(
            f"powers of ten that the gain over {CHECKED} steps loses without the addition",
            *(lost.value, lost.low, lost.high),
            at_most=-2.0,
        )
    )
    recalled = mean_interval([seed["trained"]["accuracy"] for seed in seeds])
    checks.append(
        Check(
            f"accuracy of recall over {settings['lag']} steps, with the addition",
            *(recalled.value, recalled.low, min(recalled.high, 1.0)),
            at_least=0.95,
        )
    )
    lonely = mean_interval([seed["without addition"]["accuracy"] for seed in seeds])
    checks.append(
        Check(
            f"accuracy of recall over {settings['lag']} steps, without it",
            *(lonely.value, lonely.low, lonely.high),
            at_most=0.6,
        )
    )
    return checks


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return the gains over lag: total, direct path, and without the addition."""
    lags = np.arange(settings["lag"] + 1, dtype=np.float64)
    lines = []
    for place, (name, kind, words) in enumerate(
        (
            ("trained", "gain", "trained, total"),
            ("trained", "gate_gain", "trained, product of the forget gates"),
            ("fresh", "gain", "fresh, total"),
            ("without addition", "gain", "without the addition"),
        )
    ):
        values = np.array([seed[name][kind][: len(lags)] for seed in seeds])
        # What is below has no place on the logarithmic axis: it would have to end somewhere.
        bounds = np.quantile(values, (0, 0.5, 1), axis=0)
        low, middle, high = np.where(bounds > 1e-12, bounds, np.nan)
        lines.append(Line(words, middle, low, high, colour=place, interval="all seeds"))
    return [
        Curve(
            "How much of a change of the cell is felt later",
            "steps later",
            lags[: min(len(line.y) for line in lines)],
            tuple(lines),
            y_label="gain",
            log_y=True,
            reading="With the addition a change of the cell lasts; without it, it is soon gone.",
            group="The claim",
        )
    ]


STUDY = Study(
    name="highway",
    title="The additive cell lets the gradient through",
    claim=(
        "In a simple RNN the gradient has to pass a squashing matrix at every step. The LSTM's cell is "
        "added to instead, c = f c + i g, and an open forget gate lets the gradient through as it is."
    ),
    prediction=(
        "The full Jacobian equals the product of one-step Jacobians written out from the gates "
        "(relative residual below 1e-10 in float64). With b_f = 3 the direct path makes up most of it "
        "at the start. Without the addition the gain over 20 steps falls by a hundred times or more, "
        "and a sign 30 steps back is recalled by chance."
    ),
    source="Hochreiter & Schmidhuber 1997, section 4; Gers, Schmidhuber & Cummins 2000",
    correction=(
        "dc_T/dc_t is not the product of the forget gates. That is the direct path; what goes through "
        "h and the recurrent weights comes on top, and after training the two differ."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={"lag": 30, "updates": 500},
    full={"lag": 30, "updates": 2000},
    minutes=8.0,
    questions=(
        Question(
            "Can the paths through h make the total smaller than the direct path?",
            "Yes: they may have the other sign. A network that must forget at some step can do so with "
            "forget gates that stay open.",
        ),
        Question(
            "Why is a highway not yet a memory?",
            "It says what a small change would do. Whether the network keeps anything there, an "
            "intervention tells: exchange the cells of two sequences and see whose answer comes out.",
        ),
    ),
)
