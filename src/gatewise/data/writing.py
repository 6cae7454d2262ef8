"""Files that appear whole or not at all: written aside, flushed to the disk, then renamed into place."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gatewise.errors import FileError, cause


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
        path = path.resolve() if path.is_symlink() else path
        _refuse_special(path)
        remove_dead_parts(path.parent, path.name)
        aside, file = _open_aside(path)
        try:
            with file:
                yield file
                file.flush()
                # by its name: who writes by the name may have put another file there
                with aside.open("r+b") as written:
                    os.fsync(written.fileno())
                aside.replace(
                    path
                )  # before the file is closed: until then it is known to be in use
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)
    except (OSError, ValueError) as error:
        raise FileError(f"cannot write {str(path)!r}: {cause(error)}") from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise FileError unless `path` can be written now: before the work whose result is to lie there."""
    path = Path(path)
    try:
        path = path.resolve() if path.is_symlink() else path
        _refuse_special(path)
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


_PART = re.compile(r"\.(.+)\.[0-9a-f]{8}\.part", re.DOTALL)


def _open_aside(path: Path) -> tuple[Path, BinaryIO]:
    """Return the file that is written in place of `path` until it is whole, opened and locked."""
    while True:
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        file = aside.open("x+b")
        with suppress(OSError):  # a file system without locks: nothing is taken for dead there
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_nlink:
            return aside, file
        file.close()  # taken for dead between the two lines above


def _refuse_special(path: Path) -> None:
    """Raise FileError where a file would take the place of a folder or a device."""
    if path.exists() and not path.is_file():
        raise FileError("it is a folder" if path.is_dir() else "it is not a regular file")


def flush_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
