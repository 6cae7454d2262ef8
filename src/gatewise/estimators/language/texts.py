"""Texts as a language model takes them: read, divided into parts, as codes, and in batches.

Sizes: N tokens, B streams side by side.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np

from gatewise.choices import Unseen
from gatewise.data.catalog import DATASET
from gatewise.data.sequences.labelled import PARTS
from gatewise.data.sequences.texts import ENDINGS, read_text
from gatewise.data.sequences.tokens import Tokens, utf8
from gatewise.errors import DataError
from gatewise.estimators.language.settings import LanguageSettings
from gatewise.training.sequences import UNKNOWN, SequenceBatches
from gatewise.typing import Indices
from gatewise.wording import counted

START = 0
"""What is read before the first token of a text: "unknown", for nothing is known yet."""

RUN_IN = 1_000
"""Tokens before a part that are read first and not scored, so that its state is that of a long text."""

_NEAR = 1_000
"""Characters within which a part begins at the next line, or else the next word."""

JUDGED = 512
"""Tokens of a batch in which a text is judged: the state is carried on, so the size changes nothing."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """A text, or a part of one, as codes [N], with the codes before it, none at a text's beginning."""

    codes: Indices
    before: Indices  # at most RUN_IN + 1
    text: str

    @property
    def inputs(self) -> Indices:
        """What the network reads for each token, [N]: the one before it, `START` at the beginning."""
        first = self.before[-1:] if len(self.before) else np.array([START])
        return np.concatenate([first, self.codes[:-1]])

    @property
    def run_in(self) -> Indices:
        """What is read before `inputs`, the last of a longer text."""
        if not len(self.before):
            return self.before
        if len(self.before) > RUN_IN:
            return self.before[:-1]
        return np.concatenate([[START], self.before[:-1]])


Parts = dict[str, tuple[Stretch, ...]]
"""The stretches of each part: "training", "validation", "test"; () for one that there is not."""


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


def read_texts(data: Any, encoding: str = "utf-8") -> tuple[str, ...]:
    """Return the texts of a text, a path, or a list of either.

    Of a string that holds no line end and ends as text files do (`.txt`, `.txt.gz`), or is a file that
    there is, the file is read. Raises DataError for what is no text and for empty ones, FileError for a
    file that cannot be read.
    """
    given = data if isinstance(data, list | tuple) else [data]
    if not given:
        raise DataError("there are no texts: the list is empty")
    found = []
    for number, one in enumerate(given, start=1):
        named = "the text" if len(given) == 1 else f"text {number} of {len(given)}"
        if _is_path(one):
            one = read_text(one, encoding)  # noqa: PLW2901
        if not isinstance(one, str):
            raise DataError(f"{named} is of type {type(one).__name__}: give a string or a path")
        if not one:
            raise DataError(f"{named} is empty")
        found.append(one)
    return tuple(found)


def any_file(data: Any) -> bool:
    """Tell whether one of the texts is read from a file."""
    return any(map(_is_path, data if isinstance(data, list | tuple) else [data]))


def identity_of(texts: Sequence[str]) -> dict[str, Any]:
    """Return the SHA-256 of texts with their sizes."""
    digest = sha256()
    for text in texts:
        content = utf8(text)
        digest.update(len(content).to_bytes(8, "little") + content)
    return {
        "sha256": digest.hexdigest(),
        "texts": len(texts),
        "characters": sum(map(len, texts)),
    }


def divided(texts: Sequence[str], settings: LanguageSettings) -> dict[str, list[tuple[int, str]]]:
    """Return the stretches of each part, with the numbers of the texts that they are from.

    The first texts, or the beginning, train; then follow validation and test. With fewer texts than
    parts, texts are cut: at the next line, or the next word, after the share.
    """
    shares = {
        "training": 1 - (settings.validation or 0) - (settings.test or 0),
        "validation": settings.validation or 0,
        "test": settings.test or 0,
    }
    wanted = [part for part in PARTS if shares[part] > 0]
    ends = np.cumsum([len(text) for text in texts])
    cuts = np.cumsum([shares[part] for part in wanted])[:-1] * ends[-1]
    if len(texts) >= len(wanted):
        numbers = [0, *_between_texts(ends, cuts), len(texts)]
        edges = [0 if number == 0 else int(ends[number - 1]) for number in numbers]
    else:
        whole = "".join(texts)
        edges = [0, *(_next_line(whole, round(cut)) for cut in cuts), len(whole)]
    found: dict[str, list[tuple[int, str]]] = {part: [] for part in PARTS}
    for part, (first, last) in zip(wanted, pairwise(edges), strict=True):
        if last <= first:
            raise DataError(
                f"the text of {counted(int(ends[-1]), 'character')} is too short for a {part} part: "
                f"give a longer one, or {part}=None"
            )
        for number, (text, end) in enumerate(zip(texts, ends.tolist(), strict=True)):
            start = end - len(text)
            cut = text[max(first - start, 0) : max(last - start, 0)]
            if cut:
                found[part].append((number, cut))
    return found


