"""`Tagger`: a label for each step, with and without a chain, in pieces, saved, resumed, annotated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.answers.chain import best_path
from gatewise.data.sequences.readers import read_labelled
from gatewise.errors import DataError, OptionError
from gatewise.estimators import base
from gatewise.estimators.tagger import tags, whole

OPTIONS = {
    "hidden_size": 6,
    "epochs": 12,
    "learning_rate": 0.05,
    "piece": 30,
    "overlap": 5,
    "seed": 1,
}
Data = tuple[list[str], list[list[str]]]


@pytest.fixture(scope="module")
def data() -> Data:
    """Letters labelled by the last A or C up to them; the first step of every third text is not."""
    rng = np.random.default_rng(0)
    texts, labels = [], []
    for row in range(16):
        text = "A" + "".join(rng.choice(list("ACGT"), rng.integers(20, 120)))
        told, last = [], ""
        for letter in text:
            last = {"A": "after A", "C": "after C"}.get(letter, last)
            told.append(last)
        texts.append(text)
        labels.append(["", *told[1:]] if row % 3 == 0 else told)
    return texts, labels


@pytest.fixture(scope="module", params=[False, True], ids=["steps alone", "chain"])
def fitted(
    request: pytest.FixtureRequest, data: Data, tmp_path_factory: pytest.TempPathFactory
) -> tuple[gw.Tagger, Path]:
    folder = tmp_path_factory.mktemp("tagger") / "run"
    model = gw.Tagger(**OPTIONS, crf=request.param, members=2)
    return model.fit(*data, out=folder, progress=False), folder


def test_it_learns_a_label_for_every_step(data: Data, fitted: tuple[gw.Tagger, Path]) -> None:
    model, _ = fitted
    texts, labels = data
    found, shares = model.predict(texts), model.predict_proba(texts)
    assert [len(row) for row in found] == [len(text) for text in texts]
    told = np.concatenate(labels)
    assert (np.concatenate(found) == told)[told != ""].mean() > 0.95
    assert model.classes_.tolist() == ["after A", "after C"]
    for row, share in zip(found, shares, strict=True):
        assert share.shape == (len(row), 2)
        np.testing.assert_allclose(share.sum(axis=1), 1)
    network, majority = (model.evaluation_.models[name] for name in ("gatewise", "majority"))
    assert network["matthews"].value > 0.9 > majority["matthews"].value
    # unknown labels count nowhere
    assert model.evaluation_.count <= sum(len(row) - row.count("") for row in labels)


def test_labels_of_a_chain_are_its_best_path(data: Data, fitted: tuple[gw.Tagger, Path]) -> None:
    model, _ = fitted
    texts, _ = data
    one = gw.Tagger(**OPTIONS, crf=model.crf).fit(*data, progress=False)
    network = one.fitted_.networks[0]
    found = tags.tags_of(one.fitted_, read_labelled(texts[:3], alphabet="dna").sequences)
    if network.chain is None:
        assert np.array_equal(found.labels, found.probabilities.argmax(axis=1))
        return
    codes = read_labelled(texts[:1], alphabet="dna").sequences
    scores = whole.scores_of_steps(network, codes, codes.values)
    path = best_path(scores[:, None], codes.lengths, network.chain.numbers())[:, 0]
    assert np.array_equal(found.labels[: len(path)], path)
    assert np.abs(network.chain.numbers().transitions).max() > 0.1  # it was trained


def test_neither_pieces_nor_company_change_an_answer(
    data: Data, fitted: tuple[gw.Tagger, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = fitted
    texts, _ = data
    together = model.predict_proba(texts)
    alone = [model.predict_proba([text])[0] for text in texts]
    with monkeypatch.context() as patched:
        patched.setattr(whole, "VALUES", 12 * 11)  # 11 steps at a time
        patched.setattr(tags, "TOGETHER", 1)
        in_pieces = model.predict_proba(texts)
    for one, other, third in zip(together, alone, in_pieces, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-6)
        np.testing.assert_allclose(third, one, atol=1e-6)


def test_a_run_holds_the_model_and_its_answers(data: Data, fitted: tuple[gw.Tagger, Path]) -> None:
    model, folder = fitted
    again = gw.Tagger.load(folder)
    assert repr(again) == repr(model)
    for one, other in zip(again.predict_proba(data[0]), model.predict_proba(data[0]), strict=True):
        assert np.array_equal(one, other)
    table = pl.read_csv(folder / "predictions.csv")
    assert table.columns[:4] == ["sequence", "step", "label", "label_predicted"]
    assert table["label"].null_count() == sum(
        data[1][int(name)][0] == "" for name in table["sequence"].unique()
    )
    known = table.filter(pl.col("label").is_not_null())
    right = (known["label"] == known["label_predicted"]).mean()
    assert right == pytest.approx(model.evaluation_.network["accuracy"])


def test_a_fit_that_was_stopped_is_resumed_with_the_same_bits(
    data: Data, fitted: tuple[gw.Tagger, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, folder = fitted
    train, calls = base.train, []

    def stop_at_the_second(*given: object, **named: object) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(base, "train", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            gw.Tagger(**model.get_params()).fit(*data, out=tmp_path / "run", progress=False)
    gw.Tagger.resume(tmp_path / "run", *data, progress=False)
    kept = (folder / "model.safetensors").read_bytes()
    assert (tmp_path / "run/model.safetensors").read_bytes() == kept


def test_measured_values_are_tagged_and_only_those_before_count_forwards() -> None:
    rng = np.random.default_rng(1)
    rows = [rng.standard_normal((40, 2)).astype(np.float32) for _ in range(12)]
    labels = [(row[:, 0] > 0).astype(int) for row in rows]
    model = gw.Tagger(**{**OPTIONS, "epochs": 1}, bidirectional=False).fit(
        rows, labels, progress=False
    )
    assert model.predict(rows)[0].dtype.kind == "i"
    changed = rows[0].copy()
    changed[20:] = 9.0
    before, after = (model.predict_proba([row])[0] for row in (rows[0], changed))
    np.testing.assert_allclose(before[:20], after[:20], atol=1e-6)


def test_annotations_are_the_labels_that_are_predicted(
    data: Data, fitted: tuple[gw.Tagger, Path], tmp_path: Path
) -> None:
    model, _ = fitted
    fasta = tmp_path / "some.fa"
    fasta.write_text("".join(f">row{n}\n{text}\n" for n, text in enumerate(data[0])))
    model.annotate(fasta, tmp_path / "found.gff3", background="after C")
    kept = read_labelled(
        fasta, tmp_path / "found.gff3", features=["after A"], background="after C", alphabet="dna"
    )
    told = np.concatenate(model.predict(data[0]))
    assert kept.labels is not None
    assert np.array_equal(np.array(kept.classes)[kept.labels], told)
    with pytest.raises(OptionError, match=r"neither .bed nor .gff3"):
        model.annotate(fasta, tmp_path / "found.txt")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (None, "there are no labels: pass labels="),
        ([["a"] * 30] * 8, "all steps are of one class, 'a'"),
        ([["a", "b"] * 15] * 7, "8 sequences"),
        ([["a", "b"] * 14] * 8, "30 steps and 28 labels"),
        ([["a", "b"] * 15] * 7 + [["c"] * 30], "the training part has no step of the class 'c'"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(
    labels: object, says: str, tmp_path: Path
) -> None:
    split = ["training"] * 6 + ["validation", "test"]
    given = read_labelled(["ACGTA" * 6] * 8, split=split)
    with pytest.raises(DataError, match=says):
        gw.Tagger(**OPTIONS).fit(given, labels, out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"piece": None, "overlap": 5}, "overlap=5 is of pieces"),
        ({"crf": True, "class_weights": "balanced"}, "leave one of them out"),
        ({"piece": 0}, "piece must be a whole number of at least 1"),
        ({"overlap": -1}, "overlap must be a whole number of at least 0"),
    ],
)
def test_options_that_contradict_are_refused(
    data: Data, options: dict[str, object], says: str
) -> None:
    with pytest.raises(OptionError, match=says):
        gw.Tagger(**options).fit(*data, progress=False)


def test_what_does_not_fit_the_model_is_refused(data: Data, fitted: tuple[gw.Tagger, Path]) -> None:
    model, _ = fitted
    with pytest.raises(DataError, match="symbols"):
        model.predict([np.zeros((4, 2))])
    with pytest.raises(DataError, match="no sequences"):
        model.predict([])
    with pytest.raises(DataError, match="no labels"):
        model.evaluate(data[0])


@pytest.fixture(scope="module")
def strands() -> tuple[gw.Tagger, list[str]]:
    """A tagger of features of both strands, of a chain, which reads both."""
    rng = np.random.default_rng(2)
    texts = ["".join(rng.choice(list("ACGT"), 60)) for _ in range(8)]
    labels = [
        ["x+" if letter in "AC" else "x-" if letter == "G" else "o" for letter in text]
        for text in texts
    ]
    model = gw.Tagger(**{**OPTIONS, "epochs": 2}, crf=True, rc="average", kmer=3, members=2)
    return model.fit(texts, labels, progress=False), texts


def test_the_other_strand_has_the_same_answer_from_the_other_end(
    strands: tuple[gw.Tagger, list[str]],
) -> None:
    """Base for base with + and - exchanged, labels of the best path included."""
    model, texts = strands
    other = [text[::-1].translate(str.maketrans("ACGT", "TGCA")) for text in texts]
    turned = {"x+": "x-", "x-": "x+", "o": "o"}
    for one, two in zip(model.predict(texts), model.predict(other), strict=True):
        assert [turned[label] for label in two[::-1]] == one.tolist()
    order = [model.classes_.tolist().index(turned[name]) for name in model.classes_]
    for one, two in zip(model.predict_proba(texts), model.predict_proba(other), strict=True):
        np.testing.assert_allclose(one, two[::-1][:, order], atol=1e-6)


def test_both_strands_are_of_dna_alone(data: Data) -> None:
    rows = [np.zeros((9, 1), dtype=np.float32)] * 8
    with pytest.raises(OptionError, match="rc= is for DNA and RNA"):
        gw.Tagger(rc="average").fit(rows, [["a", "b", "a"] * 3] * 8, progress=False)
    with pytest.raises(OptionError, match="kmer=3 is of letters"):
        gw.Tagger(kmer=3).fit(rows, [["a", "b", "a"] * 3] * 8, progress=False)
    with pytest.raises(OptionError, match="are 262,144 words, more than 65,536"):
        gw.Tagger(kmer=9).fit(*data, progress=False)


def test_short_runs_are_left_out_of_annotations(
    data: Data, fitted: tuple[gw.Tagger, Path], tmp_path: Path
) -> None:
    model, _ = fitted

    def lengths(least: int) -> list[int]:
        path = tmp_path / f"{least}.gff3"
        model.annotate(data[0], path, background=None, min_length=least)
        rows = [line.split("\t") for line in path.read_text().splitlines() if line[0] != "#"]
        return [int(row[4]) - int(row[3]) + 1 for row in rows]

    every = lengths(1)
    assert min(every) < 3 <= max(every)
    assert lengths(3) == [one for one in every if one >= 3]
    with pytest.raises(OptionError, match="min_length must be a whole number"):
        model.annotate(data[0], tmp_path / "no.bed", min_length=0)
    assert not (tmp_path / "no.bed").exists()


def test_the_background_of_the_fit_is_no_feature(data: Data, tmp_path: Path) -> None:
    letters, genes = tmp_path / "some.fa", tmp_path / "genes.bed"
    letters.write_text("".join(f">r{n}\n{text}\n" for n, text in enumerate(data[0])))
    genes.write_text(
        "".join(f"r{n}\t0\t{len(text) // 2}\tgene\n" for n, text in enumerate(data[0]))
    )
    model = gw.Tagger(**{**OPTIONS, "epochs": 1}, background="desert")
    model.fit(letters, genes, progress=False).annotate(data[0], tmp_path / "found.bed")
    model.annotate(data[0], tmp_path / "all.bed", background=None)
    kinds = [
        {line.split("\t")[3] for line in (tmp_path / name).read_text().splitlines()}
        for name in ("found.bed", "all.bed")
    ]
    assert kinds[1] - kinds[0] == {"desert"}
