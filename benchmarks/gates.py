"""The cost of every gate on the torch engine, one very long row too: `python -m benchmarks.gates`."""

from __future__ import annotations

import sys

from gatewise.cli import run

ROWS = ("100,32,16,64", "200,64,16,128", "1000,16,4,32", "365,256,5,64", "50000,1,64,256")


def main() -> int:
    return run(
        ["bench", "--mode", "gates", "--engine", "torch", "--cells", "lstm", "--rows", *ROWS]
    )


if __name__ == "__main__":
    sys.exit(main())
