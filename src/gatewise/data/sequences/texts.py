"""Text files, read in a stated encoding and never in a guessed one."""

from __future__ import annotations

import codecs
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from gatewise.data.catalog import DATASET, bundled_paths, dataset_name, find
from gatewise.data.files import READABLE
from gatewise.data.sequences import fasta
from gatewise.data.sequences.features import BED_ENDINGS, GFF_ENDINGS
from gatewise.data.sequences.genbank import ENDINGS as GENBANK
from gatewise.data.sequences.tokens import utf8
from gatewise.data.tables.raw import read_bytes
from gatewise.errors import DataError, FileError, OptionError

ENDINGS = (".txt", ".text", ".md")
"""What names of text files end with; also with .gz."""


OTHERS = {
    "FASTA": fasta.ENDINGS,
    "GenBank": GENBANK,
    "features": (*BED_ENDINGS, *GFF_ENDINGS),
    "a table": tuple(ending for ending in READABLE if not ending.endswith(".gz")),
}
"""What names of files that are no prose end with, though they may be letters throughout."""


def is_text_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file's name is that of a text."""
    return _plain(path).endswith(ENDINGS)


def _plain(path: str | os.PathLike[str]) -> str:
    return os.fspath(path).lower().removesuffix(".gz")


def read_text(path: str | os.PathLike[str], encoding: str = "utf-8") -> str:
    r"""Return the text of a file (also .gz) with line ends "\n" and without a byte order mark.

    "dataset:NAME" is a bundled text. Raises FileError where a file is missing, empty, binary, in
    another encoding, or named as something else than a text, and OptionError for an encoding that
    there is not.
    """
    bundled = dataset_name(path)
    if bundled is not None:
        if find(bundled).kind != "text":
            raise FileError(f"{path!r} is no text but {find(bundled).kind}")
        path = bundled_paths(bundled)[0]
    path = Path(path)
    for kind, endings in OTHERS.items():
        if _plain(path).endswith(endings):
            raise FileError(
                f"{str(path)!r} is {kind}, by its name, and no text: give a text file, such as .txt"
            )
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, TypeError, ValueError):
        raise OptionError(
            f"encoding={encoding!r}: there is none, use 'utf-8' or 'latin-1'"
        ) from None
    content = read_bytes(path)
    text = _decoded(content, name, path)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FileError(f"{str(path)!r} is no text: line {line} holds a NUL byte")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise FileError(f"{str(path)!r} is empty")
    return text


def _decoded(content: bytes, encoding: str, path: Path) -> str:
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if content.startswith(mark) and encoding == "utf-8":
            raise FileError(f"{str(path)!r} is not UTF-8 text: read it with encoding={name!r}")
    try:
        text = content.decode(encoding)
        text.encode()  # codecs that make something else than texts, or half characters
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = content[error.start : error.start + 1].hex()
        fix = "say which with encoding=, such as 'latin-1' or 'cp1252', or save it as UTF-8"
        raise FileError(
            f"{str(path)!r} is not {encoding.upper()} text: line {line} has the byte {found}; {fix}"
        ) from None
    except (LookupError, UnicodeError, AttributeError):
        raise OptionError(f"encoding={encoding!r} does not decode text: use 'utf-8'") from None
    return text


def read_texts(data: Any, encoding: str = "utf-8") -> tuple[str, ...]:
    """Return the texts of a text, a path, or a list of either.

    Of a string that holds no line end and ends as text files do (`.txt`, `.txt.gz`), or is a file that
    there is, the file is read. Raises DataError for what is no text and for empty ones, FileError for a
    file that cannot be read.
    """
    given = data if isinstance(data, list | tuple) else [data]
    if not given:
        raise DataError("there are no texts: the list is empty")
    found = []
    for number, one in enumerate(given, start=1):
        named = "the text" if len(given) == 1 else f"text {number} of {len(given)}"
        if _is_path(one):
            one = read_text(one, encoding)  # noqa: PLW2901
        if not isinstance(one, str):
            raise DataError(f"{named} is of type {type(one).__name__}: give a string or a path")
        if not one:
            raise DataError(f"{named} is empty")
        found.append(one)
    return tuple(found)


def any_file(data: Any) -> bool:
    """Tell whether one of the texts is read from a file."""
    return any(map(_is_path, data if isinstance(data, list | tuple) else [data]))


def identity_of(texts: Sequence[str]) -> dict[str, Any]:
    """Return the SHA-256 of texts with their sizes."""
    digest = sha256()
    for text in texts:
        content = utf8(text)
        digest.update(len(content).to_bytes(8, "little") + content)
    return {
        "sha256": digest.hexdigest(),
        "texts": len(texts),
        "characters": sum(map(len, texts)),
    }


def _is_path(one: Any) -> bool:
    if isinstance(one, os.PathLike):
        return True
    if not isinstance(one, str) or "\n" in one or len(one) > 4096 or "\0" in one:
        return False
    name = one.lower().removesuffix(".gz")
    return one.startswith(DATASET) or name.endswith(ENDINGS) or os.path.isfile(one)
