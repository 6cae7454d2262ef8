"""What a message of the command line must not hold: the syntax of a call in Python."""

from __future__ import annotations

import re

QUOTED = re.compile(r"(?<!\w)(?:'[^']*'|\"[^\"]*\"|`[^`]*`)(?!\w)")
PYTHON = re.compile(
    r"\b[a-z_]+=\S"  # lookback=30, but not the shell's RANK=1
    r"|\b[a-z_]+=(?= |$)"  # output=, a function that ...
    r"|\b\w*[a-z]\(\S"  # fit(...), but not "(an aside)"
    r"|\bNone\b(?! of\b)|\bTrue\b|\bFalse\b"
    r"|\[[^\]]*'|(?<![\w\x1b])\[\d"  # ['rain'], [0.1, 0.9]
)


def in_python(text: str) -> bool:
    """Return whether a message speaks Python, beside what it quotes of the reader's."""
    return PYTHON.search(QUOTED.sub("''", text)) is not None
