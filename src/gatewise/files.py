"""Files that appear whole or not at all, and the one envelope of every safetensors file of gatewise.

A file is written aside, flushed to the disk, then renamed into place. A safetensors file carries JSON
in its metadata (its format, the version of that, whatever else) and a checksum over every byte: a
weight whose bit has turned is still a number, and would silently change the prediction. The
checksum stands in the header that it covers, so it is taken with its own digits as zeros. It is a
CRC-32 (4 GB/s, where SHA-256 takes more than twice as long): it tells damage, not forgery. Files from
before there was one have none and load by the other checks alone.
"""

from __future__ import annotations

import fcntl
import io
import json
import math
import os
import re
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from safetensors import SafetensorError

from gatewise.errors import FileError, GatewiseError, InputError, cause

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
_DAMAGE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)

_PART = re.compile(r"\.(.+)\.[0-9a-f]{8}\.part", re.DOTALL)
"""The name of a file that is being written, beside the one that it will be."""


def path_of(path: Any, caller: str) -> Path:
    """Return the name of a file or folder as a path; InputError, with the `caller`, for what is none."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"{caller}: path must be the name of a file; got {type(path).__name__}")
    return Path(path)


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text; the file appears whole or not at all. Raises FileError.

    What UTF-8 has no code for (a byte of a file name that is not UTF-8) is written as JSON escapes it.
    """
    atomic_write_bytes(path, text.encode(errors="backslashreplace"))


def atomic_write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content`; the file appears whole or not at all. See `written_whole`."""
    with written_whole(path) as file:
        file.write(content)


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a file beside `path`; after the block it is flushed to the disk and renamed into place.

    Whatever interrupts it leaves the old file, or none, and no rest; what a killed process left of an
    earlier write goes. A link stays, and its target is written. Raises FileError.
    """
    path = Path(path)
    try:
        path = _target(path)
        remove_dead_parts(path.parent, path.name)
        aside, file = _open_aside(path)
        try:
            with file:
                yield file
                file.flush()
                # by its name: a writer that goes by the name may have put another file there
                with aside.open("r+b") as written:
                    os.fsync(written.fileno())
                # before the file is closed: until then it is known to be in use
                aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)
    except (OSError, ValueError) as error:
        raise FileError(f"cannot write {str(path)!r}: {cause(error)}") from error


def finite_json(value: Any) -> Any:
    """Return a value as JSON has it: what it has no number for, NaN and infinity, becomes null."""
    if isinstance(value, dict):
        return {key: finite_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite_json(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise FileError unless `path` can be written now: before the work whose result is to lie there."""
    path = Path(path)
    try:
        path = _target(path)
        aside, file = _open_aside(path)
        with file:
            aside.unlink()
    except (OSError, ValueError) as error:
        raise FileError(f"cannot write {str(path)!r}: {cause(error)}") from error


def is_part(name: str) -> bool:
    """Tell whether a file name is that of a file that is being written beside another."""
    return _PART.fullmatch(name) is not None


def remove_dead_parts(folder: Path, name: str | None = None) -> None:
    """Delete what processes that were killed while writing left in `folder`, of file `name` or of all.

    A file that a living process writes is locked by it, and spared.
    """
    for rest in folder.iterdir():
        found = _PART.fullmatch(rest.name)
        if found is None or (name is not None and found[1] != name):
            continue
        with suppress(OSError), rest.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            rest.unlink()


def _open_aside(path: Path) -> tuple[Path, BinaryIO]:
    """Return the file that is written in place of `path` until it is whole, opened and locked."""
    while True:
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        file = aside.open("x+b")
        with suppress(OSError):  # on a file system without locks no file is ever taken for dead
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_nlink:
            return aside, file
        file.close()  # another process took it for dead between the two lines above and removed it


def _target(path: Path) -> Path:
    """Return where a file of this name is written: a link stays, and what it leads to is.

    Raises FileError where a file would take the place of a folder or a device.
    """
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    if path.is_symlink():
        raise FileError("it is a link that leads back to itself")
    if path.exists() and not path.is_file():
        raise FileError("it is a folder" if path.is_dir() else "it is not a regular file")
    return path


def flush_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Envelope:
    """A kind of gatewise's safetensors files: how it is named and numbered in the file and in messages.

    Attributes:
        format: The name in the file, such as "gatewise-trace".
        version: The newest `format_version` that is read, and the one that is written.
        noun: What a message calls such a file, such as "trace".
        remedy: What to do about one that cannot be used, such as "record it again".
    """

    format: str
    version: int
    noun: str
    remedy: str

    def metadata(self, about: dict[str, Any]) -> dict[str, str]:
        """Return the metadata to write a file with; `seal` then enters the checksum."""
        return metadata({"format": self.format, "format_version": self.version, **about})

    def about(self, file: BinaryIO, path: Path) -> dict[str, Any]:
        """Return the JSON of a file of this kind; ValueError as `read_about`, FileError otherwise."""
        about = read_about(file)
        if about.get("format") != self.format:
            name = self.format.replace("-", " ")
            raise FileError(f"{path} is a safetensors file, but not a {name}: {self.remedy}")
        check_version(about["format_version"], self.version, path)
        if about["format_version"] < 1:
            raise ValueError(f"its format_version is {about['format_version']}")
        return about

    @contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """Raise one FileError for all that reading a foreign, cut or damaged file can end in."""
        try:
            yield
        except FileError:
            raise
        except OSError as error:
            raise FileError(f"the {self.noun} {path} cannot be read: {cause(error)}") from error
        except (SafetensorError, *_DAMAGE) as error:
            raise FileError(
                f"{path} is not a gatewise {self.noun}, or it is cut short or damaged "
                f"({cause(error)[:200]}): {self.remedy}"
            ) from error

    @contextmanager
    def unpacking(self, path: Path) -> Iterator[None]:
        """Raise one FileError for all that a description with the wrong content can end in."""
        try:
            yield
        except (RuntimeError, GatewiseError, *_DAMAGE) as error:
            raise FileError(
                f"{path} is a damaged gatewise {self.noun} ({cause(error)[:200]}): {self.remedy}"
            ) from error


def check_version(found: int, newest: int, path: Path, made_by: str = "") -> None:
    """Raise FileError for a file whose format is newer than the newest that is known here.

    `made_by` is the version of gatewise that wrote it, where the file says so.
    """
    if found > newest:
        told = f" ({made_by})" if made_by else ""
        raise FileError(f"{path} was written by a newer gatewise{told}: update gatewise to read it")


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
