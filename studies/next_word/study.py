"""The next word of a text: a grammar whose floor is known, and English beside a compressor.

A language model of words learns an agreement grammar, in which the verb goes by the first noun however
many others stand between. The grammar says what each word costs at least, so that what a model loses is
a figure, and where it loses it: at the verb. Then language models of characters read two English texts
beside Brotli, with their state carried on, and with a state that is reset after so many characters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log
from typing import Any

import numpy as np

import gatewise as gw
from gatewise.report import Curve, Line, Mark
from studies.common.checks import Check
from studies.common.statistics import Interval, mean_interval, share_interval
from studies.common.study import Figures, Question, Settings, Study
from studies.next_word.compressors import bits, by_brotli
from studies.next_word.grammar import NUMBER_BIT, VERBS, Drawn, draw, text_of, words_to_verb

WORDS: dict[str, Any] = {
    "dropout": 0.0,
    "input_dropout": 0.0,
    "tied": False,
    "batch_size": 32,
    "window": 32,
    "learning_rate": 0.01,
}
"""Options of a model of the grammar, whose text is never long enough to be learnt by heart."""
RESET = 4
"""Words that the model with its state reset has read before the verb."""
RESETS = (16, 64, 256, 1024)
"""Characters after which a state is reset."""


def measure(seed: int, settings: Settings) -> Figures:
    """Return what a model of the grammar loses, and where, and the bits of models of texts."""
    return {
        "grammar": grammar(seed, settings["grammar"]),
        "texts": {name: english(name, seed, settings["texts"]) for name in settings["names"]},
    }


# --- the grammar --------------------------------------------------------------------------------------


def grammar(seed: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return nats above the floor and choices of the verb, of one model trained on sentences drawn."""
    generator = np.random.default_rng(seed)
    model = gw.LanguageModel(tokens="words", seed=seed, **settings["options"])
    model.fit(draw(generator, settings["sentences"]).text, progress=False)
    test = draw(generator, settings["test"])
    found: dict[str, Any] = {f"{name} above": cost for name, cost in above(model, test).items()}
    for phrases in settings["phrases"]:
        fixed = draw(generator, settings["fixed"], phrases)
        sentences = settings["fixed"]
        distance = str(words_to_verb(phrases))
        # Per sentence, of which one word has what the subject tells.
        found[distance] = {
            f"{name} above": cost * len(fixed.words) / sentences
            for name, cost in above(model, fixed).items()
        } | {
            "right": share_right(model, generator, phrases, settings["asked"]),
            "right, reset": share_right(model, generator, phrases, settings["asked"], RESET),
        }
    return found


def above(model: gw.LanguageModel, drawn: Drawn) -> dict[str, float]:
    """Return what network and n-gram model lose on each word beyond what the grammar asks, in nats.

    Raises ValueError where the model does not read the words that the grammar speaks of: then their
    costs would not compare.
    """
    scores = model.evaluate(drawn.text)
    if scores.tokens != len(drawn.words) or scores.unknown:
        raise ValueError(
            f"{scores.tokens} tokens, {scores.unknown} unknown: not the grammar's words"
        )
    floor = float(np.mean(drawn.nats))
    return {name: log(row["perplexity"].value) - floor for name, row in scores.models.items()}


def share_right(
    model: gw.LanguageModel,
    generator: np.random.Generator,
    phrases: int,
    asked: int,
    seen: int | None = None,
) -> float:
    """Return how often the verbs of the right number are together more probable than those of the other.

    Of `seen` words the model reads the last ones before the verb alone: its state is reset there.
    """
    right = 0
    for _ in range(asked):
        earlier = draw(generator, 1).words  # nobody learns to begin from nothing
        *before, verb = draw(generator, 1, phrases).words[:-2]
        read = before[-seen:] if seen else [*earlier, *before]
        told = model.suggest(text_of(tuple(read)), k=1000)
        one, many = (sum(told.get(pair[number], 0.0) for pair in VERBS) for number in (0, 1))
        right += (many > one) == any(verb == pair[1] for pair in VERBS)
    return right / asked


# --- English ------------------------------------------------------------------------------------------


