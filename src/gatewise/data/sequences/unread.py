"""Options of reading that the data at hand has no use for: refused, so that none is given in vain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.data.sequences import fasta
from gatewise.data.sequences.features import BED_ENDINGS, GFF_ENDINGS
from gatewise.data.sequences.files import Found, is_path, is_table, kind_of
from gatewise.data.sequences.genbank import ENDINGS as GENBANK
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.reading import Reading
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.tables import is_wide
from gatewise.data.sequences.texts import ENDINGS as TEXTS
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.errors import OptionError

OF = {
    "sequence": "a table with a row for each sequence",
    "inputs": "arrays and tables with a row for each step",
    "time": "a table with a row for each step",
    "series": "a table",
    "target": "a table of labels, or numbers to predict",
    "alphabet": "letters",
    "unknown": "letters",
    "homology": "letters",
    "soft_masked": "letters of an alphabet of capitals",
    "missing": "measured values",
    "unmatched": "labels by the names of sequences",
    "features": "BED, GFF3 and GenBank files",
    "strands": "BED, GFF3 and GenBank files",
    "background": "BED, GFF3 and GenBank files",
    "encoding": "a text file",
    "groups": "a table",
    "weights": "a table",
    "split": "a table",
}
"""Option to what it is of."""

COLUMNS = ("groups", "weights", "split")

READ = "sequences that were read before"
ARRAYS, LETTERS = "arrays", "texts of letters"
MEASURED, TOKENS, WIDE = (
    f"a table with a row for each {row}" for row in ("step", "step, of tokens", "sequence")
)
_OF_CODES = ("alphabet", "unknown", "homology")
_OF_LETTERS = (*_OF_CODES, "soft_masked")
_OF_STEPS = ("inputs", "time", "series", "target")
_OF_FEATURES = ("features", "strands", "background")
OF_DATA: dict[str, tuple[str, ...]] = {
    READ: (),
    ARRAYS: ("inputs", "missing"),
    LETTERS: _OF_LETTERS,
    "FASTA": _OF_LETTERS,
    "GenBank": _OF_CODES,  # which writes all letters small
    "a text": (*_OF_LETTERS, "encoding"),
    WIDE: (*_OF_LETTERS, "sequence", "series", "target"),
    TOKENS: (*_OF_STEPS, "unknown", "homology"),
    MEASURED: (*_OF_STEPS, "missing"),
}
"""What the data is to what is read of it."""

OF_LABELS: dict[str, tuple[str, ...]] = {
    "": (),
    "labels in a table": ("series", "target", "unmatched"),
    "labels by name": ("unmatched",),
    "labels in features": (*_OF_FEATURES, "unmatched"),
    "features of its own": _OF_FEATURES,
    "labels in memory": (),
}
"""What the labels are that come beside the data, or as its features, to what is read of them."""


@dataclass(frozen=True)
class Form:
    """What data is called, what it is, and what the labels are that come beside it; "" for none."""

    name: str
    data: str
    labels: str
    vocabulary: Vocabulary | None


def form_of(data: Any, labels: Any, found: Found, reading: Reading) -> Form:
    """Return the form of data and labels; `found` is what was read of the data alone."""
    name = Path(data).name if is_path(data) else "the data"
    form = _form_of_data(data, found, reading)
    return Form(name, form, _form_of_labels(data, labels), found.sequences.vocabulary)


def refuse_unread(asked: Reading, form: Form, classes: tuple[str, ...] | None) -> None:
    """Raise OptionError for the first option in `asked` that nothing of data of this form is read by.

    `classes` are those of the labels, () of numbers, None where there are no labels.
    New data for a fitted model is read by the options of its fit, which was of another form perhaps:
    nothing is refused there. Where there are no labels, that is left to whoever needs some.
    """
    if asked.is_for_model or not asked.with_labels:
        return
    used = {*OF_DATA[form.data], *OF_LABELS[form.labels]}
    if classes is None:
        used |= {"target", "unmatched", *_OF_FEATURES}
    elif not classes:
        used.add("target")  # what the numbers are called
    if form.data != READ or form.labels:
        used |= {*COLUMNS}  # refused by themselves where no table has them
    if not _folds(form, asked):
        used.discard("soft_masked")
    nothing = Reading()
    for name, what in OF.items():
        value = getattr(asked, name)
        if name not in used and value != getattr(nothing, name):
            told = f"{form.data} with {form.labels}" if form.labels else form.data
            raise OptionError(
                f"{name}={value!r} is for {what}, and {form.name} is {told}: leave it out"
            )


def _form_of_data(data: Any, found: Found, reading: Reading) -> str:
    if isinstance(data, Labelled | Sequences):
        return READ
    if is_path(data):
        kind = kind_of(Path(data))
        for form, endings in (("FASTA", fasta.ENDINGS), ("GenBank", GENBANK), ("a text", TEXTS)):
            if kind in endings:
                return form
    elif not is_table(data):
        return ARRAYS if found.sequences.vocabulary is None else LETTERS
    assert found.table is not None
    if is_wide(found.table, reading):
        return WIDE
    return MEASURED if found.sequences.vocabulary is None else TOKENS


def _form_of_labels(data: Any, labels: Any) -> str:
    if labels is None:
        is_genbank = is_path(data) and kind_of(Path(data)) in GENBANK
        return "features of its own" if is_genbank else ""
    if is_path(labels) and kind_of(Path(labels)) in (*BED_ENDINGS, *GFF_ENDINGS):
        return "labels in features"
    if is_path(labels) or is_table(labels):
        return "labels in a table"
    return "labels by name" if isinstance(labels, Mapping) else "labels in memory"


def _folds(form: Form, reading: Reading) -> bool:
    """Return whether lower-case letters are read as capitals, which may be masked as well."""
    vocabulary = form.vocabulary
    if vocabulary is None or (form.data == "a text" and reading.alphabet is None):
        return False
    return not any(symbol.islower() for symbol in vocabulary.symbols)
