"""The files and folders that the guides for contributors name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "gatewise"
GUIDES = ["CONTRIBUTING.md", "docs/architecture.md", "native/README.md"]
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|cpp|h|toml|txt|md))`")
MADE = ("build/", "runs/", "RUN/", "replacement/", "checkpoints/")
"""Folders that a command makes."""


def is_there(name: str) -> bool:
    """Whether a path is one of the repository, of the package, or of a room that the text is about."""
    if any((base / name).exists() for base in (ROOT, SOURCES, ROOT / "native", ROOT / "docs")):
        return True
    return any(SOURCES.rglob(name)) or any((ROOT / "native").rglob(name))


@pytest.mark.parametrize("guide", GUIDES)
def test_the_paths_in_a_guide_exist(guide: str) -> None:
    text = (ROOT / guide).read_text("utf-8")
    named = {
        name for name in NAMED.findall(text) if not name.startswith(MADE) and "NAME" not in name
    }
    missing = sorted(name for name in named if not is_there(name.rstrip("/")))
    assert not missing
