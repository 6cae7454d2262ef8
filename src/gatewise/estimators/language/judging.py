"""What a text costs a language model, token by token, with the state carried through.

Sizes: N tokens, V codes, M members.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gatewise.data.sequences.tokens import Tokens, utf8
from gatewise.data.tables.output import frame_like
from gatewise.estimators.language.network import LanguageNetwork, State
from gatewise.estimators.language.speaking import softmax
from gatewise.estimators.language.texts import JUDGED, Stretch
from gatewise.training.inference import device_of
from gatewise.typing import AnyArray, Array, Array32, Indices
from gatewise.wording import counted


@dataclass(frozen=True, eq=False)
class Judged:
    """What each token of a stretch was held for before it was read."""

    log_probabilities: Array  # [N], natural logarithms, of the mean of the members' probabilities
    likeliest: Indices  # [N], the code of the most probable token
    members: Array  # [M, N], each member's own logarithms


def judge(networks: Sequence[LanguageNetwork], stretch: Stretch) -> Judged:
    """Return what the members make of a stretch, after the text before it."""
    before = stretch.run_in
    inputs = np.concatenate([before, stretch.inputs])
    truth = np.concatenate([before, stretch.codes])
    states: list[State] = [()] * len(networks)
    logs, best, alone = [], [], []
    for start in range(0, len(inputs), JUDGED):
        part = slice(start, start + JUDGED)
        each = []
        for member, network in enumerate(networks):
            logits, states[member] = _read(network, inputs[part], states[member])
            each.append(softmax(logits.astype(np.float64)))
        rows = np.arange(len(truth[part]))
        probabilities = np.mean(each, axis=0)
        logs.append(_log(probabilities[rows, truth[part]]))
        best.append(probabilities[:, 1:].argmax(axis=1) + 1)
        alone.append([_log(one[rows, truth[part]]) for one in each])
    first = len(before)
    return Judged(
        np.concatenate(logs)[first:],
        np.concatenate(best)[first:],
        np.concatenate(alone, axis=1)[:, first:],
    )


def _read(network: LanguageNetwork, codes: Indices, state: State) -> tuple[Array32, State]:
    with torch.no_grad():
        x = torch.from_numpy(codes).to(device_of(network))[:, None]
        logits, state = network(x, state=state)
    return logits[:, 0].cpu().numpy(), state


def _log(probabilities: Array) -> Array:
    """Return logarithms; of what a float cannot hold, that of the smallest that it can."""
    return np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))


@dataclass(frozen=True, eq=False, repr=False)
class TextScore:
    """What each token of a text was to a language model that had read all before it.

    Attributes:
        tokens: The tokens as they are written, [N]; unknown ones as U+FFFD.
        log_probabilities: The natural logarithm of each token's probability, [N].
        likeliest: The most probable token at each place, [N].
        unit: What a token is: "character", "byte", "word" or "piece".
        characters: How many characters the text has.
        unknown: How many of the tokens the vocabulary does not have.
        spelled: What it would cost to spell these out, in bits: 8 for each of their bytes.
        notes: What else a reader must know, such as that the model was fitted on this text.
    """

    tokens: tuple[str, ...]
    log_probabilities: Array
    likeliest: tuple[str, ...]
    unit: str
    characters: int
    unknown: int
    spelled: int
    notes: tuple[str, ...] = ()

    @property
    def bits(self) -> float:
        """What the text costs in bits, unknown tokens spelled out."""
        return float(-self.log_probabilities.sum() / math.log(2)) + self.spelled

    @property
    def bits_per_character(self) -> float:
        """Bits for each character, by which models with different tokens compare."""
        return self.bits / self.characters

    @property
    def perplexity(self) -> float:
        """The inverse of the geometric mean of the tokens' probabilities, "unknown" as one of them."""
        return float(np.exp(-self.log_probabilities.mean()))

    def to_frame(self) -> Any:
        """Return a polars frame with a row for each token."""
        return frame_like("polars", columns_of([self]))

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return (
            f"TextScore({counted(len(self), self.unit)}, bits_per_character="
            f"{self.bits_per_character:.3f}, perplexity={self.perplexity:.2f})"
        )

    def __str__(self) -> str:
        return "\n".join([repr(self), *self.notes])


def columns_of(scores: Sequence[TextScore], *, quoted: bool = False) -> dict[str, AnyArray]:
    """Return columns with a row for each token of all scores, `quoted` as JSON writes texts.

    So a file has no line end or formula in a cell.
    """

    def written(tokens: Sequence[str]) -> list[str]:
        return [json.dumps(one, ensure_ascii=False) if quoted else one for one in tokens]

    return {
        "text": np.repeat(np.arange(1, len(scores) + 1), [len(score) for score in scores]),
        "token": np.array([token for score in scores for token in written(score.tokens)]),
        "log_probability": np.concatenate([score.log_probabilities for score in scores]),
        "likeliest": np.array([token for score in scores for token in written(score.likeliest)]),
    }


def score_of(networks: Sequence[LanguageNetwork], tokens: Tokens, stretch: Stretch) -> TextScore:
    """Return the score of a text."""
    found = judge(networks, stretch)
    return TextScore(
        tokens=tuple(tokens.vocabulary.decode(stretch.codes)),
        log_probabilities=found.log_probabilities,
        likeliest=tuple(tokens.vocabulary.decode(found.likeliest)),
        unit=tokens.unit,
        characters=len(stretch.text),
        unknown=int((stretch.codes == 0).sum()),
        spelled=int(spelling(tokens, stretch).sum()),
    )


def spelling(tokens: Tokens, stretch: Stretch) -> Array:
    """Return the bits that spell each unknown token, [N]; 0 for the others."""
    unknown = stretch.codes == 0
    found = np.zeros(len(unknown))
    if unknown.any():
        written = tokens.split(stretch.text)
        found[unknown] = [
            8 * len(utf8(written[place])) for place in np.flatnonzero(unknown).tolist()
        ]
    return found
