"""Codes of letters that are read together, against the letters written out."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.data.sequences.kmers import complement_of_kmers, kmers_of
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.strands import mirrored_steps, other_strand
from gatewise.data.sequences.vocabulary import Vocabulary

TEXTS = ("ACGTNACG", "T", "GATTACA")


@pytest.mark.parametrize("k", [1, 2, 3, 4, 9])
def test_each_step_has_the_code_of_the_letters_around_it(k: int) -> None:
    lengths = np.array([len(text) for text in TEXTS])
    vocabulary = Vocabulary(tuple("ACGT"))
    sequences = Sequences(vocabulary.encode("".join(TEXTS)), lengths, TEXTS, vocabulary)
    wanted = []
    for text in TEXTS:
        padded = "N" * ((k - 1) // 2) + text + "N" * (k // 2)
        for step in range(len(text)):
            word = padded[step : step + k]
            code = (
                int("".join(str("ACGT".find(letter)) for letter in word), 4)
                if "N" not in word
                else -1
            )
            wanted.append(code + 1)
    assert kmers_of(sequences, k).tolist() == wanted


@pytest.mark.parametrize("k", [1, 3, 5])
def test_codes_of_the_other_strand_are_those_of_its_letters(k: int) -> None:
    lengths = np.array([len(text) for text in TEXTS])
    vocabulary = Vocabulary(tuple("ACGT"))
    sequences = Sequences(vocabulary.encode("".join(TEXTS)), lengths, TEXTS, vocabulary)
    turned = complement_of_kmers(vocabulary, k)[kmers_of(sequences, k)[mirrored_steps(sequences)]]
    assert turned.tolist() == kmers_of(other_strand(sequences), k).tolist()
