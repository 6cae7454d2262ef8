"""Measures of sequence estimators by name: how tables, verdicts and docs write them.

A new one is an entry here and the figure that a builder in `build.py` gives under its name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gatewise.estimators.scores.resampling import Interval
from gatewise.wording import number, with_minus

MODEL_NAME = "gatewise"
"""The network among the models of a table of scores."""

PART_NAMES = {
    "training": "the training part",
    "validation": "the validation part",
    "test": "the test part",
    "all": "all of the given data",
}


@dataclass(frozen=True)
class Measure:
    """A score: how it is written and which way is better."""

    title: str
    """Its heading; in a sentence too."""
    meaning: str
    """A sentence for the docs."""
    better: Literal["low", "high"] | None = "high"
    in_units: bool = False
    """Whether it has the unit of the numbers; else it has three decimals."""
    shown: bool = True
    """Whether tables show it; scores and files hold every measure."""


MEASURES: dict[str, Measure] = {
    "accuracy": Measure("accuracy", "Share of labels that are right."),
    "balanced_accuracy": Measure(
        "balanced accuracy",
        "Mean over the classes of the share that was found: chance is 1 over their number.",
    ),
    "macro_f1": Measure(
        "F1", "Mean over the classes of F1, which falls by what is missed or wrong."
    ),
    "matthews": Measure(
        "Matthews correlation",
        "Correlation of truth and prediction over all classes (Gorodkin 2004): 1 is perfect, 0 is what "
        "a constant or random answer reaches, however rare a class is.",
    ),
    "auc": Measure(
        "AUC",
        "Chance that an item of a class is ranked above one of another, mean over the classes.",
    ),
    "log_loss": Measure(
        "log loss, bits", "Bits that a label costs, by the probability it was given.", better="low"
    ),
    "brier": Measure(
        "Brier",
        "Squared distance of the probabilities from the truth: 0 is perfect, 2 the worst.",
        better="low",
        shown=False,
    ),
    "information": Measure(
        "information, bits",
        "What a prediction tells of the truth. Of labels: their entropy less the log loss, which is the "
        "least it tells; of numbers: mutual information by nearest neighbours.",
        shown=False,
    ),
    "r2": Measure("R²", "Share of the variance explained: 0 is the mean of the truth."),
    "rmse": Measure("RMSE", "Root of the mean squared error.", better="low", in_units=True),
    "mae": Measure("MAE", "Mean absolute error.", better="low", in_units=True),
    "correlation": Measure("correlation", "Correlation of truth and prediction (Pearson)."),
    "pinball": Measure(
        "pinball loss", "Mean pinball loss over the quantiles.", better="low", in_units=True
    ),
    "coverage": Measure(
        "coverage",
        "Share of the truth within the outermost quantiles: best is what these promise.",
        better=None,
    ),
    "bits_per_character": Measure(
        "bits per character", "Bits that a character of the text costs.", better="low"
    ),
    "perplexity": Measure(
        "perplexity",
        "Two to the power of the bits that a token costs: among so many alike a guess would do as well.",
        better="low",
        in_units=True,
    ),
    "top1": Measure("next token right", "Share of tokens that were given the highest probability."),
}
"""Every measure by its name in scores and metrics.json, in the order of the tables."""


def measure_text(name: str, value: float) -> str:
    """Return a score as tables and sentences write it."""
    if not MEASURES[name].in_units and math.isfinite(value) and abs(value) < 100:
        text = with_minus(f"{value:.3f}")
        return "0.000" if text == "−0.000" else text
    return number(value, 4)


def interval_text(name: str, found: Interval) -> str:
    """Return a score with its interval: "0.712 (0.690–0.731)", "0.1 (−0.2 to 0.3)"."""
    text = measure_text(name, found.value)
    if not found.known:
        return text
    dash = " to " if found.low < 0 else "–"
    return f"{text} ({measure_text(name, found.low)}{dash}{measure_text(name, found.high)})"


MODEL_TITLES = {
    "majority": "a blind guess",
    "kmers": "k-mer regression",
    "features": "ridge on features",
    "rocket": "random convolutions",
    "ngram": "the n-gram model",
}
"""Baselines whose names are words of an option, as tables and sentences write them."""


def model_name(model: str) -> str:
    """Return a model's name in prose."""
    return MODEL_TITLES.get(model, model.replace("_", " "))
