"""Splice sites and promoters beside published models: `python -m benchmarks.splice_and_promoter`.

The word `splice` or `promoter` after it runs one of the two. Tareen et al. (2022, MAVE-NN) report the
predictive information of models of two assays on their test parts: the mutual information of a model's
one figure per sequence and what was measured. Here a `Regressor` learns the percentage of splicing,
and a `Classifier` the bin that a cell was sorted into, on the same training, validation and test
parts; the figure of a classifier is its mean bin. Information is estimated with the same number of
neighbours as theirs, 5. One thread, three seeds, and the baselines that stand beside.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import torch

import gatewise as gw
from benchmarks.against_peers import machine
from gatewise.data.sequences import Labelled
from gatewise.estimators.scores.information import (
    information_of_labels,
    information_of_numbers,
    with_error,
)
from gatewise.estimators.scores.resampling import Interval
from gatewise.typing import Array

SEEDS = (0, 1, 2)
PUBLISHED = {
    "splice": {"additive": 0.238, "neighbour": 0.345, "pairwise": 0.362, "black box": 0.459},
    "promoter": {"biophysical": 0.674},
}
"""Bits on the test part, by the model of the authors."""

SPLICE: dict[str, Any] = {"hidden_size": 48, "epochs": 20, "refit": False}
PROMOTER: dict[str, Any] = {
    "hidden_size": 48,
    "epochs": 20,
    "batch_size": 64,
    "learning_rate": 0.005,
    "refit": False,
}


def test_part(data: Labelled) -> Labelled:
    """Return the sequences that the authors set aside."""
    return data.take(np.array(data.split) == "test")


def splice() -> None:
    """Print what a regressor tells of the splicing of 6,078 sites, beside the published models."""
    data: Labelled = gw.datasets.load("splice")
    test = test_part(data)
    assert test.labels is not None
    answers = []
    for seed in SEEDS:
        begun = time.perf_counter()
        names = ("majority", "kmers") if seed == SEEDS[0] else ("majority",)
        model = gw.Regressor(seed=seed, baselines=names, **SPLICE).fit(data, progress=False)
        answers.append(model.predict(test.sequences))
        tell(f"seed {seed}", information(information_of_numbers, test.labels, answers[-1]), begun)
        if seed == SEEDS[0]:
            other = model.fitted_.learnt.baselines.answers(test.sequences, np.arange(len(test)))
            tell(
                "k-mer ridge",
                information(information_of_numbers, test.labels, other["kmers"][:, 0]),
            )
    tell("three seeds", information(information_of_numbers, test.labels, np.mean(answers, axis=0)))


def promoter() -> None:
    """Print what a classifier tells of the bins of the test part's reads, beside the published model."""
    data: Labelled = gw.datasets.load("promoter")
    test = test_part(data)
    assert test.labels is not None
    bins = np.arange(len(data.classes))
    answers = []
    for seed in SEEDS:
        begun = time.perf_counter()
        names = ("majority", "kmers") if seed == SEEDS[0] else ("majority",)
        model = gw.Classifier(seed=seed, baselines=names, **PROMOTER).fit(data, progress=False)
        answers.append(model.predict_proba(test.sequences))
        found = information(information_of_labels, test.labels, answers[-1] @ bins)
        tell(f"seed {seed}", found, begun)
        assert model.evaluation_ is not None
        least = model.evaluation_.network["information"]
        print(f"{'':14}at least {least:.3f} by its probabilities")
        if seed == SEEDS[0]:
            other = model.fitted_.learnt.baselines.answers(test.sequences, np.arange(len(test)))
            tell(
                "k-mer logistic",
                information(information_of_labels, test.labels, other["kmers"] @ bins),
            )
    found = information(information_of_labels, test.labels, np.mean(answers, axis=0) @ bins)
    tell("three seeds", found)


def information(measure: Any, truth: Array, prediction: Array) -> Interval:
    """Return the information in bits with its interval."""
    return with_error(measure, truth, prediction, halves=10)


def tell(what: str, found: Interval, begun: float | None = None) -> None:
    """Print one row."""
    took = "" if begun is None else f", {time.perf_counter() - begun:.0f} s"
    print(
        f"{what:14}{found.value:.3f} bits ({found.low:.3f} to {found.high:.3f}){took}", flush=True
    )


def main(words: list[str]) -> int:
    """Print one set or both."""
    torch.set_num_threads(1)
    print(machine(), flush=True)
    for name, show in (("splice", splice), ("promoter", promoter)):
        if not words or name in words:
            known = ", ".join(f"{model} {bits:.3f}" for model, bits in PUBLISHED[name].items())
            print(f"\n{name}: published {known}", flush=True)
            show()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
