"""What `gatewise run` does inside the program, once that has imported torch."""

from __future__ import annotations

import os

from gatewise.programs.patching import patch

TELLS = ("GATEWISE_REPORT", "GATEWISE_CHECK", "GATEWISE_TRACE")


def begin() -> None:
    """Patch torch, and note its calls if something is to be told of them."""
    patch()
    if any(map(os.environ.get, TELLS)):
        from gatewise.programs.process import begin as begin_notes  # noqa: PLC0415 - seldom wanted

        begin_notes()
