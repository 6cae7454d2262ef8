"""What scores of sequences say, in sentences that can be unkind.

The best baseline is the one that is best by the deciding measure. "Better" needs an interval of the
paired difference that leaves out 0, where there is one, and every member on the better side.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

from gatewise.estimators.scores.measures import (
    MEASURES,
    MODEL_NAME,
    PART_NAMES,
    interval_text,
    measure_text,
    model_name,
)
from gatewise.estimators.scores.resampling import Interval
from gatewise.estimators.scores.rows import ScoreRows
from gatewise.report import Verdict
from gatewise.wording import counted

FLATTERING = {
    "training": "The model was trained on this part: the score says nothing about new data.",
    "validation": (
        "Training choices are made on the validation part, which flatters its score: set a test part "
        "aside for a score that nothing was chosen on."
    ),
}

OF_THE_FIT = (
    "This is the data of the fit, its training part with it, which flatters every model that was fitted "
    "on it: score the test part alone, or new data."
)
"""A note of scores on all data of a fit, which no part's name tells of."""

S = TypeVar("S", bound=ScoreRows)


def with_note_of_the_fit(scores: S, *, same: bool) -> S:
    """Return scores, with a note where they are of all the data that the model was fitted on.

    `same` is whether the data is that of the fit; a part of it tells by its name how far it flatters.
    """
    told = same and scores.part == "all"
    return replace(scores, notes=(OF_THE_FIT, *scores.notes)) if told else scores


def best_baseline(scores: ScoreRows) -> str | None:
    """Return the baseline that is best by the deciding measure, or None where none has a score."""
    sign = _sign(scores.decides)
    known = {
        model: sign * row[scores.decides].value
        for model, row in scores.models.items()
        if model in scores.baselines
        and scores.decides in row
        and math.isfinite(row[scores.decides].value)
    }
    return max(known, key=known.__getitem__) if known else None


def ranked(scores: ScoreRows) -> tuple[str, ...]:
    """Return all models as tables have them: the network, those beside it, the best baseline, ..."""
    sign = _sign(scores.decides)

    def worse(model: str) -> float:
        found = scores.models[model].get(scores.decides)
        return math.inf if found is None or math.isnan(found.value) else -sign * found.value

    return (MODEL_NAME, *scores.beside, *sorted(scores.baselines, key=worse))


def verdict(scores: ScoreRows) -> Verdict:
    """Return the verdict on scores: a headline, its sentences and their tone."""
    baseline = best_baseline(scores)
    tone = _tone(scores, baseline)
    sentences = [_comparison(scores, baseline)]
    sentences += [_against(scores, other) for other in scores.beside]
    if scores.part in FLATTERING:
        sentences.append(FLATTERING[scores.part])
    if (
        baseline is not None
        and tone == "worse"
        and scores.part != "training"
        and _gain(scores, baseline).value < 0  # what is equal is no better, nor worse
    ):
        sentences.append(f"The better model here is {model_name(baseline)}.")
    sentences.extend(_members(scores, baseline))
    if scores.intervals:
        sentences.append(scores.intervals)
    return Verdict(_headline(scores, baseline, tone), (*sentences, *scores.notes), tone)


def _sign(measure: str) -> int:
    return 1 if MEASURES[measure].better == "high" else -1


def _known(scores: ScoreRows) -> bool:
    found = scores.models[MODEL_NAME].get(scores.decides)
    return found is not None and math.isfinite(found.value)


def _gain(scores: ScoreRows, baseline: str) -> Interval:
    """Return how much better the network is: above 0 is better, whichever way the measure runs."""
    found = scores.gains[baseline][scores.decides]
    if _sign(scores.decides) > 0:
        return found
    return Interval(-found.value, -found.high, -found.low)


def _tone(scores: ScoreRows, baseline: str | None) -> str:
    if not _known(scores) or baseline is None:
        return "unknown"
    gain = _gain(scores, baseline)
    if gain.value <= 0:
        return "unclear" if gain.known and gain.high > 0 else "worse"
    other = scores.models[baseline][scores.decides].value
    sign = _sign(scores.decides)
    alone = [member.get(scores.decides, math.nan) for member in scores.members]
    if (gain.known and gain.low <= 0) or any(not sign * one > sign * other for one in alone):
        return "unclear"
    return "better"


def _headline(scores: ScoreRows, baseline: str | None, tone: str) -> str:
    if not _known(scores):
        return "No score: there is no truth to compare with"
    if baseline is None:
        return "A score, but no baseline to compare it with"
    name = model_name(baseline)
    if tone == "better":
        return f"Better than the best baseline, {name}"
    if tone == "worse":
        return f"No better than {name}"
    gain = _gain(scores, baseline)
    if gain.known and gain.low <= 0 <= gain.high:
        return f"No clear difference from {name}"
    return f"Better than {name} together, but not with every seed"


def _comparison(scores: ScoreRows, baseline: str | None) -> str:
    """Say the deciding measure of the network, of the best baseline, and how far they are apart."""
    part = PART_NAMES.get(scores.part, scores.part)
    lead = f"On {part} ({counted(scores.count, scores.unit)}),"
    if not _known(scores):
        return f"{lead} no truth is known, so nothing was scored."
    title, name = MEASURES[scores.decides].title, scores.decides
    said = f"{lead} gatewise reaches {title} {interval_text(name, scores.models[MODEL_NAME][name])}"
    if baseline is None:
        return f"{said}; no baseline applies here, so the score stands alone."
    other = scores.models[baseline][name]
    said += f", the best baseline ({model_name(baseline)}) {measure_text(name, other.value)}"
    return f"{said}{_apart(scores, baseline)}"


def _apart(scores: ScoreRows, other: str) -> str:
    """Say how far the network is from another model, as the end of a sentence."""
    gain, name = _gain(scores, other), scores.decides
    way = "better" if gain.value > 0 else "worse"
    if gain.value == 0:
        return ", the same."
    size = measure_text(name, abs(gain.value))
    if not gain.known:
        return f": {way} by {size}."
    ends = sorted((gain.low, gain.high)) if gain.value > 0 else sorted((-gain.high, -gain.low))
    return f": {way} by {size} ({measure_text(name, ends[0])} to {measure_text(name, ends[1])})."


def _against(scores: ScoreRows, other: str) -> str:
    """Say how a model that is no baseline does on the same sequences, and how far it is off."""
    name = scores.decides
    told = interval_text(name, scores.models[other][name])
    if not math.isfinite(scores.gains[other][name].value):
        return f"{other} reaches {MEASURES[name].title} {told}."
    apart = _apart(scores, other).lstrip(":,").strip()
    return f"{other} reaches {MEASURES[name].title} {told} on the same: gatewise is {apart}"


def _members(scores: ScoreRows, baseline: str | None) -> list[str]:
    alone = [member.get(scores.decides, math.nan) for member in scores.members]
    if len(alone) < 2:
        return [
            "One member only: how much another seed would change this is not known "
            "(train with 3 members)."
        ]
    low, high = measure_text(scores.decides, min(alone)), measure_text(scores.decides, max(alone))
    title = MEASURES[scores.decides].title
    said = f"Alone, the {len(alone)} members reach {title} {low} to {high}"
    if baseline is not None:
        sign, other = _sign(scores.decides), scores.models[baseline][scores.decides].value
        beating = sum(sign * one > sign * other for one in alone)
        many = "all" if beating == len(alone) else "none" if beating == 0 else f"{beating}"
        said += f"; {many} of them beat {model_name(baseline)}"
    return [f"{said}."]
