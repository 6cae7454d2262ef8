"""Sequences from files and frames: FASTA, labels by id, BED, GFF3, long and wide tables, texts."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.data.sequences import Vocabulary, read_labelled
from gatewise.data.sequences.annotations import features_of, write_annotations
from gatewise.data.sequences.texts import read_text
from gatewise.errors import DataError, FileError, GatewiseError, GatewiseWarning, OptionError

FASTA = """>one the first
ACGT
acg

; a comment
>two
  TT GG
>three
A
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sequences")


@pytest.fixture(scope="module")
def fasta(folder: Path) -> Path:
    path = folder / "some.fa"
    path.write_text(FASTA)
    return path


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def letters_of(path: Path, **options: object) -> dict[str, str]:
    found = read_labelled(path, **options).sequences
    assert found.vocabulary is not None
    decoded = (found.vocabulary.decode(found.row(number)) for number in range(len(found)))
    return dict(zip(found.names, map("".join, decoded), strict=True))


def test_fasta_in_every_usual_spelling(folder: Path, fasta: Path) -> None:
    expected = {"one": "ACGTACG", "two": "TTGG", "three": "A"}
    assert letters_of(fasta) == expected
    packed = folder / "packed.FNA.gz"
    packed.write_bytes(gzip.compress(FASTA.encode()))
    assert letters_of(packed) == expected
    spelled = {"crlf": "\r\n", "cr": "\r", "twice": "\r\r\n"}
    for name, end in spelled.items():
        path = folder / f"{name}.fasta"
        path.write_bytes(FASTA.replace("\n", end).encode())
        assert letters_of(path) == expected
    assert letters_of(written(folder, "no_end.fa", FASTA.rstrip())) == expected
    assert letters_of(fasta, soft_masked="mask")["one"].startswith("ACGT\N{REPLACEMENT CHARACTER}")


@given(
    st.dictionaries(
        st.text("abcxyz019_.|", min_size=1, max_size=6),
        st.text("ACGT", min_size=1, max_size=40),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 11),
)
def test_fasta_of_any_width_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, records: dict[str, str], width: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.fa"
    lines = []
    for name, text in records.items():
        lines.append(f">{name}")
        lines += [text[start : start + width] for start in range(0, len(text), width)]
    path.write_text("\n".join(lines))
    assert letters_of(path, alphabet="dna") == records


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("ACGT\n", "no FASTA: line 1 comes before any header"),
        ("; only this\n", "no FASTA: line 1"),
        ("\nACGT\n>a\nA\n", "no FASTA: line 2 comes before any header"),
        (">\nACGT\n", "line 1: a header without a name"),
        (">a\nAC\n>b\n>c\n\n>d\nA", r"line 3: sequence 'b' \(and 1 more\) has no letters"),
        (">a\nAC\n>b\nA\n>a again\nA", "lines 1 and 5: two sequences are called 'a'"),
        (">a\nAC\nGN\nNT\n", r"'N' \(2\); the first is letter 4 of sequence 'a', '.*' line 3\."),
        (">a\nACé\n", r"'byte 195|byte 195 \(1\)"),
    ],
)
def test_what_is_no_fasta_is_refused_with_its_line(folder: Path, text: str, told: str) -> None:
    with pytest.raises((FileError, DataError), match=told):
        read_labelled(written(folder, "wrong.fa", text), alphabet="dna")


def test_labels_of_a_table_find_their_sequences(folder: Path, fasta: Path) -> None:
    path = written(folder, "labels.csv", "id,label,family\nthree,yes,f\none,no,g\ntwo,yes,f\n")
    found = read_labelled(fasta, path, groups="family")
    assert found.classes == ("no", "yes")
    assert found.labels.tolist() == [0, 1, 1]
    assert found.sequences.groups == ("g", "f", "f")
    frame = pd.read_csv(path)
    assert read_labelled(fasta, frame, groups="family").identity == found.identity
    mapping = {"one": "no", "two": "yes", "three": "yes"}
    assert read_labelled(fasta, mapping).labels.tolist() == [0, 1, 1]
    strength = pl.DataFrame({"name": ["one", "two", "three"], "strength": [0.5, 1.5, 2]})
    numbers = read_labelled(fasta, strength)  # the only other column
    assert numbers.labels.tolist() == [0.5, 1.5, 2.0]


