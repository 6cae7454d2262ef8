"""peptdeep, which predicts how peptides behave in a mass spectrometer: a CNN and bidirectional LSTMs.

Its weights are downloaded, so that here they are random.
"""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.programs.program import Program

PROGRAM = Program(
    about="retention times of 1,000 random peptides (CNN and BiLSTM, 128 units, random weights)",
    packages=("peptdeep==1.5.1",),
    imports=("peptdeep", "alphabase"),
)


def work(folder: Path, variant: str, out: Path) -> None:
    """Predict the retention times."""
    import_module("torch").manual_seed(0)
    numpy, pandas = import_module("numpy"), import_module("pandas")
    model = import_module("peptdeep.model.rt").AlphaRTModel(device="cpu")
    draw = random.Random(0)
    letters = "ACDEFGHIKLMNPQRSTVWY"
    peptides = ["".join(draw.choices(letters, k=draw.randint(7, 30))) for _ in range(1000)]
    table = pandas.DataFrame({"sequence": sorted(peptides, key=len), "mods": "", "mod_sites": ""})
    table["nAA"] = table.sequence.str.len()
    # what the network returns, before values below 0 become 0: with random weights all may be
    times: list[Any] = []
    model.model.register_forward_hook(lambda *seen: times.append(seen[-1].detach().numpy().copy()))
    model.predict(table, batch_size=1024)
    with out.open("wb") as file:
        numpy.save(file, numpy.concatenate(times))
