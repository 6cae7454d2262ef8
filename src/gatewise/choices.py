"""The words that options may be, in a module that imports nothing slow: the help needs them."""

from __future__ import annotations

from typing import Literal

Frequency = Literal["infer", "rows"]
"""Regular time steps, or every row a step whatever its time."""

Missing = Literal["refuse", "mask"]
"""Refuse a table with missing values, or mask them with an indicator."""

Calendar = Literal["hour", "weekday", "weekend", "day_of_year", "month"]
"""What of a time may be a column of its own, beside holidays."""

HOLIDAYS = "holidays"
"""Begins a word such as "holidays:DE" or "holidays:DE-BY": a country, and a part of it."""


def is_holidays(word: str) -> bool:
    """Say whether a word asks for the holidays of some place, of which it may be the wrong one."""
    name, _, place = word.partition(":")
    return name == HOLIDAYS and place.replace("-", "").isalnum() and place.isascii()


Role = Literal["inputs", "future", "static"]
"""The part that a column beside the target plays."""

Unseen = Literal["unknown", "refuse"]
"""Labels that training did not have: taken for unknown, or refused."""

Fill = Literal["forward", "linear", "zero", "season"]
"""Fill a gap with the value before, on a line to the value after, with 0, or with a season before's."""

Keep = Literal["first", "last"]
"""Which of the rows with one time stays."""

Scale = Literal["standard", "per_series", "none"]
"""Zero mean and unit variance over the training part, in each series alone, or no scaling."""

Normalise = Literal["auto", "season", "last", "window", "robust", "none"]
"""What a forecast's network adds to in each window, and the spread that it is measured in."""

TransformName = Literal["auto", "none", "log", "box-cox"]
"""What is taken of a forecast's target before anything else."""

LikelihoodName = Literal["gaussian", "student-t", "negative-binomial", "mixture", "residuals"]
"""The family of distributions that a network predicts; "residuals": a point, and how far off it was."""

Engine = Literal["auto", "native", "reference", "torch"]
Schedule = Literal["auto", "cosine", "one-cycle", "plateau", "constant"]
Optimizer = Literal["adamw", "sgd"]
"""What takes the gradient's steps: Adam with decoupled weight decay, or plain gradient descent."""
PointLoss = Literal["auto", "squared", "absolute", "huber"]
"""What a prediction without quantiles is trained with: squared errors give means, absolute medians."""
Baseline = Literal[
    "persistence", "seasonal_naive", "climatology", "ridge", "ets", "theta", "boosting"
]
Pretrained = Literal["tirex", "tirex2"]
"""A pre-trained model that can stand among a forecast's baselines, as NAME=FOLDER."""

TokenKind = Literal["characters", "bytes", "words", "sentencepiece"]
"""What a text is cut into."""
Front = Literal["auto", "one-hot", "embedding"]
"""What the layers see of a symbol: a vector with one 1, or one that is trained."""

Read = Literal["last", "mean", "max", "attention"]
"""What is read off the states of a whole sequence."""

SequenceScale = Literal["standard", "none"]
"""Zero mean and unit variance over the training part, or measured values as they are."""

UnknownLetters = Literal["refuse", "mask"]
"""Letters outside the alphabet: refused by name, count and place, or read as unknown (code 0)."""

SoftMasked = Literal["read", "mask"]
"""Lower-case letters of DNA, RNA and protein: read like capitals, or unknown."""

Unmatched = Literal["refuse", "drop"]
"""Sequences without a label and labels without a sequence: refused, or left out with a warning."""

Strands = Literal["average", "share"]
"""What is done with the other strand of DNA: answers are averaged, or weights are shared too."""

SequenceBaseline = Literal["majority", "kmers", "features", "rocket"]
"""Baselines beside the scores of sequences: see `gatewise.estimators.baselines`."""
