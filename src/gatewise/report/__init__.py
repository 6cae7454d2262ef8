"""One self-contained page per run, made from result dataclasses; trains nothing."""

from __future__ import annotations

from gatewise.report.page import render_page, write_page
from gatewise.report.verdict import Verdict, verdict

__all__ = ["Verdict", "render_page", "verdict", "write_page"]
