"""What `explain` says of models of sequences whose task is known: where the answer comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import gatewise as gw
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.errors import DataError, InputError, OptionError
from gatewise.estimators.sequences.chosen import Room, room_for, stretches, whole_ones

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


def test_sequences_of_one_length_tell_the_window_that_they_need() -> None:
    data = ["".join(one) for one in np.random.default_rng(1).choice(list("ACGT"), (80, 24))]
    classes = [["no", "yes"][one[-4:].count("G") > 0] for one in data]
    model = gw.Classifier(
        hidden_size=6, epochs=10, learning_rate=0.03, batch_size=8, baselines=["majority"]
    )
    model.fit(data, classes, progress=False)
    explanation = gw.explain(model, model.given(data, classes), budget=3)
    assert "context_need" in explanation.results
    assert 4 <= explanation.figures["window"] < 24
    # Of unlike lengths there is no such window, and the reason is told.
    longer = [*data, "ACGT" * 7]
    other = gw.explain(model, model.given(longer, [*classes, "no"]), part="all", budget=3)
    assert "context_need" not in other.results
    told = next(one for one in other.findings if one.sentence.startswith("Not told"))
    assert "rows have from 24 to 28 steps" in told.evidence


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


@pytest.fixture(scope="module")
def classifier() -> tuple[gw.Classifier, list[str], list[str]]:
    """Whether a G stands among the first letters."""
    data = letters(80)
    classes = [["no", "yes"][one[:4].count("G") > 0] for one in data]
    model = gw.Classifier(
        hidden_size=6, epochs=10, learning_rate=0.03, batch_size=8, baselines=["majority"]
    )
    return model.fit(data, classes, progress=False), data, classes


def test_a_classifier_of_sequences_of_different_lengths_is_explained(
    classifier: tuple[gw.Classifier, list[str], list[str]],
) -> None:
    model, data, classes = classifier
    explanation = gw.explain(model, data, classes, budget=2)
    # It stands at the beginning, which the reverse direction reads last.
    forward, reverse = explanation.results["direction_share"].relative
    assert reverse > forward


@pytest.fixture(scope="module")
def speaker() -> tuple[gw.LanguageModel, str]:
    draws = np.random.default_rng(1)
    text = "".join(draws.choice(["ab", "cde"], 1500))
    model = gw.LanguageModel(hidden_size=8, epochs=6, learning_rate=0.02)
    return model.fit(text, progress=False), text


def test_a_language_model_is_explained_in_its_own_tokens(
    speaker: tuple[gw.LanguageModel, str],
) -> None:
    model, text = speaker
    explanation = gw.explain(model, text, budget=2)
    assert explanation.unit.noun == "character"
    assert explanation.figures["horizon"] <= 4  # a letter tells the next, nothing else does
    assert "character" in str(explanation)
    with pytest.raises(DataError, match="texts have no labels"):
        gw.explain(model, text, ["no"], budget=2)


def gates_of(model: Any, codes: Any) -> Any:
    """Return the gates of the first layer over one sequence of codes, as the layer itself gives them."""
    network = model.fitted_.networks[0]
    x = torch.from_numpy(np.asarray(codes)).unsqueeze(1)
    with torch.no_grad():
        read = network.front(x) if hasattr(network, "front") else network.table(x)
        return network.layers[0](read, return_gates=True)[2]


def test_the_page_of_a_tagger_has_its_gates_letters_and_answers(
    tagger: tuple[gw.Tagger, list[str], list[list[str]]],
) -> None:
    model, data, labels = tagger
    summary = model.summary(data, labels)
    row = summary.inside.rows[0]
    at = data.index("".join(row.symbols))
    gates = gates_of(model, model.fitted_.form.vocabulary.encode(data[at]))
    for name, values in row.gates.items():
        np.testing.assert_allclose(values[0], gates[name][0, :, :, 0], atol=2e-6)
    lines = {one.name: one for one in row.series}
    told = model.predict_proba([data[at]])[0]
    classes = list(model.classes_)
    likely = lines[f"probability of {classes[1]}"].values
    np.testing.assert_allclose(likely, told[:, 1], atol=2e-6)
    assert [classes[int(code)] for code in lines["truth"].values] == labels[at]
    assert [classes[int(code)] for code in lines["predicted"].values] == list(
        model.predict([data[at]])[0]
    )
    page = summary.contents()
    assert {(one.row, one.direction) for one in page.records} == {
        (number, way) for number in range(len(summary.inside.rows)) for way in (0, 1)
    }
    assert page.unit.noun == "base"


def test_what_a_classifier_answers_so_far_ends_in_its_answer(
    classifier: tuple[gw.Classifier, list[str], list[str]],
) -> None:
    model, data, classes = classifier
    for row in model.summary(data, classes).inside.rows:
        text = "".join(row.symbols)
        so_far = next(one.values for one in row.series if one.name == "probability of yes")
        for steps in (1, len(text) // 2, len(text)):
            told = model.predict_proba([text[:steps]])[0, list(model.classes_).index("yes")]
            assert so_far[steps - 1] == pytest.approx(told, abs=2e-6)
    names = [row.name for row in model.summary(data, classes).inside.rows]
    assert [name.partition("(")[2] for name in names][:2] == [
        "typical)",
        "furthest from the truth)",
    ]


def test_the_page_of_a_language_model_has_the_surprise_of_each_token(
    speaker: tuple[gw.LanguageModel, str],
) -> None:
    model, text = speaker
    rows = model.summary(text).inside.rows
    parts = model.prepare(text, like=model.fitted_).parts["test"][0]
    judged = -model.score(parts.text).log_probabilities / np.log(2)
    for row in rows:
        there = slice(row.first - 1, row.first - 1 + row.steps)
        assert "".join(row.symbols) == parts.text[there]
        if row.first > 100:  # the text before the part matters no more
            np.testing.assert_allclose(row.series[0].values, judged[there], atol=1e-4)
            gates = gates_of(model, parts.codes[: there.stop])
            np.testing.assert_allclose(
                row.gates["forget"][0], gates["forget"][0, :, there, 0], atol=1e-4
            )


def test_the_stretches_of_a_genome_are_where_there_is_much_to_see() -> None:
    truth = np.zeros(10_000, dtype=np.int64)
    truth[3000:3100:10] = 1
    predicted = truth.copy()
    predicted[7000:7050] = 1
    one = Sequences(
        np.ones(10_000, dtype=np.int64), np.array([10_000]), ("genome",), Vocabulary(("A",))
    )
    found = stretches(one, truth, predicted, Room(3, 200))
    assert [each.why for each in found] == ["much changes", "most wrong"]
    assert (found[0].first, found[0].last) == (2900, 3100)
    assert found[1].first <= 7000
    assert found[1].last >= 7050


def test_answers_are_typical_wrong_and_right() -> None:
    off = np.array([0.5, 0.1, 0.9, np.nan, 0.2])
    found = whole_ones(np.array([10, 20, 900, 5, 7]), off, Room(3, 100))
    assert [(one.row, one.first, one.last) for one in found] == [
        (0, 0, 10),
        (2, 800, 900),
        (1, 0, 20),
    ]
    assert [one.row for one in whole_ones(np.array([3]), np.array([np.nan]), Room())] == [0]


def test_a_notebook_shows_settings_and_scores(
    tagger: tuple[gw.Tagger, list[str], list[list[str]]],
    speaker: tuple[gw.LanguageModel, str],
) -> None:
    shown = tagger[0]._repr_html_()
    assert "Label of each base, from its letters: after or no" in shown
    assert "Tagger, fitted on 80 sequences" in shown
    assert "Matthews" in shown
    assert "<td" in shown.split("hidden size")[1]
    assert "bits per character" in speaker[0]._repr_html_()
    assert "not fitted" in gw.Regressor(quantiles=[0.1])._repr_html_()


def test_a_large_network_is_shown_on_less() -> None:
    assert room_for(16) == (3, 256)
    assert room_for(128) == (3, 93)
    assert room_for(512) == (1, 70)
    assert room_for(4096) == (1, 64)


def test_the_copied_python_reads_the_gates_of_the_page(
    tagger: tuple[gw.Tagger, list[str], list[list[str]]],
    speaker: tuple[gw.LanguageModel, str],
) -> None:
    model, data, labels = tagger
    for names in (
        {"model": model, "data": data, "labels": labels},
        {"model": speaker[0], "data": speaker[1]},
    ):
        asked = [names[name] for name in ("data", "labels") if name in names]
        summary = names["model"].summary(*asked)  # type: ignore[attr-defined]
        record = summary.contents().records[-1]
        exec(record.setup, names)
        filled = record.python.format(
            row=record.row, quantity="cell", layer=0, direction=record.direction,
            time="2:9", units="[1, 4]",
        )  # fmt: skip
        found = eval(filled, names)
        np.testing.assert_array_equal(found, record.quantities["cell"][2:9, [1, 4]])


def test_a_table_whose_split_holds_a_test_part_alone_is_explained_and_scored(
    classifier: tuple[gw.Classifier, list[str], list[str]],
) -> None:
    model, data, classes = classifier
    table = {"sequence": data[:40], "label": classes[:40], "split": ["test"] * 40}
    frame = pl.DataFrame(table)
    model.split = "split"
    try:
        for part in (None, "test"):
            told = gw.explain(model, frame, part=part, budget=2)
            assert told.settings["part"] == (part or "all")
            assert model.evaluate(frame, part=part).count == 40
        with pytest.raises(DataError, match="the training part is empty"):
            gw.explain(model, frame, part="training", budget=2)
    finally:
        model.split = None


def test_a_classifier_of_labels_thrown_by_dice_remembers_nothing() -> None:
    data = letters(120)
    classes = np.random.default_rng(5).choice(["no", "yes"], len(data)).tolist()
    model = gw.Classifier(hidden_size=4, epochs=1, baselines=["majority"])
    model.fit(data[:60], classes[:60], progress=False)
    told = gw.explain(model, data[60:], classes[60:], budget=2)
    assert [one.topic for one in told.findings] == ["skill"]
    assert "emembers" not in str(told).replace("what it remembers says nothing", "")
    assert told.figures["skill_low"] <= 0 <= told.figures["skill_high"] or told.figures["skill"] < 0
    assert "over 60 sequences" in told.findings[0].evidence
