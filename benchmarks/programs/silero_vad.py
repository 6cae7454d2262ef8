"""silero-vad, which finds speech: TorchScript with published weights, and an LSTM cell of its own."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from benchmarks.programs.program import Program

PROGRAM = Program(
    about="how likely each moment of a minute is speech (TorchScript, published weights, its own cell)",
    packages=("silero-vad==6.2.3",),
    imports=("silero_vad", "torch"),
)
RATE = 16_000


def work(folder: Path, variant: str, out: Path) -> None:
    """Write how likely it takes each moment for speech, in something like vowels, in bursts."""
    torch, package = import_module("torch"), import_module("silero_vad")
    torch.manual_seed(0)
    seconds = torch.arange(60 * RATE) / RATE
    tones = sum(torch.sin(2 * torch.pi * 120 * k * seconds) / k for k in range(1, 30))
    sound = 0.1 * tones * (torch.sin(2 * torch.pi * 3 * seconds) > 0) * (seconds % 6 < 3)
    sound += 0.005 * torch.randn(len(seconds))
    with torch.no_grad():
        found = package.load_silero_vad().audio_forward(sound[None], RATE)
    with out.open("wb") as file:
        import_module("numpy").save(file, found.numpy())
