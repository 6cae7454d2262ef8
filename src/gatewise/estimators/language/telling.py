"""What a language model tells for the command line and the page: its data read once, and a summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.catalog import dataset_name
from gatewise.errors import DataError
from gatewise.estimators.language.judging import judge
from gatewise.estimators.language.model import FittedLanguage
from gatewise.estimators.language.scoring import scores_of
from gatewise.estimators.language.texts import PreparedTexts, Stretch, text_before
from gatewise.estimators.run.metrics import environment
from gatewise.estimators.scores.evaluation import LanguageScores
from gatewise.estimators.sequences.summary import SequenceSummary
from gatewise.report.pictures import ColouredText
from gatewise.wording import counted

SHOWN = 1200
"""Tokens of the scored part that the page shows."""


class TellingTexts:
    """What a language model has beside predictions and scores, mixed into it."""

    @staticmethod
    def given(data: Any, labels: Any = None) -> Any:
        """Return a text file, or a bundled set, as `prepare` takes it: never as a text; no labels."""
        named = isinstance(data, str) and dataset_name(data) is None
        return Path(data) if named else data

    def prepare(self: Any, given: Any, *, like: FittedLanguage | None = None) -> PreparedTexts:
        """Return texts that are read, divided and encoded; raises what a fit would raise.

        `fit`, `evaluate` and `summary` take it in place of texts, which are then read once. `like` is a
        fitted model that it is for.
        """
        prepared: PreparedTexts = self._prepare(given, like, progress=False)
        return prepared

    @staticmethod
    def read_to_score(given: Any) -> Any:
        """Return texts as `evaluate` takes them, which reads them itself."""
        return given

    def summary(
        self: Any,
        data: Any,
        *,
        part: str | None = None,
        title: str | None = None,
        source: str | None = None,
    ) -> SequenceSummary:
        """Score a part of texts and gather what the page shows.

        `part` is as in `evaluate`: by default what the fit scored, of other texts all.
        """
        fitted: FittedLanguage = self._fitted()
        prepared = data if isinstance(data, PreparedTexts) else self.prepare(data, like=fitted)
        same = prepared.identity["sha256"] == fitted.data["sha256"]
        scored = part or (fitted.data["scored"] if same else "all")
        known = self.evaluation_
        if known is None or not same or known.part != scored:
            known = evaluated(fitted, prepared, scored)
        about = f"The next {fitted.tokens.unit} of a text, from all before it"
        sizes = {name: number for name, number in fitted.data.items() if name != "source"}
        return SequenceSummary(
            title=title or about,
            about=f"{about}." if title else "",
            settings=fitted.settings.to_json(),
            data={**sizes, "source": source},
            environment=environment(),
            parameters=sum(weight.numel() for weight in fitted.networks[0].parameters()),
            histories=fitted.histories,
            evaluation=known,
            pictures=(coloured(fitted, stretches_of(prepared, scored)[0]),),
        )


def stretches_of(prepared: PreparedTexts, part: str) -> tuple[Stretch, ...]:
    """Return the stretches of a part, or of all; DataError where the texts have no such part."""
    if part == "all":
        return tuple(one for stretches in prepared.parts.values() for one in stretches)
    if not prepared.parts[part]:
        raise DataError(f"the texts have no {part} part: {part} is None in the options")
    return prepared.parts[part]


def evaluated(fitted: FittedLanguage, prepared: PreparedTexts, part: str) -> LanguageScores:
    """Return the scores of a part of texts that were read."""
    before = "" if part == "all" else text_before(prepared.parts, part)
    return scores_of(fitted, stretches_of(prepared, part), part, before)


def coloured(fitted: FittedLanguage, stretch: Stretch) -> ColouredText:
    """Return the beginning of a stretch, each token as dark as it surprised the model."""
    codes = stretch.codes[:SHOWN]
    found = judge(fitted.answering, Stretch(codes, stretch.before, stretch.text))
    unit = fitted.tokens.unit
    apart = " " if unit == "word" else ""
    written = [f"{token}{apart}" for token in fitted.tokens.vocabulary.decode(codes)]
    return ColouredText(
        f"What surprised it: the first {counted(len(codes), unit)} of a text",
        tuple(written),
        -found.log_probabilities / np.log(2),
        notes=(
            f"A {unit} is the darker the less the model expected it; the pointer shows its probability.",
        ),
    )
