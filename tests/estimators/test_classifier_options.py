"""What a classifier can be told: both strands, weights of classes, calibration, types of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import cross_val_score

import gatewise as gw
from gatewise.data.sequences.readers import read_labelled
from gatewise.data.sequences.strands import other_strand
from gatewise.errors import OptionError
from gatewise.estimators.classifier.learnt import weights_of

COMPLEMENT = str.maketrans("ACGT", "TGCA")
SMALL: dict[str, Any] = {"hidden_size": 4, "epochs": 2, "learning_rate": 0.02}
SMALL |= {"baselines": ["majority"]}


def letters(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), rng.integers(3, 20))) for _ in range(count)]


def turned(texts: list[str]) -> list[str]:
    return [text.translate(COMPLEMENT)[::-1] for text in texts]


@pytest.fixture(scope="module")
def dna() -> tuple[list[str], list[str]]:
    texts = letters(80)
    return texts, ["site" if "CG" in text else "none" for text in texts]


def test_the_other_strand_is_the_reverse_complement(dna) -> None:
    texts, _ = dna
    found = other_strand(read_labelled(texts).sequences)
    assert ["".join(found.vocabulary.decode(found.row(row))) for row in range(80)] == turned(texts)


@pytest.mark.parametrize("read", ["last", "attention"])
@pytest.mark.parametrize(("rc", "kmer"), [("average", 1), ("share", 1), ("share", 3)])
def test_both_strands_have_exactly_one_answer(dna, rc: Any, read: Any, kmer: int) -> None:
    texts, labels = dna
    model = gw.Classifier(**SMALL, rc=rc, read=read, kmer=kmer, num_layers=2, dropout=0.2)
    model.fit(texts, labels, progress=False)
    assert (model.predict_proba(texts) == model.predict_proba(turned(texts))).all()
    plain = gw.Classifier(**SMALL, read=read).fit(texts, labels, progress=False)
    assert not np.allclose(plain.predict_proba(texts), plain.predict_proba(turned(texts)))


def test_strands_need_letters_that_pair(dna) -> None:
    texts, labels = dna
    with pytest.raises(OptionError, match=r"rc= is for DNA and RNA, .* these are numbers"):
        gw.Classifier(rc="share").fit([np.ones((3, 1))] * 20, [0, 1] * 10)
    proteins = [text.replace("A", "L") + "M" for text in texts]
    with pytest.raises(OptionError, match="pairs with none of these letters"):
        gw.Classifier(rc="average").fit(proteins, labels)


def test_classes_count_as_much_as_they_are_told_to() -> None:
    assert weights_of(None, ("a", "b"), (3, 1)) is None
    assert weights_of("balanced", ("a", "b"), (3, 1)) == [4 / 6, 2.0]
    assert weights_of({"b": 5}, ("a", "b"), (3, 1)) == [1.0, 5.0]
    assert weights_of({1: 5, 0: 2}, ("0", "1"), (3, 1)) == [2.0, 5.0]
    with pytest.raises(OptionError, match="has 'bb', which is none of the classes: 'a', 'bbb'"):
        weights_of({"bb": 5}, ("a", "bbb"), (3, 1))


def test_a_rare_class_is_predicted_more_often_where_classes_are_balanced() -> None:
    rng = np.random.default_rng(1)
    labels = rng.random(300) < 0.1
    rows = [rng.standard_normal((4, 1)) + label for label in labels]
    options: dict[str, Any] = {**SMALL, "epochs": 8}
    found = [
        gw.Classifier(**options, class_weights=weights).fit(rows, labels, progress=False)
        for weights in (None, "balanced")
    ]
    shares = [model.predict(rows).mean() for model in found]
    assert shares[0] < 0.1 < shares[1]
    assert found[1].classes_.tolist() == [False, True]


def test_probabilities_are_calibrated_by_the_validation_part() -> None:
    """Labels of which a fifth is wrong: a network that learnt them by heart is too sure."""
    rng = np.random.default_rng(2)
    rows = [rng.standard_normal((5, 2)) for _ in range(2400)]
    labels = np.array([int(row[0, 0] > 0) for row in rows])
    labels[rng.random(len(rows)) < 0.2] ^= 1
    rows, others = rows[:400], (rows[400:], labels[400:])
    labels = labels[:400]
    model = gw.Classifier(
        **{**SMALL, "hidden_size": 16, "epochs": 25, "learning_rate": 0.03}, patience=None
    )
    model.fit(rows, labels, progress=False)
    evaluation = model.evaluate(*others)
    assert evaluation.temperature is not None
    assert evaluation.temperature.value > 1.1
    assert evaluation.before is not None
    assert evaluation.after is not None
    assert evaluation.after.ece < evaluation.before.ece
    raw = gw.Classifier(**{**model.get_params(), "calibrate": False})
    raw.fit(rows, labels, progress=False)
    assert (raw.predict(rows) == model.predict(rows)).all()
    assert raw.predict_proba(rows).max() > model.predict_proba(rows).max()


@pytest.mark.parametrize("labels", [[3, 10], [False, True], ["a", "b"]])
def test_labels_come_back_in_the_type_that_they_had(labels: list[Any], tmp_path: Path) -> None:
    rows = [np.full((3, 1), float(k % 2)) for k in range(40)]
    given = np.array([labels[k % 2] for k in range(40)])
    model = gw.Classifier(**SMALL).fit(rows, given, progress=False)
    model.save(tmp_path / "model")
    again = gw.Classifier.load(tmp_path / "model")
    for one in (model, again):
        assert one.classes_.dtype.kind == given.dtype.kind
        assert one.classes_.tolist() == labels
        assert set(one.predict(rows).tolist()) <= set(labels)


def test_scikit_learn_searches_take_lists(dna) -> None:
    texts, labels = dna
    model = gw.Classifier(**SMALL)
    assert is_classifier(model)
    assert repr(clone(model)) == repr(model)
    options = {"cv": 2, "params": {"progress": False}}
    mine = cross_val_score(model, texts, labels, **options)
    assert mine == pytest.approx(
        cross_val_score(model, texts, labels, scoring="accuracy", **options)
    )


def test_padded_arrays_and_lists_are_the_same_sequences() -> None:
    rng = np.random.default_rng(3)
    lengths = rng.integers(1, 6, 30)
    padded = rng.standard_normal((30, 6, 2)).astype(np.float32)
    labels = rng.integers(0, 2, 30)
    rows = [row[:length] for row, length in zip(padded, lengths, strict=True)]
    one = gw.Classifier(**SMALL).fit(padded, labels, lengths=lengths, progress=False)
    two = gw.Classifier(**SMALL).fit(rows, labels, progress=False)
    assert (one.predict_proba(padded, lengths=lengths) == two.predict_proba(rows)).all()
    assert one.fitted_.data == two.fitted_.data


def test_files_of_letters_and_labels_are_read_again_by_resume(dna, tmp_path: Path) -> None:
    texts, labels = dna
    fasta, table = tmp_path / "s.fa", tmp_path / "labels.csv"
    fasta.write_text("".join(f">s{k}\n{text}\n" for k, text in enumerate(texts)))
    table.write_text("name,label\n" + "".join(f"s{k},{one}\n" for k, one in enumerate(labels)))
    model = gw.Classifier(**SMALL).fit(fasta, table, out=tmp_path / "run", progress=False)
    again = gw.Classifier.resume(tmp_path / "run")
    assert again.evaluation_ is not None
    assert again.evaluation_.network == model.evaluation_.network
    frame = again.predict_frame(fasta)
    assert frame["sequence"].to_list() == [f"s{k}" for k in range(80)]
    assert frame["label_predicted"].to_list() == model.predict(texts).tolist()
