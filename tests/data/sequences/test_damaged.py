"""Damaged files of every kind: read, or refused in one line of ours; never another error."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.data.sequences.made_up import GENBANK

from gatewise.data.sequences import read_labelled
from gatewise.errors import GatewiseError, GatewiseWarning

FASTA = ">one the first\nACGTAC\nGT\n>two\nGGCATTA\n"
FILES = {
    "x.fa": FASTA,
    "x.fa.gz": FASTA,
    "x.gb": GENBANK,
    "x.txt": "Down the rabbit-hole, häil\r\nand on.\n",
    "x.csv": "unique_id,ds,x,label\na,1,2.5,p\na,2,3.5,p\nb,1,0.5,q\n",
    "x.tsv.gz": "id\tsequence\tlabel\na\tACGT\tp\nb\tGGA\tq\n",
}
LABELS = {
    "y.csv": "id,label\none,p\ntwo,q\n",
    "y.bed": "track name=x\none\t1\t4\tgene\t0\t+\ntwo\t0\t2\tgene\t0\t-\n",
    "y.gff3": "##gff-version 3\none\tx\tCDS\t2\t3\t.\t+\t0\tID=c\ntwo\tx\tCDS\t1\t2\t.\t-\t0\tID=d\n",
}


def damaged(content: bytes, every: int) -> Iterator[bytes]:
    """Yield the content cut short at places, with bytes changed, put in and taken out."""
    rng = np.random.default_rng(len(content))
    for place in range(0, len(content), every):
        yield content[:place]
        yield content[place:]
        flipped = bytearray(content)
        flipped[place] ^= int(rng.integers(1, 256))
        yield bytes(flipped)
        yield content[:place] + rng.bytes(3) + content[place:]
        yield content[:place] + content[place + 2 :]


def sweep(folder: Path, name: str, every: int) -> tuple[int, int]:
    """Return how many damaged files were read and how many refused."""
    text = {**FILES, **LABELS}[name].encode()
    content = gzip.compress(text, mtime=0) if name.endswith(".gz") else text
    fasta = folder / "whole.fa"
    fasta.write_text(FASTA)
    path = folder / name
    read = refused = 0
    for made in damaged(content, every):
        path.write_bytes(made)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", GatewiseWarning)
                given = (fasta, path) if name in LABELS else (path,)
                read_labelled(*given, alphabet="iupac" if name == "x.gb" else None)
            read += 1
        except GatewiseError as error:
            assert str(error).count("\n") == 0, repr(error)  # noqa: PT017
            assert len(str(error)) < 700  # noqa: PT017
            refused += 1
    return read, refused


@pytest.mark.parametrize("name", [*FILES, *LABELS])
def test_damage_is_refused_in_one_line_or_harmless(tmp_path: Path, name: str) -> None:
    read, refused = sweep(tmp_path, name, every=11 if name != "x.gb" else 43)
    assert refused > 0
    assert read + refused >= 10


@pytest.mark.full
@pytest.mark.parametrize("name", [*FILES, *LABELS])
def test_damage_at_every_byte(tmp_path: Path, name: str) -> None:
    read, refused = sweep(tmp_path, name, every=1)
    assert refused > 0
    assert read + refused > 100


@pytest.mark.parametrize("name", [*FILES, *LABELS])
def test_no_text_at_all_is_refused(tmp_path: Path, name: str) -> None:
    fasta, path = tmp_path / "whole.fa", tmp_path / name
    fasta.write_text(FASTA)
    given = (fasta, path) if name in LABELS else (path,)
    for content in (b"", b"\n", b"\0" * 50, bytes(range(256)) * 4, b"\x1f\x8b" + b"x" * 30):
        path.write_bytes(content)
        with pytest.raises(GatewiseError, match=path.name):
            read_labelled(*given)
