"""What a text costs a language model, token by token, with the state carried through.

Sizes: N tokens, V codes, M members.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gatewise.answers.drawing import softmax
from gatewise.data.sequences.stretches import Stretch
from gatewise.data.sequences.tokens import Tokens
from gatewise.estimators.language.network import LanguageNetwork
from gatewise.estimators.language.texts import JUDGED
from gatewise.estimators.scores.texts import TextScore, spelling
from gatewise.training.carried import State
from gatewise.training.inference import device_of
from gatewise.typing import Array, Array32, Indices


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
            logits, states[member] = read(network, inputs[part], states[member])
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


def read(network: LanguageNetwork, codes: Indices, state: State) -> tuple[Array32, State]:
    """Return the logits after each of `codes` [N], [N, V], and the state after the last."""
    with torch.no_grad():
        x = torch.from_numpy(codes).to(device_of(network))[:, None]
        logits, state = network(x, state=state)
    return logits[:, 0].cpu().numpy(), state


def _log(probabilities: Array) -> Array:
    """Return logarithms; of what a float cannot hold, that of the smallest that it can."""
    return np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))


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
