"""The tables of the native engine: `python -m benchmarks.native [MODE ...]`, or every mode.

Each mode leaves its records in runs/bench/MODE.json, so that a long run can be made in parts; tables,
goals and the picture are then made of all the records there. With `tables` nothing is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.against_peers import markdown, modes_of, read_json, write_picture
from gatewise.cli import run
from gatewise.errors import GatewiseError

FOLDER = Path("runs/bench")
PEERS = ("onnx", "jax", "keras")


def main(words: Sequence[str]) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    modes = () if words == ["tables"] else modes_of(words or ["all"])
    for mode in modes:
        records = str(FOLDER / f"{mode}.json")
        options = ["--mode", mode, "--peers", *PEERS, "--json", records, "--overwrite"]
        code = run(["bench", *options])
        if code:
            return code
    report = read_json(sorted(FOLDER.glob("*.json")))
    (FOLDER / "native.md").write_text(markdown(report), encoding="utf-8")
    write_picture(report, FOLDER / "native.png")
    print(f"{FOLDER / 'native.md'} and {FOLDER / 'native.png'}: {len(report.records)} records")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GatewiseError as error:
        sys.exit(f"error: {error}")
