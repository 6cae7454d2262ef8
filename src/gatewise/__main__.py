"""`python -m gatewise`, and the `gatewise` command."""

from __future__ import annotations

import errno
import sys

from gatewise.cli.streams import BROKEN_PIPE, outlive_streams
from gatewise.errors import cause


def main() -> None:
    """Run the command line on this process's arguments and exit with its code.

    Where stdout has lost its reader the code is 141, as that of other tools; where it is full, 2.
    """
    stdout = outlive_streams()
    from gatewise.cli import run  # noqa: PLC0415 - looks at the streams

    code = run(sys.argv[1:])
    stdout.flush()
    if stdout.failure is not None and code == 0:
        if stdout.failure.errno == errno.EPIPE:
            sys.exit(BROKEN_PIPE)
        reason = cause(stdout.failure)
        print(
            f"gatewise: error: cannot write to stdout: {reason} (all else was done)",
            file=sys.stderr,
        )
        sys.exit(2)
    sys.exit(code)


if __name__ == "__main__":
    main()
