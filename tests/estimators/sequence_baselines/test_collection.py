"""Baselines on sequences whose answer is known: each finds what it can see, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gatewise.data.sequences import Labelled, Sequences, Vocabulary
from gatewise.errors import FileError, OptionError
from gatewise.estimators.baselines import collection, sensors
from gatewise.estimators.baselines import letters as letters_of
from gatewise.estimators.baselines.collection import SequenceBaselines, baselines_for
from gatewise.estimators.baselines.letters import Around
from gatewise.estimators.baselines.sensors import Rocket

DNA = Vocabulary(tuple("ACGT"))


def letters(rows: list[Any], labels: Any, classes: tuple[str, ...] = (), **more: Any) -> Labelled:
    codes = [np.asarray(row, dtype=np.int64) for row in rows]
    lengths = np.array([len(row) for row in codes])
    names = tuple(f"s{i}" for i in range(len(rows)))
    sequences = Sequences(np.concatenate(codes), lengths, names, DNA)
    kind = np.int64 if classes else np.float32
    return Labelled(sequences, np.asarray(labels, dtype=kind), classes, **more)


def measured(rows: list[np.ndarray], labels: Any, **more: Any) -> Labelled:
    lengths = np.array([len(row) for row in rows])
    values = np.concatenate(rows).astype(np.float32)
    columns = tuple(f"c{i}" for i in range(values.shape[1]))
    names = tuple(f"s{i}" for i in range(len(rows)))
    sequences = Sequences(values, lengths, names, columns=columns)
    return Labelled(sequences, np.asarray(labels, dtype=np.int64), ("a", "b"), **more)


def fitted(labelled: Labelled, **more: Any) -> tuple[SequenceBaselines, dict[str, np.ndarray]]:
    """Fit on the first half, choose on a quarter, answer the rest; through JSON and arrays and back."""
    picks = np.arange(len(labelled))
    n = len(picks)
    found = SequenceBaselines.fit(labelled, picks[: n // 2], picks[n // 2 : 3 * n // 4], **more)
    said, arrays = found.to_state()
    assert all(array.dtype != object for array in arrays.values())
    again = SequenceBaselines.from_state(json.loads(json.dumps(said)), arrays)
    answers = found.answers(labelled.sequences, picks[3 * n // 4 :])
    kept = again.answers(labelled.sequences, picks[3 * n // 4 :])
    for name, one in answers.items():
        assert np.array_equal(one, kept[name])
    assert again.notes == found.notes
    return found, answers


def right(answer: np.ndarray, labels: np.ndarray) -> float:
    return float((answer.argmax(axis=1) == labels).mean())


def test_a_motif_anywhere_is_seen_by_k_mers_and_not_by_the_majority() -> None:
    generator = np.random.default_rng(0)
    rows, labels = [], generator.integers(0, 2, 160)
    for label in labels:
        row = generator.integers(1, 5, generator.integers(20, 40))
        at = generator.integers(0, len(row) - 4)
        row[at : at + 4] = [1, 4, 1, 4] if label else [3, 2, 3, 2]
        rows.append(row)
    found, answers = fitted(letters(rows, labels, ("no", "yes")))
    assert list(answers) == ["majority", "kmers"]
    assert right(answers["kmers"], labels[120:]) > 0.8
    assert np.ptp(answers["majority"], axis=0).max() == 0
    assert any("k-mers of up to 3" in note for note in found.notes)
    for one in answers.values():
        assert np.allclose(one.sum(axis=1), 1, rtol=0, atol=1e-12)


def test_a_letter_at_its_position_is_seen_where_lengths_are_alike() -> None:
    generator = np.random.default_rng(1)
    rows = generator.integers(1, 5, (200, 9))
    found, answers = fitted(letters(list(rows), (rows[:, 4] > 2), ("no", "yes")))
    assert right(answers["kmers"], rows[150:, 4] > 2) > 0.97
    assert any("9 positions" in note for note in found.notes)


def test_pairs_of_neighbours_are_taken_where_they_tell_more() -> None:
    generator = np.random.default_rng(1)
    rows = generator.integers(1, 5, (400, 6))
    value = ((rows[:, 2] == 1) ^ (rows[:, 3] == 1)) * 4.0 + 0.01 * generator.normal(size=400)
    found, answers = fitted(letters(list(rows), value))
    assert any("pairs of neighbours" in note for note in found.notes)
    errors = {
        name: np.mean((one[:, 0] - value[300:]) ** 2) / value.var() for name, one in answers.items()
    }
    assert errors["majority"] == pytest.approx(1, abs=0.2)
    assert errors["kmers"] < 0.02


def frames(n: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return sequences with a coding stretch, in which the third letter of each codon is A or T."""
    generator = np.random.default_rng(seed)
    rows, labels = [], []
    for _ in range(n):
        row, label = generator.integers(1, 5, 300), np.zeros(300, dtype=int)
        begin = int(generator.integers(20, 100))
        label[begin : begin + 150] = 1
        row[begin + 2 : begin + 150 : 3] = generator.choice([1, 4], 50)
        row[begin : begin + 150 : 3] = generator.choice([2, 3], 50)
        rows.append(row)
        labels.append(label)
    return rows, labels


