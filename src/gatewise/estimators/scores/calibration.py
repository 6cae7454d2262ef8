"""Calibration of class probabilities: one temperature, and how reliable they are with and without it.

Sizes: n items, C classes, B bins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gatewise.answers.drawing import softmax
from gatewise.errors import InputError
from gatewise.estimators.scores.probabilities import LEAST, brier, check_probabilities
from gatewise.typing import Array, Indices
from gatewise.wording import counted, figure

BINS = 10
LEAST_ITEMS = 50
"""With fewer labels of the validation part the temperature is noise, and 1 is kept."""
HOTTEST = 20.0
"""Temperatures stay within 1 / HOTTEST and HOTTEST: of labels that are all right the best would be 0."""


@dataclass(frozen=True)
class Temperature:
    """What log probabilities are divided by: above 1 a model was too sure (Guo et al. 2017)."""

    value: float = 1.0
    items: int = 0
    """Labels of the validation part that it was fitted on."""
    too_few: bool = False
    at_bound: bool = False

    def apply(self, probabilities: ArrayLike) -> Array:
        """Return probabilities `[..., C]` at this temperature; which class is the most likely stays."""
        p = np.asarray(probabilities, dtype=np.float64)
        return p if self.value == 1.0 else softmax(_logs(p) * (1.0 / self.value))

    def text(self) -> str:
        """Return how the probabilities were calibrated, in a sentence."""
        labels = counted(self.items, "label")
        if self.too_few:
            return (
                f"Probabilities are as the network gave them: {labels} of the validation part are too "
                f"few for a temperature (at least {LEAST_ITEMS}, of two classes)."
            )
        way = "too sure" if self.value > 1 else "not sure enough"
        judged = "" if abs(math.log(self.value)) < 0.02 else f": the network alone was {way}"
        bound = " (the bound of what is tried)" if self.at_bound else ""
        return (
            f"Probabilities are calibrated by a temperature of {figure(self.value)}{bound}, fitted on "
            f"{labels} of the validation part{judged}."
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as a model's file keeps it."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Temperature:
        """Return it from what `to_json` gave."""
        return cls(**kept)


def fit_temperature(
    truth: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> Temperature:
    """Return the temperature with the least log loss on the validation part (Guo et al. 2017, 4.2).

    `truth` are codes `[n]`, -1 unknown; `probabilities` `[n, C]`, of the ensemble as it will predict.
    The loss is convex in 1 / temperature, so that bisection of its slope finds the one minimum. Raises
    InputError for shapes that do not fit and probabilities that are not finite.
    """
    t, p = check_probabilities(truth, probabilities)
    known = t >= 0
    if not np.isfinite(p[known]).all():
        raise InputError("probabilities to calibrate must be finite: the network predicts NaN")
    count = int(known.sum())
    if count < LEAST_ITEMS or len(np.unique(t[known])) < 2:
        return Temperature(items=count, too_few=True)
    w = np.ones(len(t)) if weights is None else np.asarray(weights, dtype=np.float64)
    logs, labels, share = _logs(p[known]), t[known], w[known] / w[known].sum()
    low, high = -math.log(HOTTEST), math.log(HOTTEST)  # of 1 / temperature
    for _ in range(50):
        middle = (low + high) / 2
        if _slope(logs, labels, share, math.exp(middle)) > 0:
            high = middle
        else:
            low = middle
    middle = (low + high) / 2
    return Temperature(math.exp(-middle), count, at_bound=abs(middle) > math.log(HOTTEST) - 1e-6)


def _logs(p: Array) -> Array:
    return np.log(np.maximum(p, LEAST))


def _slope(logs: Array, labels: Indices, share: Array, sharpness: float) -> float:
    """Return the derivative of the log loss by 1 / temperature: mean of the logs less the label's."""
    mean = np.sum(softmax(logs * sharpness) * logs, axis=1)
    return float(share @ (mean - logs[np.arange(len(labels)), labels]))


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often the most likely class is right, by how sure the model was of it."""

    edges: Array  # [B + 1]
    counts: Array  # [B]
    confidence: Array  # [B], the mean of the bin, NaN where it is empty
    accuracy: Array  # [B]
    brier: float

    @property
    def ece(self) -> float:
        """The expected calibration error: the mean distance of the two by count (Naeini 2015)."""
        total = float(self.counts.sum())
        apart = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(apart * self.counts) / total) if total else math.nan

    def to_json(self) -> dict[str, Any]:
        """Return the table as lists."""
        lists = {
            name: getattr(self, name).tolist()
            for name in ("edges", "counts", "confidence", "accuracy")
        }
        return {**lists, "ece": self.ece, "brier": self.brier}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Reliability:
        """Return the table that `to_json` gave, as JSON holds it: null for NaN."""
        edges, counts, confidence, accuracy = (
            np.array(kept[name], dtype=np.float64)
            for name in ("edges", "counts", "confidence", "accuracy")
        )
        brier = math.nan if kept["brier"] is None else float(kept["brier"])
        return cls(edges, counts, confidence, accuracy, brier)


def reliability(
    truth: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    bins: int = BINS,
) -> Reliability:
    """Return how often labels are right, in `bins` of the probability of the likeliest class.

    `truth` `[n]` are codes, -1 unknown and left out; `probabilities` `[n, C]`, `weights` `[n]`. Raises
    InputError for shapes that do not fit.
    """
    t, p = check_probabilities(truth, probabilities)
    known = t >= 0
    t, p = t[known], p[known]
    w = np.ones(len(t)) if weights is None else np.asarray(weights, dtype=np.float64)[known]
    edges = np.linspace(0.0, 1.0, bins + 1)
    sure = p.max(axis=1) if len(p) else np.zeros(0)
    right = p.argmax(axis=1) == t if len(p) else np.zeros(0, dtype=bool)
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    counts: Array = np.bincount(place, w, minlength=bins).astype(np.float64)
    below = np.where(counts > 0, counts, np.nan)
    total = w.sum()
    return Reliability(
        edges,
        counts,
        np.bincount(place, w * sure, minlength=bins) / below,
        np.bincount(place, w * right, minlength=bins) / below,
        float(w @ brier(t, p) / total) if total else math.nan,
    )
