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
    """Read lines of noise, and write the letters."""
    torch = import_module("torch")
    torch.manual_seed(0)
    model = import_module("easyocr.model.vgg_model").Model(1, 256, 256, 97).eval()
    with torch.no_grad():
        for parameter in model.Prediction.parameters():
            parameter.mul_(20)  # else one letter wins everywhere
        lines = torch.nn.functional.interpolate(torch.randn(64, 1, 8, 150), (64, 600))
        letters = torch.cat([model(part, None).argmax(-1) for part in lines.split(8)])
    out.write_text("\n".join(" ".join(map(str, line)) for line in letters.tolist()))