def test_ids_without_a_partner_are_named(folder: Path, fasta: Path) -> None:
    path = written(folder, "few.csv", "id,label\none,a\nfour,b\nfive,a\n")
    told = (
        r"2 sequences without a label \('two', 'three'\) and 2 labels without a sequence \('four', "
    )
    with pytest.raises(DataError, match=told):
        read_labelled(fasta, path)
    with pytest.warns(GatewiseWarning, match=told + ".*left out"):
        found = read_labelled(fasta, path, unmatched="drop")
    assert found.sequences.names == ("one",)
    twice = written(folder, "twice.csv", "id,label\none,a\ntwo,b\none,b\n")
    with pytest.raises(DataError, match="'one' has two labels, in rows 1 and 3 of column 'id'"):
        read_labelled(fasta, twice)
    wide = written(folder, "wide.csv", "id,a,b\none,1,2\ntwo,1,2\nthree,1,2\n")
    with pytest.raises(DataError, match=r"which column holds the labels.*'a', 'b'"):
        read_labelled(fasta, wide)
    assert read_labelled(fasta, wide, target=["a", "b"]).labels.shape == (3, 2)


def test_bed_labels_its_steps(folder: Path, fasta: Path) -> None:
    path = written(
        folder, "f.bed", "track x\n#c\none\t1\t3\tgene\t0\t+\ntwo\t0\t4\tgene\t0\t-\none 5 6 rna\n"
    )
    found = read_labelled(fasta, path)
    assert found.per_step
    assert found.classes == ("other", "gene", "rna")
    assert found.labels.tolist() == [0, 1, 1, 0, 0, 2, 0, 1, 1, 1, 1, 0]
    genes = read_labelled(fasta, path, features="gene", strands=True, background="none")
    assert genes.classes == ("none", "gene+", "gene-")
    assert genes.labels.tolist() == [0, 1, 1, 0, 0, 0, 0, 2, 2, 2, 2, 0]


def test_gff3_labels_its_steps(folder: Path, fasta: Path) -> None:
    lines = [
        "##gff-version 3",
        "one\tx\tgene\t1\t7\t.\t+\t.\tID=g",
        "one\tx\tCDS\t2\t3\t.\t+\t0\tID=c",
        "one\tx\tCDS\t6\t6\t.\t+\t0\tID=c",
        "##FASTA",
        ">one",
    ]
    path = folder / "f.gff3.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert read_labelled(fasta, path).labels.tolist() == [0, 1, 1, 0, 0, 1, 0, *[0] * 5]
    both = read_labelled(fasta, path, features=["CDS", "gene"])
    assert both.classes == ("other", "CDS", "gene")
    assert both.labels.tolist() == [2, 1, 1, 2, 2, 1, 2, *[0] * 5]
    with pytest.raises(
        DataError, match=r"no feature 'cds': it has 'CDS', 'gene'\. Did you mean 'CDS'"
    ):
        read_labelled(fasta, path, features="cds")


