"""An evaluation, and its verdict: what the scores say, in one or two sentences that can be unkind.

The best baseline is the one with the smallest RMSE on the same windows. "Better" needs a smaller
RMSE for every member; otherwise the sentence says what is missing. A network that predicts medians may
lose by RMSE and win by what medians and bands are for: that is said, and no baseline recommended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewise.data.tables.zones import time_text
from gatewise.estimators.forecaster.by_series import SeriesScores
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.results import CalibratedBands, Metrics, ScoreTable
from gatewise.estimators.forecaster.score_names import (
    MODEL_NAME,
    PART_NAMES,
    metric_name,
    metric_text,
    model_name,
)
from gatewise.estimators.forecaster.showing import evaluation_html
from gatewise.estimators.forecaster.untrained import untrained
from gatewise.estimators.forecaster.verdict_of_panel import (
    PanelComparison,
    best_by_median,
    compared,
)
from gatewise.report import Verdict
from gatewise.wording import counted, joined, number

BARELY = 0.01
"""A smaller relative gain in RMSE than this is called "barely better"."""

COVERAGE_SLACK = 0.05
"""Bands whose coverage is further than this from what they promise get their own sentence."""

MAX_SENTENCES = 4

FLATTERING = {
    "training": "The model was trained on this part: the score says nothing about new data.",
    "validation": (
        "Training choices are made on the validation part, which flatters its score: name a test "
        "part for a score that nothing was chosen on."
    ),
}


@dataclass(frozen=True)
class Evaluation:
    """Scores of the model and of the baselines that may see what it sees, on the same windows."""

    part: str  # "training", "validation", "test" or "all"
    predictions: Predictions
    scores: ScoreTable
    members: tuple[dict[str, Metrics], ...]  # target to metrics, one per member
    by_horizon: dict[str, dict[str, dict[str, list[float]]]]  # model, target, metric, S values
    notes: tuple[str, ...] = ()  # sentences on what the baselines leave out to keep the cost down
    calibration: CalibratedBands | None = None  # None: the bands are as the network gave them
    exact_crps: dict[str, float] = field(default_factory=dict)  # of likelihoods: see exact_crps.py
    by_series: SeriesScores | None = None  # of a panel: `scores` throws its series together

    def plot(self, ax: Any = None, *, series: str | None = None, target: str | None = None) -> Any:
        """Draw truth and prediction over time; returns the matplotlib axes.

        `series` is one of a panel, by default the first; `target` one of several. Raises InputError for
        a name that is not there, OptionError where matplotlib is not installed.
        """
        from gatewise.figures.forecasts import forecast  # noqa: PLC0415 - matplotlib

        return forecast(self.predictions, series, target, ax=ax)

    def _repr_html_(self) -> str:
        return evaluation_html(self)

    def panel(self) -> dict[str, Any]:
        """Return what files say of the series of a panel; empty where there is one series."""
        by_series = self.by_series
        if by_series is None:
            return {}
        targets = self.predictions.targets
        beaten = {
            model: {target: list(by_series.beaten(target, model)) for target in targets}
            for model in by_series.scores
            if model != MODEL_NAME
        }
        decides = {target: by_series.measure(target) for target in targets}
        return {
            "series": {
                "count": len(by_series.series),
                "medians": by_series.medians(),
                "decides": decides,
                "beaten": beaten,
            }
        }

    @property
    def shown(self) -> ScoreTable:
        """The scores to show: of a panel the medians over its series, else `scores`."""
        return self.scores if self.by_series is None else self.by_series.medians()

    @property
    def shown_members(self) -> tuple[dict[str, Metrics], ...]:
        """The scores of each member to show: of a panel the medians over its series."""
        if self.by_series is None:
            return self.members
        alone = tuple(member[MODEL_NAME] for member in self.by_series.members)
        return alone or (self.shown[MODEL_NAME],)

    def verdict(self) -> Verdict:
        """Return what the scores say: a headline, its sentences and their tone."""
        return verdict(self)


@dataclass(frozen=True)
class _Comparison:
    """The model beside its best baseline, for one target."""

    target: str
    model: Metrics
    baseline: str | None
    other: Metrics
    members: tuple[float, ...]  # RMSE of each member
    least: Metrics  # the smallest MAE and CRPS of any baseline

    @property
    def gain(self) -> float:
        """The fraction of the baseline's RMSE that the model saves; negative when it is worse."""
        return (
            1.0 - self.model["rmse"] / self.other["rmse"] if self.other["rmse"] > 0 else -math.inf
        )

    @property
    def tone(self) -> str:
        if not math.isfinite(self.model.get("rmse", math.nan)) or self.baseline is None:
            return "unknown"
        if self.gain <= 0:
            return "unclear" if self.wins else "worse"
        if self.gain < BARELY or any(rmse >= self.other["rmse"] for rmse in self.members):
            return "unclear"
        return "better"

    @property
    def wins(self) -> tuple[str, ...]:
        """MAE and CRPS where no baseline comes near the model: what medians and bands aim at."""
        return tuple(
            name
            for name, least in self.least.items()
            if self.model.get(name, math.inf) < (1.0 - BARELY) * least
        )

    @property
    def measure(self) -> str:
        """The metric that is told: NSE, or RMSE where the truth never varies."""
        return "nse" if math.isfinite(self.model.get("nse", math.nan)) else "rmse"

    def headline(self) -> str:
        """Return the verdict in a few words."""
        if not math.isfinite(self.model.get("rmse", math.nan)):
            return "No score: there is no truth to compare with"
        if self.baseline is None:
            return "A score, but no baseline to compare it with"
        name = model_name(self.baseline)
        if self.tone == "better":
            return f"Better than the best baseline, {name}"
        if self.gain <= 0:
            better = joined([metric_name(one) for one in self.wins])
            return f"No better than {name}" + (
                f" by RMSE, but better than any baseline by {better}" if better else ""
            )
        if self.gain < BARELY:
            return f"Barely better than {name}"
        return f"Better than {name} together, but not with every seed"

    def sentence(self, lead: str) -> str:
        """Return the scores of both in a sentence; `lead` opens it."""
        model, other, target = self.model, self.other, self.target
        opening = f"{lead} " if lead else ""
        if not math.isfinite(model.get("rmse", math.nan)):
            return f"{opening}{target} has no known truth, so nothing was scored."
        text = f"{opening}gatewise reaches {_skill(model)}" if lead else _skill(model)
        text += f" for {target}"
        if self.baseline is None:
            return f"{text}; no baseline applies here, so the score stands alone."
        name = model_name(self.baseline)
        text += f", the best baseline ({name}) {_skill(other)}"
        size = abs(self.gain) * 100
        if size < 0.5:
            text += f", with about the same RMSE ({number(model['rmse'])})"
        elif math.isfinite(size):
            word = "smaller" if self.gain > 0 else "larger"
            errors = f"{number(model['rmse'])} against {number(other['rmse'])}"
            text += f"; RMSE {errors}, {size:.0f}\u00a0% {word}"
        nse = model.get("nse", math.nan)
        worse = " That is worse than always predicting the mean of the truth." if nse < 0 else ""
        return f"{text}.{worse}"


