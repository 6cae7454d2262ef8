"""The task in DNA: which of four words stood near the beginning of a stretch of a real genome.

A word of 16 bases stands, on either strand, in the first twentieth of a stretch of a chloroplast genome;
which one it is has to be told at the end. From the stretch every word is removed that differs from one
of the four in a base or less. Networks are trained on the genome of one plant and judged on another's.

Sizes: T bases, B sequences, W letters of a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import gatewise as gw
from gatewise.data.sequences import read_labelled
from gatewise.files import atomic_write_text
from studies.enhancer.task import EARLY, SYMBOLS

WORD = 16
"""Letters of a word."""
READ = 24
"""Letters that a reader sees together, more than a word, so that it sees one whole wherever in them it
learns to look for it. As many stand before the earliest word."""
LETTERS = "ACGT"
LEAST = 64
"""Bases of the part that a word stands in, of stretches so short that a twentieth is less: at one place
alone a network would learn the place."""
NEAR = 1
"""Bases in which what is removed may differ from a word."""
TRAINED_ON, JUDGED_ON = "arabidopsis_plastid", "tobacco_plastid"

Codes = NDArray[np.int64]
"""Bases as 0 to 3, in the order of `LETTERS`, of which the first and last and the middle ones pair."""


def words_of(seed: int) -> Codes:
    """Return four words `[4, W]`."""
    drawn: Codes = np.random.default_rng(seed).integers(0, 4, (SYMBOLS, WORD))
    return drawn


def other_strand(codes: Codes) -> Codes:
    """Return what the other strand reads, of `[..., T]`."""
    found: Codes = 3 - codes[..., ::-1]
    return found


@dataclass(frozen=True, eq=False)
class Stretches:
    """Stretches of a genome with a word in each.

    Attributes:
        words: [4, W].
        genome: The bases that they are cut from, as a ring, without the words.
    """

    words: Codes
    genome: Codes

    @classmethod
    def of(cls, name: str, words: Codes, seed: int) -> Stretches:
        """Return those of a bundled genome, from which the words of both strands are removed."""
        values = gw.datasets.load(name).sequences.values
        genome = np.asarray(values[values > 0] - 1, dtype=np.int64)  # 0 is an unknown base
        return cls(words, scrubbed(genome, words, np.random.default_rng(seed)))

    def draw(
        self, steps: int, rows: int, draws: torch.Generator, *, marked: bool = True
    ) -> tuple[Codes, Tensor]:
        """Return sequences `[B, T]`, and which word each has, `[B]`; or would have, unmarked."""
        symbols = torch.randint(0, SYMBOLS, (rows,), generator=draws)
        last = max(steps // EARLY, LEAST) - WORD
        places = torch.randint(READ - WORD, last, (rows,), generator=draws).numpy()
        starts = torch.randint(0, len(self.genome), (rows,), generator=draws).numpy()
        turned = torch.rand(2, rows, generator=draws).numpy() < 0.5
        found = self.genome[(starts[:, None] + np.arange(steps)) % len(self.genome)]
        found[turned[0]] = other_strand(found[turned[0]])
        if marked:
            planted = self.words[symbols.numpy()]
            planted[turned[1]] = other_strand(planted[turned[1]])
            found[np.arange(rows)[:, None], places[:, None] + np.arange(WORD)] = planted
        return found, symbols


def scrubbed(genome: Codes, words: Codes, draws: np.random.Generator) -> Codes:
    """Return the genome with other bases drawn where a word stands, or one that is nearly one."""
    found = genome.copy()
    both = np.concatenate([words, other_strand(words)])
    while True:
        ring = np.concatenate([found, found[: WORD - 1]])
        windows = np.lib.stride_tricks.sliding_window_view(ring, WORD)
        unlike = np.stack([(windows != word).sum(axis=1) for word in both]).min(axis=0)
        near = np.flatnonzero(unlike <= NEAR)
        if not len(near):
            return found
        for place in near:
            found[(place + np.arange(WORD)) % len(found)] = draws.integers(0, 4, WORD)


def write(folder: Path, stretches: Stretches, steps: int, rows: int, seed: int) -> None:
    """Write sequences to stretches.fa in a folder, and which word each has to words.csv."""
    codes, symbols = stretches.draw(steps, rows, torch.Generator().manual_seed(seed))
    letters = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
    records = (f">stretch{n}\n{letters[one].tobytes().decode()}\n" for n, one in enumerate(codes))
    table = (f"stretch{n},word{one}\n" for n, one in enumerate(symbols.tolist()))
    atomic_write_text(folder / "stretches.fa", "".join(records))
    atomic_write_text(folder / "words.csv", "name,label\n" + "".join(table))


def read(folder: Path) -> tuple[Codes, Tensor]:
    """Return what `write` wrote, as gatewise reads FASTA and a table of labels."""
    found = read_labelled(folder / "stretches.fa", folder / "words.csv")
    codes = found.sequences.values.reshape(len(found.sequences), -1) - 1
    assert found.labels is not None
    names = [found.classes[label] for label in found.labels]
    return codes, torch.tensor([int(name.removeprefix("word")) for name in names])
