"""What a language model tells for the command line and the page: its data read once, and a summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from gatewise.data.catalog import dataset_name
from gatewise.data.sequences.stretches import Stretch, text_before
from gatewise.data.sequences.texts import identity_of
from gatewise.errors import DataError
from gatewise.estimators.language.inside import inside_of
from gatewise.estimators.language.judging import judge
from gatewise.estimators.language.model import FittedLanguage
from gatewise.estimators.language.scoring import bits_beside, scores_of
from gatewise.estimators.language.texts import PreparedTexts
from gatewise.estimators.scores.evaluation import LanguageScores
from gatewise.estimators.scores.verdict import with_note_of_the_fit
from gatewise.estimators.sequences.case import FEWEST_WINDOWS, WINDOW
from gatewise.estimators.sequences.summary import SequenceSummary
from gatewise.estimators.sequences.tells import Tells
from gatewise.report.pictures import ColouredText
from gatewise.training.sequences import SequenceBatches
from gatewise.typing import Array
from gatewise.wording import counted

SHOWN = 1200
"""Tokens of the scored part that the page shows."""


class TellingTexts(Tells):
    """What a language model has beside predictions and scores, mixed into it."""

    @staticmethod
    def given(data: Any, labels: Any = None) -> Any:
        """Return a text file, or a bundled set, as `prepare` takes it: never as a text.

        Raises DataError for labels: the text that follows is what is predicted.
        """
        if labels is not None:
            raise DataError("a language model's texts have no labels: leave them out")
        named = isinstance(data, str) and dataset_name(data) is None
        return Path(data) if named else data

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
        prepared, scored, same = self._told_of(data, part)
        known = self.evaluation_
        if known is None or not same or known.part != scored:
            known = evaluated(fitted, prepared, scored)
        first = stretches_of(prepared, scored)[0]
        summary: SequenceSummary = self._summary(
            known,
            title,
            source,
            pictures=(coloured(fitted, first),),
            step=fitted.tokens.unit,
            inside=inside_of(fitted, first, SHOWN),
        )
        return summary

    def evaluate_beside(
        self: Any, data: Any, *, others: Mapping[str, Any], part: str | None = None
    ) -> LanguageScores:
        """Score the model with `others` beside it, token by token of the same texts.

        `others` are fitted language models with the same tokens, or tables with a row for each token and
        a column `log_probability`, as `score(text).to_frame()` gives them, by the names that tables and
        sentences call them. The rest is as for `evaluate`. Raises OptionError for another kind of
        estimator, and DataError for other tokens.
        """
        fitted: FittedLanguage = self._fitted()
        prepared, part, _ = self._told_of(data, part)
        stretches = stretches_of(prepared, part)
        beside = {name: bits_beside(self, other, name, stretches) for name, other in others.items()}
        return evaluated(fitted, prepared, part, beside)

    def _told_of(self: Any, data: Any, part: str | None) -> tuple[PreparedTexts, str, bool]:
        """Return texts that are ready, the part to tell of, and whether the fit had the same texts."""
        prepared = (
            data if isinstance(data, PreparedTexts) else self.prepare(data, like=self._fitted())
        )
        return prepared, *self._told_part(prepared.identity, part)

    @staticmethod
    def _about(model: FittedLanguage) -> str:
        return f"The next {model.tokens.unit} of a text, from all before it"

    @staticmethod
    def _fitted_on(model: FittedLanguage) -> tuple[int, str]:
        return model.data["characters"], "character"

    def _looked_at(
        self: Any, data: Any, part: str | None
    ) -> tuple[PreparedTexts, str, SequenceBatches, Any]:
        fitted: FittedLanguage = self._fitted()
        prepared, part, _ = self._told_of(data, part)
        about = {
            "networks": fitted.networks,
            "read": last_step,
            "noun": fitted.tokens.unit,
            "columns": None,
            "called": "window",
        }
        return prepared, part, windows_of(stretches_of(prepared, part)), about


def last_step(found: Any) -> Tensor:
    """Return the logits `[B, V]` after the last token of each window."""
    logits: Tensor = found[-1]
    return logits


def windows_of(stretches: tuple[Stretch, ...]) -> SequenceBatches:
    """Return windows of a text that share no token, each with the code of the token after it."""
    codes = np.concatenate([stretch.codes for stretch in stretches])
    steps = min(WINDOW, max(2, (len(codes) - 1) // FEWEST_WINDOWS))
    starts = np.arange(0, len(codes) - steps, steps)
    return SequenceBatches(
        codes, starts, np.full(len(starts), steps, dtype=np.int64), codes[starts + steps]
    )


def stretches_of(prepared: PreparedTexts, part: str) -> tuple[Stretch, ...]:
    """Return the stretches of a part, or of all; DataError where the texts have no such part."""
    if part == "all":
        return tuple(one for stretches in prepared.parts.values() for one in stretches)
    if not prepared.parts[part]:
        raise DataError(f"the texts have no {part} part: {part} is None in the options")
    return prepared.parts[part]


def evaluated(
    fitted: FittedLanguage,
    prepared: PreparedTexts,
    part: str,
    beside: Mapping[str, Array] | None = None,
) -> LanguageScores:
    """Return the scores of a part of texts that were read; `beside` are bits of others, [N]."""
    before = "" if part == "all" else text_before(prepared.parts, part)
    same = prepared.identity["sha256"] == fitted.data["sha256"]
    found = scores_of(fitted, stretches_of(prepared, part), part, before, beside or {})
    return with_note_of_the_fit(found, same=same)


def is_of_fit(texts: Sequence[str], fitted: FittedLanguage) -> bool:
    """Return whether these are the texts that a model was fitted on, to the last letter."""
    return bool(identity_of(texts)["sha256"] == fitted.data["sha256"])


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
