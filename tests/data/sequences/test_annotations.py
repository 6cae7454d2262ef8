"""BED and GFF3 files of labels, read back by hand: their own way of counting, strands, names, errors."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from gatewise.data.sequences.annotations import features_of, write_annotations
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.errors import DataError, GatewiseError, OptionError

CLASSES = ("CDS+", "CDS-", "other", "tRNA")


def sequences(*names: str) -> Sequences:
    lengths = np.array([9, 0, 4][: len(names)])
    codes = np.ones(lengths.sum(), dtype=np.int64)
    return Sequences(codes, lengths, names, Vocabulary(tuple("ACGT")))


GENOME = sequences("chr1", "empty", "chr=2;x")
LABELS = np.array([0, 0, 1, 1, 1, 2, -1, 3, 3, 3, 2, 2, 0])


def read_back(path: Path) -> dict[str, list[str]]:
    """Return the labels of each sequence that a file tells, by the rules of its format alone."""
    names = dict(zip(GENOME.names, GENOME.lengths.tolist(), strict=True))
    found = {name: ["other"] * length for name, length in names.items()}
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            continue
        fields = line.split("\t")
        if path.suffix == ".bed":
            name, first, last, kind, _, strand = fields
            steps = range(int(first), int(last))
        else:
            name, _, kind, first, last, _, strand, phase, _ = fields
            assert phase == "."
            name, steps = unquote(name), range(int(first) - 1, int(last))
        for step in steps:
            assert found[name][step] == "other"
            found[name][step] = kind + strand.replace(".", "")
    return found


@pytest.mark.parametrize("name", ["labels.bed", "labels.gff3"])
def test_a_file_holds_the_labels(tmp_path: Path, name: str) -> None:
    write_annotations(tmp_path / name, list(features_of(GENOME, LABELS, CLASSES)), GENOME)
    wanted = [CLASSES[code] if code >= 0 else "other" for code in LABELS]
    assert read_back(tmp_path / name) == {"chr1": wanted[:9], "empty": [], "chr=2;x": wanted[9:]}


def test_bed_counts_from_0_and_gff3_from_1(tmp_path: Path) -> None:
    probabilities = np.full((13, 4), 0.25)
    probabilities[2:5, 1] = [0.5, 1.0, 0.9]
    features = list(features_of(GENOME, LABELS, CLASSES, probabilities))
    write_annotations(tmp_path / "a.bed", features, GENOME)
    write_annotations(tmp_path / "a.gff3", features, GENOME, made_by="tagger")
    assert (tmp_path / "a.bed").read_text().splitlines()[1] == "chr1\t2\t5\tCDS\t800\t-"
    lines = (tmp_path / "a.gff3").read_text().splitlines()
    assert lines[:3] == [
        "##gff-version 3",
        "##sequence-region chr1 1 9",
        "##sequence-region chr%3D2%3Bx 1 4",
    ]
    assert lines[4] == "chr1\ttagger\tCDS\t3\t5\t0.8\t-\t.\tID=feature2"


def test_runs_end_with_their_sequence() -> None:
    found = list(features_of(GENOME, np.full(13, 3), CLASSES))
    assert [(one.sequence, one.start, one.end) for one in found] == [
        ("chr1", 0, 9),
        ("chr=2;x", 0, 4),
    ]


def test_the_background_is_a_feature_where_it_is_asked_for() -> None:
    kinds = {one.kind for one in features_of(GENOME, LABELS, CLASSES, background=None)}
    assert kinds == {"CDS", "other", "tRNA"}


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("labels.txt", OptionError, "neither .bed nor .gff3"),
        ("labels.gtf", OptionError, "Did you mean '.gff'"),
        ("none/labels.bed", GatewiseError, "none"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, name: str, error: type[Exception], says: str
) -> None:
    features = list(features_of(GENOME, LABELS, CLASSES))
    with pytest.raises(error, match=says):
        write_annotations(tmp_path / name, features, GENOME)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_bed_cannot_hold_is_refused_and_gff3_escapes_it(tmp_path: Path) -> None:
    given = sequences("my chromosome")
    features = list(features_of(given, np.zeros(9, np.int64), CLASSES))
    with pytest.raises(DataError, match=r"'my chromosome': write .gff3"):
        write_annotations(tmp_path / "a.bed", features, given)
    write_annotations(tmp_path / "a.gff3", features, given)
    assert (tmp_path / "a.gff3").read_text().splitlines()[-1].startswith("my%20chromosome\t")


def test_labels_of_other_steps_are_refused() -> None:
    with pytest.raises(DataError, match="13 steps, and 12 labels"):
        list(features_of(GENOME, LABELS[:-1], CLASSES))