def encoded(pieces: dict[str, list[tuple[int, str]]], tokens: Tokens, unseen: Unseen) -> Parts:
    """Return the parts as codes, each stretch with what comes before it in its text."""
    before: dict[int, Indices] = {}
    found: Parts = {}
    for part, stretches in pieces.items():
        made = []
        for number, text in stretches:
            codes = tokens.encode(text, unseen)
            held = before.get(number, np.zeros(0, dtype=np.int64))
            made.append(Stretch(codes, held, text))
            before[number] = np.concatenate([held, codes])[-RUN_IN - 1 :]
        found[part] = tuple(made)
    return found


def streams_of(stretches: Sequence[Stretch], settings: LanguageSettings) -> SequenceBatches:
    """Return stretches, one after the other, as streams side by side, each read a window at a time."""
    rows = settings.batch_size
    assert rows is not None
    inputs = np.concatenate([stretch.inputs for stretch in stretches])
    truth = np.concatenate([stretch.codes for stretch in stretches])
    edges = len(inputs) * np.arange(rows + 1, dtype=np.int64) // rows
    return SequenceBatches(
        inputs,
        edges[:-1],
        np.diff(edges),
        truth,
        per_step=True,
        window=settings.window,
        vary=settings.vary,
    )


def judged(stretches: Sequence[Stretch]) -> SequenceBatches:
    """Return stretches as one stream with their run-in, whose truth is not known."""
    inputs = [part for one in stretches for part in (one.run_in, one.inputs)]
    truth = [part for one in stretches for part in (np.full(len(one.run_in), UNKNOWN), one.codes)]
    whole = np.concatenate(inputs)
    lengths = np.array([len(whole)])
    return SequenceBatches(
        whole, np.array([0]), lengths, np.concatenate(truth), per_step=True, window=JUDGED
    )


def text_before(parts: Parts, part: str) -> str:
    """Return the text of the parts before one."""
    earlier = PARTS[: PARTS.index(part)]
    return "".join(one.text for name in earlier for one in parts[name])


def check_length(stretches: Sequence[Stretch], unit: str, window: int) -> int:
    """Return how many tokens stretches have; DataError for fewer than one window."""
    tokens = sum(len(stretch.codes) for stretch in stretches)
    if tokens < window:
        raise DataError(
            f"the training part has {counted(tokens, unit)}, fewer than the window={window} that a "
            "gradient goes back over: give a longer text, or a smaller window"
        )
    return tokens


def _is_path(one: Any) -> bool:
    if isinstance(one, os.PathLike):
        return True
    if not isinstance(one, str) or "\n" in one or len(one) > 4096 or "\0" in one:
        return False
    name = one.lower().removesuffix(".gz")
    return one.startswith(DATASET) or name.endswith(ENDINGS) or os.path.isfile(one)


def _between_texts(ends: Indices, cuts: Indices) -> list[int]:
    """Return after how many texts each part ends, nearest to `cuts`, each part with a text at least."""
    found: list[int] = []
    for number, cut in enumerate(cuts, start=1):
        nearest = int(np.abs(ends - cut).argmin()) + 1
        at_least, at_most = (found[-1] if found else 0) + 1, len(ends) - (len(cuts) + 1 - number)
        found.append(min(max(nearest, at_least), at_most))
    return found


def _next_line(text: str, place: int) -> int:
    """Return where the next line begins, or else the next word, from `place` on; or `place`."""
    for sign in "\n ":
        found = text.find(sign, max(place - 1, 0), place + _NEAR)
        if found >= 0:
            return found + 1
    return place
