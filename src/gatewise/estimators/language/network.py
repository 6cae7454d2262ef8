"""The network of a language model: embeddings, recurrent layers, and what may be the same embeddings.

Sizes: T steps, B texts side by side, V tokens with "unknown", E figures of an embedding, H hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.estimators.network import stack_of
from gatewise.estimators.sequences.restrained import RestrainedNetwork, results
from gatewise.estimators.sequences.restraints import Restraints
from gatewise.training.carried import State
from gatewise.training.randomness import drawn_mask


class LanguageNetwork(RestrainedNetwork):
    """Codes of tokens to the logits of the next one: `network(x)`, x `[T, B]` int64, to `[T, B, V]`.

    Every layer is a module of its own, in `layers`. With `tied`, what a token looks like to the first
    layer is what the last one is compared with (Press and Wolf 2017; Inan et al. 2017), through a
    projection where E is not H. `embedding_dropout` drops tokens in all their places of a call. Build
    it inside `randomness.seeded(seed)`.
    """

    reads_every = True

    def __init__(
        self,
        *,
        tokens: int,
        embedding: int,
        tied: bool,
        cell: str,
        hidden_size: int,
        num_layers: int,
        heads: int = 1,
        forget_bias: float | None,
        long_memory: int | None = None,
        engine: str,
        restraints: Restraints,
        embedding_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        options: Any = {"device": "cpu", "dtype": torch.float32}
        self.table = nn.Embedding(tokens, embedding, **options)
        sizes = [embedding] + [hidden_size] * (num_layers - 1)
        self.layers = stack_of(
            cell,
            sizes,
            hidden_size,
            engine,
            forget_bias=forget_bias,
            long_memory=long_memory,
            heads=heads,
        )
        self.tied = tied
        self.projection = None
        if tied:
            # logits of unit size, as those of a layer of its own have
            nn.init.normal_(self.table.weight, std=embedding**-0.5)
            if embedding != hidden_size:
                self.projection = nn.Linear(hidden_size, embedding, **options)
            self.bias = nn.Parameter(torch.zeros(tokens, device="cpu", dtype=torch.float32))
        else:
            self.head = nn.Linear(hidden_size, tokens, **options)
        self.reads, self.width = embedding, hidden_size
        self.restraints, self.embedding_dropout = restraints, embedding_dropout

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        *,
        masks: Sequence[Tensor] | None = None,
        state: State | None = None,
        return_gates: bool = False,
    ) -> Any:
        """Return the logits; with `state` also that of each layer at the end of each text.

        `lengths` [B] are integers from 0 to T; without them all texts have T tokens. `masks` as
        `draw_masks` returns them. `state` is what a call before returned, or () for the start. With
        `return_gates` the gates of each layer come last.
        """
        drawn = None if masks is None else iter(masks)
        table = self.table.weight
        if drawn is not None and self.embedding_dropout:
            table = table * next(drawn)
        entered = functional.embedding(x, table)
        states, ends, gates = self._run_layers(entered, lengths, drawn, state, return_gates)
        logits = self._logits(states)
        return results(logits, None if state is None else ends, gates if return_gates else None)

    def _logits(self, states: Tensor) -> Tensor:
        if not self.tied:
            found: Tensor = self.head(states)
            return found
        read = states if self.projection is None else self.projection(states)
        return functional.linear(read, self.table.weight, self.bias)

    def draw_masks(
        self, generator: torch.Generator, steps: int, batch: int, rows: slice
    ) -> list[Tensor] | None:
        """Draw the masks of one call; first that of tokens, `[V, 1]`, where there is one."""
        masks = []
        if self.embedding_dropout:
            tokens = (self.table.num_embeddings, 1)
            masks.append(drawn_mask(generator, tokens, self.embedding_dropout))
        masks += super().draw_masks(generator, steps, batch, rows) or []
        return masks or None

    def read_out(self) -> tuple[Tensor, Tensor]:
        """Return weight `[V, H]` and bias `[V]` that make logits of the last layer's output."""
        with torch.no_grad():
            if not self.tied:
                return self.head.weight.detach(), self.head.bias.detach()
            table = self.table.weight
            if self.projection is None:
                return table.detach(), self.bias.detach()
            return table @ self.projection.weight, table @ self.projection.bias + self.bias
