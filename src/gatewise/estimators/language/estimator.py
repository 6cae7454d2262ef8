"""`LanguageModel`: the next character, byte, word or piece of a text, with its probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np

from gatewise.answers.drawing import check_drawing, draw
from gatewise.data.files import write_frame
from gatewise.data.sequences.labelled import PARTS
from gatewise.data.sequences.stretches import Stretch, divided, encoded, text_before
from gatewise.data.sequences.texts import any_file, identity_of, read_texts
from gatewise.data.sequences.tokens import learn_tokens
from gatewise.errors import DataError, OptionError
from gatewise.estimators.base import Estimator
from gatewise.estimators.hooks import FitArguments, Trained
from gatewise.estimators.language.judging import score_of
from gatewise.estimators.language.model import (
    FittedLanguage,
    engine_for,
    load_fitted,
    network_of,
    save_fitted,
)
from gatewise.estimators.language.network import LanguageNetwork
from gatewise.estimators.language.scoring import ngram_of, scores_of
from gatewise.estimators.language.settings import LanguageSettings
from gatewise.estimators.language.speaking import Speaker
from gatewise.estimators.language.telling import TellingTexts, evaluated, is_of_fit
from gatewise.estimators.language.texts import PreparedTexts, check_length, judged, streams_of
from gatewise.estimators.run.folder import Run
from gatewise.estimators.scores.evaluation import LanguageScores
from gatewise.estimators.scores.texts import TextScore, columns_of
from gatewise.estimators.scores.verdict import OF_THE_FIT, with_note_of_the_fit
from gatewise.estimators.sequences.preparation import refuse_changes
from gatewise.estimators.sequences.tells import check_part
from gatewise.training.losses import cross_entropy
from gatewise.training.progress import Callback
from gatewise.training.task import Task

KEPT = (
    *(
        "tokens",
        "vocabulary",
        "cell",
        "hidden_size",
        "num_layers",
        "heads",
        "embedding",
        "tied",
        "members",
    ),
)
"""Options that training on with new texts cannot change."""


@dataclass(frozen=True)
class Texts:
    """Texts that were read, so that none of them is taken for a path again."""

    texts: tuple[str, ...]


class LanguageModel(
    TellingTexts, Estimator[PreparedTexts, FittedLanguage, LanguageScores], LanguageSettings
):
    """A recurrent network that gives the next token of a text, with its probability.

    The constructor only keeps its arguments; every one is explained in docs/language.md. After `fit`:
    `fitted_` (networks, vocabulary) and `evaluation_` (scores of the test part, or of the validation
    part where there is no test part). A text is a string or the path of a text file; several are a list.
    """

    kind = "language model"
    scores_type = LanguageScores

    def fit(
        self,
        data: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        progress: bool | Callback = True,
        predictions: str = "csv",
        source: str | None = None,
        title: str | None = None,
    ) -> Self:
        """Fit afresh; with `out` leave a run folder that an interrupted fit can be resumed from.

        The rest is as for `Forecaster.fit`. Raises OptionError for a bad option, DataError for unusable
        texts, FileError for a file that cannot be read and a folder that is in the way: all before
        anything is written.
        """
        return self._fit_texts(
            data, None, out=out, overwrite=overwrite, progress=progress, predictions=predictions,
            source=source, title=title,
        )  # fmt: skip

    def retrain(self, data: Any, **kwargs: Any) -> Self:
        """Fit afresh with the same settings: new weights, new vocabulary. Same arguments as `fit`."""
        return self.fit(data, **kwargs)

    def continue_on(self, data: Any, **how: Unpack[FitArguments]) -> Self:
        """Train on with new texts: weights and vocabulary stay, the rest starts anew.

        Same arguments as `fit`.
        """
        return self._fit_texts(data, self._fitted(), **how)

    def predict(self, data: Any) -> list[str]:
        """Return the likeliest token at each place of a text, given all before it."""
        return list(self.score(data).likeliest)

    def score(self, data: Any) -> TextScore:
        """Return what each token of one text is to the model that has read all before it."""
        fitted = self._fitted()
        texts = read_texts(data, self.encoding)
        if len(texts) > 1:
            raise DataError(
                f"score takes one text, and there are {len(texts)}: score each by itself"
            )
        found = score_of(fitted.answering, fitted.tokens, self._stretch(texts[0]))
        return replace(found, notes=(OF_THE_FIT,)) if is_of_fit(texts, fitted) else found

    def suggest(self, text: str = "", k: int = 10) -> dict[str, float]:
        """Return the `k` likeliest next tokens after a text, with their probabilities, likeliest first.

        "Unknown" is no suggestion, so that all of them together may have less than 1.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise OptionError(f"k must be a whole number of at least 1, not {k!r}")
        found = self._speaker(text).probabilities()[1:]
        order = np.argsort(-found, kind="stable")[:k]
        written = self._fitted().tokens.vocabulary.symbols
        return {written[place]: float(found[place]) for place in order}

    def sample(
        self,
        n: int,
        prompt: str = "",
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ) -> str:
        """Return `n` tokens drawn one after the other, as the text that goes on from `prompt`.

        `temperature` below 1 keeps to what is likely (0: always the likeliest), `top_k` draws from the
        likeliest so many, `top_p` from the fewest that hold so much of the probability (Holtzman et al.
        2020). The same seed gives the same text. "Unknown" is never drawn.
        """
        check_drawing(n, temperature, top_k, top_p, seed)
        speaker, tokens = self._speaker(prompt), self._fitted().tokens
        generator = np.random.default_rng(seed)
        drawn: list[int] = []
        for _ in range(n):
            code = draw(
                speaker.probabilities(),
                generator,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
            )
            drawn.append(code)
            speaker.read(np.array([code]))
        before = tokens.encode(prompt).tolist()
        return tokens.decode([*before, *drawn])[len(tokens.decode(before)) :]

    def evaluate(self, data: Any = None, *, part: str | None = None) -> LanguageScores:
        """Score the model on texts; without `data`, return the evaluation of the fit.

        `part` is "test", "validation" or "training", divided as in the fit, or "all": the default.
        """
        fitted = self._fitted()
        if data is None:
            known: LanguageScores = self._at_hand(part, "texts")
            return known
        check_part(part)
        if isinstance(data, PreparedTexts):
            return evaluated(fitted, data, part or "all")
        texts = _texts(data, self.encoding)
        if part is None or part == "all":
            stretches: Sequence[Stretch] = [self._stretch(text) for text in texts]
            found = scores_of(fitted, stretches, "all", "")
            return with_note_of_the_fit(found, same=is_of_fit(texts, fitted))
        pieces = divided(texts, fitted.settings.validation, fitted.settings.test)
        parts = encoded(pieces, fitted.tokens, self.unseen)
        if not parts[part]:
            raise DataError(f"the texts have no {part} part: {part} is None in the options")
        return scores_of(fitted, parts[part], part, text_before(parts, part))

    def _stretch(self, text: str) -> Stretch:
        codes = self._fitted().tokens.encode(text, self.unseen)
        return Stretch(codes, codes[:0], text)

    def _speaker(self, text: str) -> Speaker:
        """Return what has read a text and tells what comes next."""
        fitted = self._fitted()
        if not isinstance(text, str):
            raise DataError(
                f"the text to go on from is of type {type(text).__name__}: give a string"
            )
        speaker = Speaker(fitted.answering, fitted.settings.cell)
        codes = fitted.tokens.encode(text, self.unseen)
        if len(codes):
            speaker.read(codes)
        return speaker

    def _fit_texts(
        self, data: Any, start: FittedLanguage | None, **how: Unpack[FitArguments]
    ) -> Self:
        self.check_options()
        if isinstance(data, str | Path) and "\n" not in str(data):
            how["source"] = how.get("source") or str(data)
        read = isinstance(data, PreparedTexts)
        if start is None and not read and self.encoding != "utf-8" and not any_file(data):
            raise OptionError(
                f"encoding={self.encoding!r} is for a text file, and these texts are given: leave it out"
            )
        given = data if read else Texts(_texts(data, self.encoding))
        return self._fit(given, start=start, **how)

    # --- what `Estimator` asks for --------------------------------------------------------------------

    def _prepare(self, data: Any, start: FittedLanguage | None, *, progress: bool) -> PreparedTexts:
        if isinstance(data, PreparedTexts):
            return data
        texts = _texts(data, self.encoding)
        pieces = divided(texts, self.validation, self.test)
        if start is None:
            learnt_from = [text for _, text in pieces["training"]]
            tokens = learn_tokens(learnt_from, self.tokens, self.vocabulary)
        else:
            tokens = start.tokens
        parts = encoded(pieces, tokens, self.unseen)
        settings = self.closed_for(check_length(parts["training"], tokens.unit, self.window))
        if start is not None:
            refuse_changes(settings, start.settings, KEPT)
        return PreparedTexts(settings, tokens, parts, identity_of(texts))

    def _settled(self, prepared: PreparedTexts) -> LanguageSettings:
        return prepared.settings

    @classmethod
    def _asked(cls, fitted: FittedLanguage) -> LanguageSettings:
        return fitted.asked

    def _engine(self, prepared: PreparedTexts) -> str:
        return engine_for(prepared.settings)

    def _network(self, prepared: PreparedTexts, engine: str) -> LanguageNetwork:
        return network_of(prepared.settings, prepared.tokens, engine)

    def _task(self, prepared: PreparedTexts, network: Any) -> Task:
        settings, parts = prepared.settings, prepared.parts
        training = streams_of(parts["training"], settings)
        validation = judged(parts["validation"]) if parts["validation"] else None
        return Task(network, training, validation, cross_entropy())

    def _learnt(self, prepared: PreparedTexts, trained: Trained) -> FittedLanguage:
        parts = prepared.parts
        sizes = {part: sum(len(one.codes) for one in parts[part]) for part in PARTS}
        return FittedLanguage(
            settings=prepared.settings,
            asked=LanguageSettings(**self.get_params()),
            tokens=prepared.tokens,
            networks=trained.networks,
            histories=trained.histories,
            engine=trained.engine,
            ngram=ngram_of(parts, prepared.tokens.vocabulary.size),
            data={**prepared.identity, "parts": sizes, "scored": prepared.scored},
        )

    def _evaluated(self, fitted: FittedLanguage, prepared: PreparedTexts) -> LanguageScores:
        part = prepared.scored
        return scores_of(fitted, prepared.parts[part], part, text_before(prepared.parts, part))

    def _scored_again(self, data: Any) -> LanguageScores:
        return self.evaluate(data, part=self._fitted().data["scored"])

    def _write_scores(
        self, run: Run, prepared: PreparedTexts, fitted: FittedLanguage, evaluation: LanguageScores
    ) -> Mapping[str, Any]:
        stretches = prepared.parts[prepared.scored]
        table = [score_of(fitted.networks, fitted.tokens, one) for one in stretches]
        columns = columns_of(table, quoted=True)
        write_frame(columns, run.path / f"predictions.{run.config['predictions']}")
        return evaluation.to_json()

    @classmethod
    def _load_model(cls, path: Path, device: str) -> FittedLanguage:
        return load_fitted(path, device)

    def _save_model(self, fitted: FittedLanguage, path: Path) -> None:
        save_fitted(fitted, path)


def _texts(data: Any, encoding: str) -> tuple[str, ...]:
    return data.texts if isinstance(data, Texts) else read_texts(data, encoding)
