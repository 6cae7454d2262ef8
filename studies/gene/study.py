"""A recurrent network reads genes: coding bases of a plastid genome that it has not seen, and splicing.

A tagger that reads both directions is trained on the plastid genome of Arabidopsis and says of every
base of tobacco's whether it is coding. Beside it stand a logistic regression of k-mers, by frame, whose
context is chosen on the validation part, and the share of G and C alone. Then the same on regions of
Arabidopsis that have no relatives in training. A regressor learns how far 5' splice sites are
spliced, beside the published models of the same measurements on the same test part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from typing import Any

import numpy as np

import gatewise as gw
from gatewise.data.sequences import Labelled
from gatewise.report import Curve, Line
from studies.common.checks import Check
from studies.common.statistics import Interval, mean_interval, same_time
from studies.common.study import Figures, Question, Settings, Study
from studies.gene.genomes import (
    TAGGER,
    WORD,
    correlation,
    first,
    gc_alone,
    labelled_where,
    part,
    shared,
    shuffled,
    turned,
    without_test,
)

BLACK_BOX = 0.459
"""Bits that the best published model tells of splicing on the test part (Tareen et al. 2022)."""
NEIGHBOURS = 5
"""Nearest neighbours by which they estimate information."""
APART = 100
"""Added to a seed: those from 0 on were seen when the options were chosen."""


def measure(seed: int, settings: Settings) -> Figures:
    """Return scores on another genome, on other regions and of splicing, with their controls."""
    return {
        **another_genome(seed + APART, settings),
        "held-out regions": other_regions(seed + APART, settings),
        "splicing": splicing(seed + APART, settings),
        **leaks(),
    }


def another_genome(seed: int, settings: Settings) -> dict[str, Any]:
    """Return scores on tobacco after a training on Arabidopsis."""
    training = without_test(gw.datasets.load("arabidopsis_plastid"))
    tobacco = first(gw.datasets.load("tobacco_plastid"), settings["bases"])
    model = tagger(seed, settings).fit(training, progress=False)
    relatives = shared(tobacco, part(training, "training"))
    tests = {
        "tobacco": tobacco,
        "tobacco, shuffled": shuffled(tobacco),
        "tobacco, other strand": turned(tobacco),
        "tobacco, no shared words": labelled_where(tobacco, ~relatives),
    }
    found: dict[str, Any] = {name: scores(model.evaluate(data)) for name, data in tests.items()}
    assert tobacco.labels is not None
    alone = gc_alone(part(training, "training"), tobacco)
    found["tobacco"]["gc"] = correlation(tobacco.labels, alone)
    found["shared bases"] = float(relatives.mean())
    return found


def other_regions(seed: int, settings: Settings) -> dict[str, float]:
    """Return scores on the regions of Arabidopsis that are held out."""
    data = gw.datasets.load("arabidopsis_plastid")
    return scores(tagger(seed, settings).fit(data, progress=False).evaluation_)


def tagger(seed: int, settings: Settings) -> gw.Tagger:
    """Return an untrained tagger with the k-mers as its baseline."""
    options = {**TAGGER, **settings["tagger"]}
    return gw.Tagger(seed=seed, baselines=["kmers"], **options)


def scores(evaluation: Any) -> dict[str, float]:
    """Return Matthews' correlation of both models, and the standard error of their difference.

    The error is that over blocks of the genome, drawn with replacement.
    """
    gain = evaluation.gains["kmers"]["matthews"]
    return {
        "tagger": evaluation.network["matthews"],
        "kmers": evaluation.models["kmers"]["matthews"].value,
        "error": (gain.high - gain.low) / (2 * 1.96),
    }


def splicing(seed: int, settings: Settings) -> dict[str, float]:
    """Return what a regressor and a ridge regression of k-mers tell of splicing, in bits."""
    data: Labelled = gw.datasets.load("splice")
    model = gw.Regressor(seed=seed, refit=False, baselines=["kmers"], **settings["splicing"])
    model.fit(data, progress=False)
    test = part(data, "test")
    assert model.evaluation_ is not None
    return {
        "regressor": information(test.labels, model.predict(test.sequences)),
        # Of a part of the pairs, which is what an evaluation estimates it from.
        "kmers": model.evaluation_.models["kmers"]["information"].value,
    }


def information(truth: Any, told: Any) -> float:
    """Return the information of two columns of numbers in bits, by nearest neighbours."""
    # Here alone: it takes two seconds to import, and the list of studies does without.
    from sklearn.feature_selection import (  # type: ignore[import-untyped]  # noqa: PLC0415
        mutual_info_regression,
    )

    x = np.asarray(told, dtype=np.float64)[:, None]
    nats = mutual_info_regression(x, np.asarray(truth), n_neighbors=NEIGHBOURS, random_state=0)
    return float(nats[0]) / log(2)


def leaks() -> dict[str, float]:
    """Return the shares of bases in words of `WORD` letters that others have, on either strand.

    Of the held-out regions, in training; and of one inverted repeat, in the other one: what a split
    between the two would have leaked.
    """
    data: Labelled = gw.datasets.load("arabidopsis_plastid")
    groups = np.array(data.sequences.groups)
    one, other = (data.take(place) for place in np.argwhere(groups == "inverted repeat"))
    return {
        "held-out in training": float(shared(part(data, "test"), part(data, "training")).mean()),
        "repeat in repeat": float(shared(one, other).mean()),
    }


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return gains over the baselines, the controls, and the gain where no relative has trained."""
    regions, strange = "held-out regions", "tobacco, no shared words"
    left = [seed["tobacco, shuffled"]["tagger"] / seed["tobacco"]["tagger"] for seed in seeds]
    over_gc = [seed["tobacco"]["tagger"] - seed["tobacco"]["gc"] for seed in seeds]
    spliced = [seed["splicing"]["regressor"] for seed in seeds]
    return [
        Check.of("tobacco, tagger less k-mers", gain(seeds, "tobacco"), at_least=0.0),
        Check.of(
            "information on splicing", mean_interval(spliced), at_least=BLACK_BOX, unit="bits"
        ),
        Check.of("tobacco, tagger less G and C alone", mean_interval(over_gc), at_least=0.0),
        Check.of("tobacco shuffled, share of the score left", mean_interval(left), at_most=0.5),
        Check.exact(
            "held-out bases that training has on either strand",
            max(seed["held-out in training"] for seed in seeds),
            at_most=0.01,
        ),
        Check.exact(
            "bases of one inverted repeat that the other has",
            min(seed["repeat in repeat"] for seed in seeds),
            at_least=0.99,
        ),
        Check.of("held-out regions, tagger less k-mers", gain(seeds, regions), at_most=0.0),
        Check.of("tobacco without shared words, tagger less k-mers", gain(seeds, strange)),
        Check.of(
            "tobacco's other strand, tagger less k-mers", gain(seeds, "tobacco, other strand")
        ),
    ]


