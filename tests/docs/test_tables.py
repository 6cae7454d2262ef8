"""The tables in the docs say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_tables_of_options_and_metrics_are_the_forecasters() -> None:
    tables = runpy.run_path(str(DOCS / "tables.py"))
    page = (DOCS / "forecasting.md").read_text(encoding="utf-8")
    assert tables["page_anew"](page) == page, "run python docs/tables.py"


def test_the_tables_of_measures_and_baselines_are_those_of_sequences() -> None:
    tables = runpy.run_path(str(DOCS / "tables.py"))
    page = (DOCS / "sequences.md").read_text(encoding="utf-8")
    assert tables["sequences_anew"](page) == page, "run python docs/tables.py"
    assert "| `matthews` | Correlation of truth" in page


def test_the_table_of_tasks_is_that_of_the_command_line() -> None:
    tables = runpy.run_path(str(DOCS / "tables.py"))
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    assert tables["commands_anew"](page) == page, "run python docs/tables.py"
    assert "| `tag` | a label for each step of a sequence | `gw.Tagger` |" in page


def test_the_glossary_has_the_words_of_the_page() -> None:
    tables = runpy.run_path(str(DOCS / "tables.py"))
    page = (DOCS / "glossary.md").read_text(encoding="utf-8")
    assert tables["glossary_anew"](page) == page, "run python docs/tables.py"
    assert "| idle unit | A unit that" in page


def test_the_table_of_long_memories_is_that_of_the_kept_results() -> None:
    tables = runpy.run_path(str(DOCS / "tables.py"))
    page = (DOCS / "long-sequences.md").read_text(encoding="utf-8")
    assert tables["long_anew"](page) == page, "run python docs/tables.py"
    assert "lstm, 50,000 steps" in page


def test_the_table_of_options_is_the_language_models() -> None:
    tables = runpy.run_path(str(DOCS / "tables.py"))
    page = (DOCS / "language.md").read_text(encoding="utf-8")
    assert tables["language_anew"](page) == page, "run python docs/tables.py"
    assert "`weight_drop`" in page
    assert "`write_cost`" not in page
