"""The next token's probabilities, one token after the other at the same cost however long the text is.

The state is carried on from token to token: on the CPU by `gatewise.runtime.Stream` where it has the
cell, else by calls of the network. Sizes: T tokens, V codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from gatewise.answers.drawing import softmax
from gatewise.data.sequences.stretches import START
from gatewise.errors import EngineError
from gatewise.estimators.language.judging import read
from gatewise.estimators.language.network import LanguageNetwork
from gatewise.estimators.language.texts import JUDGED
from gatewise.estimators.options import spec_named
from gatewise.runtime.stream import NAMES, Stream
from gatewise.training.carried import State
from gatewise.training.inference import device_of
from gatewise.typing import Array, Indices


class Speaker:
    """Reads tokens and tells the probability of every next one: the mean over the members."""

    def __init__(self, networks: Sequence[LanguageNetwork], cell: str) -> None:
        """Take networks in eval mode; `cell` is the name that estimators give it."""
        self._readers = [_reader_of(network, cell) for network in networks]
        self.read(np.array([START]))

    def read(self, codes: Indices) -> None:
        """Read codes [T], one or more."""
        for reader in self._readers:
            reader.read(codes)

    def probabilities(self) -> Array:
        """Return the probability of each code to be next, [V]: they add up to 1."""
        found: Array = np.mean([softmax(reader.logits()) for reader in self._readers], axis=0)
        return found


class _Calls:
    """Reads by calls of the network, which may take any cell and device."""

    def __init__(self, network: LanguageNetwork) -> None:
        self.network = network
        self.state: State = ()
        self.last = np.zeros(0, np.float32)

    def read(self, codes: Indices) -> None:
        for start in range(0, len(codes), JUDGED):
            logits, self.state = read(self.network, codes[start : start + JUDGED], self.state)
            self.last = logits[-1]

    def logits(self) -> Array:
        return self.last.astype(np.float64)


class _Steps:
    """Reads by single steps of the native core, without torch: some microseconds for each token."""

    def __init__(self, network: LanguageNetwork, cell: str) -> None:
        layers = [
            {
                name: tensor.detach().numpy()
                for name in NAMES
                if (tensor := getattr(layer, f"{name}_l0", None)) is not None
            }
            for layer in network.layers
        ]
        heads = getattr(network.layers[0], "heads", 1)
        self.stream = Stream.from_weights(cell, layers, heads=heads)
        self.table = network.table.weight.detach().numpy()
        weight, bias = network.read_out()
        self.weight, self.bias = weight.numpy(), bias.numpy()
        self.hidden = np.zeros(network.width, np.float32)

    def read(self, codes: Indices) -> None:
        for code in codes:
            self.hidden = self.stream.step(self.table[code : code + 1])[0]

    def logits(self) -> Array:
        found: Array = (self.weight @ self.hidden + self.bias).astype(np.float64)
        return found


def _reader_of(network: LanguageNetwork, cell: str) -> _Calls | _Steps:
    if device_of(network).type == "cpu":
        with suppress(EngineError):  # the core is not built, or does not have the cell
            return _Steps(network, spec_named(cell).name)
    return _Calls(network)
