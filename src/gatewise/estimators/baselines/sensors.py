"""Features of measured sequences: summaries of channels, random convolutions, values around a step.

Sizes: n items, D features, F channels, T steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.estimators.baselines.letters import steps_before
from gatewise.estimators.baselines.rows import Rows
from gatewise.typing import Array, Arrays, Indices

QUANTILES = (0.1, 0.5, 0.9)
KERNELS = 1000
WORK = 2e10
"""Products of random convolutions over the training part: of longer data fewer kernels are drawn."""
OFFSETS = (-16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16)
"""Steps away whose values are features of a step."""


@dataclass(frozen=True, eq=False)
class Summary:
    """Of each channel its mean, spread, ends, quantiles, slope and roughness; and the length."""

    kind: ClassVar[str] = "summary"
    fill: Array  # [D], what stands in where nothing was measured

    @classmethod
    def fit(cls, sequences: Sequences, picks: Indices) -> Summary:
        """Take the means over the training part for what is missing."""
        known = np.array([_summarised(sequences.row(int(pick))) for pick in picks])
        count = np.maximum((~np.isnan(known)).sum(axis=0), 1)
        return cls(np.where(np.isnan(known), 0.0, known).sum(axis=0) / count)

    def rows(self, sequences: Sequences, picks: Indices) -> Rows:
        """Return the features of sequences `picks`."""
        found = [_summarised(sequences.row(int(pick))) for pick in picks]
        table = np.array(found).reshape(len(picks), len(self.fill))
        return Rows.of(np.where(np.isnan(table), self.fill, table))

    def told(self) -> str:
        """Return what the features are, in words."""
        return f"{len(self.fill)} figures such as means, spreads and slopes of the channels"

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays."""
        return {}, {"fill": self.fill}


def _summarised(values: Array) -> Array:
    """Return the features of one sequence `[T, F]`; NaN for what it does not tell."""
    return np.concatenate([[len(values)], *(_of_channel(column) for column in values.T)])


def _of_channel(column: Array) -> Array:
    at = np.flatnonzero(~np.isnan(column))
    x = column[at].astype(np.float64)
    if not len(x):
        return np.full(10 + len(QUANTILES), np.nan)
    rough = np.abs(np.diff(x))
    centred, time = x - x.mean(), at - at.mean()
    spread = float(time @ time)
    lagged = float(centred[1:] @ centred[:-1]) / max(float(centred @ centred), 1e-12)
    return np.array(
        [
            *(x.mean(), x.std(), x.min(), x.max(), x[0], x[-1]),
            float(time @ centred) / spread if spread else 0.0,
            rough.mean() if len(rough) else 0.0,
            lagged,
            np.mean(centred[1:] * centred[:-1] < 0) if len(x) > 1 else 0.0,
            *np.quantile(x, QUANTILES),
        ]
    )


