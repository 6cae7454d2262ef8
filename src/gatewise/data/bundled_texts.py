"""The bundled texts: four of the Canterbury and Calgary traditions of compressing English."""

from __future__ import annotations

from gatewise.data.dataset import Dataset

_BROTLI = (
    "Arnold R, Bell T (1997). A corpus for the evaluation of lossless compression algorithms. Data "
    "Compression Conference, 201-210. Text as in the test data of Brotli 1.2.1."
)
_ENDS = "Lines end in CR LF in the file: {0:,} of its {1:,} bytes are CR, which are not read."


def _brotli(packed: str, strongest: str) -> str:
    return (
        f"Brotli: {packed} bits per byte in the package's own compressed file, {strongest} at "
        "quality 11 of version 1.2.1."
    )


def _text(name: str, title: str, rows: int, terms: str, notes: tuple[str, ...]) -> Dataset:
    return Dataset(
        name=name,
        title=title,
        rows=rows,
        step="1 character",
        columns={},
        terms=f"{terms}; MIT (the package it comes from)",
        citation=_BROTLI,
        notes=notes,
        kind="text",
        unit="character",
        files=(f"{name}.txt.gz",),
    )


TEXTS = {
    text.name: text
    for text in (
        _text(
            "alice29",
            "Lewis Carroll, Alice's Adventures in Wonderland (1865)",
            148_481,
            "Public domain",
            (_brotli("2.635", "2.445"), _ENDS.format(3_608, 152_089)),
        ),
        _text(
            "asyoulik",
            "William Shakespeare, As You Like It (about 1599)",
            125_179,
            "Public domain",
            (_brotli("2.920", "2.730"),),
        ),
        _text(
            "lcet10",
            "Library of Congress, Workshop on Electronic Texts: proceedings (1992)",
            419_235,
            "Released without restrictions by Project Gutenberg",
            (_brotli("2.338", "2.126"), _ENDS.format(7_519, 426_754)),
        ),
        _text(
            "plrabn12",
            "John Milton, Paradise Lost (1667)",
            471_162,
            "Public domain",
            (_brotli("2.902", "2.711"), _ENDS.format(10_699, 481_861)),
        ),
    )
}
