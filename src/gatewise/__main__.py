"""`python -m gatewise`, and the `gatewise` command."""

from __future__ import annotations

import io
import sys

from gatewise.cli import run


def main() -> None:
    """Run the command line on this process's arguments and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        # A locale without "−" or "→" gets a "?", rather than a crash after an hour of training.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