@dataclass(frozen=True, eq=False)
class Rocket:
    """The largest value and the share above 0 of random convolutions (Dempster et al. 2020).

    Kernels of 7, 9 or 11 normal weights about 0, with random bias and dilation, over random channels;
    the seed draws them. Sequences have any lengths; what lies outside counts as the channel's mean.
    """

    kind: ClassVar[str] = "rocket"
    seed: int
    kernels: int
    steps: int  # typical length: dilations reach that far
    mean: Array  # [F]
    deviation: Array  # [F]

    @classmethod
    def fit(cls, sequences: Sequences, picks: Indices, seed: int) -> Rocket:
        """Scale the channels by the training part, and bound the number of kernels by its size."""
        values = sequences.values[sequences.steps_of(picks)].astype(np.float64)
        count = np.maximum((~np.isnan(values)).sum(axis=0), 1)
        mean = np.where(np.isnan(values), 0.0, values).sum(axis=0) / count
        square = np.where(np.isnan(values), 0.0, (values - mean) ** 2).sum(axis=0) / count
        kernels = int(min(KERNELS, max(50, WORK / (9 * max(values.size, 1)))))
        steps = int(max(np.median(sequences.lengths[picks]), 1))
        return cls(seed, kernels, steps, mean, np.where(square > 0, np.sqrt(square), 1.0))

    def rows(self, sequences: Sequences, picks: Indices) -> Rows:
        """Return the features of sequences `picks`; an empty one has zeros."""
        lengths = sequences.lengths[picks]
        drawn = self._drawn()
        gap = max((len(weights) - 1) * dilation for weights, _, dilation, _ in drawn) // 2 + 1
        # One long row with gaps as wide as the widest kernel's reach, so that a product per weight does.
        places = np.arange(lengths.sum()) + gap * (1 + np.repeat(np.arange(len(picks)), lengths))
        values = (sequences.values[sequences.steps_of(picks)] - self.mean) / self.deviation
        line = np.zeros((int(lengths.sum()) + gap * (len(picks) + 1), len(self.mean)))
        line[places] = np.where(np.isnan(values), 0.0, values)
        filled = lengths > 0
        start = (np.cumsum(lengths) - lengths)[filled]
        out = np.zeros((len(picks), 2 * len(drawn)))
        for number, (weights, bias, dilation, channels) in enumerate(drawn):
            told = _convolved(line[:, channels], weights, dilation)[places] + bias
            if len(start):
                out[filled, 2 * number] = np.maximum.reduceat(told, start)
                above = np.add.reduceat((told > 0).astype(np.float64), start)
                out[filled, 2 * number + 1] = above / lengths[filled]
        return Rows.of(out)

    def _drawn(self) -> list[tuple[Array, float, int, Indices]]:
        """Return weights `[length, channels]`, bias, dilation and channels of every kernel."""
        generator = np.random.default_rng([self.seed, len(self.mean)])
        found = []
        for _ in range(self.kernels):
            length = int(generator.choice([7, 9, 11]))
            most = min(len(self.mean), length)
            many = int(2 ** generator.uniform(0, np.log2(most + 1)))
            channels = generator.choice(len(self.mean), min(many, most), replace=False)
            weights = generator.normal(size=(length, len(channels)))
            widest = max(np.log2(max((self.steps - 1) / (length - 1), 1.0)), 0.0)
            dilation = int(2 ** generator.uniform(0, widest))
            bias = float(generator.uniform(-1, 1))
            found.append((weights - weights.mean(axis=0), bias, dilation, channels))
        return found

    def told(self) -> str:
        """Return what the features are, in words."""
        return f"the largest value and share above 0 of {self.kernels:,} random convolutions"

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays: the seed draws the kernels again."""
        said = {"seed": self.seed, "kernels": self.kernels, "steps": self.steps}
        return said, {"mean": self.mean, "deviation": self.deviation}


def _convolved(line: Array, weights: Array, dilation: int) -> Array:
    """Return the dilated convolution about each place of a line `[N, c]`, over channels, `[N]`."""
    reach = (len(weights) - 1) * dilation // 2
    padded = np.pad(line, ((reach, reach + dilation), (0, 0)))
    out = np.zeros(len(line))
    for number, weight in enumerate(weights):
        out += padded[number * dilation : number * dilation + len(line)] @ weight
    return out


@dataclass(frozen=True, eq=False)
class Near:
    """The values of every channel at the step, and up to 16 steps before and after it."""

    kind: ClassVar[str] = "near"
    mean: Array  # [F]

    @classmethod
    def fit(cls, sequences: Sequences, picks: Indices) -> Near:
        """Take the mean of each channel for what is missing or outside."""
        values = sequences.values[sequences.steps_of(picks)].astype(np.float64)
        count = np.maximum((~np.isnan(values)).sum(axis=0), 1)
        return cls(np.where(np.isnan(values), 0.0, values).sum(axis=0) / count)

    def rows(self, sequences: Sequences, places: Indices) -> Rows:
        """Return the features of the steps `places` in `values`."""
        low, high = steps_before(sequences, places)
        around = places[:, None] + np.array(OFFSETS)
        inside = (around >= low[:, None]) & (around < high[:, None])
        values = sequences.values[np.where(inside, around, 0)] - self.mean
        known = inside[:, :, None] & ~np.isnan(values)
        return Rows.of(
            np.where(known, values, 0.0).reshape(len(places), len(OFFSETS) * len(self.mean))
        )

    def told(self) -> str:
        """Return what the features are, in words."""
        return "the values at the step and up to 16 steps away"

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays."""
        return {}, {"mean": self.mean}
