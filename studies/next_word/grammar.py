"""A grammar of agreement whose entropy is known: "the keys near the cabinet by the door are old".

The verb agrees with the subject, the first noun. Between the two stand as many phrases of preposition
and noun as the dice say, each noun of any number: what stands near the verb tells nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

NOUNS = (
    *(("key", "keys"), ("cabinet", "cabinets"), ("door", "doors"), ("book", "books")),
    *(("letter", "letters"), ("garden", "gardens"), ("road", "roads"), ("lamp", "lamps")),
    *(("boat", "boats"), ("stone", "stones"), ("picture", "pictures"), ("chair", "chairs")),
)
"""One and many of each."""
VERBS = (("is", "are"), ("was", "were"), ("looks", "look"), ("seems", "seem"))
BETWEEN = ("near", "behind", "beside", "above", "below")
QUALITIES = ("old", "new", "small", "large", "lost", "grey", "plain", "heavy")
MORE = 0.75
"""Probability of one more phrase after a noun."""
NUMBER_BIT = log(2)
"""Nats that a verb costs whoever does not know its subject, beyond what it costs who does."""


@dataclass(frozen=True)
class Drawn:
    """Sentences, a line each: their words, line ends too, and what each costs at least."""

    words: tuple[str, ...]
    nats: tuple[float, ...]  # of each word, minus the logarithm of its probability

    @property
    def text(self) -> str:
        """The sentences as a text."""
        return text_of(self.words)


def text_of(words: tuple[str, ...]) -> str:
    """Return words, line ends among them, as a text."""
    return " ".join(words).replace(" \n", "\n").replace("\n ", "\n")


def draw(generator: np.random.Generator, sentences: int, phrases: int | None = None) -> Drawn:
    """Return sentences, with a number of phrases between subject and verb, or as many as the dice say.

    What their words cost is by the grammar either way.
    """
    words: list[str] = []
    nats: list[float] = []

    def say(word: str, probability: float) -> None:
        words.append(word)
        nats.append(-log(probability))

    def noun(number: int) -> None:
        say("the", 1.0)
        say(NOUNS[generator.integers(len(NOUNS))][number], 1 / (2 * len(NOUNS)))

    for _ in range(sentences):
        number = int(generator.integers(2))
        more = int(generator.geometric(1 - MORE)) - 1 if phrases is None else phrases
        noun(number)
        for _ in range(more):
            say(BETWEEN[generator.integers(len(BETWEEN))], MORE / len(BETWEEN))
            noun(int(generator.integers(2)))
        say(VERBS[generator.integers(len(VERBS))][number], (1 - MORE) / len(VERBS))
        say(QUALITIES[generator.integers(len(QUALITIES))], 1 / len(QUALITIES))
        say("\n", 1.0)
    return Drawn(tuple(words), tuple(nats))


def words_to_verb(phrases: int) -> int:
    """Return how many words the verb stands after its subject."""
    return 3 * phrases + 1
