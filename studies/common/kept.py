"""The results of the full runs that the docs report, `expected.json` in each study's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gatewise.errors import FileError
from studies.catalog import folder_of

EXPECTED = "expected.json"

Told = Mapping[str, Any]
"""A result as `Result.to_json` makes it: verdict, checks, seeds, settings, command, machine."""


def kept(name: str) -> Told | None:
    """Return what the last full run of a study found; None where there was none.

    Raises FileError for a damaged file.
    """
    path = folder_of(name) / EXPECTED
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        found = {}
    if not {"verdict", "checks", "form", "seeds", "settings", "seconds", "command"} <= set(found):
        raise FileError(f"{path} is damaged: take it anew from the repository")
    return found


def corrected(told: Told | None) -> str:
    """Return what a study's correction is called: without a full run nothing has borne it out yet."""
    return "Correction, not measured yet" if told is None else "Correction"
