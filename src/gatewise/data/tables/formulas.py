"""Text in a CSV file that a spreadsheet would run as a formula."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from gatewise.errors import warn

STARTS = ("=", "+", "-", "@")


def warn_of_formulas(
    names: Iterable[str], texts: Mapping[str, Iterable[str | None]], path: Path
) -> None:
    """Warn of a name or a cell that begins as a formula does; changed, it would no longer be the same.

    `names` are those of all columns of the file at `path`, `texts` the columns of text.
    """
    for name in names:
        for text in (name, *texts.get(name, ())):
            if _is_formula(text):
                warn(
                    f"{path}: {text!r} (column {name!r}) begins as a formula does, and a spreadsheet "
                    "would run it: import the column as text, or write .parquet"
                )
                return


def _is_formula(text: str | None) -> bool:
    if text is None or not text.lstrip().startswith(STARTS):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
