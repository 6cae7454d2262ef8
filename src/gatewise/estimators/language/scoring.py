"""The scores of a language model, beside those of an n-gram model and of compressors.

Sizes: N tokens, V codes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from gatewise.data.sequences.stretches import Parts, Stretch
from gatewise.data.sequences.tables import check_column
from gatewise.data.tables.native import as_frame
from gatewise.data.tables.reading import float_column
from gatewise.errors import DataError
from gatewise.estimators.base import Estimator
from gatewise.estimators.baselines.ngram import KneserNey
from gatewise.estimators.language.judging import judge
from gatewise.estimators.language.model import FittedLanguage
from gatewise.estimators.scores.build import language_scores
from gatewise.estimators.scores.evaluation import LanguageScores
from gatewise.estimators.scores.measures import MODEL_NAME
from gatewise.estimators.scores.resampling import groups_of
from gatewise.estimators.scores.texts import characters_of, compressed_bits, spelling
from gatewise.estimators.sequences.beside import check_task
from gatewise.typing import Array, Indices
from gatewise.wording import counted, joined, number, percent


def ngram_of(parts: Parts, size: int) -> KneserNey:
    """Return the n-gram model of the training part, of the order that suits the validation part best."""
    training, validation = (
        (
            np.concatenate([np.zeros(0, np.int64), *(one.codes for one in parts[part])]),
            np.array([len(one.codes) for one in parts[part]], np.int64),
        )
        for part in ("training", "validation")
    )
    return KneserNey.fit(*training, size, validation=validation)


def bits_beside(model: Any, other: Any, name: str, stretches: Sequence[Stretch]) -> Array:
    """Return the bits [N] that each token cost another language model, or by a table of predictions.

    Raises OptionError for another kind of estimator, DataError for tokens that are not the same.
    """
    if isinstance(other, Estimator):
        check_task(model, other, name)
        theirs: FittedLanguage = other._fitted()
        if theirs.tokens.vocabulary.symbols != model.fitted_.tokens.vocabulary.symbols:
            raise DataError(
                f"{name} cuts texts into other tokens, which cost other bits: evaluate each alone, and "
                "compare their bits per character"
            )
        logs = [judge(theirs.answering, one).log_probabilities for one in stretches]
        return -np.concatenate(logs) / math.log(2)
    frame, count = as_frame(other), sum(len(one.codes) for one in stretches)
    check_column(frame, "log_probability", "the cost of a token")
    found = float_column(frame, "log_probability")
    if len(found) != count:
        raise DataError(
            f"{name} has {counted(len(found), 'token')}, and {count:,} are scored: give a row for each"
        )
    return -found / math.log(2)


def scores_of(
    fitted: FittedLanguage,
    stretches: Sequence[Stretch],
    part: str,
    before: str,
    beside: Mapping[str, Array] = MappingProxyType({}),
) -> LanguageScores:
    """Return the scores of stretches; `before` is the text that compressors have had before them.

    `beside` are the bits [N] that the tokens cost other models, by their names.
    """
    found = [judge(fitted.answering, one) for one in stretches]
    codes = np.concatenate([one.codes for one in stretches])
    bits = np.concatenate([-one.log_probabilities / math.log(2) for one in found])
    members = np.concatenate([-one.members / math.log(2) for one in found], axis=1)
    counts = np.concatenate([_ngram_bits(fitted.ngram, one) for one in stretches])
    lengths = np.array([len(one.codes) for one in stretches])
    spelled = np.concatenate([spelling(fitted.tokens, one) for one in stretches])
    right = np.concatenate([one.likeliest for one in found]) == codes
    return language_scores(
        {MODEL_NAME: bits, **beside, KneserNey.name: counts},
        beside=tuple(beside),
        part=part,
        groups=groups_of(lengths, per_step=True),
        characters=np.concatenate([characters_of(one) for one in stretches]),
        spelled=spelled,
        right={MODEL_NAME: right},
        members=tuple(members),
        unknown=int((codes == 0).sum()),
        unit=fitted.tokens.unit,
        notes=_notes(stretches, before, fitted.tokens.unit, codes, spelled),
    )


def _ngram_bits(ngram: KneserNey, stretch: Stretch) -> Array:
    """Return the bits that each token costs the n-gram model, after the text before it."""
    codes = np.concatenate([stretch.before, stretch.codes])
    return ngram.bits(codes, [len(codes)])[len(stretch.before) :]


def _notes(
    stretches: Sequence[Stretch], before: str, unit: str, codes: Indices, spelled: Array
) -> tuple[str, ...]:
    text = "".join(one.text for one in stretches)
    after = "added to the text before it" if before else "by itself"
    costs = [
        f"{name} {number(bits / len(text))}" for name, bits in compressed_bits(before, text).items()
    ]
    notes = [f"Compressed, this text, {after}, takes {joined(costs)} bits per character."]
    unknown = int((codes == 0).sum())
    if unknown:
        share = percent(unknown / len(codes)) if unknown > len(codes) / 1000 else "under 0.1 %"
        notes.append(
            f"{counted(unknown, unit)} of {len(codes):,} ({share}) the vocabulary "
            'does not have: the perplexity takes them for one token, "unknown", and the bits per '
            f"character spell them at 8 bits a byte, {number(spelled.sum() / len(text))} of each figure."
        )
    return tuple(notes)