def english(name: str, seed: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return bits per character of the last tenth of a text, by model and compressor."""
    text = gw.datasets.load(name)
    model = gw.LanguageModel(seed=seed, **options).fit(text, progress=False)
    scores = model.evaluation_
    assert scores is not None
    last = text[-scores.characters :]
    whole, added = bits(by_brotli, text, scores.characters)
    return {
        "gatewise": scores.network["bits_per_character"],
        "ngram": scores.models["ngram"]["bits_per_character"].value,
        "brotli": added,
        "brotli, whole text": whole,
        "unknown": scores.unknown,
        "reset": {str(each): reset_bits(model, last, each) for each in RESETS},
    }


def reset_bits(model: gw.LanguageModel, text: str, each: int) -> float:
    """Return bits per character with the state reset after each so many characters."""
    pieces = [text[first : first + each] for first in range(0, len(text), each)]
    return sum(model.score(piece).bits for piece in pieces) / len(text)


# --- judging ------------------------------------------------------------------------------------------


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return nats above the floor, verbs by distance with and without state, bits beside Brotli."""
    inside = [seed["grammar"] for seed in seeds]
    far = [str(words_to_verb(phrases)) for phrases in settings["grammar"]["phrases"]]
    beyond = [distance for distance in far if int(distance) > RESET]
    longest, asked = far[-1], settings["grammar"]["asked"]
    checks = [
        _check(
            "nats per word above the floor", [one["gatewise above"] for one in inside], 0.0, 0.01
        ),
        _check(
            "the n-gram model's nats per word above the floor",
            [one["ngram above"] for one in inside],
            0.02,
        ),
        *(
            _share(
                f"verb right, subject {distance} words before",
                [one[distance]["right"] for one in inside],
                asked,
                0.95,
            )
            for distance in far
        ),
        *(
            _share(
                f"verb right, subject {distance} words before, state reset {RESET} before",
                [one[distance]["right, reset"] for one in inside],
                asked,
                0.45,
                0.55,
            )
            for distance in beyond
        ),
        _check(
            f"nats that the n-gram model loses on a sentence, subject {longest} words before",
            [one[longest]["ngram above"] for one in inside],
            0.9 * NUMBER_BIT,
        ),
    ]
    for name in settings["names"]:
        found = [seed["texts"][name] for seed in seeds]
        under = [one["gatewise"] - one["brotli"] for one in found]
        near, distant = (
            [one["reset"][str(each)] - one["gatewise"] for one in found] for each in (64, 1024)
        )
        checks += [
            _check(f"{name}, bits per character less Brotli's", under, most=0.0),
            _check(f"{name}, bits that a reset every 64 characters costs", near, 0.05),
            _check(f"{name}, bits that a reset every 1,024 characters costs", distant, most=0.05),
        ]
    return checks


def _check(
    name: str, values: Sequence[float], least: float = -np.inf, most: float = np.inf
) -> Check:
    found = mean_interval(values)
    return Check.of(name, found, at_least=least, at_most=most)


def _share(
    name: str, values: Sequence[float], asked: int, least: float, most: float = 1.0
) -> Check:
    """Return the check of the seeds' shares, each of `asked` sentences.

    As wide as the seeds differ, and as so many sentences leave open at least: two seeds may agree by
    chance, and have asked for few sentences all the same.
    """
    between = mean_interval(values)
    right = round(asked * sum(values))
    within = share_interval(right, asked * len(values))
    low = max(0.0, min(between.low, within.low))
    high = min(1.0, max(between.high, within.high))
    return Check.of(name, Interval(between.value, low, high), at_least=least, at_most=most)


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return the choice of the verb and the loss by distance, and bits by how far the state reaches."""
    drawn = [*_by_distance(seeds, settings)]
    for name in settings["names"]:
        found = [seed["texts"][name] for seed in seeds]

        def mean(read: Callable[[Figures], float], found: Sequence[Figures] = found) -> Any:
            return np.full(len(RESETS), np.mean([read(one) for one in found]))

        reset = [np.mean([one["reset"][str(each)] for one in found]) for each in RESETS]
        lines = (
            Line("state reset", np.array(reset), colour=0),
            Line("state carried on", mean(lambda one: one["gatewise"]), dashed=True, colour=0),
            Line("n-gram", mean(lambda one: one["ngram"]), dashed=True, colour=1),
            Line("Brotli", mean(lambda one: one["brotli"]), dashed=True, colour=2),
        )
        drawn.append(
            Curve(
                *(f"The last tenth of {name}", "characters between resets"),
                *(np.array(RESETS, dtype=np.float64), lines),
                y_label="bits per character",
                log_x=True,
                group="English",
                reading="A state that is reset at evaluation loses what the model knows.",
            )
        )
    return drawn


def _by_distance(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    far = [words_to_verb(phrases) for phrases in settings["grammar"]["phrases"]]

    def line(name: str, field: str, colour: int) -> Line:
        found = [
            mean_interval([seed["grammar"][str(distance)][field] for seed in seeds])
            for distance in far
        ]
        mean, low, high = (
            np.array([getattr(one, end) for one in found]) for end in ("value", "low", "high")
        )
        return Line(name, mean, low, high, colour=colour, interval="95 % interval")

    about: dict[str, Any] = {"x": np.array(far, dtype=np.float64), "group": "The grammar"}
    return [
        Curve(
            *("Choice of the verb", "words from subject to verb"),
            lines=(
                line("state carried on", "right", 0),
                line(f"state reset {RESET} words before the verb", "right, reset", 1),
            ),
            y_label="share right",
            reading="With its subject out of reach a verb is guessed.",
            **about,
        ),
        Curve(
            *("Lost on a sentence", "words from subject to verb"),
            lines=(
                line("network", "gatewise above", 0),
                line("n-gram", "ngram above", 1),
            ),
            y_label="nats above the grammar's own cost",
            level=Mark(NUMBER_BIT, "the number of the verb, guessed"),
            reading="What an n-gram model loses is the one bit that it cannot see.",
            **about,
        ),
    ]


STUDY = Study(
    name="next-word",
    title="A recurrent network predicts the next word from all before it",
    claim=(
        "To predict the next word one must keep what was said at the beginning: the verb of a sentence "
        "agrees with a subject that may stand far before it. A recurrent network carries that in its "
        "state, however many words lie between."
    ),
    prediction=(
        "On a grammar of agreement the network comes within .01 nats per word of the entropy, chooses "
        "the right verb in 95 of 100 sentences with its subject up to 25 words before, and in half of "
        "them with its state reset on the way; the n-gram model loses the number of the verb, ln 2. On "
        "two English texts a character model needs fewer bits for the last tenth than Brotli adds, and "
        "a reset of the state every 64 characters costs .05 bits or more."
    ),
    source=(
        "Elman 1991, Machine Learning 7; Linzen, Dupoux & Goldberg 2016, TACL 4 (agreement); Brotli: "
        "RFC 7932"
    ),
    correction=(
        "In English nearly all that tells the next character stands close by: with its state reset "
        "every 1,024 characters a model loses .05 bits at most, and an n-gram model is hard to beat. "
        "What must be carried far is rare, and so it is cheap on the mean."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={
        "grammar": {
            "sentences": 20_000,
            "test": 500,
            "fixed": 100,
            "asked": 60,
            "phrases": [0, 1, 2, 4, 8],
            "options": {**WORDS, "hidden_size": 48, "epochs": 6},
        },
        "names": ["asyoulik"],
        "texts": {"hidden_size": 128, "epochs": 8, "dropout": 0.1, "learning_rate": 0.01},
    },
    full={
        "grammar": {
            "sentences": 20_000,
            "test": 2_000,
            "fixed": 300,
            "asked": 200,
            "phrases": [0, 1, 2, 4, 8],
            "options": {**WORDS, "hidden_size": 64, "epochs": 12},
        },
        "names": ["alice29", "asyoulik"],
        "texts": {"hidden_size": 192, "epochs": 28, "dropout": 0.4},
    },
    minutes=12.0,
    quick_seeds=2,
    questions=(
        Question(
            "What is the perplexity of a perfect model of this grammar, and why is it not 1?",
            "The grammar throws dice: which noun, which phrase, which verb. What these cost is the "
            "entropy, and no model can save it. Compare with the floor, not with nothing.",
        ),
        Question(
            "Why is so little gained in nats per word by the right verb?",
            "A sentence has 14 words and one number to remember. Knowing it saves ln 2 nats in all, .05 "
            "a word: what is rare is cheap, even where a reader would notice it first.",
        ),
        Question(
            "Would a longer n-gram model see the subject?",
            "One of 26 words would, had it read the sentences before: there are some 10^18 of them. So "
            "it backs off to the last few words, which tell nothing of the number.",
        ),
        Question(
            "Why must a vocabulary be told beside a perplexity?",
            'A word that is unknown is one easy token, "unknown". Here none is; and bits per character '
            "spell it out, so that models of different vocabularies compare.",
        ),
    ),
)
