"""The command line: parses, calls the public API, prints. torch is imported only when it is needed."""

from __future__ import annotations

from gatewise.cli.apps import app
from gatewise.cli.main import run

__all__ = ["app", "run"]
