"""How the number of sequences that show a dependency grows with its length T.

Every step has an answer of its own, random and unforeseeable, but the last one, which is the sign of the
first input. The gradient of all of them by the inputs' scale has one term that always points the same
way, that of the last answer by the first input, of size m r^T; the others are noise that grows with T.
N sequences tell the term from 0 by z standard errors where N = z^2 variance / mean^2, of the order of
T r^(-2T). r is measured by itself: the Lyapunov exponent, forward in time.

The second part trains: sequences until a lag is learnt, seeds that never learn it being censored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

import gatewise as gw
from gatewise.report import Curve, Line
from studies.common.checks import Check
from studies.common.recall import Recall, learn
from studies.common.statistics import censored_slope, line, mean_interval
from studies.common.study import Figures, Question, Settings, Study

HIDDEN, DRIVE, Z, KEEP = 32, 0.5, 3.0, 0.9
"""Units, standard deviation of the inputs, standard errors, and the forget gate of the fixed start."""


def rnn(steps: int) -> torch.nn.RNNBase:
    """Return a tanh RNN whose recurrent matrix is a rotation times .8: it forgets at one rate."""
    network = gw.RNN(1, HIDDEN, dtype=torch.float64)
    with torch.no_grad():
        torch.nn.init.orthogonal_(network.get_parameter("weight_hh_l0")).mul_(0.8)
    return network


def fixed_lstm(steps: int) -> torch.nn.RNNBase:
    """Return an LSTM that keeps exactly .9 a step, whatever T and the input are.

    Without recurrent weights, because they may carry a change further than the forget gate does.
    """
    lstm = gw.LSTM(1, HIDDEN, dtype=torch.float64)
    gw.init.open_forget_gate(lstm, bias=math.log(KEEP / (1 - KEEP)))
    with torch.no_grad():
        lstm.get_parameter("weight_hh_l0").zero_()
        # torch's order of gates: input, forget, candidate, output
        lstm.get_parameter("weight_ih_l0")[HIDDEN : 2 * HIDDEN] = 0
    return lstm


def chrono_lstm(steps: int) -> torch.nn.RNNBase:
    """Return an LSTM whose timescales grow with T."""
    lstm = gw.LSTM(1, HIDDEN, dtype=torch.float64)
    gw.init.chrono(lstm, max_lag=max(3, steps))
    return lstm


NETWORKS: dict[str, Callable[[int], torch.nn.RNNBase]] = {
    "rnn": rnn,
    "fixed": fixed_lstm,
    "chrono": chrono_lstm,
}


def measure(seed: int, settings: Settings) -> Figures:
    """Return ln N by T for each network, decay rates, and sequences until lags are learnt."""
    found: dict[str, Any] = {}
    for name, network_of in NETWORKS.items():
        needed = []
        for steps in settings["lags"][name]:
            torch.manual_seed(seed)
            network = network_of(steps)
            needed.append(log_sequences(network, steps, settings["rows"], seed))
        found[f"log_n {name}"] = needed
    torch.manual_seed(seed)
    found["rate rnn"] = -decay_rate(rnn(0), seed)
    torch.manual_seed(seed)
    found["rate fixed"] = -decay_rate(fixed_lstm(0), seed)
    for name, start in (("rnn", _plain_rnn), ("chrono", _plain_chrono)):
        found[f"learnt {name}"] = [
            sequences_to_learn(start, lag, settings["updates"], seed)
            for lag in settings["trained"][name]
        ]
    return found


def log_sequences(network: torch.nn.RNNBase, steps: int, rows: int, seed: int) -> float:
    """Return ln N, the sequences at which the long term stands Z standard errors from 0.

    The mean square of the long term is taken over random read-outs, since a single one may happen to lie
    across the way in which a change has turned.
    """
    draws = torch.Generator().manual_seed(seed + 1)
    reads = 16
    long, variance = 0.0, 0.0
    for _ in range(reads):
        x = DRIVE * torch.randn(steps + 1, rows, 1, generator=draws, dtype=torch.float64)
        sign = (2 * torch.randint(0, 2, (rows,), generator=draws) - 1).double()
        x[0, :, 0] = sign
        x.requires_grad_()
        read = torch.randn(HIDDEN, generator=draws, dtype=torch.float64) / math.sqrt(HIDDEN)
        answers = network(x)[0] @ read  # [T + 1, B]
        wanted = (2 * torch.randint(0, 2, (steps + 1, rows), generator=draws) - 1).double()
        wanted[-1] = sign
        (of_last,) = torch.autograd.grad((answers[-1] * sign).sum(), x, retain_graph=True)
        (of_all,) = torch.autograd.grad((answers * wanted).sum(), x)
        long += float((of_last[0, :, 0] * sign).mean()) ** 2
        variance += float((of_all * x.detach())[..., 0].sum(dim=0).var())
    return math.log(Z**2 * variance / reads) - math.log(long / reads)


def decay_rate(network: torch.nn.RNNBase, seed: int, steps: int = 4000) -> float:
    """Return the leading Lyapunov exponent: the mean log growth of a tangent of the whole state.

    Pushed forward by the step itself, whose derivative in a direction is taken by a small difference in
    float64, a relative 1e-6 of the state's size: no gradient is propagated anywhere.
    """
    draws = torch.Generator().manual_seed(seed + 2)
    inputs = DRIVE * torch.randn(steps, 1, 1, 1, generator=draws, dtype=torch.float64)
    parts = 2 if isinstance(network, torch.nn.LSTM) else 1
    state = torch.zeros(parts, 1, 1, HIDDEN, dtype=torch.float64)
    tangent = torch.randn(state.shape, generator=draws, dtype=torch.float64)
    size, growth, settled = 1e-6, 0.0, steps // 10
    tangent = size * tangent / tangent.norm()
    with torch.no_grad():
        for step in range(steps):
            both = torch.cat((state, state + tangent), dim=2)  # two rows of one batch
            given = (both[0], both[1]) if parts == 2 else both[0]
            _, after = network(inputs[step].expand(1, 2, 1), given)
            moved = torch.stack(after) if parts == 2 else after[None]
            state, tangent = moved[:, :, :1], moved[:, :, 1:] - moved[:, :, :1]
            length = float(tangent.norm())
            tangent = size * tangent / length
            if step >= settled:
                growth += math.log(length / size)
    return growth / (steps - settled)


def _plain_rnn(lag: int) -> torch.nn.RNNBase:
    return gw.RNN(1, HIDDEN)


def _plain_chrono(lag: int) -> torch.nn.RNNBase:
    lstm = gw.LSTM(1, HIDDEN)
    gw.init.chrono(lstm, max_lag=max(3, lag))
    return lstm


def sequences_to_learn(
    start: Callable[[int], torch.nn.RNNBase], lag: int, updates: int, seed: int
) -> int | None:
    """Return the sequences until the lag is learnt to 95 %; None where it never is."""
    torch.manual_seed(seed)
    model = Recall(start(lag))
    rows = 32
    learning = learn(
        model, lag, updates=updates, rate=3e-3, seed=seed, rows=rows, every=20, stop=True
    )
    return None if learning.solved_after is None else rows * learning.solved_after


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return the slopes against the rates, and the growth of the LSTM whose timescale grows with T."""
    checks = []
    for name, words in (("rnn", "RNN"), ("fixed", "LSTM with a fixed forget gate")):
        lags = np.array(settings["lags"][name], dtype=np.float64)
        ratios = []
        for seed in seeds:
            slope = line(lags, np.array(seed[f"log_n {name}"]) - np.log(lags)).slope
            ratios.append(slope / (2 * seed[f"rate {name}"]))
        found = mean_interval(ratios)
        checks.append(
            Check(
                f"slope of ln(N / T) over -2 ln r, {words}",
                *(found.value, found.low, found.high),
                at_least=0.9,
                at_most=1.1,
            )
        )
    lags = np.array(settings["lags"]["chrono"], dtype=np.float64)
    powers = [line(np.log(lags), np.array(seed["log_n chrono"])).slope for seed in seeds]
    power = mean_interval(powers)
    checks.append(
        Check(
            "power of T that N grows with, chrono LSTM",
            *(power.value, power.low, power.high),
            at_most=2.0,
        )
    )
    limit = 32 * settings["updates"]
    for name, words in (("rnn", "RNN"), ("chrono", "chrono LSTM")):
        lags_learnt = settings["trained"][name]
        points = [
            (lag, took)
            for seed in seeds
            for lag, took in zip(lags_learnt, seed[f"learnt {name}"], strict=True)
        ]
        growth = censored_slope(
            [float(lag) if name == "rnn" else math.log(lag) for lag, _ in points],
            [None if took is None else math.log(took) for _, took in points],
            math.log(limit),
        )
        told = "growth per step of ln(sequences to learn a lag)"
        if name == "chrono":
            told = "power of the lag that the sequences to learn it grow with"
        checks.append(
            Check(
                f"{told}, {words}",
                *(growth.value, growth.low, growth.high),
                at_least=0.02 if name == "rnn" else -math.inf,
                at_most=math.inf if name == "rnn" else 2.0,
            )
        )
    return checks