def test_the_reading_frame_around_a_step_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters_of, "WINDOWS", (15, 45))
    rows, labels = frames(12, 0)
    labelled = letters(rows, np.concatenate(labels), ("no", "yes"), per_step=True)
    found, answers = fitted(labelled)
    assert right(answers["kmers"], np.concatenate(labels[9:])) > 0.85
    assert right(answers["majority"], np.concatenate(labels[9:])) <= 0.55
    assert any("by frame" in note for note in found.notes)


def test_counts_around_a_step_are_those_of_its_window_within_its_sequence() -> None:
    generator = np.random.default_rng(0)
    rows = [generator.integers(0, 5, size) for size in (31, 4, 1, 22)]
    labelled = letters(rows, np.zeros(58), ("a",), per_step=True)
    design = Around(5, 2, 6, 3, 3)
    places = np.array([0, 1, 14, 30, 31, 34, 35, 36, 50, 57])
    found = design.rows(labelled.sequences, places).dense(slice(0, len(places)))
    offsets = labelled.sequences.offsets
    for place, told in zip(places, found, strict=True):
        number = int(np.searchsorted(offsets, place, side="right")) - 1
        row, at = rows[number], place - offsets[number]
        near = np.zeros((5, 5))
        for k in range(-2, 3):
            if 0 <= at + k < len(row):
                near[k + 2, row[at + k]] = 1
        counts = np.zeros((3, 64))
        for start in range(max(at - 6, 0), min(at + 7, len(row))):
            kmer = row[start : start + 3]
            if len(kmer) == 3 and (kmer > 0).all():
                counts[(start - at) % 3, (kmer[0] - 1) * 16 + (kmer[1] - 1) * 4 + kmer[2] - 1] += 1
        total = counts.sum(axis=1, keepdims=True)
        shares = counts / np.where(total > 0, total, 1)
        assert np.allclose(told, np.concatenate([near.ravel(), shares.ravel()]), rtol=0, atol=1e-15)


def waves(n: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return slow and fast waves of any phase beside a channel of noise, and which they are."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, n)
    rows = []
    for label in labels:
        t = np.arange(generator.integers(15, 40))
        wave = np.sin(
            (1.6 if label else 0.5) * t + generator.uniform(0, 6)
        ) + 0.3 * generator.normal(size=len(t))
        rows.append(np.stack([wave, generator.normal(size=len(t))], axis=1))
    rows[0][3, 0] = np.nan
    rows[1] = rows[1][:0]
    return rows, labels


def test_sensors_are_told_apart_by_summaries_and_by_random_convolutions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sensors, "KERNELS", 150)
    rows, labels = waves(120)
    found, answers = fitted(measured(rows, labels))
    assert list(answers) == ["majority", "features", "rocket"]
    assert right(answers["features"], labels[90:]) > 0.9
    assert right(answers["rocket"], labels[90:]) > 0.9
    assert any("random convolutions" in note for note in found.notes)


def test_random_convolutions_are_those_of_each_sequence_alone_and_repeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sensors, "KERNELS", 20)
    rows, labels = waves(12)
    sequences = measured(rows, labels).sequences
    design = Rocket.fit(sequences, np.arange(12), seed=3)
    together = design.rows(sequences, np.arange(12)).dense(slice(0, 12))
    alone = Rocket.fit(sequences, np.arange(12), seed=3).rows(sequences, np.array([5]))
    assert np.allclose(together[5], alone.dense(slice(0, 1))[0], rtol=0, atol=1e-12)
    assert (together[1] == 0).all()  # an empty sequence
    weights, bias, dilation, channels = design._drawn()[7]
    reach = (len(weights) - 1) * dilation // 2
    x = (sequences.row(5)[:, channels] - design.mean[channels]) / design.deviation[channels]
    padded = np.pad(x, ((reach, reach), (0, 0)))
    told = [
        sum(weights[j] @ padded[t + j * dilation] for j in range(len(weights))) + bias
        for t in range(len(x))
    ]
    assert together[5, 14] == pytest.approx(max(told), abs=1e-9)
    assert together[5, 15] == pytest.approx(np.mean(np.array(told) > 0))


