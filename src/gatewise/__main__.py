"""`python -m gatewise`, and the `gatewise` command."""

from __future__ import annotations

import errno
import sys


def main() -> None:
    """Run the command line on this process's arguments and exit with its code.

    Where stdout has lost its reader the code is 141, as that of other tools; where it is full, 2.
    """
    if sys.argv[1:2] == [
        "run"
    ]:  # before the command line, whose imports the program would wait for
        from gatewise.programs.launching import main as become  # noqa: PLC0415

        sys.exit(become(sys.argv[2:]))
    try:
        _run()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("gatewise"):
            raise
        # gatewise was installed without what it requires, for its modules alone
        package = error.name.partition(".")[0]
        _exit(f"the command line needs {package}, which is not installed: pip install {package}")


def _run() -> None:
    from gatewise.cli.streams import BROKEN_PIPE, outlive_streams  # noqa: PLC0415 - may be missing

    stdout = outlive_streams()
    from gatewise.cli import run  # noqa: PLC0415 - looks at the streams

    code = run(sys.argv[1:])
    stdout.flush()
    if stdout.failure is not None and code == 0:
        if stdout.failure.errno == errno.EPIPE:
            sys.exit(BROKEN_PIPE)
        from gatewise.errors import cause  # noqa: PLC0415 - no program waits for it

        _exit(f"cannot write to stdout: {cause(stdout.failure)} (all else was done)")
    sys.exit(code)


def _exit(reason: str) -> None:
    print(f"gatewise: error: {reason}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
