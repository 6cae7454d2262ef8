"""Error types, and the wording that several checks share.

Every message is one line that says what is wrong, where (column and row, tensor and shape), and what
to write instead. The command line prints it as it is and exits with code 2.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from types import FrameType
from unicodedata import category

__all__ = [
    "BreakdownError",
    "DataError",
    "EngineError",
    "FileError",
    "GatewiseError",
    "GatewiseWarning",
    "InputError",
    "NotFittedError",
    "OptionError",
    "UnknownNameError",
]


class GatewiseError(Exception):
    """Base of every error that gatewise raises on purpose."""

    def __str__(self) -> str:
        """Return the message in one line, whatever of the caller's it quotes."""
        return " ".join(super().__str__().split("\n"))


class InputError(GatewiseError, ValueError):
    """An argument, a tensor or a table that cannot be used as it is."""


class UnknownNameError(InputError, KeyError):
    """A key of a mapping that is not in it; the message names those that are."""

    def __str__(self) -> str:
        """Return the message; a KeyError would put it into quotation marks."""
        return " ".join(Exception.__str__(self).split("\n"))


class OptionError(InputError):
    """An option whose value is outside what it may be."""


class DataError(InputError):
    """A table that cannot be used: the message names the column and the row."""


class EngineError(GatewiseError, RuntimeError):
    """The engine asked for cannot run this module or input; nothing else was tried instead."""


class FileError(GatewiseError, OSError):
    """A file or folder that is missing, unreadable, foreign, in the way, or not writable."""


class BreakdownError(GatewiseError):
    """A training whose loss or weights became infinite or NaN: the same options would end the same."""


class NotFittedError(GatewiseError, ValueError, AttributeError):
    """An estimator was asked for results before `fit`."""


class GatewiseWarning(UserWarning):
    """Something was left out on purpose; the message says what, and why."""


THROUGH = ("gatewise", "contextlib", "functools", "torch")
"""Packages whose lines are none of the caller's: ours, and what our own calls pass through."""


def warn(text: str) -> None:
    """Warn with a `GatewiseWarning` that points at the caller's line, from however deep inside.

    A fixed stacklevel points there from one depth alone, and the same check is reached from several.
    """
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and _package(frame) in THROUGH:
        frame = frame.f_back
        level += 1
    warnings.warn(text, GatewiseWarning, stacklevel=level)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra; gatewise is installed from its checkout.

    With -e, because without it pip would replace the install of `make`, which works in the checkout.
    """
    return f"pip install -e '.[{extra}]' in a checkout of gatewise"


def nearest(name: object, known: Iterable[str]) -> str:
    """Return " Did you mean 'a' or 'b'?" for the known names closest to `name`, or an empty string."""
    if not isinstance(name, str):
        return ""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), list(by_folded), n=3, cutoff=0.6)
    if not close:
        return ""
    return f" Did you mean {' or '.join(repr(by_folded[match]) for match in close)}?"


def is_line(text: str) -> bool:
    """Return whether `text` can be a name or a title: not blank, and no control characters."""
    return bool(text.strip()) and not {category(sign) for sign in text} & {"Cc", "Cs", "Zl", "Zp"}


def cause(error: BaseException) -> str:
    """Return what the system says of an error, in one line: "No space left on device"."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split()) or type(error).__name__
