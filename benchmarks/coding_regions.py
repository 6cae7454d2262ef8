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

import numpy as np
import torch

import gatewise as gw
from benchmarks.against_peers import machine
from gatewise.data.sequences import Labelled
from gatewise.estimators.scores import labels
from gatewise.typing import Indices
from studies.gene.genomes import TAGGER, gc_alone, part, shuffled, turned, without_test

SEEDS = (0, 1)


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
    fitted = part(training, "training")
    for seed in SEEDS:
        begun = time.perf_counter()
        names = ("majority", "kmers") if seed == SEEDS[0] else ("majority",)
        model = gw.Tagger(seed=seed, baselines=names, **TAGGER).fit(training, progress=False)
        print(f"seed {seed}: {time.perf_counter() - begun:.0f} s", flush=True)
        for what, data in tests.items():
            assert data.labels is not None
            row(f"{what}: tagger", data.labels, told_by(model, data), data.classes)
            if seed != SEEDS[0]:
                continue
            row(
                f"{what}: G and C alone",
                data.labels,
                gc_alone(fitted, data),
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
    study(
        "Another genome",
        without_test(arabidopsis),
        {
            "tobacco": tobacco,
            "tobacco shuffled": shuffled(tobacco),
            "tobacco's other strand": turned(tobacco),
            "no plastids": others,
        },
    )
    study("Other regions", arabidopsis, {"held-out regions": part(arabidopsis, "test")})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
