"""What gatewise's safetensors files share: JSON in the metadata, and a checksum over every byte.

A weight whose bit has turned is still a number, and would give another prediction without a word.
The checksum stands in the header that it covers, so it is taken with its own digits as zeros. It is
a CRC-32 (4 GB/s, where SHA-256 takes more than twice as long): it tells damage, not forgery. Files
from before there was one have none and load by the other checks alone.
"""

from __future__ import annotations

import io
import json
import math
import re
import zlib
from functools import partial
from typing import Any, BinaryIO, NoReturn

ABOUT = "gatewise"
CHECKSUM = "checksum"
SEALED_SINCE = 2
"""The first `format_version` whose files have a checksum, so that losing it is damage too."""

_LONGEST_HEADER = 100_000_000
"""Bytes; what safetensors itself allows."""
_OPEN = b"00000000"
_FIELD = re.compile(rb'\\"checksum\\": \\"crc32:([0-9a-f]{8})\\"')
"""As it stands in the header: JSON in a text of JSON. Deeper inside there are more backslashes."""
_CHUNK = 1 << 20


def metadata(about: dict[str, Any]) -> dict[str, str]:
    """Return the metadata to write a file with; `seal` then enters the checksum."""
    # within the one text: of several, safetensors chooses the order by chance, and equal models
    # are to give equal bytes
    return {ABOUT: json.dumps({**about, CHECKSUM: f"crc32:{_OPEN.decode()}"}, sort_keys=True)}


def sealed(content: bytes) -> bytes:
    """Return a file's bytes with its checksum entered."""
    file = io.BytesIO(content)
    seal(file)
    return file.getvalue()


def seal(file: BinaryIO) -> None:
    """Enter the checksum into a whole file, open for reading and writing, in place."""
    found = _FIELD.search(_header(file))
    assert found is not None, "the file was not written with `metadata`"
    start = 8 + found.start(1)
    digits = _checksum(file, start)
    file.seek(start)
    file.write(digits)


def read_about(file: BinaryIO) -> dict[str, Any]:
    """Return the JSON that a file was written with, {} for a safetensors file of another maker.

    Raises ValueError, with the reason, where it is cut short, no safetensors file, not as it was
    written, or where its JSON is not plain: see `parse`.
    """
    header = _header(file)
    about = parse(header)
    held = about.get("__metadata__", {}) if isinstance(about, dict) else None
    if not isinstance(held, dict) or not all(isinstance(text, str) for text in held.values()):
        raise ValueError("its metadata is not names and texts")
    if ABOUT not in held:
        return {}
    found = parse(held[ABOUT])
    if not isinstance(found, dict) or type(found.get("format_version")) is not int:
        raise ValueError("its description is not that of a gatewise file")
    if CHECKSUM in found or found["format_version"] >= SEALED_SINCE:
        _verify(file, header)
        del found[CHECKSUM]
    return found


def parse(text: str | bytes) -> Any:
    """Return the value of JSON whose names are distinct, whose numbers are finite, not nested deep.

    Raises ValueError for anything else.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_float=_finite,
            parse_constant=_not_a_number,
        )
    except RecursionError:
        raise ValueError("its JSON is nested too deep") from None


def _verify(file: BinaryIO, header: bytes) -> None:
    """Raise ValueError unless the checksum in the header is that of the file's bytes."""
    fields = list(_FIELD.finditer(header))
    if len(fields) != 1:
        raise ValueError("its bytes are not those that were written: there is no checksum")
    if _checksum(file, 8 + fields[0].start(1)) != fields[0][1]:
        raise ValueError("its bytes are not those that were written: the checksum differs")


def _header(file: BinaryIO) -> bytes:
    """Return the JSON at the file's start, whose length its first 8 bytes give."""
    file.seek(0)
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > _LONGEST_HEADER:
        raise ValueError("it does not begin as a safetensors file does")
    header = file.read(length)
    if len(header) < length:
        raise ValueError("it is cut short")
    return header


def _checksum(file: BinaryIO, field: int) -> bytes:
    """Return the digits of the CRC-32 of all bytes, with zeros for the digits that begin at `field`."""
    file.seek(0)
    found = zlib.crc32(_OPEN, zlib.crc32(file.read(field)))
    file.seek(field + len(_OPEN))
    for chunk in iter(partial(file.read, _CHUNK), b""):
        found = zlib.crc32(chunk, found)
    return b"%08x" % found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"its JSON has {twice[:40]!r} twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _not_a_number(text)
    return number


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(f"its JSON has {text[:40]} for a number")