def verdict(evaluation: Evaluation) -> Verdict:
    """Return the verdict on `evaluation`: a headline, its sentences and their tone."""
    targets = evaluation.predictions.targets
    found = [_compare(evaluation, target) for target in targets]
    tones = [comparison.tone for comparison in found]
    lead = f"On {PART_NAMES.get(evaluation.part, evaluation.part)} ({_extent(evaluation.predictions)}),"
    sentences = [
        comparison.sentence(lead if place == 0 else "")
        for place, comparison in enumerate(found[:MAX_SENTENCES])
    ]
    if len(found) > MAX_SENTENCES:
        sentences.append(
            f"{counted(len(found) - MAX_SENTENCES, 'more target')} in the table below."
        )
    if evaluation.part in FLATTERING:
        sentences.append(FLATTERING[evaluation.part])
    if evaluation.part != "training":  # which is the better one on new data is then not known
        sentences.extend(_advice(found))
        sentences.extend(untrained((one.baseline, one.tone) for one in found))
    sentences.append(_members_sentence(evaluation, found))
    sentences.extend(_band_sentences(evaluation))
    return Verdict(_headline(found), tuple(sentences), _overall(tones))


def learnt(evaluation: Evaluation) -> bool:
    """Tell whether the first member, whose inside the page shows, is better than the mean of the truth.

    For some target; True where there is no truth to tell by.
    """
    model = (evaluation.shown_members or (evaluation.shown.get(MODEL_NAME, {}),))[0]
    known = [nse for scores in model.values() if math.isfinite(nse := scores.get("nse", math.nan))]
    return not known or max(known) > 0


def nominal_coverage(predictions: Predictions) -> float | None:
    """Return the fraction that the outermost quantile band promises to hold, or None."""
    levels = predictions.levels
    return levels[-1] - levels[0] if len(levels) > 1 else None


def best_baseline(evaluation: Evaluation, target: str) -> str | None:
    """Return the best baseline for `target`, or None where none has a score.

    The one with the smallest RMSE; of a panel, with the best median over the series.
    """
    if evaluation.by_series is not None:
        return best_by_median(evaluation.by_series, target)
    errors = {
        model: by_target[target]["rmse"]
        for model, by_target in evaluation.scores.items()
        if model != MODEL_NAME and math.isfinite(by_target.get(target, {}).get("rmse", math.nan))
    }
    return min(errors, key=errors.__getitem__) if errors else None


def _compare(evaluation: Evaluation, target: str) -> _Comparison | PanelComparison:
    if evaluation.by_series is not None:
        return compared(evaluation.by_series, target)
    baseline = best_baseline(evaluation, target)
    return _Comparison(
        target,
        evaluation.scores.get(MODEL_NAME, {}).get(target, {}),
        baseline,
        evaluation.scores[baseline][target] if baseline else {},
        tuple(member[target]["rmse"] for member in evaluation.members if target in member),
        _least(evaluation, target),
    )


