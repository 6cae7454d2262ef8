"""Answers for every step of a sequence of any length, in bounded memory and as in one unbroken pass.

A long sequence goes through the network piece by piece. Each direction of each layer enters a piece with
the state that it left the neighbouring one with: forwards from the piece before, backwards from the one
after. So no seam can be seen, however far back the network remembers, and no overlap is needed. The
price is time: a network that reads both ways runs over the sequence twice, and of two layers thrice.

Sizes: T steps, K pieces, H hidden units.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.data.sequences.sequences import Sequences
from gatewise.estimators.tagger.network import TaggerNetwork
from gatewise.training.distributed import local_device
from gatewise.training.inference import answers_of_steps
from gatewise.training.sequences import SequenceBatches
from gatewise.typing import AnyArray, Indices

ROWS = 256
"""Sequences that are read together, at most."""

VALUES = 1 << 25
"""Values of what one layer hands on, 128 MiB: longer sequences are read in pieces of this size."""

Parts = tuple[Tensor, ...]
"""The state of one direction, [1, 1, H]: of an LSTM h and c."""


def scores_of_steps(
    network: TaggerNetwork, sequences: Sequences, values: AnyArray, device: str = "cpu"
) -> AnyArray:
    """Return the scores of every label at every step, [N, C], one sequence after the other.

    `values` are what the network reads of the steps, codes [N] or [N, F]. It moves to `device`.
    """
    place = local_device(device)
    network.to(place).eval()
    longest = max(1, VALUES // network.width)
    batches = SequenceBatches(
        values, sequences.offsets[:-1], sequences.lengths, truth=values, per_step=True
    )

    def answer(x: AnyArray, lengths: Indices) -> AnyArray:
        given = torch.from_numpy(x).to(place)
        if len(x) > longest:
            found = answers_in_pieces(network, given[:, 0], longest).unsqueeze(1)
        else:
            found = network.scores(given, torch.from_numpy(lengths))
        return found.numpy(force=True)

    with torch.no_grad():
        return answers_of_steps(batches, answer, ROWS, longest * batches.width)


def answers_in_pieces(network: TaggerNetwork, x: Tensor, steps: int) -> Tensor:
    """Return what a network answers for each step of one sequence, [T, ...], read `steps` at a time.

    `x` are codes [T] or values [T, F]. The answers are those of one pass over the whole.
    """
    count = -(-len(x) // steps)
    cuts = [slice(len(x) * k // count, len(x) * (k + 1) // count) for k in range(count)]
    if network.width == network.layers[0].hidden_size:
        return _forwards(network, x, cuts)
    return _Walk(network, x, cuts).answers()


def _forwards(network: TaggerNetwork, x: Tensor, cuts: list[slice]) -> Tensor:
    """Return the answers of a network that reads forwards alone: one pass, with its state carried."""
    state: Any = ()
    found = []
    for cut in cuts:
        lengths = torch.tensor([cut.stop - cut.start], device="cpu")
        answers, state = network.scores(x[cut].unsqueeze(1), lengths, state=state)
        found.append(answers[:, 0])
    return torch.cat(found)


class _Walk:
    """The walks of a network of both directions over K pieces, and the states between them."""

    def __init__(self, network: TaggerNetwork, x: Tensor, cuts: list[slice]) -> None:
        self.network, self.x, self.cuts = network, x, cuts
        layers, count = len(network.layers), len(cuts)
        # what each direction enters a piece with; None: zeros, at the ends of the sequence
        self.forwards: list[list[Parts | None]] = [[None] * count for _ in range(layers)]
        self.backwards: list[list[Parts | None]] = [[None] * count for _ in range(layers)]

    def answers(self) -> Tensor:
        """Walk each layer backwards, to see what its backward half enters with, then forwards."""
        found = []
        last = len(self.cuts) - 1
        for index in range(len(self.network.layers)):
            for piece in range(last, 0, -1):
                _, end = self._through(index, piece)
                self.backwards[index][piece - 1] = tuple(part[1:] for part in end)
            for piece in range(last + 1):
                states, end = self._through(index, piece)
                if piece < last:
                    self.forwards[index][piece + 1] = tuple(part[:1] for part in end)
                if index == len(self.network.layers) - 1:
                    found.append(self.network.head(states)[:, 0])
        return torch.cat(found)

    def _through(self, index: int, piece: int) -> tuple[Tensor, Parts]:
        """Return the states of layer `index` in a piece, and those that its directions leave it with.

        The layers below run again: to keep what they handed on would take memory for the whole sequence.
        """
        x, end = self.x[self.cuts[piece]].unsqueeze(1), ()
        if self.network.front is not None:
            x = self.network.front(x)
        for number in range(index + 1):
            x, end = self.network.layers[number](x, self._entering(number, piece))
        return x, end if isinstance(end, tuple) else (end,)

    def _entering(self, index: int, piece: int) -> Any:
        """Return the state that a layer enters a piece with, as its module takes it."""
        forwards, backwards = self.forwards[index][piece], self.backwards[index][piece]
        known = forwards or backwards
        if known is None:
            return None
        zeros = tuple(torch.zeros_like(part) for part in known)
        pairs = zip(forwards or zeros, backwards or zeros, strict=True)
        state = tuple(torch.cat(pair) for pair in pairs)
        return state if len(state) > 1 else state[0]
