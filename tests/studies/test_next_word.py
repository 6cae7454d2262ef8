"""The grammar of `next-word` against its own arithmetic, and what is asked of a model."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.data.sequences.words import split_words
from studies.next_word import compressors, grammar, study

NUMBERS = {noun: number for pair in grammar.NOUNS for number, noun in enumerate(pair)}
FORMS = {verb: number for pair in grammar.VERBS for number, verb in enumerate(pair)}


@pytest.fixture(scope="module")
def drawn() -> grammar.Drawn:
    return grammar.draw(np.random.default_rng(0), 800)


@pytest.fixture(scope="module")
def model(drawn: grammar.Drawn) -> gw.LanguageModel:
    return gw.LanguageModel(tokens="words", hidden_size=8, epochs=1, tied=False).fit(
        drawn.text, progress=False
    )


def sentences(drawn: grammar.Drawn) -> list[list[str]]:
    return [line.split() for line in drawn.text.splitlines()]


def test_a_verb_agrees_with_the_first_noun(drawn: grammar.Drawn) -> None:
    for words in sentences(drawn):
        assert FORMS[words[-2]] == NUMBERS[words[1]]
    near = [FORMS[words[-2]] == NUMBERS[words[-3]] for words in sentences(drawn) if len(words) > 4]
    assert np.mean(near) == pytest.approx(0.5, abs=0.05)


def test_a_sentence_costs_the_logarithm_of_its_probability(drawn: grammar.Drawn) -> None:
    nouns, between, verbs = 2 * len(grammar.NOUNS), len(grammar.BETWEEN), len(grammar.VERBS)
    place = 0
    for words in sentences(drawn)[:50]:
        phrases = (len(words) - 4) // 3
        cost = sum(drawn.nats[place : place + len(words) + 1])
        place += len(words) + 1
        chance = (grammar.MORE / between) ** phrases * (1 - grammar.MORE) / verbs
        assert exp(-cost) == pytest.approx(chance / nouns ** (phrases + 1) / len(grammar.QUALITIES))


def test_the_cost_is_the_entropy(drawn: grammar.Drawn) -> None:
    more = grammar.MORE
    phrases = more / (1 - more)
    entropy = (
        (phrases + 1) * log(2 * len(grammar.NOUNS))
        + phrases * (log(len(grammar.BETWEEN)) - log(more))
        + log(len(grammar.VERBS))
        - log(1 - more)
        + log(len(grammar.QUALITIES))
    )
    many = grammar.draw(np.random.default_rng(1), 4000)
    assert sum(many.nats) / 4000 == pytest.approx(entropy, rel=0.05)


def test_a_model_reads_the_words_that_the_grammar_speaks_of(drawn: grammar.Drawn) -> None:
    assert split_words(drawn.text) == list(drawn.words)
    inside = drawn.words[3:40]
    assert split_words(grammar.text_of(inside)) == list(inside)


def test_the_phrases_that_are_asked_for_stand_between() -> None:
    fixed = grammar.draw(np.random.default_rng(2), 20, 3)
    for words in sentences(fixed):
        verb = len(words) - 2
        assert verb - 1 == grammar.words_to_verb(3)


def test_what_lies_above_the_floor(model: gw.LanguageModel) -> None:
    test = grammar.draw(np.random.default_rng(3), 200)
    found = study.above(model, test)
    cost = -model.score(test.text).log_probabilities.mean()
    assert found["gatewise"] == pytest.approx(cost - np.mean(test.nats), abs=1e-6)
    assert found["ngram"] > 0
    strange = grammar.Drawn(("the", "zebra", *test.words[2:]), test.nats)
    with pytest.raises(ValueError, match="1 unknown"):
        study.above(model, strange)


class Reader:
    """Says that the verb goes by the noun at a place, and keeps what it was given to read."""

    def __init__(self, place: int) -> None:
        self.place, self.read = place, ""

    def suggest(self, text: str, k: int) -> dict[str, float]:
        self.read = text
        last = text.splitlines()[-1]
        number = [NUMBERS[word] for word in last.split() if word in NUMBERS][self.place]
        return {pair[number]: 0.2 for pair in grammar.VERBS} | {grammar.VERBS[0][1 - number]: 0.3}


@pytest.mark.parametrize(("place", "seen", "share"), [(0, None, 1.0), (-1, None, 0.5), (0, 4, 0.5)])
def test_who_reads_the_subject_is_right(place: int, seen: int | None, share: float) -> None:
    reader: Any = Reader(place)
    found = study.share_right(reader, np.random.default_rng(4), 4, 400, seen)
    assert found == pytest.approx(share, abs=0.08 if share < 1 else 0)
    *earlier, last = reader.read.splitlines()
    assert len(last.split()) == (seen or 2 + 3 * 4)
    assert len(earlier) == (0 if seen else 1)


def test_a_reset_after_the_whole_text_is_none(model: gw.LanguageModel) -> None:
    text = grammar.draw(np.random.default_rng(5), 20).text
    whole = model.score(text)
    assert study.reset_bits(model, text, len(text)) == pytest.approx(whole.bits_per_character)
    first, second = text[:300], text[300:600]
    expected = (model.score(first).bits + model.score(second).bits) / 600
    assert study.reset_bits(model, text[:600], 300) == pytest.approx(expected)


def test_brotli_is_asked_for_the_last_part_after_the_rest() -> None:
    pytest.importorskip("brotli")
    text = gw.datasets.load("asyoulik")[:20_000]
    whole, added = compressors.bits(compressors.by_brotli, text + text[:5_000], 5_000)
    # What was read before costs hardly anything.
    assert added < 0.1 < whole


def made_up(above: float, right: float, reset: float, bits: float) -> list[dict[str, Any]]:
    """Return figures of three seeds, all about as these say."""
    far = [
        str(grammar.words_to_verb(phrases)) for phrases in study.STUDY.full["grammar"]["phrases"]
    ]
    return [
        {
            "grammar": {
                "gatewise above": above + shift,
                "ngram above": 0.05,
                **{
                    distance: {"right": right, "right, reset": reset + shift, "ngram above": 0.7}
                    for distance in far
                },
            },
            "texts": {
                name: {
                    "gatewise": bits + shift,
                    "brotli": 2.4,
                    "reset": {"64": bits + 0.1, "1024": bits + 0.02},
                }
                for name in study.STUDY.full["names"]
            },
        }
        for shift in (-0.001, 0.0, 0.001)
    ]


def test_the_checks_tell_a_model_with_state_from_one_without() -> None:
    full = study.STUDY.full
    assert {check.outcome for check in study.judge(made_up(0.003, 1.0, 0.5, 2.1), full)} == {"met"}
    outcomes = {
        check.name: check.outcome for check in study.judge(made_up(0.045, 0.5, 0.9, 2.5), full)
    }
    missed = {name for name, outcome in outcomes.items() if outcome == "missed"}
    assert {
        "nats per word above the floor",
        "verb right, subject 25 words before",
        "verb right, subject 25 words before, state reset 4 before",
        "alice29, bits per character less Brotli's",
    } <= missed
    assert "verb right, subject 4 words before, state reset 4 before" not in outcomes


def test_two_seeds_that_agree_by_chance_leave_a_share_open() -> None:
    quick = study.STUDY.quick
    chance = 26 / quick["grammar"]["asked"]  # outside the bounds, as a fair coin often is
    checks = study.judge(
        [figures | {"texts": {}} for figures in made_up(0.003, 1.0, chance, 2.1)[1:2]] * 2,
        {**quick, "names": []},
    )
    outcomes = {check.name: check.outcome for check in checks}
    assert outcomes["verb right, subject 7 words before, state reset 4 before"] == "open"
    assert outcomes["verb right, subject 25 words before"] == "met"