def _least(evaluation: Evaluation, target: str) -> Metrics:
    """Return the smallest MAE and CRPS of the baselines, where they have any."""
    others = [
        table.get(target, {}) for name, table in evaluation.scores.items() if name != MODEL_NAME
    ]
    known = {
        metric: [one[metric] for one in others if math.isfinite(one.get(metric, math.nan))]
        for metric in ("mae", "crps")
    }
    return {metric: min(values) for metric, values in known.items() if values}


def _advice(found: list[_Comparison | PanelComparison]) -> list[str]:
    """Return what to do where one baseline is better than the network for every target."""
    names = {comparison.baseline for comparison in found}
    if len(names) > 1 or any(comparison.tone != "worse" for comparison in found):
        return []
    (name,) = names
    return [
        f"{model_name(str(name)).capitalize()} is better here: predict with --model {name}, "
        f"or predict(model={name!r})."
    ]


def _overall(tones: list[str]) -> str:
    return tones[0] if len(set(tones)) == 1 else "unclear"


def _headline(found: list[_Comparison | PanelComparison]) -> str:
    if len(found) == 1:
        return found[0].headline()
    better = sum(comparison.tone == "better" for comparison in found)
    known = sum(comparison.tone != "unknown" for comparison in found)
    if not known:
        return "No verdict: nothing to compare with"
    if better == 0:
        return f"No clear gain over the best baseline on any of {known} targets"
    if better == known:
        return f"Better than the best baseline on all {known} targets"
    return f"Better than the best baseline on {better} of {known} targets"


def _skill(scores: Metrics) -> str:
    nse = scores.get("nse", math.nan)
    if math.isfinite(nse):
        return f"NSE {metric_text('nse', nse)}"
    return f"RMSE {number(scores['rmse'])}"


def _members_sentence(evaluation: Evaluation, found: list[_Comparison | PanelComparison]) -> str:
    count = len(evaluation.members)
    if count < 2:
        return (
            "One member only: how much another seed would change this is not known "
            "(train with 3 members)."
        )
    parts = []
    of = "a median " if evaluation.by_series is not None else ""
    for comparison in found[:MAX_SENTENCES]:
        metric = comparison.measure
        values = [
            member[comparison.target].get(metric, math.nan) for member in evaluation.shown_members
        ]
        low, high = metric_text(metric, min(values)), metric_text(metric, max(values))
        name = f" for {comparison.target}" if len(found) > 1 else ""
        parts.append(f"{of}{metric_name(metric)} {low} to {high}{name}")
    text = f"Alone, the {count} members reach {joined(parts)}"
    if len(found) == 1 and isinstance(found[0], _Comparison) and found[0].baseline is not None:
        beating = sum(rmse < found[0].other["rmse"] for rmse in found[0].members)
        many = "all" if beating == count else "none" if beating == 0 else f"{beating}"
        text += f"; {many} of them beat {model_name(found[0].baseline)}"
    return text + "."


def _band_sentences(evaluation: Evaluation) -> list[str]:
    wanted = nominal_coverage(evaluation.predictions)
    if wanted is None:
        return []
    # a share of truths has no scale: of a panel, that of all series together is the best known
    held = {
        target: evaluation.scores.get(MODEL_NAME, {}).get(target, {}).get("coverage", math.nan)
        for target in evaluation.predictions.targets[:MAX_SENTENCES]
    }
    of = "" if evaluation.by_series is None else " of all series together"
    parts = [
        f"{share * 100:.0f}\u00a0% of the truth{f' of {target}' if len(held) > 1 else ''}{of} "
        f"({_judgement(share, wanted)})"
        for target, share in held.items()
        if math.isfinite(share)
    ]
    if not parts:
        return []
    said = [f"The {wanted * 100:.0f}\u00a0% band holds {joined(parts)}."]
    return said + _calibration_sentences(evaluation, list(held))


def _calibration_sentences(evaluation: Evaluation, targets: list[str]) -> list[str]:
    """Say how the bands were calibrated, and what they held before."""
    made = evaluation.calibration
    if made is None:
        return []
    before = [
        f"{made.before[target] * 100:.0f}\u00a0%{f' of {target}' if len(targets) > 1 else ''}"
        for target in targets
        if math.isfinite(made.before.get(target, math.nan))
    ]
    held = f" Before that they held {joined(before)}." if before and not made.too_few else ""
    same = (
        " So what they hold on that part says nothing of new data."
        if evaluation.part == "validation" and not made.too_few
        else ""
    )
    return [f"{made.text}{held}{same}"]


def _judgement(share: float, wanted: float) -> str:
    if abs(share - wanted) <= COVERAGE_SLACK:
        return "about as promised"
    return "too narrow" if share < wanted else "wider than needed"


def _extent(predictions: Predictions) -> str:
    windows = counted(len(predictions.origin), "window")
    times = predictions.time
    if times.size == 0:
        return windows
    first, last = np.min(times), np.max(times)
    return f"{time_text(first, predictions.zone)} to {time_text(last, predictions.zone)}, {windows}"