@pytest.mark.parametrize("name", ["written.bed", "written.gff3"])
def test_labels_are_read_as_they_were_written(folder: Path, fasta: Path, name: str) -> None:
    sequences = read_labelled(fasta).sequences
    classes = ("other", "CDS+", "CDS-", "rRNA+")
    labels = np.array([0, 1, 1, 2, 2, 0, 3, 3, 0, 0, 1, 2])
    features = list(features_of(sequences, labels, classes))
    write_annotations(folder / name, features, sequences)
    found = read_labelled(fasta, folder / name, strands=True, features=["CDS", "rRNA"])
    assert found.classes == (*classes, "rRNA-")
    assert found.labels.tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.bed", "one\t1\n", "line 1 is no BED"),
        ("a.bed", "one\t1\tx\n", "line 1: 'x' is no place"),
        (
            "a.bed",
            "one\t1\t9\n",
            "line 1: 2 to 9 does not lie in sequence 'one', which has 7 letters",
        ),
        ("a.bed", "one\t3\t3\n", "line 1: 4 to 3 does not lie"),
        ("a.bed", "\none\t1\t3\ta\none\t2\t4\tb\n", "line 3: 'b' overlaps 'a': say with features="),
        (
            "a.bed",
            "one\t1\t3\nOne\t1\t3\n",
            r"line 2: 1 feature of .* not there \('One'\)\..*'one'",
        ),
        ("a.bed", "", "is empty|no feature"),
        ("a.gff", "one\tx\tCDS\t1\n", "line 1 is no GFF3: 4 columns in place of 9"),
        ("a.gff", "one\tx\tCDS\t0\t2\t.\t+\t0\tx\n", "line 1: 0 to 2 does not lie"),
        ("a.gff", "one\tx\tgene\t1\t2\t.\t+\t0\tx\n", "no feature 'CDS': it has 'gene'"),
        ("a.bam", "x", "the ending must be one of"),
    ],
)
def test_wrong_annotations_are_refused(
    folder: Path, fasta: Path, name: str, text: str, told: str
) -> None:
    with pytest.raises(GatewiseError, match=told):
        read_labelled(fasta, written(folder, name, text))


LONG = pl.DataFrame(
    {
        "unique_id": ["b", "a", "b", "a", "b"],
        "ds": [3, 1, 1, 2, 2],
        "x": [3.0, 10.0, 1.0, 20.0, 2.0],
        "up": [True, False, True, True, False],
        "label": ["q", "p", "q", "p", "q"],
        "fold": ["test", "training", "test", "training", "test"],
    }
)


@pytest.mark.parametrize("kind", ["polars", "pandas", "csv"])
def test_a_long_table_is_ordered_by_series_and_time(folder: Path, kind: str) -> None:
    path = folder / "long.csv"
    LONG.write_csv(path)
    data = {"polars": LONG, "pandas": LONG.to_pandas(), "csv": path}[kind]
    found = read_labelled(data, split="fold")
    assert found.sequences.names == ("b", "a")
    assert found.sequences.columns == ("x", "up")
    assert found.sequences.values.tolist() == [[1, 1], [2, 0], [3, 1], [10, 0], [20, 1]]
    assert (found.per_step, found.classes, found.labels.tolist()) == (False, ("p", "q"), [1, 0])
    assert found.split == ("test", "training")


def test_labels_that_vary_in_a_series_are_of_steps() -> None:
    frame = LONG.with_columns(label=pl.Series(["q", "p", "p", None, "q"]))
    found = read_labelled(frame, inputs="x")
    assert found.per_step
    assert found.labels.tolist() == [0, 1, 1, 0, -1]
    with pytest.raises(DataError, match=r"not the same in all rows of sequence 'b'.* for a tagger"):
        read_labelled(frame, inputs="x", per_step=False)
    constant = read_labelled(LONG, per_step=True, inputs="x")
    assert constant.labels.tolist() == [1, 1, 1, 0, 0]


def test_a_column_of_tokens_becomes_codes() -> None:
    found = read_labelled(LONG, inputs="label", target="x", label_kind="numbers")
    assert found.sequences.vocabulary.symbols == ("p", "q")
    assert found.sequences.values.tolist() == [2, 2, 2, 1, 1]
    known = Vocabulary(("p",))
    with pytest.raises(DataError, match="3 of 5 tokens are not in the vocabulary, the first 'q'"):
        read_labelled(LONG, inputs="label", target="x", vocabulary=known)


