"""Texts as a language model is trained on them and judged: as streams side by side, and as one.

Sizes: N tokens, B streams side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.data.sequences.labelled import PARTS
from gatewise.data.sequences.stretches import Parts, Stretch
from gatewise.data.sequences.tokens import Tokens
from gatewise.errors import DataError
from gatewise.estimators.language.settings import LanguageSettings
from gatewise.training.sequences import UNKNOWN, SequenceBatches
from gatewise.wording import counted

JUDGED = 512
"""Tokens of a batch in which a text is judged: the state is carried on, so the size changes nothing."""


@dataclass(frozen=True, eq=False)
class PreparedTexts:
    """Texts that are divided and encoded, with options that leave nothing open."""

    settings: LanguageSettings
    tokens: Tokens
    parts: Parts
    identity: dict[str, Any]

    @property
    def scored(self) -> str:
        """The part that the model is scored on."""
        return next(part for part in reversed(PARTS) if self.parts[part])


def streams_of(stretches: Sequence[Stretch], settings: LanguageSettings) -> SequenceBatches:
    """Return stretches, one after the other, as streams side by side, each read a window at a time."""
    rows = settings.batch_size
    assert rows is not None
    inputs = np.concatenate([stretch.inputs for stretch in stretches])
    truth = np.concatenate([stretch.codes for stretch in stretches])
    return SequenceBatches.streams(inputs, truth, rows, settings.window, vary=settings.vary)


def judged(stretches: Sequence[Stretch]) -> SequenceBatches:
    """Return stretches as one stream with their run-in, whose truth is not known."""
    inputs = [part for one in stretches for part in (one.run_in, one.inputs)]
    truth = [part for one in stretches for part in (np.full(len(one.run_in), UNKNOWN), one.codes)]
    return SequenceBatches.streams(np.concatenate(inputs), np.concatenate(truth), 1, JUDGED)


def check_length(stretches: Sequence[Stretch], unit: str, window: int) -> int:
    """Return how many tokens stretches have; DataError for fewer than one window."""
    tokens = sum(len(stretch.codes) for stretch in stretches)
    if tokens < window:
        raise DataError(
            f"the training part has {counted(tokens, unit)}, fewer than the window={window} that a "
            "gradient goes back over: give a longer text, or a smaller window"
        )
    return tokens
