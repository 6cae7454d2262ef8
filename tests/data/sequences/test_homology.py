"""Relatives: whoever shares a word is found, on either strand, as by comparing all words with all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.data import datasets
from gatewise.data.sequences import Sequences, Vocabulary, read_labelled, split_of
from gatewise.data.sequences.homology import related_groups
from gatewise.errors import DataError, OptionError

PAIRS = str.maketrans("ACGT", "TGCA")


def naive_groups(texts: list[str], word: int) -> list[int]:
    """Return the first relative of each text, by the sets of their words on both strands."""
    words = []
    for text in texts:
        strands = (text, text[::-1].translate(PAIRS))
        words.append({s[k : k + word] for s in strands for k in range(len(s) - word + 1)})
        words[-1] = {
            one
            for one in words[-1]
            if not any(one[p:] == one[:-p] for p in (1, 2, 3)) and "N" not in one
        }
    first = list(range(len(texts)))
    for _ in texts:
        for one in range(len(texts)):
            for other in range(len(texts)):
                if words[one] & words[other]:
                    first[one] = first[other] = min(first[one], first[other])
    return first


@given(st.integers(8, 13), st.integers(0, 1000))
def test_relatives_are_those_that_share_a_word(word: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool = "".join(rng.choice(list("ACGTN"), 60, p=[0.245, 0.245, 0.245, 0.245, 0.02]))
    texts = []
    for _ in range(7):
        start, size = rng.integers(0, 50), rng.integers(6, 16)
        piece = pool[start : start + size]
        texts.append(piece if rng.random() < 0.5 else piece[::-1].translate(PAIRS))
    texts += ["A" * 20, "A" * 15, "ACACACACACACACAC", "GTGTGTGTGTGTGTGT", "ACGACGACGACGACG"]
    codes = Vocabulary(tuple("ACGT")).encode("".join(texts))
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    names = tuple(map(str, range(len(texts))))
    sequences = Sequences(codes, lengths, names, Vocabulary(tuple("ACGT")))
    groups = related_groups(sequences, word)
    assert [int(group) for group in groups] == naive_groups(texts, word)


def test_relatives_of_relatives_and_of_given_groups_stay_together() -> None:
    texts = ["ACGTTGCAGGTA", "GGTACCATTAGC", "CCATTAGCTTTT", "TTTTCCCCGGGA", "GATTACAGATTC"]
    found = read_labelled(texts, homology=8, groups=["u", "v", "w", "x", "x"])
    assert found.sequences.groups == ("0", "1", "1", "3", "3")
    parts = split_of(found, validation=0.3)
    assert [1, 2] in [sorted({1, 2} & set(picks.tolist())) for picks in parts.values()]


def test_the_repeats_of_a_plastid_genome_find_each_other() -> None:
    cut = datasets.load("arabidopsis_plastid")
    regions = related_groups(cut.sequences, 25)
    assert regions[3] == regions[5]
    assert len(set(regions)) == 5
    alike = read_labelled("dataset:arabidopsis_plastid", homology=25)
    assert alike.sequences.groups == regions


def test_proteins_have_one_strand_and_measured_values_none() -> None:
    found = read_labelled(
        ["MKVLEWRHGFDNAQ", "WHGFDNAQ", "QANDFGHW"], alphabet="protein", homology=8
    )
    assert found.sequences.groups == ("0", "1", "2")
    shared = read_labelled(["MKVLEWRHGFDNAQ", "RHGFDNAQ"], alphabet="protein", homology=8)
    assert shared.sequences.groups == ("0", "0")
    with pytest.raises(OptionError, match="homology=8 is for letters, and the data is arrays"):
        read_labelled([[1.0, 2.0]], homology=8)
    with pytest.raises(DataError, match="homology=3: words of less than 8 letters"):
        read_labelled(["ACGT"], homology=3)
    assert read_labelled(["ACGT", "ACG"], homology=8).sequences.groups == ("0", "1")
