"""EasyOCR's recogniser: a CNN over the image of a line, two bidirectional LSTMs, letters.

Its weights are downloaded, so that here they are random.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from benchmarks.programs.program import Program

PROGRAM = Program(
    about="its recogniser (VGG, two BiLSTMs, 256 units, random weights) reads 64 lines",
    packages=("easyocr==1.7.2",),
    imports=("easyocr", "torchvision"),
)


def work(folder: Path, variant: str, out: Path) -> None:
    """Read lines of noise, and write how likely each letter is: untrained, one is it everywhere."""
    torch = import_module("torch")
    torch.manual_seed(0)
    model = import_module("easyocr.model.vgg_model").Model(1, 256, 256, 97).eval()
    lines = torch.nn.functional.interpolate(torch.randn(64, 1, 8, 150), (64, 600))
    with torch.no_grad():
        found = torch.cat([model(part, None) for part in lines.split(8)])
    with out.open("wb") as file:
        import_module("numpy").save(file, found.numpy())
