"""How sequences and labels are to be read: the options that every reader shares."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from gatewise.choices import Missing, SoftMasked, UnknownLetters, Unmatched
from gatewise.data.dataset import Region
from gatewise.data.sequences.alphabets import check_alphabet
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.errors import OptionError, nearest
from gatewise.typing import Names

LabelKind = Literal["classes", "numbers"]
"""What labels are: names of classes (whole numbers too), or numbers."""

_WORDS = {
    "unknown": get_args(UnknownLetters),
    "soft_masked": get_args(SoftMasked),
    "missing": get_args(Missing),
    "unmatched": get_args(Unmatched),
}


@dataclass(frozen=True)
class Reading:
    """How to read. Every field has a default that suits data which needs no word.

    Attributes:
        alphabet: Of letters: "dna", "rna", "iupac" or "protein", or letters of your own. None: the first
            of these that all letters fit, else every character that there is.
        vocabulary: The vocabulary of a fitted model, in place of an alphabet.
        unknown: "refuse" letters outside the alphabet, or "mask" them.
        soft_masked: "read" lower-case letters of DNA, RNA and protein like capitals, or "mask" them.
        label_kind: Whether labels are "classes" or "numbers". None: texts, truth values and whole
            numbers are classes, decimals are numbers.
        classes: The classes of a fitted model: a label that is not among them is refused.
        with_labels: Whether labels are read where the data has some. Without, columns of the target may
            be absent, or hold anything, as in data to predict.
        columns: The measured columns of a fitted model: of a table these are read, unless `inputs` are
            named.
        per_step: Whether each step has a label. None: as the labels' shape, or the table, says.
        missing: "refuse" measured values that are missing, or keep them as NaN ("mask").
        unmatched: "refuse" sequences without a label and labels without a sequence, or "drop" them.
        series, time, inputs, target, sequence: Columns of a table: which sequence a row belongs to
            ("unique_id"), its order ("ds"; else as the rows stand), the measured values (all other
            numbers), the label or labels ("y", "label" or "class"), and in a table with a row for each
            sequence its letters ("sequence").
        groups, weights, split: Columns of the table, or of the table of labels, that say which sequences
            stay together, how much each counts, and its part. Data for a fitted model may lack them.
        homology: Letters in a row that make two sequences relatives, which stay together: see
            `related_groups`. None: nobody looks.
        features: Types of features in GenBank and GFF3 files that become classes of steps, of features
            that overlap the first named. BED: names, all by default.
        strands: Whether features of the two strands are different classes: "CDS+" and "CDS-".
        background: The class of steps that no feature covers.
        regions: Stretches of the sequences that are read, each a sequence of its own, perhaps with its
            part of a split; None and (): the whole sequences.
        encoding: Of text files, such as "latin-1".

    Raises OptionError for a word that an option may not be.
    """

    alphabet: str | tuple[str, ...] | None = None
    vocabulary: Vocabulary | None = None
    unknown: UnknownLetters = "refuse"
    soft_masked: SoftMasked = "read"
    label_kind: LabelKind | None = None
    classes: tuple[str, ...] = ()
    with_labels: bool = True
    columns: tuple[str, ...] = ()
    per_step: bool | None = None
    missing: Missing = "refuse"
    unmatched: Unmatched = "refuse"
    series: str | None = None
    time: str | None = None
    inputs: Names = ()
    target: Names = ()
    sequence: str | None = None
    groups: str | None = None
    weights: str | None = None
    split: str | None = None
    homology: int | None = None
    features: Names = ()
    strands: bool = False
    background: str = "other"
    regions: tuple[Region, ...] | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        for name, allowed in _WORDS.items():
            _check_word(name, getattr(self, name), allowed)
        if self.label_kind is not None:
            _check_word("label_kind", self.label_kind, get_args(LabelKind))
        check_alphabet(self.alphabet)

    @property
    def is_for_model(self) -> bool:
        """Whether the data is for a model that was fitted before."""
        return self.vocabulary is not None or bool(self.columns)

    def with_options(self, options: dict[str, Any]) -> Reading:
        """Return it with other values of some fields; OptionError for a name that is none."""
        known = [field.name for field in fields(self)]
        for name in options:
            if name not in known:
                raise OptionError(f"there is no option {name!r} of reading.{nearest(name, known)}")
        return replace(self, **options)

    def with_defaults(self, defaults: dict[str, Any]) -> Reading:
        """Return it with `defaults` for the fields that nothing was said about."""
        nothing = Reading()
        unsaid = {
            name: value
            for name, value in defaults.items()
            if getattr(self, name) == getattr(nothing, name)
        }
        return replace(self, **unsaid)


def as_names(names: Names | None) -> tuple[str, ...]:
    """Return one name, several or none as a tuple."""
    return (names,) if isinstance(names, str) else tuple(names or ())


def _check_word(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        listed = " or ".join(map(repr, allowed))
        raise OptionError(f"{name}={value!r}: use {listed}.{nearest(value, allowed)}")
