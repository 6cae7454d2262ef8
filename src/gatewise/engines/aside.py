"""Calls that are to stay torch's own while its operators are patched (see `gatewise.programs`).

An engine that is named never falls back, nor forward: `engine="torch"` is torch's kernel under a patch
too, and so is every comparison with torch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class _Aside(threading.local):
    is_on = False


ASIDE = _Aside()
"""Whether the calls of this thread are left to torch."""

_PATCHED = False


def is_patched() -> bool:
    """Tell whether torch's operators are patched; a compiler that traces this guards on it."""
    return _PATCHED


def set_patched(patched: bool) -> None:
    """Say whether torch's operators are patched."""
    global _PATCHED  # noqa: PLW0603 - one switch for the process, as the operators are
    _PATCHED = patched


def left_to_torch(function: Callable[..., Any], *args: Any) -> Any:
    """Return `function(*args)`, with every recurrent operator in it on torch's own kernel."""
    before, ASIDE.is_on = ASIDE.is_on, True
    try:
        return function(*args)
    finally:
        ASIDE.is_on = before