@pytest.mark.parametrize(
    ("frame", "options", "told"),
    [
        (LONG.drop("unique_id"), {}, r"no column 'unique_id' \(series\)"),
        (LONG, {"series": "id"}, r"no column 'id' \(series\)"),
        (LONG, {"target": "labl"}, r"no column 'labl' \(target\)\. Did you mean 'label'"),
        (LONG, {"inputs": "z"}, r"no column 'z' \(inputs\)"),
        (LONG, {"inputs": ["x", "label"]}, "'label' is among the inputs and plays another part"),
        (LONG.drop("x", "up"), {}, "no column of numbers"),
        (LONG.with_columns(ds=pl.lit(1)), {}, r"rows 1 and 3 of sequence 'b' have the same time"),
        (LONG.head(0), {}, "no rows"),
        (LONG.with_columns(x=pl.lit(None, pl.Float64)), {}, "5 values are missing, .*'b', step 1"),
    ],
)
def test_what_is_wrong_in_a_long_table_is_named(
    frame: pl.DataFrame, options: dict[str, object], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        read_labelled(frame, **options)


def test_a_table_of_letters_has_a_sequence_in_each_row() -> None:
    frame = pl.DataFrame({"sequence": ["ACG", "TT"], "y": [0.5, 1.5], "set": ["test", "training"]})
    found = read_labelled(frame, split="set")
    assert found.sequences.names == ("1", "2")
    assert found.sequences.values.tolist() == [1, 2, 3, 4, 4]
    assert found.labels.tolist() == [0.5, 1.5]
    assert found.split == ("test", "training")
    other = frame.rename({"sequence": "dna"}).with_columns(id=pl.Series(["u", "v"]))
    assert read_labelled(other, sequence="dna").sequences.names == ("u", "v")
    with pytest.raises(DataError, match="holds no texts"):
        read_labelled(frame, sequence="y")
    with pytest.raises(DataError, match="'sequence' is empty in row 2"):
        read_labelled(frame.with_columns(sequence=pl.Series(["A", None])))


def test_a_text_is_one_sequence_of_characters(folder: Path) -> None:
    path = written(folder, "alice.txt", "\ufeffDown\r\nthe häil\r")
    found = read_labelled(path).sequences
    assert (found.names, found.steps) == (("alice",), 14)
    assert found.vocabulary is not None
    assert "".join(found.vocabulary.decode(found.values)) == "Down\nthe häil\n"


def test_texts_in_another_encoding_are_refused_and_read_on_request(folder: Path) -> None:
    path = folder / "latin.txt"
    path.write_bytes("one\ncafé\n".encode("latin-1"))
    with pytest.raises(FileError, match=r"not UTF-8 text: line 2 has the byte e9; .*encoding="):
        read_text(path)
    assert read_text(path, "latin-1") == "one\ncafé\n"
    path.write_bytes("hé".encode("utf-16"))
    with pytest.raises(FileError, match="encoding='utf-16'"):
        read_text(path)
    assert read_text(path, "utf-16") == "hé"
    path.write_bytes(b"a\nb\0c")
    with pytest.raises(FileError, match="line 2 holds a NUL byte"):
        read_text(path)
    path.write_bytes(b" \n")
    with pytest.raises(FileError, match="is empty"):
        read_text(path)
    for wrong in ("utf-99", "rot13", "base64", ""):
        with pytest.raises(OptionError, match="encoding="):
            read_text(path, wrong)


@pytest.mark.parametrize("name", ["missing.fa", ".", "x.bam"])
def test_files_that_cannot_be_read_are_named(folder: Path, name: str) -> None:
    with pytest.raises(FileError, match=r"no file|is a folder|the ending must be one of"):
        read_labelled(folder / name)


def test_data_to_predict_needs_no_labels_and_none_are_looked_at() -> None:
    unknown = {"with_labels": False, "classes": ("p",), "columns": ("x",)}
    for frame in (LONG, LONG.drop("label"), LONG.with_columns(label=pl.lit("strange"))):
        found = read_labelled(frame, target="label", **unknown)
        assert found.labels is None
        assert found.sequences.columns == ("x",)
    wide = pl.DataFrame({"sequence": ["ACG"], "y": ["strange"]})
    for frame in (wide, wide.drop("y")):
        assert read_labelled(frame, target="y", **unknown).labels is None
    assert read_labelled("dataset:tobacco_plastid", with_labels=False).labels is None
    with pytest.raises(DataError, match=r"no column 'x' \(inputs\)"):
        read_labelled(LONG.drop("x"), **unknown)
