"""Scores from arrays: what an estimator hands over once it and its baselines have answered.

Sizes: n items (sequences, steps or tokens), C classes, K targets, Q quantile levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import InputError
from gatewise.estimators.scores import labels, probabilities
from gatewise.estimators.scores.calibration import Temperature, reliability
from gatewise.estimators.scores.evaluation import (
    CalibratedNumbers,
    ClassificationScores,
    LanguageScores,
    RegressionScores,
)
from gatewise.estimators.scores.figures import (
    Figures,
    LabelAnswers,
    of_labels,
    of_numbers,
    of_tokens,
)
from gatewise.estimators.scores.measures import MODEL_NAME
from gatewise.estimators.scores.resampling import Draws, Groups, interval
from gatewise.estimators.scores.rows import Row
from gatewise.typing import Array, Indices


def classification_scores(
    truth: ArrayLike,
    answers: Mapping[str, LabelAnswers],
    classes: Sequence[str],
    *,
    part: str,
    groups: Groups,
    members: Sequence[LabelAnswers] = (),
    weights: ArrayLike | None = None,
    unit: str = "sequence",
    decides: str = "matthews",
    temperature: Temperature | None = None,
    uncalibrated: ArrayLike | None = None,
    beside: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> ClassificationScores:
    """Return the scores of labels `[n]`, -1 unknown and left out, by every model of `answers`.

    The network is "gatewise" among `answers`, `members` are its members alone, `beside` names models
    that are no baselines, `groups` is what is drawn for the intervals, `weights` `[n]` what each item
    counts, `uncalibrated` `[n, C]` the network's probabilities before `temperature`. Where `decides` is
    not defined, as Matthews' correlation of one class, accuracy decides. Raises InputError for shapes
    that do not fit.
    """
    every = np.asarray(truth, dtype=np.int64)
    known = every >= 0
    t, w = every[known], _weights(weights, known)
    draws = Draws(groups.take(known), width=len(classes) ** 2)
    plain = Draws(groups.take(known), draws=0, width=len(classes) ** 2)
    found = {
        model: of_labels(t, _checked(answer, every, known, classes), w, draws, len(classes))
        for model, answer in answers.items()
    }
    alone = [
        of_labels(t, _checked(answer, every, known, classes), w, plain, len(classes))[0]
        for answer in members
    ]
    figures = {model: each[0] for model, each in found.items()}
    if not math.isfinite(float(figures[MODEL_NAME][decides][0])):
        decides = "accuracy"
    raw = None if uncalibrated is None else np.asarray(uncalibrated, dtype=np.float64)
    return ClassificationScores(
        part=part,
        unit=unit,
        count=len(t),
        decides=decides,
        models=_rows(figures),
        beside=tuple(beside),
        members=tuple(_plain(each) for each in alone),
        gains=_gains(figures),
        intervals=groups.take(known).text,
        notes=tuple(notes),
        classes=tuple(classes),
        support=dict(zip(classes, np.bincount(t, w, minlength=len(classes)).tolist(), strict=True)),
        confusion={model: each[1] for model, each in found.items()},
        by_class={
            model: dict(zip(classes, labels.f1(each[1]).tolist(), strict=True))
            for model, each in found.items()
        },
        temperature=temperature,
        before=None if raw is None else reliability(every, raw, weights),
        after=reliability(every, answers[MODEL_NAME].probabilities, weights),
    )


def regression_scores(
    truth: ArrayLike,
    answers: Mapping[str, ArrayLike],
    *,
    part: str,
    groups: Groups,
    targets: Sequence[str] = ("y",),
    members: Sequence[ArrayLike] = (),
    quantiles: Mapping[str, ArrayLike] | None = None,
    levels: Sequence[float] = (),
    bands: CalibratedNumbers | None = None,
    unit: str = "sequence",
    decides: str = "r2",
    beside: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> RegressionScores:
    """Return the scores of numbers `[n]` or `[n, K]`, NaN unknown and left out, by every model.

    `quantiles` `[n, Q]` or `[n, K, Q]` are those of the models that have them, `bands` what calibration
    did to the network's. Where the truth never
    varies RMSE decides, of a single target. Raises InputError for shapes that do not fit.
    """
    t = _columns(truth, len(targets), "truth")
    draws, plain = Draws(groups), Draws(groups, draws=0)
    named = quantiles or {}
    each = {
        model: [
            of_numbers(t[:, k], told[:, k], draws, _band(named.get(model), k, len(targets)), levels)
            for k in range(len(targets))
        ]
        for model, told in (
            (model, _columns(told, len(targets), model)) for model, told in answers.items()
        )
    }
    alone = [
        _pooled(
            [
                of_numbers(t[:, k], _columns(told, len(targets), "member")[:, k], plain, None, ())
                for k in range(len(targets))
            ]
        )
        for told in members
    ]
    figures = {model: _pooled(by_target) for model, by_target in each.items()}
    if not math.isfinite(float(figures[MODEL_NAME][decides][0])) and len(targets) == 1:
        decides = "rmse"
    by_target = {
        model: {target: _plain(one) for target, one in zip(targets, found, strict=True)}
        for model, found in each.items()
    }
    return RegressionScores(
        part=part,
        unit=unit,
        count=int((~np.isnan(t)).any(axis=1).sum()),
        decides=decides,
        models=_rows(figures),
        beside=tuple(beside),
        members=tuple(_plain(one) for one in alone),
        gains=_gains(figures),
        intervals=groups.text,
        notes=(*([] if bands is None else [bands.sentence]), *notes),
        targets=tuple(targets),
        levels=tuple(levels),
        by_target=by_target if len(targets) > 1 else {},
        bands=bands,
    )


def language_scores(
    bits: Mapping[str, ArrayLike],
    *,
    part: str,
    groups: Groups,
    characters: ArrayLike | None = None,
    spelled: ArrayLike | None = None,
    right: Mapping[str, ArrayLike] | None = None,
    members: Sequence[ArrayLike] = (),
    unknown: int = 0,
    unit: str = "token",
    beside: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> LanguageScores:
    """Return the scores of a text from the bits `[n]` that tokens cost each model, NaN left out.

    `characters` `[n]` are those that each token stands for, by default one; `spelled` `[n]` are bits
    that spell an unknown token, which the bits per character then hold too; `right` `[n]` says whether
    the likeliest token was the true one. Tokens left out by one model are left out by all. Raises
    InputError for shapes that do not fit.
    """
    costs = {model: np.asarray(one, dtype=np.float64) for model, one in bits.items()}
    size = len(costs[MODEL_NAME])
    if any(one.shape != (size,) for one in costs.values()) or len(groups.of) != size:
        raise InputError("every model must give bits [n] of the same tokens, and groups [n]")
    letters = np.ones(size) if characters is None else np.asarray(characters, dtype=np.float64)
    extra = np.zeros(size) if spelled is None else np.asarray(spelled, dtype=np.float64)
    known = np.all([~np.isnan(one) for one in costs.values()], axis=0)
    draws, plain = Draws(groups.take(known)), Draws(groups.take(known), draws=0)
    figures = {}
    for model, one in costs.items():
        hits = None if right is None or model not in right else np.asarray(right[model])[known]
        figures[model] = of_tokens(one[known], letters[known], extra[known], hits, draws)
    alone = [
        of_tokens(
            np.asarray(one, dtype=np.float64)[known], letters[known], extra[known], None, plain
        )
        for one in members
    ]
    return LanguageScores(
        part=part,
        unit=unit,
        count=int(known.sum()),
        decides="bits_per_character",
        models=_rows(figures),
        beside=tuple(beside),
        members=tuple(_plain(one) for one in alone),
        gains=_gains(figures),
        intervals=groups.take(known).text,
        notes=tuple(notes),
        tokens=int(known.sum()),
        characters=int(letters[known].sum()),
        unknown=unknown,
    )


def _pooled(by_target: Sequence[Figures]) -> Figures:
    """Return the figures of one target, or the means over several of those without a unit."""
    if len(by_target) == 1:
        return by_target[0]
    shared = ("r2", "correlation", "coverage")
    return {
        name: np.mean([one[name] for one in by_target], axis=0)
        for name in shared
        if all(name in one for one in by_target)
    }


def _rows(figures: Mapping[str, Figures]) -> dict[str, Row]:
    return {
        model: {name: interval(values) for name, values in each.items()}
        for model, each in figures.items()
    }


def _gains(figures: Mapping[str, Figures]) -> dict[str, Row]:
    """Return the network's figures less each baseline's: of the same draws, so that they are paired."""
    network = figures[MODEL_NAME]
    return {
        model: {
            name: interval(network[name] - each[name])
            for name in each
            if name in network and len(network[name]) == len(each[name])
        }
        for model, each in figures.items()
        if model != MODEL_NAME
    }


def _plain(figures: Figures) -> dict[str, float]:
    return {name: float(values[0]) for name, values in figures.items()}


def _weights(weights: ArrayLike | None, known: ArrayLike) -> Array:
    mask = np.asarray(known)
    if weights is None:
        return np.ones(int(mask.sum()))
    found: Array = np.asarray(weights, dtype=np.float64)[mask]
    return found


def _checked(
    answer: LabelAnswers, truth: Indices, known: ArrayLike, classes: Sequence[str]
) -> LabelAnswers:
    _, p = probabilities.check_probabilities(truth, answer.probabilities)
    if p.shape[1] != len(classes):
        raise InputError(f"probabilities of {p.shape[1]} classes for {len(classes)} classes")
    mask = np.asarray(known)
    return LabelAnswers(p[mask], None if answer.labels is None else answer.labels[mask])


def _columns(values: ArrayLike, count: int, what: str) -> Array:
    array = np.asarray(values, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[1] != count:
        raise InputError(
            f"{what} has shape {array.shape}: give [n, {count}], a column for each target"
        )
    return array


def _band(quantiles: ArrayLike | None, k: int, count: int) -> Array | None:
    if quantiles is None:
        return None
    array = np.asarray(quantiles, dtype=np.float64)
    return array if array.ndim == 2 and count == 1 else array[:, k]
