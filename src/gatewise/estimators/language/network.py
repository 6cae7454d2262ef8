"""The network of a language model: embeddings, recurrent layers, and what may be the same embeddings.

Sizes: T steps, B texts side by side, V tokens with "unknown", E figures of an embedding, H hidden units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.engines import Gates
from gatewise.estimators.language.settings import Restraints
from gatewise.estimators.network import LayeredNetwork, layer_of, start_layers
from gatewise.estimators.sequences.drops import (
    activation_cost,
    drawn_mask,
    run_with_dropped_weights,
    slowness_cost,
)
from gatewise.training.losses import cross_entropy
from gatewise.training.task import Count

State = tuple[Any, ...]
"""The state of each layer, as the layer returns it; () is the start."""


class LanguageNetwork(LayeredNetwork):
    """Codes of tokens to the logits of the next one: `network(x)`, x `[T, B]` int64, to `[T, B, V]`.

    Every layer is a module of its own, in `layers`. With `tied`, what a token looks like to the first
    layer is what the last one is compared with (Press and Wolf 2017; Inan et al. 2017), through a
    projection where E is not H. Build it inside `randomness.seeded(seed)`.
    """

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
    ) -> None:
        super().__init__()
        options: Any = {"device": "cpu", "dtype": torch.float32}
        self.table = nn.Embedding(tokens, embedding, **options)
        sizes = [embedding] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(
            layer_of(cell, size, hidden_size, engine, heads=heads) for size in sizes
        )
        start_layers(self.layers, cell, forget_bias, long_memory)
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
        self.hidden_size = hidden_size
        self.restraints = restraints

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
        `return_gates` the gates of each layer come last. Where training charges for activations, it
        gets logits and charge, a scalar, in place of the logits.
        """
        drawn = None if masks is None else iter(masks)
        if lengths is not None and bool((lengths == len(x)).all()):
            lengths = None
        hidden, ends, gates = self._through_layers(
            self._embedded(x, drawn), lengths, drawn, state, return_gates
        )
        found = [self._answers(*hidden)]
        if state is not None:
            found.append(tuple(ends))
        if return_gates:
            found.append(gates)
        return found[0] if len(found) == 1 else tuple(found)

    def _embedded(self, x: Tensor, drawn: Iterator[Tensor] | None) -> Tensor:
        table = self.table.weight
        if drawn is not None and self.restraints.embedding_dropout:
            table = table * next(drawn)
        found = functional.embedding(x, table)
        if drawn is not None and self.restraints.input_dropout:
            found = found * next(drawn)
        return found

    def _through_layers(
        self,
        x: Tensor,
        lengths: Tensor | None,
        drawn: Iterator[Tensor] | None,
        state: State | None,
        return_gates: bool,
    ) -> tuple[tuple[Tensor, Tensor], list[Any], list[Gates]]:
        """Return the last layer's states as they are and dropped, every layer's end, and its gates."""
        kept, ends, gates = x, [], []
        named: dict[str, Any] = {"return_gates": True} if return_gates else {}
        if lengths is not None:
            named["lengths"] = lengths
        for index, layer in enumerate(self.layers):
            before = state[index] if state else None
            if drawn is not None and self.restraints.weight_drop:
                found = run_with_dropped_weights(layer, next(drawn), x, before, **named)
            else:
                found = layer(x, before, **named)
            kept, end, *more = found
            ends.append(end)
            gates += more
            x = kept * next(drawn) if drawn is not None and self.restraints.dropout else kept
        return (kept, x), ends, gates

    def _answers(self, kept: Tensor, dropped: Tensor) -> Any:
        """Return the logits `[T, B, V]` of the last layer's output, and what training charges for it."""
        if self.tied:
            read = dropped if self.projection is None else self.projection(dropped)
            logits = functional.linear(read, self.table.weight, self.bias)
        else:
            logits = self.head(dropped)
        restraints = self.restraints
        if not self.training or not (restraints.activation_cost or restraints.slowness_cost):
            return logits
        charge = restraints.activation_cost * activation_cost(dropped)
        return logits, charge + restraints.slowness_cost * slowness_cost(kept)

    def draw_masks(
        self, generator: torch.Generator, steps: int, batch: int, rows: slice
    ) -> list[Tensor] | None:
        """Draw the masks of one call and return their `rows`; None where nothing is dropped.

        First that of the tokens, `[V, 1]`, and of what the first layer reads, as those of outputs but of
        E figures; then of each layer that of its recurrent weights, `[G*H, H]`,
        and that of its output, `[T, B, H]`, or `[1, B, H]` with variational dropout; those that are on.
        """
        restraints, masks = self.restraints, []
        if restraints.embedding_dropout:
            tokens = (self.table.num_embeddings, 1)
            masks.append(drawn_mask(generator, tokens, restraints.embedding_dropout))
        over = 1 if restraints.variational else steps
        if restraints.input_dropout:
            read = (over, batch, self.table.embedding_dim)
            masks.append(drawn_mask(generator, read, restraints.input_dropout, rows))
        for layer in self.layers:
            if restraints.weight_drop:
                weights = layer.get_parameter("weight_hh_l0").shape
                masks.append(drawn_mask(generator, weights, restraints.weight_drop))
            if restraints.dropout:
                states = (over, batch, self.hidden_size)
                masks.append(drawn_mask(generator, states, restraints.dropout, rows))
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


_ENTROPY = cross_entropy()


def next_token_loss(output: Any, truth: Tensor) -> tuple[Tensor, Count]:
    """Return the cross entropy of logits `[T, B, V]` with the truth `[T, B]`, and the count.

    Truth of -1 is left out of both. What training charges beside enters the gradient only: the losses
    stay comparable with the validation's.
    """
    logits, charge = output if isinstance(output, tuple) else (output, None)
    losses, count = _ENTROPY(logits, truth)
    if charge is not None:
        losses = losses.sum() + (charge - charge.detach()) * count
    return losses, count
