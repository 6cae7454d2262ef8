"""Plastid genomes with controls, for the study and for `benchmarks.coding_regions`.

Sizes: N bases of all sequences.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.sequences import Labelled
from gatewise.data.sequences.strands import mirrored_steps, other_strand

TAGGER: dict[str, Any] = {
    "cell": "gru",
    "hidden_size": 64,
    "kmer": 3,
    "front": "one-hot",
    "dropout": 0.2,
    "piece": 250,
    "overlap": 25,
    "batch_size": 16,
    "learning_rate": 0.005,
    "epochs": 20,
    "patience": None,
    "validation": None,
    "test": None,
}
"""Options of a tagger of coding regions: one part of a genome names the validation part itself."""

BLOCK = 60
"""Bases that are shuffled among themselves."""
GC_REACH = 135
"""Bases to each side whose G and C are counted."""
WORD = 20
"""Letters in a row that relatives share. By chance one place in four million has one in a plastid."""

Marks = NDArray[np.bool_]


def part(data: Labelled, name: str) -> Labelled:
    """Return the sequences of one part that the data names."""
    return data.take(np.array(data.split) == name)


def first(data: Labelled, bases: int) -> Labelled:
    """Return the first bases of data that is one sequence; all where it has no more."""
    assert data.labels is not None
    values = data.sequences.values[:bases]
    sequences = replace(data.sequences, values=values, lengths=np.array([len(values)]))
    return replace(data, sequences=sequences, labels=data.labels[:bases])


def without_test(data: Labelled) -> Labelled:
    """Return the data with its test part put to the training part: the test is another genome."""
    assert data.split is not None
    return replace(data, split=tuple("training" if one == "test" else one for one in data.split))


def shuffled(data: Labelled) -> Labelled:
    """Return the data with the letters of every block in any order, and its labels as they were."""
    draw = np.random.default_rng(0)
    place = np.arange(data.sequences.steps)
    order = np.lexsort((draw.random(len(place)), place // BLOCK))
    values = data.sequences.values[order]
    return replace(data, sequences=replace(data.sequences, values=values))


def turned(data: Labelled) -> Labelled:
    """Return the other strand of the data."""
    assert data.labels is not None
    back = mirrored_steps(data.sequences)
    return replace(data, sequences=other_strand(data.sequences), labels=data.labels[back])


def labelled_where(data: Labelled, marks: Marks) -> Labelled:
    """Return the data with labels at the marked bases alone: the rest is read, and not scored."""
    assert data.labels is not None
    return replace(data, labels=np.where(marks, data.labels, -1))


def shared(data: Labelled, other: Labelled) -> Marks:
    """Return which bases lie in a word that the other data has too, on either strand, `[N]`."""
    known = {word for one in (other, turned(other)) for _, word in _words(one)}
    found = np.zeros(data.sequences.steps, dtype=bool)
    for place, word in _words(data):
        if word in known:
            found[place : place + WORD] = True
    return found


def _words(data: Labelled) -> list[tuple[int, bytes]]:
    """Return the words of all sequences, none across two of them, with their places."""
    found = []
    for first, length in zip(data.sequences.offsets, data.sequences.lengths, strict=False):
        codes = data.sequences.values[first : first + length].astype(np.uint8).tobytes()
        found += [(int(first) + at, codes[at : at + WORD]) for at in range(length - WORD + 1)]
    return found


def gc_share(data: Labelled) -> NDArray[np.float64]:
    """Return the share of G and C around each base, [N]."""
    assert data.sequences.vocabulary is not None
    letters = np.array(["", *data.sequences.vocabulary.symbols])[data.sequences.values]
    sums = np.concatenate([[0], np.cumsum(np.isin(letters, ["C", "G"]))])
    place, offsets, lengths = (
        np.arange(len(letters)),
        data.sequences.offsets,
        data.sequences.lengths,
    )
    first = np.maximum(place - GC_REACH, np.repeat(offsets[:-1], lengths))
    end = np.minimum(place + GC_REACH + 1, np.repeat(offsets[1:], lengths))
    share: NDArray[np.float64] = (sums[end] - sums[first]) / (end - first)
    return share


def gc_cut(share: NDArray[np.float64], truth: NDArray[np.int64]) -> tuple[float, int, int]:
    """Return the share at which two classes are best told apart, the class above it and that below."""
    best = (-2.0, 0.0, 0)
    for cut in np.quantile(share, np.linspace(0.02, 0.98, 49)).tolist():
        found = correlation(truth, (share > cut).astype(np.int64))
        best = max(best, (abs(found), cut, int(found > 0)))
    return best[1], best[2], 1 - best[2]


def gc_alone(fitted: Labelled, data: Labelled) -> NDArray[np.int64]:
    """Return what the share of G and C alone says of each base, cut where that is best in `fitted`."""
    assert fitted.labels is not None
    cut, above, below = gc_cut(gc_share(fitted), fitted.labels)
    return np.where(gc_share(data) > cut, above, below).astype(np.int64)


def correlation(truth: NDArray[np.int64], told: NDArray[np.int64]) -> float:
    """Return Matthews' correlation of two classes over what is known; 0 where one never varies."""
    t, p = truth[truth >= 0], told[truth >= 0]
    return 0.0 if np.ptp(t) == 0 or np.ptp(p) == 0 else float(np.corrcoef(t, p)[0, 1])
