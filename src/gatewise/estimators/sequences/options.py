"""The options that every estimator of sequences has, and those of one answer per sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.choices import Front, Read, SequenceBaseline, SequenceScale, Strands
from gatewise.errors import OptionError
from gatewise.estimators.options import (
    EstimatorOptions,
    NetworkOptions,
    check_gate_costs,
    check_heads,
    check_long_memory,
)
from gatewise.estimators.sequences.reading import SequenceReadingOptions
from gatewise.estimators.sequences.restraints import RestraintOptions
from gatewise.options import number, on_or_off, one_of, option, or_none, some_of, whole

_SHARE = number("a share between 0 and 1", lambda share: 0 < share < 1)


@dataclass(kw_only=True, eq=False)
class PartOptions:
    """How sequences are divided into parts. A sequence, or a group of them, is never cut."""

    validation: float | None = option(
        0.15,
        "Task and parts",
        "Share of the validation part, or {none}: no early stopping.",
        or_none(_SHARE, "no validation part"),
        changeable=True,
        more="Parts that the data itself names stay as they are.",
    )
    test: float | None = option(
        0.15,
        "Task and parts",
        "Share of the test part, or {none} (the validation part is then scored).",
        or_none(_SHARE, "no test part"),
        changeable=True,
    )
    stratify: bool = option(
        True,
        "Task and parts",
        "Give every part its share of each class.",
        on_or_off(),
        changeable=True,
    )


@dataclass(kw_only=True, eq=False)
class FrontOptions:
    """What the layers see of a symbol, and whether they read backwards too."""

    bidirectional: bool = option(True, "Network", "Read each sequence from both ends.", on_or_off())
    front: Front = option(
        "auto",
        "Network",
        "Symbols as one-hot vectors or as trained embeddings.",
        one_of(Front),
        more="`auto`: one-hot up to 32 symbols. Measured values need neither.",
    )
    kmer: int = option(
        1,
        "Network",
        "Letters that a step reads together, its own in the middle.",
        whole(1, 16),
        more="Of symbols alone. Codons show in 3 letters of DNA, and are found late one by one.",
    )
    embedding: int | None = option(
        None,
        "Network",
        "Figures that stand for a symbol, where they are embedded.",
        or_none(whole(1, 10_000), "by the number of symbols"),
        default_means="by the number of symbols",
        more="1.6 × symbols^0.56, rounded, at most 32.",
    )
    scale: SequenceScale = option(
        "standard",
        "Task and parts",
        "Scaling of measured values, learnt from the training part only.",
        one_of(SequenceScale),
    )


# Python takes the fields of base classes from the last to the first.
@dataclass(kw_only=True, eq=False, repr=False)
class SequenceOptions(
    EstimatorOptions,
    RestraintOptions,
    FrontOptions,
    NetworkOptions,
    PartOptions,
    SequenceReadingOptions,
):
    """The options that every estimator of sequences has; the constructor only keeps them."""

    batch_steps: int | None = option(
        None,
        "Training",
        "Steps of a training batch at most, padding counted: long sequences come in smaller batches.",
        or_none(whole(1), "no bound"),
        default_means="no bound",
        more="A sequence that is longer is a batch of its own.",
    )

    def check_options(self) -> None:
        """Raise `OptionError` for the first option outside what it may be, alone or with others."""
        super().check_options()
        check_heads(self)
        check_long_memory(self)
        check_gate_costs(self, self.cell)
        if self.front == "one-hot" and self.embedding is not None:
            raise OptionError(
                f"embedding={self.embedding} with front='one-hot': leave one of them out"
            )
        if self.kmer % 2 == 0 and isinstance(self, ReadOptions) and self.rc == "share":
            raise OptionError(
                f"kmer={self.kmer} with rc='share': an even number of letters has its middle elsewhere "
                "on the other strand, use an odd one or rc='average'"
            )


@dataclass(kw_only=True, eq=False)
class ReadOptions:
    """How one answer is read off a whole sequence."""

    read: Read = option(
        "last",
        "Network",
        "What is read off a sequence: the last state of each direction, or the mean, the largest or a "
        "weighted mean of all.",
        one_of(Read),
    )
    rc: Strands | None = option(
        None,
        "Network",
        "Of DNA, the other strand too: average the answers for both, or share the weights in training "
        "too, so that both have one answer.",
        or_none(one_of(Strands), "the strand as given"),
        default_means="none",
    )


@dataclass(kw_only=True, eq=False)
class BaselineOptions:
    """Which baselines stand beside the scores of labels and numbers."""

    baselines: Sequence[str] | None = option(
        None,
        "Task and parts",
        "Baselines to score beside the network.",
        or_none(some_of(SequenceBaseline), "all that apply"),
        default_means="all that apply",
        more="Of letters `majority` and `kmers`; of measured values `majority`, `features` and, of "
        "whole sequences, `rocket`.",
    )
