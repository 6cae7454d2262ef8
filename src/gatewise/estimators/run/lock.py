"""One writer at a time: the lock of a run folder, which ends with the process that holds it.

The lock is the system's own (`flock`) on a hidden file in the folder: no process id is guessed at, and a
process that is killed holds nothing. On NFS it holds between machines where the server keeps locks.
Readers take no lock. Under torchrun the first process takes it for all.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path

from gatewise.errors import FileError, cause, warn

LOCK = ".lock"
PATIENCE = 0.2
"""Seconds for a reader that looks whether the holder of a lock is dead, and is gone at once."""
_held: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())
"""Folders that this thread's callers have locked: a command and the fit inside it share one lock."""


class BusyError(FileError):
    """Another process, or another thread, is writing to the run folder."""


def is_locked_here(folder: Path) -> bool:
    """Return whether a caller holds the lock of `folder`."""
    return folder.resolve() in _held.get()


@contextmanager
def locked(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of `folder`; a folder that this makes and that stays empty goes with it.

    Raises BusyError where another process holds it for `patience` seconds, FileError where the folder
    cannot be written.
    """
    place = folder.resolve()
    if place in _held.get():
        yield
        return
    made = [at for at in (place, *place.parents) if not os.path.exists(at)]
    token = _held.set(_held.get() | {place})
    handle = None
    try:
        handle = _acquire(folder, patience)
        yield
    finally:
        _held.reset(token)
        if handle is not None:
            try:
                (place / LOCK).unlink()
            except OSError:
                pass  # the lock ends without it, and the next command takes the file away
            finally:
                os.close(handle)
        with suppress(OSError):  # what is not empty stays
            for each in made:
                each.rmdir()


def _acquire(folder: Path, patience: float) -> int:
    """Return the handle of the locked file; whoever closes it ends the lock."""
    path = folder / LOCK
    deadline = time.monotonic() + patience
    try:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:  # the holder before us took its empty folder away
                continue
            if _lock(handle, folder):
                if _is_still(handle, path):
                    _sign(handle)
                    return handle
            elif time.monotonic() >= deadline:
                holder = _holder(handle)
                os.close(handle)
                raise BusyError(
                    f"{folder} is being written by {holder}: wait until it is done, "
                    "or name another folder"
                )
            else:
                time.sleep(PATIENCE / 10)
            os.close(handle)  # perhaps the holder before us took the file away: look again
    except BusyError:
        raise
    except OSError as error:
        raise FileError(f"the run folder {folder} cannot be written: {cause(error)}") from error


def _lock(handle: int, folder: Path) -> bool:
    """Return whether the lock is ours now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        warn(
            f"the file system of {folder} has no locks ({cause(error)}): let only one process write it"
        )
    return True


def _is_still(handle: int, path: Path) -> bool:
    """Return whether `path` is still the file that was opened."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _sign(handle: int) -> None:
    """Write who holds the lock, for the message of those who find it held."""
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    told = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    with suppress(OSError):  # the lock holds without it
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(told).encode())


def _holder(handle: int) -> str:
    """Return who holds the lock, as the file says."""
    try:
        told = json.loads(os.pread(handle, 4096, 0))
        return f"process {told['pid']} on {told['host']} since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
