"""The summary of a run of sequences, and the page that is made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from gatewise.estimators.forecaster.page.curves import training_curves
from gatewise.estimators.scores.evaluation import LanguageScores, SequenceScores
from gatewise.estimators.scores.measures import (
    MEASURES,
    MODEL_NAME,
    PART_NAMES,
    interval_text,
    measure_text,
    model_name,
)
from gatewise.estimators.scores.showing import class_table, shown_measures
from gatewise.estimators.scores.verdict import ranked
from gatewise.estimators.sequences.inside import Inside
from gatewise.report import Cell, Contents, Curve, Finding, Row, RowGroup, Table, Unit
from gatewise.report.contents import Tone
from gatewise.report.pictures import Picture
from gatewise.training.history import History
from gatewise.wording import counted

TONES: dict[str, Tone] = {"better": "good", "unclear": "warn", "worse": "warn", "unknown": "plain"}
MEASURES_AT_A_GLANCE = 4
MODELS_AT_A_GLANCE = 5


@dataclass(frozen=True)
class SequenceSummary:
    """Everything that the page shows of one run of sequences."""

    title: str
    about: str  # one line: what is predicted of what
    settings: dict[str, Any]  # the estimator's parameters, JSON values
    data: dict[str, Any]  # source, sizes, parts
    environment: dict[str, str]  # versions, threads, machine
    parameters: int
    histories: tuple[History, ...]
    evaluation: SequenceScores
    pictures: tuple[Picture, ...] = ()
    below: tuple[Picture, ...] = ()  # further down the page
    curves: tuple[Curve, ...] = ()
    tables: tuple[Table, ...] = ()
    step: str = "step"  # what a step is called
    inside: Inside | None = None  # of the first member over some sequences
    estimator: str = ""  # the class that loads the model
    run: str = ""  # folder or file that the model can be loaded from, where it is known
    labels: str = ""  # file of the labels, where they are apart

    def contents(self) -> Contents:
        """Return the page of the run; what explains the network may be added to it."""
        page = self._without_inside()
        if self.inside is None:
            return page
        return self.inside.added_to(page, Unit(self.step), self._setup())

    def _setup(self) -> str:
        """Return the Python that makes `inside` of the page again."""
        part, source = self.evaluation.part, self.data.get("source")
        if not (self.run and source):
            given = "data" if isinstance(self.evaluation, LanguageScores) else "data, labels"
            return f"inside = model.summary({given}, part={part!r}).inside\n"
        labels = f", {self.labels!r}" if self.labels else ""
        lines = (
            "import gatewise as gw",
            "",
            f"model = gw.{self.estimator}.load({self.run!r})",
            f"given = model.given({str(source)!r}{labels})",
            "prepared = model.prepare(given, like=model.fitted_)",
            f"inside = model.summary(prepared, part={part!r}).inside",
        )
        return "".join(f"{line}\n" for line in lines)

    def _without_inside(self) -> Contents:
        said = self.evaluation.verdict()
        by_class = class_scores(self.evaluation)
        return Contents(
            title=self.title,
            subtitle=self.about,
            facts=_facts(self),
            findings=(
                Finding(
                    said.headline, " ".join(said.sentences), tone=TONES.get(said.tone, "plain")
                ),
            ),
            readable=said.tone != "unknown",
            curves=(
                *self.curves,
                *(replace(curve, y_label="loss") for curve in training_curves(self.histories)),
            ),
            pictures=self.pictures,
            details=self.below,
            scores=scores_at_a_glance(self.evaluation),
            tables=(
                whole_scores(self.evaluation),
                *([] if by_class is None else [by_class]),
                *self.tables,
            ),
            provenance={
                "Data": self.data,
                "Settings": self.settings,
                "Environment": self.environment,
            },
        )


def _facts(summary: SequenceSummary) -> tuple[str, ...]:
    """Return in short words what the model is."""
    settings = summary.settings
    cell = str(settings.get("cell", "network")).replace("_", " ").upper()
    return (
        f"{cell}, both directions" if settings.get("bidirectional") else cell,
        counted(int(settings.get("num_layers", 1)), "layer"),
        counted(int(settings.get("hidden_size", 0)), "unit"),
        counted(summary.parameters, "weight"),
        counted(int(settings.get("members", 1)), "member"),
    )


def scores_at_a_glance(scores: SequenceScores) -> Table:
    """Return the small table of the first screen: few measures, the model and its best baselines."""
    names = shown_measures(scores)
    names = [scores.decides, *(name for name in names if name != scores.decides)]
    names = names[:MEASURES_AT_A_GLANCE]
    best = _best(scores, names)
    rows = [
        Row(
            Cell(model_name(model)),
            tuple(_cell(scores, model, name, best, whole=False) for name in names),
            model == MODEL_NAME,
        )
        for model in ranked(scores)[:MODELS_AT_A_GLANCE]
    ]
    left = len(scores.models) > len(rows) or len(shown_measures(scores)) > len(names)
    return Table(
        f"Scores on {PART_NAMES.get(scores.part, scores.part)}",
        "Model",
        tuple(Cell(MEASURES[name].title) for name in names),
        (RowGroup("", tuple(rows)),),
        ("Further down: intervals, and what is not shown here.",) if left else (),
    )


def whole_scores(scores: SequenceScores) -> Table:
    """Return every model and measure with intervals, and what a reader must know of them."""
    names = [name for name in MEASURES if any(name in row for row in scores.models.values())]
    best = _best(scores, names)
    rows = tuple(
        Row(
            Cell(model_name(model)),
            tuple(_cell(scores, model, name, best, whole=True) for name in names),
            model == MODEL_NAME,
        )
        for model in ranked(scores)
    )
    part = PART_NAMES.get(scores.part, scores.part)
    notes = [f"{MEASURES[name].title}: {MEASURES[name].meaning}" for name in names]
    return Table(
        f"Scores on {part}, beside baselines: {counted(scores.count, scores.unit)}",
        "Model",
        tuple(Cell(MEASURES[name].title) for name in names),
        (RowGroup("", rows),),
        (*([scores.intervals] if scores.intervals else []), *scores.notes, *notes),
    )


def class_scores(scores: SequenceScores) -> Table | None:
    """Return the F1 of each class by each model; None where there are no classes."""
    head, rows = class_table(scores)
    return Table.of("Each class alone", head, rows) if rows else None


def _best(scores: SequenceScores, names: list[str]) -> dict[str, str]:
    """Return the best value of each measure as it is written, where several models have it."""
    best = {}
    for name in names:
        values = [row[name].value for row in scores.models.values() if name in row]
        known = [value for value in values if math.isfinite(value)]
        if len(known) > 1 and name != "coverage":
            chosen = max(known) if MEASURES[name].better == "high" else min(known)
            best[name] = measure_text(name, chosen)
    return best


def _cell(
    scores: SequenceScores, model: str, name: str, best: dict[str, str], *, whole: bool
) -> Cell:
    found = scores.models[model].get(name)
    if found is None:
        return Cell("–")
    text = measure_text(name, found.value)
    small = ""
    if whole and found.known:
        small = interval_text(name, found).removeprefix(text).strip(" ()")
    # equal as printed is equal to the reader, so that ties are marked together
    return Cell(text, small, "best" if best.get(name) == text else "")
