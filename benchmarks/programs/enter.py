"""One part of a program, in the environment of the program: `python -m benchmarks.programs.enter`.

Its words are the module of the program, the part (prepare, work or finish), the folder, the variant and
the file of the results. Imports the standard library, and what the program itself imports.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main(words: list[str]) -> None:
    """Run one part."""
    name, part, folder, variant, out = words
    module = import_module(f"benchmarks.programs.{name}")
    found = getattr(module, part, None)
    if found is None:
        return
    found(Path(folder), variant, *([] if part == "prepare" else [Path(out)]))


if __name__ == "__main__":
    main(sys.argv[1:])
