"""The controls of `gene` against plain loops, and its checks against made-up scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from gatewise.data.sequences import Labelled, read_labelled
from studies.gene import genomes, study

PAIRS = dict(zip("ACGT", "TGCA", strict=True))


def labelled(*texts: str, seed: int = 0) -> Labelled:
    draw = np.random.default_rng(seed)
    marks = [draw.choice(["CDS", "other"], len(text)).tolist() for text in texts]
    return read_labelled(list(texts), marks, alphabet="dna", label_kind="classes", per_step=True)


def letters(data: Labelled) -> list[str]:
    assert data.sequences.vocabulary is not None
    rows = (data.sequences.row(number) for number in range(len(data)))
    return ["".join(data.sequences.vocabulary.decode(row)) for row in rows]


def drawn(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def other(text: str) -> str:
    return "".join(PAIRS[letter] for letter in reversed(text))


def test_shared_words_are_found_on_either_strand_and_within_one_sequence() -> None:
    word, longer, split = drawn(20, 1), drawn(33, 2), drawn(20, 3)
    here = [
        drawn(50, 4) + word + drawn(40, 5) + longer + drawn(10, 6) + split[:10],
        split[10:] + drawn(30, 7),
    ]
    there = [drawn(60, 80) + other(word) + drawn(9, 9) + longer, split + drawn(5, 10) + word[:19]]
    expected = np.zeros(sum(map(len, here)), dtype=bool)
    expected[50:70] = expected[110:143] = True
    np.testing.assert_array_equal(genomes.shared(labelled(*here), labelled(*there)), expected)


def test_the_other_strand_twice_is_the_data() -> None:
    data = labelled(drawn(17, 0), drawn(8, 1))
    back = genomes.turned(data)
    assert letters(back) == [other(text) for text in letters(data)]
    assert data.labels is not None
    assert back.labels is not None
    np.testing.assert_array_equal(
        back.labels, np.concatenate([data.labels[16::-1], data.labels[:16:-1]])
    )
    assert letters(genomes.turned(back)) == letters(data)


def test_shuffling_keeps_the_letters_of_each_block_and_the_labels() -> None:
    data = labelled(drawn(150, 0))
    mixed = genomes.shuffled(data)
    (before,), (after,) = letters(data), letters(mixed)
    assert before != after
    for first in range(0, 150, genomes.BLOCK):
        block = slice(first, first + genomes.BLOCK)
        assert sorted(before[block]) == sorted(after[block])
    np.testing.assert_array_equal(mixed.labels, data.labels)


def test_the_first_bases_keep_their_labels() -> None:
    data = labelled(drawn(150, 0))
    cut = genomes.first(data, 40)
    assert letters(cut) == [letters(data)[0][:40]]
    assert data.labels is not None
    np.testing.assert_array_equal(cut.labels, data.labels[:40])
    assert letters(genomes.first(data, 200)) == letters(data)


def test_g_and_c_alone_find_what_is_rich_in_them() -> None:
    poor, rich = "AATTA" * 200, "GGCAC" * 200
    data = labelled(poor + rich + poor)
    labels = np.concatenate([np.zeros(1000), np.ones(1000), np.zeros(1000)]).astype(np.int64)
    share = genomes.gc_share(data)
    reach = genomes.GC_REACH
    text = letters(data)[0]
    for place in (0, 3, 1000, 1500, 2999):
        around = text[max(0, place - reach) : place + reach + 1]
        expected = sum(letter in "GC" for letter in around) / len(around)
        assert share[place] == pytest.approx(expected)
    cut, above, below = genomes.gc_cut(share, labels)
    assert (above, below) == (1, 0)
    assert np.mean((share > cut) == labels) > 0.97
    turned_around = genomes.gc_cut(share, 1 - labels)
    assert turned_around[1:] == (0, 1)


def test_the_correlation_of_two_classes() -> None:
    draw = np.random.default_rng(0)
    truth, told = draw.integers(0, 2, 300), draw.integers(0, 2, 300)
    told = np.where(draw.random(300) < 0.5, truth, told)
    expected = matthews_corrcoef(truth[:200], told[:200])
    truth[200:] = -1
    assert genomes.correlation(truth, told) == pytest.approx(expected)
    assert genomes.correlation(truth, np.zeros(300, dtype=np.int64)) == 0.0


def test_the_information_of_two_normal_columns() -> None:
    draw = np.random.default_rng(0)
    x, noise = draw.normal(size=(2, 4000))
    found = study.information(x, 0.8 * x + 0.6 * noise)
    assert found == pytest.approx(-np.log2(0.6), abs=0.05)
    assert abs(study.information(x, noise)) < 0.05


def test_nothing_of_the_held_out_regions_is_in_training_and_the_repeats_are_copies() -> None:
    found = study.leaks()
    assert found["held-out in training"] <= 0.01
    assert found["repeat in repeat"] == 1.0


def made_up(tagger: float, held_out: float, spliced: float) -> list[dict[str, Any]]:
    """Return figures of three seeds beside k-mers that reach .4 everywhere."""

    def one(value: float) -> dict[str, float]:
        return {"tagger": value, "kmers": 0.4, "error": 0.01, "gc": 0.3}

    return [
        {
            "tobacco": one(tagger + shift),
            "tobacco, shuffled": one(0.1),
            "tobacco, other strand": one(0.4),
            "tobacco, no shared words": one(0.4),
            "held-out regions": one(held_out + shift),
            "splicing": {"regressor": spliced + shift, "kmers": 0.3},
            "held-out in training": 0.0,
            "repeat in repeat": 1.0,
        }
        for shift in (-0.01, 0.0, 0.01)
    ]


@pytest.mark.parametrize(
    ("scores", "outcomes"),
    [
        ((0.5, 0.3, 0.5), ["met", "met", "met"]),
        ((0.3, 0.5, 0.4), ["missed", "missed", "missed"]),
        ((0.41, 0.39, 0.46), ["open", "open", "open"]),
    ],
)
def test_the_checks_go_by_the_sign_of_the_difference(
    scores: tuple[float, float, float], outcomes: list[str]
) -> None:
    checks = {check.name: check.outcome for check in study.judge(made_up(*scores), {})}
    names = (
        "tobacco, tagger less k-mers",
        "held-out regions, tagger less k-mers",
        "information on splicing",
    )
    assert [checks[name] for name in names] == outcomes
