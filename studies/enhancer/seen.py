"""How it was learnt and what carries the answer, as curves: of this study, and of its benchmark.

Of figures of seeds: "losses" by length, "views" and "account" (`views`), "leak" (`probes`), "longer".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gatewise.report import Curve, Line, Mark
from studies.enhancer.task import CHANCE
from studies.enhancer.views import PARTS, lags_of

Seeds = Sequence[Mapping[str, Any]]
Values = NDArray[np.float64]
KINDS: Mapping[str, Literal["gate path", "gradient", "intervention"]] = {
    "gates": "gate path",
    "gradient": "gradient",
    "intervention": "intervention",
}
LINES = {
    "gates": "what the forget gates leave of c",
    "gradient": "gradient of the answer by c",
    "intervention": "answers that go with another's c",
}


def seen(seeds: Seeds, steps: int) -> list[Curve]:
    """Return the curves of seeds that were trained for `steps` steps; medians of all."""
    return [
        learnt(seeds),
        carried(seeds, steps),
        written(seeds),
        leaks(seeds, steps),
        longer(seeds),
    ]


def learnt(seeds: Seeds) -> Curve:
    """Return the mean loss of a stage, its first updates and its last, by length."""
    lengths = sorted({int(length) for seed in seeds for length in seed["losses"]})

    def mean(part: slice) -> Values:
        found = [
            [np.mean(seed["losses"][str(n)][part]) for seed in seeds if str(n) in seed["losses"]]
            for n in lengths
        ]
        return np.array([np.median(one) for one in found])

    return Curve(
        "Learning by length",
        "steps of the sequences",
        np.array(lengths, dtype=np.float64),
        (
            Line("first three updates at a length", mean(slice(3))),
            Line("last three", mean(slice(-3, None))),
        ),
        y_label="loss, median over seeds",
        log_x=True,
        log_y=True,
        level=Mark(math.log(2), "guessing"),
        reading="It is learnt at the first length; where lengths double, little is lost.",
        group="How it is learnt",
    )


def carried(seeds: Seeds, steps: int) -> Curve:
    """Return the three views of the memory on one axis."""
    lines = [
        Line(LINES[name], _median(seed["views"][name] for seed in seeds), kind=kind)
        for name, kind in KINDS.items()
    ]
    return Curve(
        "Three views of one memory",
        "steps before the end",
        np.array(lags_of(steps), dtype=np.float64),
        tuple(lines),
        y_label="share",
        log_x=True,
        reading="Whoever changes c changes the answer, as long ago as it may be.",
        note="Gates and gradient are by those at the last step, medians over seeds.",
        group="What carries it",
    )


def written(seeds: Seeds) -> Curve:
    """Return when what c holds was written: at the mark, and in each part of the sequence besides."""
    by_part = _median(seed["account"]["by part"] for seed in seeds)
    mark = float(np.median([seed["account"]["at the mark"] for seed in seeds]))
    return Curve(
        "When it was written, and when it is let out",
        "part of the sequence",
        np.arange(1.0, PARTS + 1),
        (
            Line("left at the end of what was written beside the mark", by_part),
            Line("size of c", _median(seed["account"]["held"] for seed in seeds)),
            Line("output gate", _median(seed["account"]["shown"] for seed in seeds)),
        ),
        y_label="median over seeds",
        level=Mark(mark, "left of what was written at the mark"),
        reading="The mark is in the first part; the output gate is open all the time.",
        note="Of the unit that the mark opens furthest.",
        group="What carries it",
    )


def leaks(seeds: Seeds, steps: int) -> Curve:
    """Return what the forget gates lose in a step, times the steps."""
    number = np.arange(len(seeds), dtype=np.float64)
    slow, quick = (np.array([seed["leak"][end] * steps for seed in seeds]) for end in (0, 1))
    return Curve(
        "The leak and its bound",
        "seed",
        number,
        (Line("unit that keeps longest", slow), Line("unit that forgets first", quick)),
        y_label="share lost in a step, times the steps",
        log_y=True,
        level=Mark(math.log(2), "half is left at the end"),
        reading="Below the line more than half of what was written is left at the end.",
        group="What carries it",
    )


def longer(seeds: Seeds) -> Curve:
    """Return the accuracy at multiples of the length that was trained for."""
    times = sorted(seeds[0]["longer"], key=int)
    values = np.array([[seed["longer"][n] for n in times] for seed in seeds])
    return Curve(
        "Beyond what was trained",
        "times the length",
        np.array([int(n) for n in times], dtype=np.float64),
        (
            Line(
                "accuracy, median and range of seeds",
                np.median(values, axis=0),
                values.min(axis=0),
                values.max(axis=0),
                interval="range of seeds",
            ),
        ),
        y_label="accuracy",
        level=Mark(CHANCE, "chance"),
        reading="The forget gate was made for the length that was trained.",
        group="How it is learnt",
    )


def _median(values: Any) -> Values:
    return np.median(np.array(list(values), dtype=np.float64), axis=0)
