"""Make the pictures of the guides by their examples: `python -m benchmarks.guide_figures [PAGE]`.

What the examples print is printed, to be compared with what the guide quotes.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
COLOURS = 128
"""Of a picture: enough for lines and text, and a third of the size."""

SAVED = re.compile(r"""savefig\("([^"]+)"\)""")


PAGES = ("memory", "pretrained-forecaster")


def main(pages: list[str]) -> None:
    for page in pages or PAGES:
        make(DOCS / f"{page}.md")


def make(page: Path) -> None:
    """Run the examples of one page, and shrink the pictures that they save."""
    names: dict[str, object] = {"__name__": "example"}
    images = DOCS / "images"
    images.mkdir(exist_ok=True)
    text = page.read_text("utf-8")
    with contextlib.chdir(images):
        for block in BLOCK.findall(text):
            exec(compile(block, str(page), "exec"), names)
    for picture in (images / name for name in SAVED.findall(text)):
        Image.open(picture).convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=2
        ).save(picture, optimize=True)
        print(f"{os.path.relpath(picture)}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
