"""Bits per character of a model on the four bundled texts, beside an n-gram model and compressors.

    python -m benchmarks.characters [--texts alice29 …] [--threads N] [--options NAME=VALUE …]

Of each text the first 80 % train, the next 10 % choose the weights and the last 10 % are scored, cut at
line ends; the state is carried into the last tenth from the text before it. Options are those of
`gw.LanguageModel`, by default as they come.

What compares with what: a compressor's figure "whole" is of the whole text, which it learns on the way
and starts from nothing, while the model has read nine tenths beforehand, eight of them many times, and
its weights count for nothing. Like for like is the last column: what the last tenth adds to the
compressed nine before it, where a compressor has had the text before, too. Brotli is in the extra
`bench`.
"""

from __future__ import annotations

import argparse
import bz2
import lzma
import tempfile
import time
import zlib
from ast import literal_eval
from pathlib import Path
from typing import Any

import torch

import gatewise as gw
from benchmarks.against_peers.machine import machine
from studies.next_word.compressors import Compress, bits, by_brotli

PACKED = {"alice29": 2.635, "asyoulik": 2.920, "lcet10": 2.338, "plrabn12": 2.902}
"""Bits per byte of the compressed files in Brotli's own package, of texts that have CR LF in part."""

COMPRESSORS: dict[str, Compress] = {
    "brotli, quality 11": by_brotli,
    "xz": lambda text: lzma.compress(text, preset=9 | lzma.PRESET_EXTREME),
    "bz2": bz2.compress,
    "gzip": lambda text: zlib.compress(text, 9),
}


def main() -> None:
    """Fit a model of each text and print the tables."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    print(machine())
    options = dict(_option(one) for one in given.options)
    below = [name for name in given.texts if _one(name, options) < PACKED[name]]
    print(f"\nBelow the package's own Brotli files: {len(below)} of {len(given.texts)} texts.")


def _one(name: str, options: dict[str, Any]) -> float:
    """Fit one text's model, print its table and return its bits per character."""
    text = gw.datasets.load(name)
    model = gw.LanguageModel(**options)
    start, cpu = time.perf_counter(), time.process_time()
    model.fit(f"dataset:{name}", progress=False)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        model.save(file)
        size = file.stat().st_size
    settings, data, scores = model.fitted_.settings, model.fitted_.data, model.evaluate()
    weights = sum(weight.numel() for weight in model.fitted_.networks[0].parameters())
    parts = ", ".join(f"{part} {count:,}" for part, count in data["parts"].items())
    epochs = len(model.fitted_.histories[0].train)
    print(
        f"\n{name}: {parts} characters; {weights:,} weights, a file of {size / 1e6:.2f} MB with the "
        f"text of the n-gram model; {epochs} epochs of at most {settings.epochs} in {seconds:.0f} s "
        f"({cpu:.0f} s of CPU)\n"
    )
    print("| model | whole text | last tenth after the rest, bits per character |\n|---|---|---|")
    for row, found in scores.models.items():
        cost = found["bits_per_character"]
        print(f"| {row} | – | {cost.value:.3f} ({cost.low:.3f}–{cost.high:.3f}) |")
    for row, compress in COMPRESSORS.items():
        whole, added = bits(compress, text, data["parts"]["test"])
        print(f"| {row} | {whole:.3f} | {added:.3f} |")
    print(f"| brotli, the package's own file | {PACKED[name]:.3f} | – |", flush=True)
    return float(scores.network["bits_per_character"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.characters", description=__doc__)
    parser.add_argument("--texts", nargs="+", default=list(PACKED), choices=list(PACKED))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--options", nargs="*", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


def _option(given: str) -> tuple[str, Any]:
    name, _, value = given.partition("=")
    try:
        return name, literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


if __name__ == "__main__":
    main()
