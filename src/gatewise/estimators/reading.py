"""The options of how a table is read: how its file is written, and what may be repaired on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewise.choices import Fill, Keep
from gatewise.errors import OptionError
from gatewise.options import on_or_off, one_of, option, or_none, text_that, whole

if TYPE_CHECKING:
    from gatewise.data.tables.repairs import Repairs


def _is_separator(text: str) -> bool:
    plain = len(text) == 1 and text.isascii() and text.isprintable() and not text.isalnum()
    return (plain and text not in " \"'+-._") or text in ("tab", "space")


def _is_comment_mark(text: str) -> bool:
    plain = text.isascii() and text.isprintable() and " " not in text
    return plain and 0 < len(text) <= 8 and not any(c.isalnum() or c in "\"'" for c in text)


def _is_date_format(text: str) -> bool:
    from gatewise.data.tables.dateformat import is_date_format  # noqa: PLC0415 - brings NumPy

    return is_date_format(text)


@dataclass(kw_only=True, eq=False)
class ReadingOptions:
    """How the cells of a text file are written, and what is done to rows that are not as they should be.

    A run keeps them, so that new data is read as that of the fit was; by default nothing is repaired.
    """

    sep: str | None = option(
        None,
        "Reading",
        "What stands between the cells of a text file: a character, tab or space.",
        or_none(
            text_that("one character such as ';', or 'tab' or 'space'", _is_separator),
            "by the ending",
        ),
        default_means=", in .csv (; with a decimal comma), tab in .tsv",
        changeable=True,
    )
    decimal: str = option(
        ".",
        "Reading",
        "The mark before the fraction in a text file: . or , (1,5).",
        text_that("'.' or ','", lambda text: text in (".", ",")),
        changeable=True,
    )
    comment: str | None = option(
        None,
        "Reading",
        "Skip the lines of a text file that begin so, such as #.",
        or_none(
            text_that("a mark such as '#' or '//'", _is_comment_mark),
            "no comments",
        ),
        default_means="none",
        changeable=True,
    )
    date_format: str | None = option(
        None,
        "Reading",
        "How the time is written, such as %d.%m.%Y.",
        or_none(
            text_that("how times are written, such as '%d.%m.%Y'", _is_date_format), "found out"
        ),
        default_means="found out",
        changeable=True,
        more="In the letters of `strptime`.",
    )
    sort: bool = option(
        False,
        "Reading",
        "Put the rows of each series in the order of their times.",
        on_or_off(),
        changeable=True,
    )
    drop_duplicates: Keep | None = option(
        None,
        "Reading",
        "Of rows that repeat a time keep the first or the last.",
        or_none(one_of(Keep), "refuse them"),
        default_means="refuse them",
        changeable=True,
    )
    fill: Fill | None = option(
        None,
        "Reading",
        "Fill in gaps and missing rows: with the value before, on a line, with 0, or with that of a "
        "{season} before.",
        or_none(one_of(Fill), "nothing is filled in"),
        default_means="nothing is filled in",
        changeable=True,
        more="A filled target is never trained on or scored. See [data](data.md#missing-values).",
    )
    fill_limit: int = option(
        10,
        "Reading",
        "Longest gap that is filled in, in steps; a longer one stays as it is.",
        whole(1),
        changeable=True,
    )

    def check_reading(self) -> None:
        """Raise `OptionError` for options that do not fit each other."""
        if self.decimal == "," and self.sep == ",":
            raise OptionError(
                "decimal=',' needs another mark between cells: sep=';', or leave sep out"
            )
        if self.comment is not None and self.comment == self.sep:
            raise OptionError(
                f"comment={self.comment!r} is also what stands between cells: change one"
            )

    def repairs_rows(self) -> bool:
        """Say whether rows may be moved, left out, added or filled in."""
        return self.sort or self.drop_duplicates is not None or self.fill is not None

    def repairs(self, season: int | None) -> Repairs:
        """Return what is done to the rows; `season`, in steps or None, is for `fill="season"`."""
        from gatewise.data.tables.repairs import Repairs  # noqa: PLC0415 - brings NumPy

        return Repairs(
            date_format=self.date_format,
            sort=self.sort,
            drop_duplicates=self.drop_duplicates,
            fill=self.fill,
            fill_limit=self.fill_limit,
            season=season,
        )
