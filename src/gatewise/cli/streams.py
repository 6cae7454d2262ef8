"""Standard streams that a command outlives: closed, full, or a pipe that nobody reads any more.

An hour of training does not end because its words find no reader. What cannot be written is dropped, and
the command ends with an exit code that says so where the words were for stdout.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

BROKEN_PIPE = 141
"""128 + SIGPIPE: what a shell tells of a program that wrote into a pipe without a reader."""


class LastingStream:
    """A text stream over another; from the first failure on, what is written goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write `text` if that can be done; return its length."""
        try:
            self.stream.write(text)
        except (OSError, ValueError) as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered if that can be done."""
        try:
            self.stream.flush()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def _give_up(self, error: OSError | ValueError) -> None:
        """Keep the failure, and let what is buffered and what comes go to the null device."""
        if self.failure is None:
            self.failure = error if isinstance(error, OSError) else OSError(errno.EBADF, str(error))
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.stream.fileno())
            os.close(null)
            self.stream.flush()


def outlive_streams() -> LastingStream:
    """Put lasting streams in place of stdout and stderr, and return that of stdout.

    One that is closed becomes the null device: else the next file to be opened would take its number,
    and with it whatever is printed.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    streams = []
    for stream in (sys.stdout, sys.stderr):
        if stream is None or stream.closed:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PLW2901, SIM115 - lives on
        # A locale without "−" or "→" gets a "?", rather than a crash after an hour of training.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
        streams.append(LastingStream(stream))
    sys.stdout, sys.stderr = streams
    return streams[0]
