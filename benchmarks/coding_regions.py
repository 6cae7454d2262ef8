"""Coding regions of plastid genomes by a tagger, with controls: `python -m benchmarks.coding_regions`.

Two tests of generalisation, and two models beside the tagger.

- *Another genome*: trained on Arabidopsis, scored on tobacco. Their genes are relatives, so that
  remembering genes is rewarded.
- *Other regions*: trained on some regions of Arabidopsis, scored on others, whose genes are no
  relatives. Both inverted repeats, which are copies of each other, are on the side of training.

Beside it stand k-mer logistic regression with its context (15 to 405 bases to each side) chosen on the
validation part, and the share of G and C around a base alone, cut where that is best in training.
Controls on tobacco: the letters of each 60 bases shuffled, which keeps G and C and destroys codons; and
the reverse complement, whose labels are the same. One thread, seeds 0 and 1.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import gatewise as gw
from benchmarks.against_peers import machine
from gatewise.data.sequences import Labelled
from gatewise.data.sequences.strands import mirrored_steps, other_strand
from gatewise.estimators.scores import labels
from gatewise.typing import Array, Indices

SEEDS = (0, 1)
OPTIONS: dict[str, Any] = {
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
BLOCK = 60
"""Bases that are shuffled among themselves."""
GC_REACH = 135
"""Bases to each side whose G and C are counted."""


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


def gc_share(data: Labelled) -> Array:
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
    share: Array = (sums[end] - sums[first]) / (end - first)
    return share


def gc_cut(share: Array, truth: Indices) -> tuple[float, int, int]:
    """Return the share at which two classes are best told apart, the class above it and that below."""
    best = (-2.0, 0.0, 0)
    for cut in np.quantile(share, np.linspace(0.02, 0.98, 49)).tolist():
        found = float(labels.matthews(labels.confusion(truth, (share > cut).astype(np.int64), 2)))
        best = max(best, (abs(found), cut, int(found > 0)))
    return best[1], best[2], 1 - best[2]


def row(what: str, truth: Indices, told: Indices, classes: tuple[str, ...]) -> None:
    """Print accuracy, F1 of coding and Matthews' correlation."""
    counts = labels.confusion(truth, told, len(classes))
    f1 = labels.f1(counts)[classes.index("CDS")]
    print(
        f"{what:40}{labels.accuracy(counts):.3f}  {f1:.3f}  {labels.matthews(counts):+.3f}",
        flush=True,
    )


def told_by(model: gw.Tagger, data: Labelled) -> Indices:
    """Return the codes of the labels that a tagger predicts."""
    told = np.concatenate(model.predict(data.sequences))
    codes: Indices = (told[:, None] == np.array(data.classes)).argmax(axis=1)
    return codes


def study(name: str, training: Labelled, tests: dict[str, Labelled]) -> None:
    """Print how each model that was fitted on `training` scores on each of `tests`."""
    assert training.labels is not None
    print(f"\n{name}{'':{40 - len(name)}}accuracy  F1  Matthews", flush=True)
    fitted = training.take(np.array(training.split) == "training")
    assert fitted.labels is not None
    cut, above, below = gc_cut(gc_share(fitted), fitted.labels)
    for seed in SEEDS:
        begun = time.perf_counter()
        names = ("majority", "kmers") if seed == SEEDS[0] else ("majority",)
        model = gw.Tagger(seed=seed, baselines=names, **OPTIONS).fit(training, progress=False)
        print(f"seed {seed}: {time.perf_counter() - begun:.0f} s", flush=True)
        for what, data in tests.items():
            assert data.labels is not None
            row(f"{what}: tagger", data.labels, told_by(model, data), data.classes)
            if seed != SEEDS[0]:
                continue
            row(
                f"{what}: G and C alone",
                data.labels,
                np.where(gc_share(data) > cut, above, below),
                data.classes,
            )
            other = model.fitted_.learnt.baselines.answers(data.sequences, np.arange(len(data)))
            row(f"{what}: k-mers", data.labels, other["kmers"].argmax(axis=1), data.classes)
        if seed == SEEDS[0] and model.evaluation_ is not None:
            print("\n".join(model.evaluation_.notes), flush=True)


def main() -> int:
    """Print both studies."""
    torch.set_num_threads(1)
    print(machine(), flush=True)
    arabidopsis: Labelled = gw.datasets.load("arabidopsis_plastid")
    tobacco: Labelled = gw.datasets.load("tobacco_plastid")
    others: Labelled = gw.datasets.load("other_genomes")
    assert arabidopsis.split is not None
    parts = tuple("training" if part == "test" else part for part in arabidopsis.split)
    study(
        "Another genome",
        replace(arabidopsis, split=parts),
        {
            "tobacco": tobacco,
            "tobacco shuffled": shuffled(tobacco),
            "tobacco's other strand": turned(tobacco),
            "no plastids": others,
        },
    )
    held = arabidopsis.take(np.array(arabidopsis.split) == "test")
    study("Other regions", arabidopsis, {"held-out regions": held})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
