"""What `gatewise run` does inside the program, once that has imported torch."""

from __future__ import annotations

import os

from gatewise.programs.patching import patch
from gatewise.programs.report import begin as begin_report


def begin() -> None:
    """Patch torch, and count its calls if a report is wanted."""
    patch()
    if os.environ.get("GATEWISE_REPORT"):
        begin_report(os.environ["GATEWISE_REPORT"])