def test_steps_of_sensors_are_told_by_the_values_around_them() -> None:
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(60, 1)) for _ in range(16)]
    labels = [np.roll(row[:, 0] > 0, 2) for row in rows]  # two steps late
    for label in labels:
        label[:2] = False
    labelled = measured(rows, np.concatenate(labels), per_step=True)
    _, answers = fitted(labelled)
    assert list(answers) == ["majority", "features"]
    assert right(answers["features"], np.concatenate(labels[12:])) > 0.9


def test_unknown_labels_and_weights_are_minded() -> None:
    labels = np.array([0] * 30 + [1] * 10 + [-1] * 40)
    weights = np.where(np.arange(80) < 30, 1, 9).astype(np.float32)
    labelled = letters([[1, 2, 3]] * 80, labels, ("a", "b"), weights=weights)
    found = SequenceBaselines.fit(
        labelled, np.arange(80), np.zeros(0, dtype=int), names=("majority",)
    )
    (answer,) = np.unique(found.answers(labelled.sequences, np.array([0]))["majority"], axis=0)
    assert answer == pytest.approx([31 / 122, 91 / 122])


def test_what_does_not_apply_or_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = letters([[1, 2], [2, 3], [3, 4], [4, 1]] * 5, [0, 1] * 10, ("a", "b"))
    none = np.zeros(0, dtype=int)
    with pytest.raises(OptionError, match="there is no 'kmer' Did you mean 'kmers'"):
        SequenceBaselines.fit(rows, np.arange(20), none, names=("kmer",))
    found = SequenceBaselines.fit(rows, np.arange(20), none, names=("rocket",))
    assert found.notes == ("rocket does not apply to these sequences.",)
    monkeypatch.setattr(collection, "has_logistic", lambda: False)
    found = SequenceBaselines.fit(rows, np.arange(20), none)
    assert list(found.fitted) == ["majority"]
    assert "needs scikit-learn" in found.notes[0]
    assert baselines_for(rows) == ("majority", "kmers")


def test_without_a_validation_part_a_fifth_of_the_training_part_chooses() -> None:
    generator = np.random.default_rng(1)
    rows = generator.integers(1, 5, (100, 6))
    labelled = letters(list(rows), rows[:, 2] > 2, ("no", "yes"))
    found = SequenceBaselines.fit(labelled, np.arange(80), np.zeros(0, dtype=int))
    assert (
        right(found.answers(labelled.sequences, np.arange(80, 100))["kmers"], rows[80:, 2] > 2)
        > 0.9
    )


@pytest.mark.parametrize("per_step", [False, True])
def test_very_few_sequences_are_no_trouble(per_step: bool) -> None:
    none = np.zeros(0, dtype=int)
    rows = [[1], [2, 3], [], [3, 4, 1]]
    classes = ("a", "b")
    labels = [0, 1, 1, 0, 0, 1] if per_step else [0, 1, 0, 1]
    found = SequenceBaselines.fit(
        letters(rows, labels, classes, per_step=per_step), np.arange(4), none
    )
    told = found.answers(letters(rows, labels, classes, per_step=per_step).sequences, np.arange(4))
    assert all(np.isfinite(one).all() for one in told.values())
    assert {len(one) for one in told.values()} == {6 if per_step else 4}
    waves_of = [np.ones((size, 2)) for size in (3, 0, 1)]
    steps = [0, 1, 0, 0] if per_step else [0, 1, 0]
    sensed = measured(waves_of, steps, per_step=per_step)
    found = SequenceBaselines.fit(sensed, np.arange(3), none)
    assert all(
        np.isfinite(one).all() for one in found.answers(sensed.sequences, np.arange(3)).values()
    )


def test_features_that_are_not_known_here_are_refused() -> None:
    rows = letters([[1, 2], [2, 3], [3, 4], [4, 1]] * 5, [0, 1] * 10, ("a", "b"))
    said, arrays = SequenceBaselines.fit(rows, np.arange(20), np.zeros(0, dtype=int)).to_state()
    said["fitted"]["kmers"]["design"]["kind"] = "newer"
    with pytest.raises(FileError, match="features 'newer'"):
        SequenceBaselines.from_state(said, arrays)
