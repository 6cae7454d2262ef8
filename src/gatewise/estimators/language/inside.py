"""The inside of a language model over stretches of a text: gates, and how much each token surprised it.

Sizes: N tokens of the text that is looked at, T of a stretch of it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gatewise.data.sequences.stretches import START, Stretch
from gatewise.estimators.language.judging import judge
from gatewise.estimators.language.model import FittedLanguage
from gatewise.estimators.sequences.chosen import Room, room_for, typical_and_extremes
from gatewise.estimators.sequences.chosen import Stretch as Chosen
from gatewise.estimators.sequences.inside import Inside, InsideRow, gates_over, name_of
from gatewise.report import Series
from gatewise.typing import Array

NOTE = (
    "Surprise: the bits that a token cost before it was read; the gates are those of reading it. "
    "The line at the top also says what was expected in its place."
)


def inside_of(fitted: FittedLanguage, stretch: Stretch, most: int) -> Inside:
    """Return the first member's inside over some of the first `most` tokens of a stretch."""
    network, unit = fitted.networks[0], fitted.tokens.unit
    cut = Stretch(stretch.codes[:most], stretch.before, stretch.text)
    judged = judge((network,), cut)
    read = np.concatenate(
        [[START], stretch.before, cut.codes]
    )  # the gates are those of reading each
    before = len(read) - len(cut.codes)
    bits = -judged.log_probabilities / np.log(2)
    rows = []
    for one in _chosen(bits, room_for(len(network.layers) * network.width)):
        there = slice(one.first, one.last)
        rows.append(
            InsideRow(
                name_of("the text", unit, one, len(cut.codes)),
                one.first + 1,
                gates_over(network, read[: before + one.last], one.moved(before)),
                (Series("surprise", bits[there], "prediction", "bits"),),
                tuple(fitted.tokens.vocabulary.decode(cut.codes[there])),
                tuple(fitted.tokens.vocabulary.decode(judged.likeliest[there])),
            )
        )
    return Inside(fitted.settings.cell, tuple(rows), NOTE)


def _chosen(bits: Array, room: Room) -> list[Chosen]:
    """Return stretches by the mean surprise of their tokens: a typical one, the most and the least."""
    count = max(1, len(bits) // room.steps)
    edges = np.minimum(np.arange(count + 1) * room.steps, len(bits))
    means = [float(bits[a:b].mean()) for a, b in pairwise(edges.tolist())]
    picks = typical_and_extremes(np.array(means), "most surprising", "least surprising")
    return [
        Chosen(0, int(edges[k]), int(edges[k + 1]), why)
        for k, why in list(picks.items())[: room.stretches]
    ]
