"""The options of how sequences and their labels are read, by which a run reads them again."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from gatewise.choices import Missing, SoftMasked, UnknownLetters, Unmatched
from gatewise.options import encoding_name, names, one_of, option, or_none, text, text_that, whole

if TYPE_CHECKING:
    from gatewise.data.sequences.reading import Reading
    from gatewise.typing import Names


def _is_alphabet(alphabet: str) -> bool:
    from gatewise.data.sequences.alphabets import check_alphabet  # noqa: PLC0415 - brings NumPy
    from gatewise.errors import OptionError  # noqa: PLC0415

    try:
        check_alphabet(alphabet)
    except OptionError:
        return False
    return True


@dataclass(kw_only=True, eq=False)
class SequenceReadingOptions:
    """How sequences are read: letters, columns of a table, what may be missing.

    Each is the field of `gatewise.data.sequences.reading.Reading` of the same name.
    """

    sequence: str | None = option(
        None,
        "Columns",
        "Column that holds letters, in a table with a row for each sequence.",
        or_none(text("a column name"), "'sequence' where there is one"),
        default_means="sequence",
    )
    target: Names | None = option(
        None,
        "Columns",
        "Column that holds the label, or columns of numbers to predict.",
        or_none(names(), "'y', 'label' or 'class'"),
        default_means="y, label or class",
    )
    inputs: Names | None = option(
        None,
        "Columns",
        "Columns of measured values, in a table with a row for each step.",
        or_none(names(), "all other numbers"),
        default_means="all other numbers",
    )
    series: str | None = option(
        None,
        "Columns",
        "Column that says which sequence a row belongs to.",
        or_none(text("a column name"), "'unique_id'"),
        default_means="unique_id",
    )
    time: str | None = option(
        None,
        "Columns",
        "Column by which the rows of a sequence are in order.",
        or_none(text("a column name"), "'ds', else as the rows stand"),
        default_means="ds, else as the rows stand",
    )
    groups: str | None = option(
        None,
        "Columns",
        "Column that says which sequences stay in one part, such as a subject or a family.",
        or_none(text("a column name"), "each by itself"),
    )
    weights: str | None = option(
        None,
        "Columns",
        "Column that says how much each sequence counts in training.",
        or_none(text("a column name"), "all alike"),
    )
    split: str | None = option(
        None,
        "Columns",
        "Column that says the part of each sequence: training, validation or test.",
        or_none(text("a column name"), "by `validation` and `test`"),
    )
    homology: int | None = option(
        None,
        "Reading",
        "Keep sequences in one part that share so many letters in a row, of DNA on either strand.",
        or_none(whole(8, 1_000), "nobody looks"),
    )
    alphabet: str | None = option(
        None,
        "Reading",
        "Letters of the sequences: dna, rna, iupac, protein, or your own, such as ACGT-.",
        or_none(
            text_that("'dna', 'rna', 'iupac', 'protein' or distinct letters", _is_alphabet),
            "the first of these that fits, else all letters that there are",
        ),
        default_means="the first that fits",
    )
    unknown: UnknownLetters = option(
        "refuse",
        "Reading",
        "Letters that are not in the alphabet: refuse them, or read them as unknown.",
        one_of(UnknownLetters),
        changeable=True,
    )
    soft_masked: SoftMasked = option(
        "read",
        "Reading",
        "Lower-case letters of DNA, RNA and protein: read them as capitals, or as unknown.",
        one_of(SoftMasked),
    )
    missing: Missing = option(
        "refuse",
        "Reading",
        "Measured values that are missing: refuse them, or mask them with an indicator.",
        one_of(Missing),
    )
    unmatched: Unmatched = option(
        "refuse",
        "Reading",
        "Sequences without a label, and labels without a sequence: refuse them, or leave them out.",
        one_of(Unmatched),
        changeable=True,
    )
    encoding: str = option(
        "utf-8",
        "Reading",
        "How a text file is encoded, such as latin-1.",
        encoding_name(),
        changeable=True,
    )


def reading_of(settings: SequenceReadingOptions, **more: Any) -> Reading:
    """Return how an estimator reads; `more` are fields of `Reading` that it sets itself."""
    from gatewise.data.sequences.reading import Reading  # noqa: PLC0415 - brings NumPy

    given = {field.name: getattr(settings, field.name) for field in fields(SequenceReadingOptions)}
    given |= {name: given[name] or () for name in ("target", "inputs")}
    return Reading(**given, **more)
