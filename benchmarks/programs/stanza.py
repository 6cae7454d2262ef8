"""stanza's character language model, which its taggers read words with: an LSTM over packed rows.

Its weights are downloaded, so that here they are random.
"""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path

from benchmarks.programs.program import Program

PROGRAM = Program(
    about="the character model of its taggers (LSTM, 1,024 units, packed, random weights), 50 sentences",
    packages=("stanza==1.15.0",),
    imports=("stanza",),
)
SIZES = {
    "char_emb_dim": 100,
    "char_hidden_dim": 1024,
    "char_num_layers": 1,
    "char_dropout": 0.0,
    "char_rec_dropout": 0.0,
    "char_unit_dropout": 0.0,
    "char_lowercase": False,
}


def work(folder: Path, variant: str, out: Path) -> None:
    """Write what the model has of each word."""
    torch, numpy = import_module("torch"), import_module("numpy")
    models = import_module("stanza.models.common.char_model")
    vocab = {"char": import_module("stanza.models.common.vocab").CharVocab([list("abcdefgh \n")])}
    torch.manual_seed(0)
    model = models.CharacterLanguageModel(SIZES, vocab)
    model.eval()
    draw = random.Random(0)
    sentences = [
        [
            "".join(draw.choices("abcdefgh", k=draw.randint(1, 9)))
            for _ in range(draw.randint(5, 30))
        ]
        for _ in range(50)
    ]
    with torch.no_grad():
        found = torch.cat(model.build_char_representation(sentences))
    with out.open("wb") as file:
        numpy.save(file, found.numpy())
