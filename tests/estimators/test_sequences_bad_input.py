"""Bad sequences and labels: refused in one line, before any work, with nothing left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.data.sequences.readers import read_labelled
from gatewise.errors import DataError, GatewiseError, OptionError

ROWS = [np.full((k % 4 + 1, 2), k, dtype=np.float32) for k in range(40)]
LABELS = [k % 2 for k in range(40)]


def with_value(value: float) -> list[np.ndarray]:
    rows = [row.copy() for row in ROWS]
    rows[6][2, 1] = value
    return rows


BAD: dict[str, tuple[Any, Any, str]] = {
    "no sequences": ([], [], "there are no sequences"),
    "an empty one": ([*ROWS[:-1], np.zeros((0, 2))], LABELS, "sequence '39' is empty"),
    "missing": (with_value(np.nan), LABELS, "sequence '6', step 3 .*column 'x2'"),
    "infinite": (with_value(np.inf), LABELS, "infinite.*sequence '6', step 3"),
    "widths": ([*ROWS[:-1], np.ones((2, 3))], LABELS, "sequence '39' has 3 columns"),
    "objects": ([*ROWS[:-1], ["a", "b"]], LABELS, "sequence 39 is to be numbers"),
    "too few labels": (ROWS, LABELS[:-1], "39 labels fit neither 40 sequences"),
    "no labels": (ROWS, None, "there are no labels"),
    "one class": (ROWS, [1] * 40, "all sequences are of one class, '1'"),
    "a single member": (ROWS, [*LABELS[:-1], 7], "one member only, such as '7'"),
    "decimals": (ROWS, np.linspace(0, 1, 40), "labels are to be classes, and they are decimals"),
    "all unknown": (ROWS, [None] * 40, "every label is missing"),
    "a strange letter": (["ACGT"] * 39 + ["AC-T"], LABELS, "'-'.*letter 3 of sequence '39'"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_learnt_from_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    data, labels, said = BAD[name]
    alphabet = "dna" if name == "a strange letter" else None
    with pytest.raises(DataError, match=said) as caught:
        gw.Classifier(alphabet=alphabet).fit(data, labels, out=tmp_path / "run", progress=False)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"read": "first"}, "read must be one of 'last'"),
        ({"rc": "share", "kmer": 2}, "kmer=2 with rc='share': an even number of letters"),
        ({"rc": "both"}, "rc must be one of 'average', 'share'"),
        ({"class_weights": {"a": 0}}, "class_weights must be 'balanced' or a weight above 0"),
        ({"front": "one-hot", "embedding": 3}, "embedding=3 with front='one-hot'"),
        ({"cell": "rnn", "write_cost": 1.0}, "write_cost is a cost on gates"),
        (
            {"cell": "rnn", "long_memory": 9},
            "long_memory=9 starts the gate that keeps, and no one bias",
        ),
        (
            {"long_memory": 9, "forget_bias": 3.0},
            "long_memory=9 and forget_bias=3 start the same gate",
        ),
        ({"long_memory": 1}, "long_memory must be a whole number of at least 2"),
        ({"validation": 1.5}, "validation must be a share"),
        ({"validation": 0.6, "test": 0.5}, "nothing trains"),
        ({"hidden_size": 10**8}, "hidden_size=100000000 and num_layers=1 do not fit into memory"),
        ({"alphabet": "dnn"}, "alphabet must be"),
        ({"noise": 0.1, "alphabet": "dna"}, "noise=0.1 is for measured values"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_work(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    letters = ["ACGT"] * 40
    with pytest.raises(OptionError, match=said):
        gw.Classifier(**options).fit(letters, LABELS, out=tmp_path / "run", progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def model() -> gw.Classifier:
    return gw.Classifier(hidden_size=2, epochs=1, baselines=["majority"]).fit(
        ROWS, LABELS, progress=False
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (["ACGT"], "the model reads measured values"),
        ([np.ones((3, 5))], "the model reads 2 columns"),
        ([], "there are no sequences"),
        (np.ones((2, 3, 2, 1)), "an array of sequences is"),
    ],
)
def test_sequences_that_do_not_fit_the_model_are_refused(
    model: gw.Classifier, data: Any, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        model.predict(data)


def test_lengths_that_do_not_fit_are_refused(model: gw.Classifier) -> None:
    padded = np.ones((3, 4, 2))
    for lengths, said in (
        ([1, 2], "lengths of the shape"),
        ([1, 2, 5], "is to have 5 steps"),
        ([1, 2, 1.5], "lengths are whole numbers"),
        ([1, 2, 0], "sequence '2' is empty"),
    ):
        with pytest.raises(DataError, match=said):
            model.predict(padded, lengths=lengths)
    with pytest.raises(DataError, match="a list of arrays has its own"):
        model.predict(ROWS, lengths=[1] * 40)


def test_a_part_without_sequences_cannot_be_scored(model: gw.Classifier) -> None:
    held = read_labelled(ROWS, LABELS, split=["validation"] * len(ROWS))
    assert model.evaluate(held, part="validation").count == len(ROWS)
    with pytest.raises(DataError, match="the test part is empty: score another"):
        model.evaluate(held, part="test")


def test_a_score_needs_labels_that_the_model_knows(model: gw.Classifier) -> None:
    with pytest.raises(DataError, match="labels"):
        model.evaluate(ROWS)
    with pytest.raises(GatewiseError, match="not trained on: '5'; it knows '0', '1'"):
        model.evaluate(ROWS, [*LABELS[:-1], 5])