def gain(seeds: Sequence[Figures], test: str) -> Interval:
    """Return the tagger's correlation less the k-mers', over seeds and blocks of the genome."""
    gains = [seed[test]["tagger"] - seed[test]["kmers"] for seed in seeds]
    return same_time(gains, [seed[test]["error"] for seed in seeds])


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return every seed's scores beside the baselines'."""
    number = np.arange(len(seeds), dtype=np.float64)

    def of(read: Callable[[Figures], float]) -> Any:
        return np.array([read(seed) for seed in seeds])

    def genome(name: str, test: str, reading: str) -> Curve:
        lines = [
            Line("tagger", of(lambda seed: seed[test]["tagger"]), colour=0),
            Line("k-mers", of(lambda seed: seed[test]["kmers"]), dashed=True, colour=1),
        ]
        if test == "tobacco":
            shuffled_score = of(lambda seed: seed["tobacco, shuffled"]["tagger"])
            alone = of(lambda seed: seed[test]["gc"])
            lines += [
                Line("tagger, letters shuffled", shuffled_score, colour=2),
                Line("G and C alone", alone, dashed=True, colour=3),
            ]
        return Curve(
            *(name, "seed", number, tuple(lines)),
            y_label="Matthews' correlation", reading=reading, group="The claim",
        )  # fmt: skip

    spliced = (
        Line("regressor", of(lambda seed: seed["splicing"]["regressor"]), colour=0),
        Line("k-mers", of(lambda seed: seed["splicing"]["kmers"]), dashed=True, colour=1),
        Line("published black box", np.full(len(seeds), BLACK_BOX), dashed=True, colour=2),
    )
    return [
        genome("Another genome: tobacco", "tobacco", "Its genes are relatives of those learnt."),
        genome(
            "Tobacco where it shares no words",
            "tobacco, no shared words",
            f"Bases in no word of {WORD} letters that Arabidopsis has, on either strand.",
        ),
        genome("Held-out regions", "held-out regions", "Genes without relatives in training."),
        Curve(
            *("Splicing of 6,078 sites", "seed", number, spliced),
            y_label="bits",
            reading="What a prediction tells of the measurement, on the published test part.",
            group="The claim",
        ),
    ]


STUDY = Study(
    name="gene",
    title="A recurrent network reads genes off the sequence",
    claim=(
        "Biology writes in sequences, and function follows from them. A recurrent network that has read "
        "one genome marks the genes of another, and tells from nine bases how far a site is spliced."
    ),
    prediction=(
        "Trained on the plastid of Arabidopsis, a tagger has a higher Matthews' correlation per base of "
        "tobacco's plastid than logistic regression on k-mers with its context, and than the share of G "
        "and C; with the letters of each 60 bases shuffled less than half of it is left. A regressor "
        "tells .459 bits of splicing or more, what the best published model does. No word of 20 letters "
        "of the regions held out is in training, on either strand."
    ),
    source=(
        "Sato et al. 1999 and Shinozaki et al. 1986 (the genomes); Tareen et al. 2022, Genome Biology "
        "23, 98 (splicing, published models)"
    ),
    correction=(
        "What wins on another genome is in part memory: tobacco's genes are those of Arabidopsis with "
        "other letters. On regions of its own genome without relatives in training the tagger is not "
        "shown to be ahead of the k-mers."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={
        "bases": 40_000,
        "tagger": {"epochs": 10, "hidden_size": 32},
        "splicing": {"hidden_size": 48, "epochs": 20},
    },
    full={
        "bases": 155_943,
        "tagger": {"epochs": TAGGER["epochs"]},
        "splicing": {"hidden_size": 48, "epochs": 20},
    },
    minutes=8.0,
    quick_seeds=2,
    questions=(
        Question(
            "Why are both inverted repeats in training?",
            "They are copies of each other on opposite strands. With one in training and the other in "
            "the test part, remembering would score like understanding.",
        ),
        Question(
            "Why is Matthews' correlation used, and not accuracy?",
            "Half of a plastid is coding, of a nucleus a fifth. A constant answer is right half of the "
            "time in the one and four times in five in the other; its correlation is 0 in both.",
        ),
        Question(
            "Does a tagger of plastid genes find those of a nucleus?",
            "No: on stretches of a plant's and a fly's nucleus and of a bacterium it is at chance, and "
            "so are the k-mers. Introns and another use of codons are what a plastid does not show.",
        ),
    ),
)