def between(
    lags: Sequence[int], measured: Sequence[int], logarithms: ArrayLike
) -> NDArray[np.float64]:
    """Return logarithms at all lags, straight from one measured lag to the next; NaN beyond them.

    Each network has lags of its own, and all are drawn over one axis.
    """
    known = np.asarray(logarithms, dtype=np.float64)
    return np.asarray(np.interp(lags, measured, known, left=np.nan, right=np.nan))


def _note(lags: Mapping[str, Sequence[int]], words: Mapping[str, str]) -> str:
    told = "; ".join(f"{words[name]}: {', '.join(map(str, at))}" for name, at in lags.items())
    return f"Measured at lags of ({told}), and straight in between."


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return N over T for all three, and the sequences until a lag is learnt."""
    words = {
        "rnn": "tanh RNN",
        "fixed": "LSTM, forget gate .9",
        "chrono": "LSTM, timescale grows with T",
    }
    lags = sorted({lag for values in settings["lags"].values() for lag in values})
    lines, learnt = [], []
    for place, (name, told) in enumerate(words.items()):
        values = np.exp(
            [between(lags, settings["lags"][name], seed[f"log_n {name}"]) for seed in seeds]
        )
        low, high = values.min(axis=0), values.max(axis=0)
        lines.append(
            Line(told, np.median(values, axis=0), low, high, colour=place, interval="all seeds")
        )
    trained = sorted({lag for values in settings["trained"].values() for lag in values})
    for place, name in ((0, "rnn"), (2, "chrono")):
        took = [
            [np.inf if one is None else one for one in seed[f"learnt {name}"]] for seed in seeds
        ]
        known = np.log(np.median(took, axis=0))
        known[np.isinf(known)] = np.nan
        median = np.exp(between(trained, settings["trained"][name], known))
        learnt.append(Line(words[name], median, colour=place))
    return [
        Curve(
            "Sequences that show a dependency over T steps",
            "T in steps",
            np.array(lags, dtype=np.float64),
            tuple(lines),
            y_label="sequences",
            log_y=True,
            note=_note(settings["lags"], words),
            reading="Two of them grow by a constant factor with every step, the third hardly.",
            group="The claim",
        ),
        Curve(
            "Sequences until a lag is learnt",
            "lag in steps",
            np.array(trained, dtype=np.float64),
            tuple(learnt),
            y_label="sequences, median",
            log_y=True,
            note=_note(settings["trained"], words)
            + " No line leads to a lag that fewer than half of the seeds learnt.",
            group="The claim",
        ),
    ]


STUDY = Study(
    name="exponential-curse",
    title="Learning a long dependency takes exponentially many examples, unless the timescale grows",
    claim=(
        "The gradient that tells of a dependency over T steps has shrunk to r^T and lies under the "
        "noise of T steps. To see it one needs N = T r^(-2T) sequences: for every step more, a constant "
        "factor more. The LSTM lifts the curse."
    ),
    prediction=(
        "The slope of ln(N / T) over T is -2 ln r within 10 %, r being measured by itself: for the RNN, "
        "and for an LSTM whose forget gates stay at .9. With timescales that grow with T (chrono), N "
        "grows at most with T squared. In training, the sequences until a lag is learnt grow by at "
        "least 2 % a step for the RNN, and at most with the lag squared for the chrono LSTM."
    ),
    source="Bengio, Simard & Frasconi 1994; Hochreiter & Schmidhuber 1997; Tallec & Ollivier 2018",
    correction=(
        "An LSTM with a fixed forget gate below 1 is exponential too, N = T e^(2T / tau). The curse is "
        "lifted where tau grows with T."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={
        "lags": {"rnn": [10, 20, 30, 40], "fixed": [10, 30, 50, 70], "chrono": [10, 30, 100]},
        "trained": {"rnn": [5, 10, 20], "chrono": [10, 40]},
        "rows": 64,
        "updates": 300,
    },
    full={
        "lags": {
            "rnn": [10, 20, 30, 40, 50, 60],
            "fixed": [10, 25, 50, 75, 100],
            "chrono": [10, 30, 100, 300],
        },
        "trained": {"rnn": [5, 10, 15, 20, 30, 40], "chrono": [10, 30, 100, 200]},
        "rows": 256,
        "updates": 2000,
    },
    minutes=30.0,
    questions=(
        Question(
            "By which factor does N grow when T doubles from 100 to 200, with tau = 50?",
            "By 2 e^(2 * 100 / 50) = 109.",
        ),
        Question(
            "The chrono LSTM's N grows with a higher power of T than predicted. What if its input gate "
            "is left as torch starts it?",
            "The power falls. A chrono start shuts the input gate as far as it opens the forget gate: a "
            "unit that keeps for T steps writes 1/T of what it sees, and so the term to be told from "
            "noise is smaller the longer the lag.",
        ),
        Question(
            "Why is one learning rate enough here, where forget-bias tunes it for every start?",
            "This part asks how the number grows with the lag within one network, and not which "
            "network is faster.",
        ),
    ),
)
