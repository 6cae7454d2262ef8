"""What the scores of a panel say: series by series, never all of them thrown together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gatewise.estimators.forecaster.by_series import SeriesScores
from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.estimators.forecaster.score_names import (
    MODEL_NAME,
    metric_name,
    metric_text,
    model_name,
)


@dataclass(frozen=True)
class PanelComparison:
    """The model beside its best baseline on the series of a panel, for one target."""

    target: str
    measure: str  # the metric that decides
    model: float  # median over the series
    baseline: str | None
    other: float
    beaten: tuple[int, int]  # series on which the baseline is beaten, of so many
    members: tuple[float, ...]  # medians of the members
    extremes: tuple[tuple[str, float], tuple[str, float]] | None

    @property
    def share(self) -> float:
        """The share of series on which the best baseline is beaten."""
        return self.beaten[0] / self.beaten[1] if self.beaten[1] else math.nan

    @property
    def tone(self) -> str:
        """What can be said: better needs a better median, most series, and both for every member."""
        if self.baseline is None or not math.isfinite(self.model):
            return "unknown"
        median = _better(self.measure, self.model, self.other)
        if not median and self.share <= 0.5:
            return "worse"
        every = all(_better(self.measure, member, self.other) for member in self.members)
        return "better" if median and self.share > 0.5 and every else "unclear"

    def headline(self) -> str:
        """Return the verdict in a few words."""
        if not math.isfinite(self.model):
            return "No score: there is no truth to compare with"
        if self.baseline is None:
            return "A score, but no baseline to compare it with"
        name, (won, known) = model_name(self.baseline), self.beaten
        if self.tone == "better":
            return f"Better than the best baseline, {name}, on {won} of {known} series"
        if self.tone == "worse" and not won:
            return f"No better than {name} on any of {known} series"
        if self.tone == "worse":
            return f"No better than {name}: better on {won} of {known} series only"
        return f"Not clearly better than {name}: better on {won} of {known} series"

    def sentence(self, lead: str) -> str:
        """Return median, share and the ends in a sentence or two; `lead` opens the first."""
        opening = f"{lead} " if lead else ""
        if not math.isfinite(self.model):
            return f"{opening}{self.target} has no known truth, so nothing was scored."
        name = metric_name(self.measure)
        text = f"{opening}the median {name} over {self.beaten[1] or 'the'} series is "
        text += f"{metric_text(self.measure, self.model)} for {self.target}"
        if self.baseline is None:
            text += "; no baseline applies here, so the score stands alone."
        else:
            share = f"{100.0 * self.share:.0f}\u00a0%"
            text += (
                f", that of the best baseline ({model_name(self.baseline)}) "
                f"{metric_text(self.measure, self.other)}; gatewise is better on {share} of the series."
            )
        if self.extremes is None:
            return text
        (best, top), (worst, bottom) = self.extremes
        return (
            f"{text} Best is {best} ({metric_text(self.measure, top)}), worst {worst} "
            f"({metric_text(self.measure, bottom)})."
        )


def compared(by_series: SeriesScores, target: str) -> PanelComparison:
    """Return the model beside the baseline with the best median."""
    measure = by_series.measure(target)
    medians = by_series.medians()
    baseline = best_by_median(by_series, target)
    return PanelComparison(
        target,
        measure,
        medians[MODEL_NAME][target][measure],
        baseline,
        math.nan if baseline is None else medians[baseline][target][measure],
        (0, 0) if baseline is None else by_series.beaten(target, baseline),
        tuple(member[MODEL_NAME][target][measure] for member in by_series.members),
        by_series.extremes(target),
    )


def best_by_median(by_series: SeriesScores, target: str) -> str | None:
    """Return the baseline with the best median of the measure that decides; None without one."""
    measure, medians = by_series.measure(target), by_series.medians()
    found = {
        model: value
        for model, by_target in medians.items()
        if model != MODEL_NAME
        and math.isfinite(value := by_target.get(target, {}).get(measure, math.nan))
    }
    if not found:
        return None
    high = METRICS[measure].better == "high"
    return (max if high else min)(found, key=found.__getitem__)


def _better(measure: str, one: float, other: float) -> bool:
    return one > other if METRICS[measure].better == "high" else one < other
