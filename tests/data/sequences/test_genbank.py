"""GenBank files: letters, joins on both strands, places that are not plain, what is refused."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.data.sequences.made_up import GENBANK

from gatewise.data.sequences import read_labelled
from gatewise.errors import DataError, EngineError, FileError


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("genbank") / "made_up.gb"
    path.write_text(GENBANK)
    return path


def expected(*stretches: tuple[int, int, int]) -> list[int]:
    codes = np.zeros(35, dtype=int)
    for first, last, code in stretches:
        codes[first - 1 : last] = code
    return codes.tolist()


CODING = [(2, 4, 1), (9, 10, 1), (12, 13, 1), (18, 20, 1), (29, 30, 1), (1, 1, 1), (25, 26, 1)]


def test_coding_regions_are_joined_from_their_stretches(path: Path) -> None:
    found = read_labelled(path, alphabet="iupac")
    assert found.sequences.names == ("TEST1.2", "TEST2.1")
    assert found.sequences.lengths.tolist() == [30, 5]
    vocabulary = found.sequences.vocabulary
    assert vocabulary is not None
    assert "".join(vocabulary.decode(found.sequences.row(0))) == "ACGTACGTACGTACGTACGTNNACGTACGT"
    assert found.classes == ("other", "CDS")
    assert found.labels.tolist() == expected(*CODING)


def test_strands_and_kinds_of_features(path: Path) -> None:
    found = read_labelled(path, features=["tRNA", "CDS"], strands=True, alphabet="iupac")
    assert found.classes == ("other", "tRNA+", "tRNA-", "CDS+", "CDS-")
    forward = [(first, last, 3) for first, last, _ in CODING]
    forward[2:4] = [(12, 13, 4), (18, 20, 4)]
    assert found.labels.tolist() == expected(*forward, (20, 22, 2))
    with pytest.raises(
        DataError, match=r"no feature 'exon': it has 'CDS', 'gene', 'source', 'tRNA'\."
    ):
        read_labelled(path, features="exon", alphabet="iupac")


def test_a_record_without_features_has_no_labels(path: Path) -> None:
    plain = path.with_name("plain.gbk.gz")
    plain.write_bytes(gzip.compress(GENBANK[GENBANK.index("LOCUS       TEST2") :].encode()))
    assert read_labelled(plain).labels is None
    assert read_labelled(plain, ["a"]).classes == ("a",)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("        1 acgtacgtac gtacgtacgt nnacgtacgt\n", ""), "record 'TEST1.2' has no letters"),
        (("29..30", "29..31"), "does not lie in|record"),
        (("VERSION     TEST2.1", "VERSION     TEST1.2"), "two records 'TEST1.2'"),
        (("LOCUS", "LOKUS"), "no GenBank record|cannot be read"),
        (("nn", "n!"), "outside the alphabet"),
        (("2..4", "?..4"), "its place is not known|without a readable place"),
        ((GENBANK, "\n"), "is empty"),
        ((GENBANK, ">a\nACGT\n"), "holds no GenBank record"),
    ],
)
def test_wrong_records_are_refused(path: Path, change: tuple[str, str], told: str) -> None:
    wrong = path.with_name("wrong.gb")
    wrong.write_text(GENBANK.replace(*change))
    with pytest.raises((FileError, DataError), match=told):
        read_labelled(wrong, alphabet="iupac")


def test_without_biopython_the_extra_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Bio", None)
    with pytest.raises(
        EngineError, match=r"needs the package biopython: pip install .*\[biology\]"
    ):
        read_labelled(path)
