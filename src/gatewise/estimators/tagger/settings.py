"""The options of `Tagger`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewise.errors import OptionError
from gatewise.estimators.classifier.settings import ClassOptions
from gatewise.estimators.run.known import register
from gatewise.estimators.sequences.options import BaselineOptions, SequenceOptions
from gatewise.options import names, on_or_off, one_of, option, options_of, or_none, text, whole

if TYPE_CHECKING:
    from gatewise.typing import Names

BACKGROUND = "other"
OVERLAP_SHARE = 10
"""Where no overlap is given, one step for so many of a piece."""


@dataclass(kw_only=True, eq=False)
class TaggerOptions:
    """How labels hang together, and how long sequences are cut for training."""

    crf: bool = option(
        False,
        "Network",
        "Score which label follows which, by a linear-chain conditional random field.",
        on_or_off(),
    )
    rc: Literal["average"] | None = option(
        None,
        "Network",
        "Of DNA, train on the other strand too, and average the answers for both.",
        or_none(one_of(Literal["average"]), "the strand as given"),
        default_means="none",
    )
    piece: int | None = option(
        1000,
        "Training",
        "Train on pieces of so many steps at most, where sequences are longer; {none}: on the whole.",
        or_none(whole(1), "every sequence is trained on as a whole"),
        changeable=True,
        more="Predictions are those of the unbroken sequence.",
    )
    overlap: int | None = option(
        None,
        "Training",
        "Steps that a piece sees of its neighbours on either side, without being trained on them.",
        or_none(whole(0), "by the length of a piece"),
        default_means="a tenth of a piece",
        changeable=True,
    )


@dataclass(kw_only=True, eq=False)
class FeatureOptions:
    """How features of sequences, in BED, GFF3 and GenBank files, become labels of steps.

    Each is the field of `gatewise.data.sequences.reading.Reading` of the same name.
    """

    features: Names | None = option(
        None,
        "Reading",
        "Features that are classes; where they overlap, the first named counts.",
        or_none(names(), "CDS; of BED files all"),
        default_means="CDS; of BED files all",
    )
    strands: bool = option(
        False,
        "Reading",
        "Take features of the two strands for different classes, such as CDS+ and CDS-.",
        on_or_off(),
    )
    background: str = option(
        BACKGROUND, "Reading", "The class of steps that are of no feature.", text("a name")
    )


@dataclass(kw_only=True, eq=False, repr=False)
class TaggerSettings(SequenceOptions, TaggerOptions, FeatureOptions, ClassOptions, BaselineOptions):
    """The options of `Tagger`; the constructor only keeps them, `check_options` judges them."""

    def check_options(self) -> None:
        """Raise `OptionError` for the first option outside what it may be, alone or with others."""
        super().check_options()
        if self.crf and self.class_weights is not None:
            raise OptionError(
                "class_weights= weighs single steps, and crf=True is trained on whole sequences: leave "
                "one of them out"
            )
        if self.overlap and self.piece is None:
            raise OptionError(
                f"overlap={self.overlap} is of pieces, and piece=None leaves sequences whole: "
                "leave one of them out"
            )


register("tagger", (name for name, _, _ in options_of(TaggerSettings)))
