"""Laws of sequences, labels and vocabularies: picking, offsets, identity, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.data.sequences import Labelled, Sequences, Vocabulary
from gatewise.data.sequences.vocabulary import UNKNOWN
from gatewise.errors import DataError

DNA = Vocabulary(("A", "C", "G", "T"))


def coded(*texts: str, **more: object) -> Sequences:
    return Sequences(
        values=DNA.encode("".join(texts)),
        lengths=np.array([len(text) for text in texts], dtype=np.int64),
        names=tuple(f"s{number}" for number in range(len(texts))),
        vocabulary=DNA,
        **more,
    )


def measured(lengths: list[int], columns: int = 2) -> Sequences:
    steps = sum(lengths)
    return Sequences(
        values=np.arange(steps * columns, dtype=np.float32).reshape(steps, columns),
        lengths=np.array(lengths, dtype=np.int64),
        names=tuple(map(str, range(len(lengths)))),
        columns=tuple(f"x{number}" for number in range(columns)),
    )


def test_offsets_and_rows_divide_the_values() -> None:
    sequences = coded("ACG", "", "TTTT")
    assert sequences.offsets.tolist() == [0, 3, 3, 7]
    assert ["".join(DNA.decode(sequences.row(i))) for i in range(3)] == ["ACG", "", "TTTT"]
    assert sequences.row(-1).tolist() == [4, 4, 4, 4]
    assert (len(sequences), sequences.steps) == (3, 7)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.data())
def test_taking_gives_the_rows_picked_in_their_order(
    lengths: list[int], data: st.DataObject
) -> None:
    sequences = measured(lengths)
    picks = data.draw(st.lists(st.integers(0, len(lengths) - 1), unique=True))
    labelled = Labelled(
        sequences,
        np.arange(sum(lengths), dtype=np.float32),
        per_step=True,
        weights=np.arange(1, len(lengths) + 1, dtype=np.float32),
    )
    taken = labelled.take(np.array(picks, dtype=np.int64))
    assert taken.sequences.names == tuple(str(pick) for pick in picks)
    assert taken.weights is not None
    assert taken.weights.tolist() == [pick + 1 for pick in picks]
    for place, pick in enumerate(picks):
        np.testing.assert_array_equal(taken.sequences.row(place), sequences.row(pick))
        steps = slice(*sequences.offsets[pick : pick + 2])
        mine = slice(*taken.sequences.offsets[place : place + 2])
        np.testing.assert_array_equal(taken.labels[mine], labelled.labels[steps])


def test_a_mask_picks_too_and_nothing_is_picked_twice_or_from_outside() -> None:
    sequences = coded("ACG", "T", "TTTT")
    assert sequences.take(np.array([True, False, True])).names == ("s0", "s2")
    assert len(sequences.take(np.zeros(0, dtype=np.int64))) == 0
    with pytest.raises(DataError, match="'s1' is there twice"):
        sequences.take(np.array([1, 1]))
    with pytest.raises(DataError, match="no sequence 3"):
        sequences.take(np.array([0, 3]))
    with pytest.raises(DataError, match="a mask"):
        sequences.take(np.array([True]))


def test_identity_changes_with_any_part_and_with_nothing_else() -> None:
    base = Labelled(
        coded("ACG", "T", groups=("a", "b")),
        np.array([0, 1]),
        classes=("no", "yes"),
        weights=np.ones(2, np.float32),
        split=("training", "test"),
    )
    same = Labelled(
        coded("ACG", "T", groups=("a", "b")),
        np.array([0, 1]),
        classes=("no", "yes"),
        weights=np.ones(2, np.float32),
        split=("training", "test"),
    )
    assert base.identity == same.identity
    assert {key: base.identity[key] for key in ("sequences", "steps")} == {
        "sequences": 2,
        "steps": 4,
    }
    sequences = base.sequences
    other = [
        replace(base, sequences=coded("ACT", "T", groups=("a", "b"))),
        replace(base, sequences=coded("AC", "GT", groups=("a", "b"))),
        replace(base, sequences=coded("ACG", "T", groups=("a", "a"))),
        replace(base, sequences=coded("ACG", "T")),
        replace(base, sequences=replace(sequences, names=("s0", "s2"))),
        replace(base, sequences=replace(sequences, vocabulary=Vocabulary(("A", "C", "G", "U")))),
        replace(base, labels=np.array([1, 1])),
        replace(base, labels=np.array([0, -1])),
        replace(base, classes=("no", "perhaps")),
        replace(base, weights=np.array([1, 2], np.float32)),
        replace(base, weights=None),
        replace(base, split=("training", "training")),
        replace(base, labels=None, classes=()),
    ]
    assert len({one.identity["sha256"] for one in (base, *other)}) == len(other) + 1


def test_every_measured_bit_counts_in_the_identity() -> None:
    sequences = measured([2, 1])
    for place in np.ndindex(sequences.values.shape):
        changed = sequences.values.copy()
        changed[place] = np.nextafter(changed[place], np.float32(np.inf))
        assert replace(sequences, values=changed).identity != sequences.identity


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"lengths": np.array([3, 2])}, "add up to 5 steps, and there are 4"),
        ({"lengths": np.array([5, -1])}, "none of them negative"),
        ({"names": ("a",)}, "as many names"),
        ({"names": ("a", "a")}, "'a' is there twice"),
        ({"groups": ("a",)}, "as many names and groups"),
        ({"vocabulary": Vocabulary(("A",))}, "outside the vocabulary's, 0 to 1"),
        ({"vocabulary": None}, "measured values are float32"),
        ({"columns": ("x",)}, "without columns"),
    ],
)
def test_contradictions_in_sequences_are_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(DataError, match=told):
        replace(coded("ACG", "T"), **changes)


@pytest.mark.parametrize(
    ("labels", "more", "told"),
    [
        (np.array([0, 1, 0]), {"classes": ("a", "b")}, "2 sequences, and 3 labels"),
        (np.array([0, 1]), {"classes": ("a", "b"), "per_step": True}, "4 steps, and 2 labels"),
        (np.array([0, 2]), {"classes": ("a", "b")}, "outside those of 2 classes"),
        (np.array([0, -2]), {"classes": ("a", "b")}, "outside those"),
        (np.array([0, 1]), {"classes": ("a", "a")}, "distinct"),
        (np.array([0, 1]), {}, "numbers, float32"),
        (np.zeros(2, np.float32), {"classes": ("a",)}, "codes, int64"),
        (None, {"classes": ("a",)}, "no labels"),
        (None, {"weights": np.zeros(2, np.float32)}, "above 0"),
        (None, {"split": ("training",)}, "2 sequences, and the parts of 1"),
        (None, {"split": ("training", "train")}, "'train' is no part"),
    ],
)
def test_contradictions_in_labels_are_refused(
    labels: np.ndarray | None, more: dict[str, object], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        Labelled(coded("ACG", "T"), labels, **more)


def test_known_labels_and_their_counts() -> None:
    sequences = coded("ACG", "T", "")
    classes = Labelled(sequences, np.array([1, -1, 1]), classes=("no", "yes"))
    assert classes.known.tolist() == [True, False, True]
    assert classes.counts.tolist() == [0, 2]
    numbers = Labelled(sequences, np.array([[1, 2], [np.nan, 1], [0, 0]], np.float32))
    assert numbers.known.tolist() == [True, False, True]
    with pytest.raises(DataError, match="no labels"):
        _ = Labelled(sequences).known


@given(st.text(alphabet="ACGTNé\U0001f9ec", max_size=30))
def test_characters_are_coded_like_any_other_token(text: str) -> None:
    vocabulary = Vocabulary(("A", "C", "G", "T", "\U0001f9ec"))
    codes = vocabulary.encode(text)
    assert codes.dtype == np.int64
    assert codes.tolist() == vocabulary.encode(list(text)).tolist()
    known = set(vocabulary.symbols)
    written = "".join(one if one in known else UNKNOWN for one in text)
    assert "".join(vocabulary.decode(codes)) == written


def test_words_of_a_vocabulary_and_its_json() -> None:
    vocabulary = Vocabulary(("the", "keys"))
    assert vocabulary.size == 3
    assert vocabulary.encode(["the", "cabinet", "keys"]).tolist() == [1, 0, 2]
    assert vocabulary.encode("the").tolist() == [0, 0, 0]  # a text is its characters
    assert Vocabulary.from_json(vocabulary.to_json()).symbols == vocabulary.symbols
    with pytest.raises(DataError, match="code 3 is not in a vocabulary of codes 0 to 2"):
        vocabulary.decode([1, 3])


@pytest.mark.parametrize(
    ("symbols", "told"),
    [
        ((), "at least one"),
        (("A", "A"), "'A' is twice"),
        (("",), "no symbol"),
        ((UNKNOWN,), "no symbol"),
    ],
)
def test_no_vocabulary_without_distinct_symbols(symbols: tuple[str, ...], told: str) -> None:
    with pytest.raises(DataError, match=told):
        Vocabulary(symbols)


def test_what_is_printed_stays_short_however_many_sequences_there_are() -> None:
    many = Sequences(
        np.zeros((9_000, 2), dtype=np.float32),
        np.full(3_000, 3, dtype=np.int64),
        tuple(map(str, range(3_000))),
        columns=("rain", "wind"),
    )
    assert repr(many) == "Sequences(3,000 sequences, 9,000 steps, 2 columns)"
    assert repr(Labelled(many)) == f"Labelled({many!r}, no labels)"
    classes = Labelled(many, np.zeros(9_000, dtype=np.int64), classes=("a", "b"), per_step=True)
    assert repr(classes) == f"Labelled({many!r}, 2 classes, one label for each step)"
