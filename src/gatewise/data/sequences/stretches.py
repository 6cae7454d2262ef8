"""Texts divided into parts that follow each other, as codes of tokens, each with what is before it.

Sizes: N tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gatewise.choices import Unseen
from gatewise.data.sequences.labelled import PARTS
from gatewise.data.sequences.tokens import Tokens
from gatewise.errors import DataError
from gatewise.typing import Indices
from gatewise.wording import counted

START = 0
"""What is read before the first token of a text: "unknown", for nothing is known yet."""

RUN_IN = 1_000
"""Tokens before a part that are read first and not scored, so that its state is that of a long text."""

_NEAR = 1_000
"""Characters within which a part begins at the next line, or else the next word."""


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


def divided(
    texts: Sequence[str], validation: float | None, test: float | None
) -> dict[str, list[tuple[int, str]]]:
    """Return the stretches of each part, with the numbers of the texts that they are from.

    The first texts, or the beginning, train; then follow validation and test. With fewer texts than
    parts, texts are cut: at the next line, or the next word, after the share.
    """
    shares = {
        "training": 1 - (validation or 0) - (test or 0),
        "validation": validation or 0,
        "test": test or 0,
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


def text_before(parts: Parts, part: str) -> str:
    """Return the text of the parts before one."""
    earlier = PARTS[: PARTS.index(part)]
    return "".join(one.text for name in earlier for one in parts[name])


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
