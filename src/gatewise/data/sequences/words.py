"""A text as words, marks and gaps, and back: the gaps that go without saying are no tokens.

Between two words one space goes without saying, before a comma nothing. A gap of another kind is a token
of its own, so that a text comes back to the last space: "so,so" is `so` `,` `<>` `so`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

NO_GAP = "<>"
"""The token that says: no gap here. No mark is written like this: a mark is one character, repeated."""

_WORD = r"[^\W_]+(?:['’\-][^\W_]+)*"
_NEXT = re.compile(rf"(?P<gap>\s*)(?P<core>{_WORD}|(?P<mark>[^\w\s]|_)(?P=mark)*|\Z)")
_GAP = re.compile(r"\r?\n|\r|[^\S\r\n]+")

_NONE_BEFORE = frozenset(".,;:!?)]}’”»%")
_NONE_AFTER = frozenset("([{“‘«")
_DASHES = frozenset("-—")


def split_words(text: str) -> list[str]:
    """Return the tokens of a text."""
    tokens: list[str] = []
    left = ""
    for found in _NEXT.finditer(text):
        gap, core = found["gap"], found["core"]
        if gap != _expected_gap(left, core):
            tokens += _GAP.findall(gap) or [NO_GAP]
        if core:
            tokens.append(core)
            left = core
    return tokens


def join_words(tokens: Sequence[str]) -> str:
    """Return the text of tokens."""
    parts: list[str] = []
    left, gap, is_said = (
        "",
        "",
        False,
    )  # the last word or mark, and the gap after it where one is said
    for token in tokens:
        if token == NO_GAP or token.isspace():
            gap, is_said = gap + ("" if token == NO_GAP else token), True
            continue
        parts += [gap if is_said else _expected_gap(left, token), token]
        left, gap, is_said = token, "", False
    return "".join([*parts, gap])


def _expected_gap(left: str, right: str) -> str:
    """Return the gap that goes without saying between two words or marks; "" stands for an end."""
    if not left or not right or right[0] in _NONE_BEFORE or left[0] in _NONE_AFTER:
        return ""
    is_dashed = any(len(core) > 1 or core == "—" for core in (left, right) if core[0] in _DASHES)
    return "" if is_dashed else " "
