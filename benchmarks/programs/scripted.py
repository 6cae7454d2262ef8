"""Programs of a few lines: a scripted tagger, and a translator whose decoder is made of cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.programs.program import Program

if TYPE_CHECKING:
    from torch import Tensor

PROGRAM = Program(
    about="a BiLSTM as TorchScript, 128 units, 32 × 200; an encoder (GRU) with a decoder of cells",
    packages=(),
    imports=("torch",),
    variants=("tagger", "decoder"),
)


def work(folder: Path, variant: str, out: Path) -> None:
    """Write the tags, or the words."""
    import torch  # noqa: PLC0415 - the driver has none to wait for

    torch.manual_seed(0)
    with torch.no_grad():
        found = _tags() if variant == "tagger" else _words()
    out.write_text("\n".join(" ".join(map(str, row)) for row in found.tolist()))


def _tags() -> Tensor:
    import torch  # noqa: PLC0415

    class Tagger(torch.nn.Module):
        """What is scripted."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(64, 128, 2, bidirectional=True, batch_first=True)
            self.read = torch.nn.Linear(256, 12)

        def forward(self, x: Tensor) -> Tensor:
            tags: Tensor = self.read(self.lstm(x)[0])
            return tags

    network = torch.jit.script(Tagger())
    batches = torch.randn(20, 32, 200, 64)
    return torch.cat([network(batch).argmax(-1) for batch in batches])


def _words() -> Tensor:
    """Translate greedily: each word that the decoder chooses is its next input."""
    import torch  # noqa: PLC0415

    nn = torch.nn
    words, encoder, cell = nn.Embedding(50, 64), nn.GRU(64, 128), nn.GRUCell(64, 128)
    read, found = nn.Linear(128, 50), []
    for sentences in torch.randint(50, (10, 100, 32)):
        state, word = encoder(words(sentences))[1][0], sentences[-1]
        for _ in range(100):
            state = cell(words(word), state)
            word = read(state).argmax(-1)
            found.append(word)
    return torch.stack(found)
