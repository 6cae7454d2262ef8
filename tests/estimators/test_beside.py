"""Tables of predictions, whoever made them, as answers to be scored beside a model's."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest

from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import DataError
from gatewise.estimators.sequences.beside import labels_in, numbers_in, rows_of

CLASSES = ("no", "yes")
ALL = np.arange(2)


def table(**columns: list[object]) -> nw.DataFrame[pl.DataFrame]:
    return nw.from_native(pl.DataFrame(columns))


def test_labels_without_probabilities_are_taken_for_certain() -> None:
    found = labels_in(table(label_predicted=["yes", "no"]), ALL, CLASSES, "theirs")
    np.testing.assert_array_equal(found.probabilities, [[0, 1], [1, 0]])
    np.testing.assert_array_equal(found.labels, [1, 0])


def test_probabilities_without_labels_are_enough() -> None:
    frame = table(probability_yes=[0.25, 0.5], probability_no=[0.75, 0.5])
    found = labels_in(frame, ALL[::-1], CLASSES, "theirs")
    np.testing.assert_array_equal(found.probabilities, [[0.5, 0.5], [0.75, 0.25]])
    assert found.labels is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"label_predicted": ["yes", "maybe"]},
            "theirs has the label 'maybe', and the model's are",
        ),
        ({"label": ["yes", "no"]}, "no column 'label_predicted'"),
        ({"probability_yes": [0.1, 0.2]}, "no column 'probability_no'"),
        ({"probability_yes": [0.1, 0.2], "probability_no": [0.9, 0.9]}, "probabilities of row 2"),
        ({"probability_yes": [-0.1, 0.2], "probability_no": [1.1, 0.8]}, "probabilities of row 1"),
    ],
)
def test_labels_that_are_none_are_refused(columns: dict[str, list[object]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        labels_in(table(**columns), ALL, CLASSES, "theirs")


def test_rows_are_found_by_sequence_and_step_in_any_order() -> None:
    steps = Sequences(np.zeros((3, 1), np.float32), np.array([2, 1]), ("a", "b"), columns=("x",))
    frame = table(sequence=["b", "a", "a"], step=[1, 2, 1])
    assert rows_of(frame, steps, "theirs", per_step=True).tolist() == [2, 1, 0]
    with pytest.raises(
        DataError, match="no prediction of sequence 'a', step 2 \\(1 of 3 are missing"
    ):
        rows_of(table(sequence=["b", "a"], step=[1, 1]), steps, "theirs", per_step=True)
    with pytest.raises(DataError, match="theirs has two predictions of sequence 'a', step 1"):
        rows_of(table(sequence=["a", "a"], step=[1, 1]), steps, "theirs", per_step=True)
    with pytest.raises(DataError, match=r"no column 'step' \(step\)"):
        rows_of(table(sequence=["a", "b"]), steps, "theirs", per_step=True)


@pytest.mark.parametrize(
    ("names", "column"),
    [
        (("1", "7"), [7, 1]),
        (("1", "7"), [7.0, 1.0]),
        (("1", "7"), ["007", "001"]),
        (("01", "07"), [7, 1]),
        (("1", "b"), ["b", "1.0"]),
    ],
)
def test_ids_that_are_numbers_here_and_texts_there_are_one(
    names: tuple[str, str], column: list[object]
) -> None:
    both = Sequences(np.zeros((2, 1), np.float32), np.array([1, 1]), names, columns=("x",))
    assert rows_of(table(sequence=column), both, "theirs", per_step=False).tolist() == [1, 0]
    stepped = table(sequence=column, step=[1, 1])
    assert rows_of(stepped, both, "theirs", per_step=True).tolist() == [1, 0]


def test_ids_that_would_become_one_number_stay_apart() -> None:
    both = Sequences(np.zeros((2, 1), np.float32), np.array([1, 1]), ("1", "01"), columns=("x",))
    with pytest.raises(DataError, match="no prediction of sequence '01'"):
        rows_of(table(sequence=[1, 2]), both, "theirs", per_step=False)


def test_numbers_come_with_quantiles_where_all_are_there() -> None:
    frame = table(y_predicted=[1.0, 2.0], **{"y_q0.1": [0.0, 1.0], "y_q0.5": [1.0, 2.0]})
    told, bands = numbers_in(frame, ALL, ("y",), (0.1, 0.5))
    np.testing.assert_array_equal(told, [[1], [2]])
    np.testing.assert_array_equal(bands, [[[0, 1]], [[1, 2]]])
    assert numbers_in(frame, ALL, ("y",), (0.1, 0.9))[1] is None
    with pytest.raises(DataError, match="no column 'z_predicted'"):
        numbers_in(frame, ALL, ("z",), ())
