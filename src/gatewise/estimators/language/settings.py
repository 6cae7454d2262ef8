"""The options of `LanguageModel`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewise.choices import TokenKind, Unseen
from gatewise.errors import OptionError
from gatewise.estimators.options import (
    EstimatorOptions,
    NetworkOptions,
    check_gate_costs,
    check_heads,
    check_long_memory,
)
from gatewise.estimators.run.known import register
from gatewise.estimators.sequences.options import FrontOptions, PartOptions
from gatewise.estimators.sequences.restraints import RestraintOptions
from gatewise.options import (
    encoding_name,
    on_or_off,
    one_of,
    option,
    options_of,
    or_none,
    share_below_one,
    whole,
    with_default,
)

TOKENS_READ = 6_000_000
"""Tokens that a training reads where nothing is said, but each of them 4 to 40 times."""

FEW_TOKENS = 200_000
"""A training part of fewer tokens is learnt by heart sooner: more is dropped where nothing is said."""

DROPOUT = {"few": 0.5, "many": 0.4}
BATCH_SIZE, EMBEDDING = 16, 64
LEARNING_RATE = {"adamw": 5e-3, "sgd": 1.0}
"""What is taken where nothing is said."""


@dataclass(kw_only=True, eq=False)
class TextOptions:
    """How a text is read, cut into tokens and into parts."""

    tokens: TokenKind = option(
        "characters",
        "Reading",
        "What the text is cut into.",
        one_of(TokenKind),
        more="Words come with marks and line ends as tokens of their own; sentencepiece is an extra.",
    )
    vocabulary: int | None = option(
        None,
        "Reading",
        "Tokens that have a code, the most frequent ones.",
        or_none(whole(1, 10_000_000), "by the tokens"),
        default_means="all characters; words that occur twice, at most 20,000; 1,000 pieces",
    )
    unseen: Unseen = option(
        "unknown",
        "Reading",
        "Tokens that training did not have: take them for unknown, or refuse them.",
        one_of(Unseen),
        changeable=True,
    )
    encoding: str = option(
        "utf-8",
        "Reading",
        "Encoding of text files.",
        encoding_name(),
        changeable=True,
    )
    validation: float | None = with_default(
        0.1,
        PartOptions,
        "validation",
        more="The parts follow each other in the text: training, validation, test. Several texts are "
        "divided between texts where there are enough.",
    )
    test: float | None = with_default(0.1, PartOptions, "test")


# Python takes the fields of base classes from the last to the first.
@dataclass(kw_only=True, eq=False, repr=False)
class LanguageSettings(EstimatorOptions, RestraintOptions, NetworkOptions, TextOptions):
    """The options of `LanguageModel`; the constructor only keeps them, `check_options` judges them."""

    hidden_size: int = with_default(256, NetworkOptions, "hidden_size")
    variational: bool = with_default(True, RestraintOptions, "variational")
    input_dropout: float = with_default(0.1, RestraintOptions, "input_dropout")
    embedding_dropout: float = option(
        0.0,
        "Network",
        "Share of tokens dropped, in all their places of a batch.",
        share_below_one(),
    )
    embedding: int | None = with_default(
        None,
        FrontOptions,
        "embedding",
        help="Figures that stand for a token.",
        default_means="64; tied, as many as units",
        more="",
    )
    tied: bool | None = option(
        None,
        "Network",
        "Compare the output with the embeddings of the input.",
        or_none(on_or_off(), "by the tokens"),
        default_means="on for words and sentencepiece, off for characters and bytes",
        more="(Press and Wolf 2017.)",
    )
    window: int = option(
        64,
        "Training",
        "Tokens that a gradient goes back over; the state is carried on.",
        whole(1, 100_000),
        more="Truncated backpropagation through time.",
    )
    vary: bool = option(
        False,
        "Training",
        "Draw the windows' lengths around {window} anew in every pass.",
        on_or_off(),
        more="As AWD-LSTM does, with the learning rate in proportion.",
    )

    def check_options(self) -> None:
        """Raise `OptionError` for the first option outside what it may be, alone or with others."""
        super().check_options()
        check_heads(self)
        check_long_memory(self)
        check_gate_costs(self, self.cell)
        if (self.validation or 0) + (self.test or 0) >= 1:
            raise OptionError(
                f"validation={self.validation} and test={self.test} leave nothing to train on"
            )
        if self.noise > 0:
            raise OptionError(
                f"noise={self.noise:g} is for measured values, and tokens are none: use dropout="
            )
        if self.refit:
            raise OptionError("refit=True: a language model is not trained anew on all data")
        if self.tokens == "bytes" and self.vocabulary is not None:
            raise OptionError(
                f"vocabulary={self.vocabulary} with tokens='bytes': there are 256, leave it out"
            )

    def closed_for(self, tokens: int) -> LanguageSettings:
        """Return the options with what is left open settled for a training part of `tokens` tokens."""
        tied = self.tokens in ("words", "sentencepiece") if self.tied is None else self.tied
        epochs = self.epochs
        if epochs is None and self.steps is None:
            epochs = min(40, max(4, round(TOKENS_READ / tokens)))
        patience = self.patience
        if patience == "auto":
            # the rate falls to 0 at the end: to the end, and the best weights on the way are kept
            patience = self.steps if self.steps is not None else epochs
        settled: dict[str, Any] = {
            "tied": tied,
            "embedding": self.embedding or (self.hidden_size if tied else EMBEDDING),
            "dropout": self._dropout(tokens),
            "batch_size": max(1, min(self.batch_size or BATCH_SIZE, tokens // self.window)),
            "learning_rate": self.learning_rate or LEARNING_RATE[self.optimizer],
            "schedule": "one-cycle" if self.schedule == "auto" else self.schedule,
            "epochs": epochs,
            "patience": patience,
            "refit": bool(self.refit),
        }
        return LanguageSettings(**{**self.get_params(), **settled})

    def _dropout(self, tokens: int) -> float:
        if self.dropout is not None:
            return self.dropout
        return DROPOUT["few" if tokens < FEW_TOKENS else "many"]


register("language model", (name for name, _, _ in options_of(LanguageSettings)))
