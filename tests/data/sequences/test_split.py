"""Laws of splits: nothing on two sides, everything somewhere, classes alike, seeds repeat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.data.sequences import Labelled, Sequences, split_of
from gatewise.errors import OptionError


def made(
    count: int, labels: list[int] | None = None, groups: list[int] | None = None, **more: object
) -> Labelled:
    sequences = Sequences(
        values=np.zeros((count, 1), np.float32),
        lengths=np.ones(count, dtype=np.int64),
        names=tuple(map(str, range(count))),
        columns=("x",),
        groups=None if groups is None else tuple(map(str, groups)),
    )
    classes = () if labels is None else tuple(map(str, range(max(labels) + 1)))
    codes = None if labels is None else np.array(labels, dtype=np.int64)
    return Labelled(sequences, codes, classes, **more)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=12, max_size=60),
    st.integers(0, 9),
)
def test_every_sequence_is_in_one_part_and_no_group_in_two(
    rows: list[tuple[int, int]], seed: int
) -> None:
    # one class and many groups beside those drawn, so that every part can be had
    rows = rows + [(0, 100 + number) for number in range(40)]
    labelled = made(len(rows), [row[0] for row in rows], [row[1] for row in rows])
    parts = split_of(labelled, 0.2, 0.2, seed=seed)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(rows)))
    groups = [{rows[pick][1] for pick in picks} for picks in parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))
    again = split_of(labelled, 0.2, 0.2, seed=seed)
    assert all(np.array_equal(parts[part], again[part]) for part in parts)


@pytest.mark.parametrize("seed", range(5))
def test_each_class_has_its_share_in_each_part(seed: int) -> None:
    labels = [0] * 600 + [1] * 80 + [2] * 20
    parts = split_of(made(700, labels), 0.15, 0.1, seed=seed)
    sizes = {part: np.bincount(np.array(labels)[picks]).tolist() for part, picks in parts.items()}
    assert sizes == {"training": [450, 60, 15], "validation": [90, 12, 3], "test": [60, 8, 2]}


def test_parts_differ_by_seed_and_are_not_the_order_of_the_data() -> None:
    labelled = made(200)
    picks = [split_of(labelled, 0.2, seed=seed)["validation"].tolist() for seed in range(3)]
    assert len(set(map(tuple, picks))) == 3
    assert all(min(found) < 60 and max(found) > 140 for found in picks)
    assert all(len(found) == 40 for found in picks)


def test_a_rare_class_trains_before_it_is_scored() -> None:
    labels = [0] * 40 + list(range(1, 9))
    parts = split_of(made(48, labels), 0.2, 0.2)
    assert set(range(40, 48)) <= set(parts["training"].tolist())


def test_shares_are_of_steps_where_steps_are_labelled() -> None:
    lengths = np.array([1000, *[10] * 100], dtype=np.int64)
    sequences = Sequences(
        np.zeros((int(lengths.sum()), 1), np.float32),
        lengths,
        tuple(map(str, range(101))),
        columns=("x",),
    )
    steps = np.zeros(int(lengths.sum()), dtype=np.int64)
    parts = split_of(Labelled(sequences, steps, ("a",), per_step=True), 0.25)
    assert 0 in parts["training"]
    assert lengths[parts["validation"]].sum() == 500


def test_parts_of_the_data_stay() -> None:
    split = ("training", "test") * 20
    parts = split_of(made(40, split=split), 0.25, 0.5)
    assert parts["test"].tolist() == list(range(1, 40, 2))
    assert len(parts["validation"]) == 5
    assert set(parts["validation"].tolist()) <= set(range(0, 40, 2))
    with pytest.raises(OptionError, match="group '0' is both in the training and the test part"):
        split_of(made(40, groups=[0] * 40, split=split))


@pytest.mark.parametrize(
    ("labelled", "shares", "told"),
    [
        (made(1), (0.15, None), r"validation=0\.15 of 1 sequence.* leaves none"),
        (made(6, groups=[0] * 6), (0.5, None), "6 sequences in 1 group"),
        (made(3, [0, 1, 2]), (0.4, None), "3 sequences of 3 classes"),
        (made(9), (1.0, None), "above 0 and below 1"),
        (made(9), (-0.1, None), "above 0 and below 1"),
        (made(9), (0.5, 0.5), "nothing trains"),
        (made(2, split=("test", "validation")), (None, None), "no sequence to train on"),
    ],
)
def test_shares_that_cannot_be_had_are_refused(
    labelled: Labelled, shares: tuple[float | None, float | None], told: str
) -> None:
    with pytest.raises(OptionError, match=told):
        split_of(labelled, *shares)


def test_of_few_sequences_each_part_has_one() -> None:
    lengths = np.array([90, 10, 200], dtype=np.int64)
    sequences = Sequences(np.zeros((300, 1), np.float32), lengths, ("a", "b", "c"), columns=("x",))
    parts = split_of(Labelled(sequences, np.zeros(300, np.int64), ("a",), per_step=True), 0.1, 0.1)
    assert sorted(len(picks) for picks in parts.values()) == [1, 1, 1]
    assert parts["training"].tolist() == [2]
    assert {part: len(picks) for part, picks in split_of(made(3), 0.15, 0.15).items()} == {
        "training": 1,
        "validation": 1,
        "test": 1,
    }


def test_without_a_share_all_sequences_train() -> None:
    parts = split_of(made(5), None)
    assert parts["training"].tolist() == [0, 1, 2, 3, 4]
    assert [len(parts[part]) for part in ("validation", "test")] == [0, 0]
