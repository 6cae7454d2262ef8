"""Sequences and labels from memory, in every form: what comes in is what is held."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gatewise.data.sequences import Labelled, Reading, Vocabulary, read_labelled
from gatewise.errors import DataError, GatewiseWarning, OptionError

LENGTHS = [3, 1, 5, 2]


@pytest.fixture(scope="module")
def ragged() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 2)) for length in LENGTHS]


def padded(ragged: list[np.ndarray], fill: float = np.nan) -> np.ndarray:
    made = np.full((len(ragged), 6, ragged[0].shape[1]), fill)
    for row, values in zip(made, ragged, strict=True):
        row[: len(values)] = values
    return made


def test_ragged_padded_and_held_sequences_are_the_same(ragged: list[np.ndarray]) -> None:
    one = read_labelled(ragged, ["a", "b", "a", "b"])
    assert one.sequences.lengths.tolist() == LENGTHS
    assert one.sequences.columns == ("x1", "x2")
    for number, values in enumerate(ragged):
        np.testing.assert_array_equal(one.sequences.row(number), values.astype(np.float32))
    other = read_labelled(padded(ragged), np.array(["a", "b", "a", "b"]), lengths=LENGTHS)
    assert other.identity == one.identity
    assert read_labelled(one.sequences, ["a", "b", "a", "b"]).identity == one.identity
    assert read_labelled(one) is one


def test_arrays_without_lengths_have_all_their_steps() -> None:
    values = np.arange(24).reshape(2, 4, 3)
    assert read_labelled(values).sequences.lengths.tolist() == [4, 4]
    flat = read_labelled(np.arange(8).reshape(2, 4)).sequences
    assert flat.values[:, 0].tolist() == list(range(8))
    lists = read_labelled([[0, 1, 2, 3], [4, 5, 6, 7]]).sequences
    assert lists.identity == flat.identity


@pytest.mark.parametrize(
    ("labels", "classes", "codes"),
    [
        (["b", "a", None, "b"], ("a", "b"), [1, 0, -1, 1]),
        (["b", "a", "", "b"], ("a", "b"), [1, 0, -1, 1]),
        (np.array(["b", "a", "", "b"]), ("a", "b"), [1, 0, -1, 1]),
        ([10, 9, 9, 10], ("9", "10"), [1, 0, 0, 1]),
        (["10", "9", None, "10"], ("9", "10"), [1, 0, -1, 1]),
        ([True, False, True, True], ("false", "true"), [1, 0, 1, 1]),
        (np.array([2.0, np.nan, 1.0, 2.0]), ("1", "2"), [1, -1, 0, 1]),
        (pl.Series(["b", "a", None, "b"]), ("a", "b"), [1, 0, -1, 1]),
        ({"0": "b", "1": "a", "2": "a", "3": "b"}, ("a", "b"), [1, 0, 0, 1]),
    ],
)
def test_labels_of_sequences_are_classes_in_order(
    ragged: list[np.ndarray], labels: object, classes: tuple[str, ...], codes: list[int]
) -> None:
    found = read_labelled(ragged, labels)
    assert found.classes == classes
    assert found.labels is not None
    assert (found.labels.dtype, found.labels.tolist(), found.per_step) == (np.int64, codes, False)


@pytest.mark.parametrize(
    ("labels", "shape"),
    [
        ([0.5, 1, 2, np.nan], (4,)),
        (np.array([[0.5, 1], [2, 3], [4, 5], [6, np.nan]]), (4, 2)),
        ([[0.5, 1], [2, 3], [4, 5], [6, 7]], (4, 2)),
    ],
)
def test_decimals_are_numbers(ragged: list[np.ndarray], labels: object, shape: tuple[int]) -> None:
    found = read_labelled(ragged, labels)
    assert found.labels is not None
    assert (found.labels.shape, found.labels.dtype, found.classes) == (shape, np.float32, ())
    np.testing.assert_array_equal(found.labels, np.asarray(labels, dtype=np.float32))


def test_the_kind_of_labels_can_be_said(ragged: list[np.ndarray]) -> None:
    numbers = read_labelled(ragged, [1, 2, 3, 4], label_kind="numbers")
    assert numbers.labels is not None
    assert (numbers.labels.dtype, numbers.labels.tolist()) == (np.float32, [1, 2, 3, 4])
    with pytest.raises(DataError, match="they are decimals: numbers are for a regressor"):
        read_labelled(ragged, [0.5, 1, 1, 1], label_kind="classes")
    with pytest.raises(DataError, match="labels are to be numbers, and one is 'a'"):
        read_labelled(ragged, ["a", "b", "a", "b"], label_kind="numbers")


def test_labels_of_steps_in_three_forms(ragged: list[np.ndarray]) -> None:
    lists = [["x"] * length for length in LENGTHS]
    lists[2][4] = "y"
    flat = [label for row in lists for label in row]
    filled = np.array([row + ["?"] * (6 - len(row)) for row in lists])
    found = [
        read_labelled(ragged, labels, lengths=None) for labels in (lists, flat, np.array(flat))
    ]
    found.append(read_labelled(padded(ragged), filled, lengths=LENGTHS))
    assert all(one.per_step for one in found)
    assert {one.identity["sha256"] for one in found} == {found[0].identity["sha256"]}
    assert found[0].classes == ("x", "y")
    assert np.flatnonzero(found[0].labels).tolist() == [8]
    with pytest.raises(DataError, match="sequence '1' has 1 step and 2 labels"):
        read_labelled(ragged, [["x"] * 3, ["x"] * 2, ["x"] * 5, ["x"] * 2])


def test_letters_become_codes_of_their_alphabet() -> None:
    found = read_labelled(["ACGT", "ttg"], names=["one", "two"], alphabet="dna").sequences
    assert found.vocabulary is not None
    assert found.vocabulary.symbols == ("A", "C", "G", "T")
    assert found.values.tolist() == [1, 2, 3, 4, 4, 4, 3]
    assert found.names == ("one", "two")


@pytest.mark.parametrize(
    ("texts", "symbols"),
    [
        (["ACGT", "ca"], "ACGT"),
        (["ACGU"], "ACGU"),
        (["MKV", "LEW"], "ACDEFGHIKLMNPQRSTVWY"),
        (["HTTHT", "J5"], "5HJT"),
        (["hello", "été"], "ehloté"),
    ],
)
def test_the_alphabet_is_the_first_that_fits(texts: list[str], symbols: str) -> None:
    vocabulary = read_labelled(texts).sequences.vocabulary
    assert vocabulary is not None
    assert vocabulary.symbols == tuple(symbols)


def test_unknown_letters_are_named_counted_and_placed() -> None:
    texts, told = (
        ["ACG", "TNANR"],
        r"3 letters outside the alphabet 'ACGT': 'N' \(2\), 'R' \(1\); ",
    )
    told += r"the first is letter 2 of sequence 'b'"
    with pytest.raises(DataError, match=told + r".*unknown='mask'"):
        read_labelled(texts, names=["a", "b"])
    with pytest.warns(GatewiseWarning, match=told):
        found = read_labelled(texts, names=["a", "b"], unknown="mask")
    assert found.sequences.values.tolist() == [1, 2, 3, 4, 0, 1, 0, 0]
    iupac = read_labelled(texts, names=["a", "b"], alphabet="iupac")
    assert (iupac.sequences.values > 0).all()


def test_soft_masked_letters_are_read_or_unknown() -> None:
    assert read_labelled(["ACgt"]).sequences.values.tolist() == [1, 2, 3, 4]
    masked = read_labelled(["ACgt"], soft_masked="mask")
    assert masked.sequences.values.tolist() == [1, 2, 0, 0]
    own = read_labelled(["aAbB"], alphabet=("a", "A", "b", "B"))
    assert own.sequences.values.tolist() == [1, 2, 3, 4]
    with pytest.raises(
        OptionError, match="soft_masked='mask' is for letters of an alphabet of cap"
    ):
        read_labelled(["aAbB"], alphabet=("a", "A", "b", "B"), soft_masked="mask")


def test_new_data_is_read_by_what_a_model_knows() -> None:
    vocabulary = Vocabulary(("A", "C", "G", "T"))
    found = read_labelled(["GG"], ["no"], vocabulary=vocabulary, classes=("yes", "no"))
    assert found.sequences.values.tolist() == [3, 3]
    assert (found.labels.tolist(), found.classes) == ([1], ("yes", "no"))
    with pytest.raises(
        DataError, match=r"1 label that the model was not trained on: 'n'; it knows"
    ):
        read_labelled(["GG", "GA"], ["n", "no"], vocabulary=vocabulary, classes=("yes", "no"))
    with pytest.raises(DataError, match=r"outside the alphabet 'ACGT': 'K' \(1\), 'M' \(1\)"):
        read_labelled(["MK"], vocabulary=vocabulary)


def test_names_groups_weights_and_parts_are_kept(ragged: list[np.ndarray]) -> None:
    found = read_labelled(
        ragged,
        [0, 1, 0, 1],
        names=list("wxyz"),
        groups=[1, 1, 2, 2],
        weights=[1, 2, 3, 4],
        split=["training", "training", "test", "test"],
        inputs=["speed", "turn"],
    )
    assert found.sequences.names == ("w", "x", "y", "z")
    assert found.sequences.groups == ("1", "1", "2", "2")
    assert found.weights is not None
    assert found.weights.tolist() == [1, 2, 3, 4]
    assert found.split == ("training", "training", "test", "test")
    assert found.sequences.columns == ("speed", "turn")


def of(values: object, labels: object = None, **more: object) -> Labelled:
    return read_labelled(values, labels, **more)


@pytest.mark.parametrize(
    ("data", "labels", "more", "told"),
    [
        ([], None, {}, "there are no sequences"),
        ([[1.0], []], None, {}, "sequence '1' is empty: leave it out"),
        (["AC", "", ""], None, {}, "2 sequences are empty, the first '1': leave them out"),
        ([[[1, 2]], [[1]]], None, {}, "sequence '1' has 1 column, and sequence '0' has 2"),
        ([[[1, 2], [1]]], None, {}, "sequence 0 is no array"),
        (
            [[1.0, np.inf]],
            None,
            {"missing": "mask"},
            "1 value is infinite, .* sequence '0', step 2",
        ),
        ([[1.0, 1e39]], None, {}, "infinite"),
        ([[1.0], [2.0, np.nan]], None, {}, "1 value is missing, .* '1', step 2 .*missing='mask'"),
        ([["a", 1]], None, {}, "sequence 0 is to be numbers"),
        (np.zeros((2, 3, 1)), None, {"lengths": [1, 4]}, "sequence 1 is to have 4 steps"),
        (
            np.zeros((2, 3, 1)),
            None,
            {"lengths": [1]},
            r"2 sequences, and lengths of the shape \(1,\)",
        ),
        (np.zeros((2, 3, 1)), None, {"lengths": [1, 1.5]}, "whole numbers"),
        (np.zeros((2, 3, 1)), None, {"lengths": [1, 0]}, "sequence '1' is empty"),
        (np.zeros(3), None, {}, r"not \(3,\)"),
        (np.zeros((2, 3, 1), complex), None, {}, "numbers, not complex"),
        ([[1.0]], None, {"lengths": [1]}, "a list of arrays has its own"),
        ([[1.0], [2.0]], None, {"names": ["a"]}, "2 sequences, and 1 names"),
        ([[1.0], [2.0]], None, {"names": ["a", "a"]}, "'a' is there twice"),
        ([[1.0], [2.0, 3.0]], ["a"], {}, "1 labels fit neither 2 sequences nor 3 steps"),
        (
            [[1.0], [2.0]],
            {"0": 1, "2": 1},
            {},
            r"without a label \('1'\) and 1 label without a seq",
        ),
        ([[1.0], [2.0]], [None, None], {}, "every label is missing"),
        ([[1.0], [2.0]], ["a", 1j], {}, "label 2 is '1j'"),
        ([[1.0], [2.0]], None, {"weights": [1, "x"]}, "weights are numbers"),
    ],
)
def test_what_does_not_fit_is_refused(
    data: object, labels: object, more: dict[str, object], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        of(data, labels, **more)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"alphabet": "dnaa"}, "alphabet='dnaa'.*Did you mean 'dna'"),
        ({"alphabet": ("A", "A")}, "distinct single letters"),
        ({"alphabet": ("AC", "G")}, "distinct single letters"),
        ({"unknown": "ignore"}, "unknown='ignore': use 'refuse' or 'mask'"),
        ({"label_kind": "class"}, "Did you mean 'classes'"),
        ({"alphabit": "dna"}, "no option 'alphabit' of reading. Did you mean 'alphabet'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        of(["ACGT"], **options)


def test_missing_values_are_kept_on_request() -> None:
    found = read_labelled([[1.0, np.nan]], reading=Reading(missing="mask"))
    assert np.isnan(found.sequences.values).tolist() == [[False], [True]]
