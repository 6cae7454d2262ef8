"""A table file's bytes: read whole and within bounds, and as plain UTF-8 lines where they are text."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from pathlib import Path

from gatewise.errors import FileError, cause, nearest
from gatewise.wording import figure

MOST_BYTES = 8 << 30
"""Bytes of a table, unpacked: what is read is held in memory a few times over."""


def most_bytes() -> int:
    """Return how many bytes a table may have here: `MOST_BYTES`, or a quarter of the memory."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):  # a system that does not say
        return MOST_BYTES
    return min(MOST_BYTES, memory // 4)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a regular file, those of a .gz unpacked.

    Raises FileError for one that is missing, no regular file (a pipe or a device may never end), not
    readable, damaged, or too large.
    """
    most = most_bytes()
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise FileError(f"{str(path)!r} is a folder, not a table file")
        if not stat.S_ISREG(about.st_mode):
            raise FileError(
                f"{str(path)!r} is a pipe, a socket or a device, which may never end: write the table "
                "to a file first"
            )
        if about.st_size > most:
            raise FileError(_too_large(path, most))
        content = path.read_bytes()
        if not path.name.lower().endswith(".gz"):
            return content
        with gzip.open(io.BytesIO(content)) as packed:
            unpacked = packed.read(most + 1)
    except FileNotFoundError:
        if path.is_symlink():
            raise FileError(f"{str(path)!r} is a link to a file that is not there") from None
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        near = [each.name for each in beside if not each.is_dir()]
        raise FileError(f"no file {str(path)!r}.{nearest(path.name, near)}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileError(f"{str(path)!r} is not a whole gzip file: {cause(error)}") from None
    except FileError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise FileError(f"cannot read {str(path)!r}: {cause(error)}") from None
    if len(unpacked) > most:
        raise FileError(_too_large(path, most))
    return unpacked


def plain_lines(content: bytes, path: Path) -> bytes:
    r"""Return text as UTF-8 without a mark, its lines ended by "\n", without blank ones at the end.

    UTF-16 is read too, with its mark and without. The line ends "\r\n", "\r" and "\r\r\n" (which a
    text that was converted twice has) become "\n". Raises FileError, with the line, for another
    encoding and for NUL bytes.
    """
    content = _as_utf8(content, path)
    if b"\r" in content:
        content = content.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n")
        if b'"' not in content or b"\n" not in content:  # else it may be part of a cell
            content = content.replace(b"\r", b"\n")
    if content.endswith(b"\n") and not content[-2:-1].isspace():
        return content  # as nearly always, and without a copy
    content = content.rstrip(b"\r\n")
    while (last := content.rfind(b"\n")) >= 0 and content[last:].isspace():
        if b"\t" in content[last:] and path.name.lower().endswith((".tsv", ".tsv.gz")):
            break  # cells, each of them empty
        content = content[:last].rstrip(b"\r\n")
    return content + b"\n"


def _as_utf8(content: bytes, path: Path) -> bytes:
    name = _utf16_of(content)
    try:
        if name is not None:
            return content.decode(name).removeprefix("\ufeff").encode()
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{str(path)!r} is not UTF-8 text (line {line}): save it with the encoding UTF-8"
        ) from None
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise FileError(
            f"{str(path)!r} is no text: line {line} holds a NUL byte; save it with the encoding UTF-8"
        )
    return content.removeprefix(b"\xef\xbb\xbf")


def _utf16_of(content: bytes) -> str | None:
    """Return the kind of UTF-16 that a text is in, by its mark or by where its zeros are."""
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return None  # UTF-32, which nobody writes tables in
    if content.startswith(b"\xff\xfe"):
        return "utf-16-le"
    if content.startswith(b"\xfe\xff"):
        return "utf-16-be"
    if b"\0" not in content[:1000] or len(content) % 2:
        return None
    # Of a header and numbers, which are mostly ASCII, every other byte is 0; in UTF-8 none is.
    start = content[:1000]
    first, second, few = start[::2].count(0), start[1::2].count(0), len(start) // 8
    if first == 0 and second > few:
        return "utf-16-le"
    return "utf-16-be" if second == 0 and first > few else None


def _too_large(path: Path, most: int) -> str:
    return (
        f"{str(path)!r} holds more than {figure(most / (1 << 30))} GiB, the most that is read here: "
        "keep the columns and rows that are used"
    )
