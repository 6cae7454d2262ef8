"""What `explain` says of models of sequences whose task is known: where the answer comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gatewise as gw
from gatewise.errors import DataError, InputError, OptionError

LAG = 3


def letters(count: int) -> list[str]:
    draws = np.random.default_rng(0)
    return ["".join(draws.choice(list("ACGT"), draws.integers(30, 50))) for _ in range(count)]


@pytest.fixture(scope="module")
def tagger() -> tuple[gw.Tagger, list[str], list[list[str]]]:
    """Each letter is called by whether a G stood three letters before it: the past alone tells."""
    data = letters(80)
    labels = [
        ["after" if place >= LAG and one[place - LAG] == "G" else "no" for place in range(len(one))]
        for one in data
    ]
    model = gw.Tagger(
        hidden_size=6, epochs=12, learning_rate=0.03, batch_size=8, baselines=["majority"]
    )
    return model.fit(data, labels, progress=False), data, labels


def test_a_tagger_is_explained_by_direction_and_by_letter(
    tagger: tuple[gw.Tagger, list[str], list[list[str]]], tmp_path: Path
) -> None:
    model, data, labels = tagger
    explanation = gw.explain(model, model.given(data, labels), budget=3)
    assert explanation.unit.noun == "base"
    assert explanation.figures["learnt"]
    assert explanation.figures["horizon"] >= LAG
    importance = explanation.results["importance"]
    assert importance.lag_from[0] <= LAG <= importance.lag_to[0]
    # The reverse direction sees what is to come, which tells nothing.
    forward, reverse = explanation.results["direction_share"].relative
    assert forward > 0.5 > reverse
    assert "bases" in str(explanation)
    explanation.write_page(tmp_path / "page.html")
    assert "bases" in (tmp_path / "page.html").read_text()


def test_a_part_or_a_module_that_there_is_not_is_told(
    tagger: tuple[gw.Tagger, list[str], list[list[str]]],
) -> None:
    model, data, labels = tagger
    given = model.given(data, labels)
    with pytest.raises(OptionError, match="part must be one of"):
        gw.explain(model, given, part="trainin")
    with pytest.raises(OptionError, match="is for a forecaster"):
        gw.explain(model, given, by="season")
    with pytest.raises(InputError, match=r"there are 'network\.layers\.0'"):
        gw.explain(model, given, module="layers.7")


def test_a_classifier_of_sequences_of_different_lengths_is_explained() -> None:
    data = letters(80)
    classes = [["no", "yes"][one[:4].count("G") > 0] for one in data]
    model = gw.Classifier(
        hidden_size=6, epochs=10, learning_rate=0.03, batch_size=8, baselines=["majority"]
    )
    model.fit(data, classes, progress=False)
    explanation = gw.explain(model, data, classes, budget=2)
    # It stands at the beginning, which the reverse direction reads last.
    forward, reverse = explanation.results["direction_share"].relative
    assert reverse > forward


def test_a_language_model_is_explained_in_its_own_tokens() -> None:
    draws = np.random.default_rng(1)
    text = "".join(draws.choice(["ab", "cde"], 1500))
    model = gw.LanguageModel(hidden_size=8, epochs=6, learning_rate=0.02)
    model.fit(text, progress=False)
    explanation = gw.explain(model, text, budget=2)
    assert explanation.unit.noun == "character"
    assert explanation.figures["horizon"] <= 4  # a letter tells the next, nothing else does
    assert "character" in str(explanation)
    with pytest.raises(DataError, match="texts have no labels"):
        gw.explain(model, text, ["no"], budget=2)
