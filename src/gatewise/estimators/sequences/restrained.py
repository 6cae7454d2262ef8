"""Layers of a network of sequences, with what training drops in them and charges for.

All that is dropped goes by masks that the caller draws for a whole batch, so that processes that share
one see the same. Sizes: T steps, B sequences, F features, D directions, H hidden units, G gates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.estimators.network import LayeredNetwork
from gatewise.estimators.sequences.restraints import Restraints
from gatewise.training.randomness import drawn_mask

RECURRENT = ("weight_hh_l0", "weight_hh_l0_reverse")
"""Recurrent weights of a layer; the second where it reads backwards too."""


class RestrainedNetwork(LayeredNetwork):
    """Recurrent layers, run one after the other with their restraints; what is around them differs.

    Attributes:
        restraints: What training drops and charges for.
        reads: F, what the first layer reads of a step.
        width: D*H, what a layer hands on.
        reads_every: Whether every step has an answer, `[T, B, ...]`, and not the sequence, `[B, ...]`.
    """

    restraints: Restraints
    reads: int
    width: int
    reads_every: bool

    def _run_layers(
        self,
        x: Tensor,
        lengths: Tensor | None,
        drawn: Iterator[Tensor] | None,
        state: Any,
        return_gates: bool,
    ) -> tuple[Tensor, list[Any], list[Any]]:
        """Return the last layer's states `[T, B, D*H]`, and of every layer the end's state and gates.

        `drawn` are the masks of `draw_masks`, from the one for what the first layer reads on. Where the
        whole sequence has one answer, that of what is read of it is left over.
        """
        restraints, ends, gates = self.restraints, [], []
        # without padding a layer's short way, which saves up to a tenth of a step
        if lengths is not None and bool((lengths == len(x)).all()):
            lengths = None
        if drawn is not None and restraints.input_dropout:
            x = x * next(drawn)
        kept = x
        for index, layer in enumerate(self.layers):
            run: Any = layer
            if drawn is not None and restraints.weight_drop:
                run = _with_dropped_weights(layer, drawn)
            before = state[index] if state else None
            kept, end, *more = run(x, before, lengths=lengths, return_gates=return_gates)
            ends.append(end)
            gates += more
            x = kept * next(drawn) if drawn is not None and self._drops_after(index) else kept
        if self.training and (restraints.activation_cost or restraints.slowness_cost):
            self.charge = restraints.activation_cost * activation_cost(x, lengths)
            self.charge = self.charge + restraints.slowness_cost * slowness_cost(kept, lengths)
        return x, ends, gates

    def _drops_after(self, index: int) -> bool:
        """Return whether states of a layer are dropped step by step."""
        inside = self.reads_every or index < len(self.layers) - 1
        return inside and self.restraints.dropout > 0

    def draw_masks(
        self, generator: torch.Generator, steps: int, batch: int, rows: slice
    ) -> list[Tensor] | None:
        """Draw one batch's masks and return their `rows`; None where nothing is dropped.

        First that of what the first layer reads, `[T, B, F]`; then of each layer those of its recurrent
        weights, `[G*H, H]`, and that of its states, `[T, B, D*H]`, of the last one as what the head
        reads: `[B, D*H]` where that is one state of a sequence. T is 1 with variational dropout. The
        draw is for the whole batch of `batch` sequences padded to `steps` steps, whichever rows are
        asked for: processes that share a batch see the masks of one process alone.
        """
        restraints, masks = self.restraints, []
        over = 1 if restraints.variational else steps
        if restraints.input_dropout:
            read = (over, batch, self.reads)
            masks.append(drawn_mask(generator, read, restraints.input_dropout, rows))
        for index, layer in enumerate(self.layers):
            if restraints.weight_drop:
                masks += [
                    drawn_mask(generator, weight.shape, restraints.weight_drop)
                    for weight in recurrent_weights(layer).values()
                ]
            if restraints.dropout:
                in_steps = self._drops_after(index)
                states = (over if in_steps else 1, batch, self.width)
                mask = drawn_mask(generator, states, restraints.dropout, rows)
                masks.append(mask if in_steps else mask[0])
        return masks or None


def results(answers: Any, ends: list[Any] | None, gates: list[Any] | None) -> Any:
    """Return what a call of a network does: answers, or a tuple of them and what else is not None."""
    found = [answers]
    if ends is not None:
        found.append(tuple(ends))
    if gates is not None:
        found.append(gates)
    return found[0] if len(found) == 1 else tuple(found)


def recurrent_weights(layer: nn.Module) -> dict[str, Tensor]:
    """Return the recurrent weights of a layer by name, those of the way back last."""
    own = dict(layer.named_parameters())
    return {name: own[name] for name in RECURRENT if name in own}


def _with_dropped_weights(layer: nn.Module, drawn: Iterator[Tensor]) -> Any:
    """Return a layer to call, with the next masks `[G*H, H]` multiplied onto its recurrent weights.

    DropConnect (Wan et al. 2013) as Merity, Keskar and Socher (2018, section 2) have it: one mask for
    all steps and sequences of a call, so that the pass is the layer's own, on whichever engine it has.
    """
    weights = {name: weight * next(drawn) for name, weight in recurrent_weights(layer).items()}

    def call(*args: Any, **kwargs: Any) -> Any:
        return torch.func.functional_call(layer, weights, args, kwargs)

    return call


def activation_cost(states: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return the mean square of states `[T, B, H]` (AR: Merity, McCann and Socher 2017, eq. 2).

    Steps past `lengths` [B], whose states are 0, do not count.
    """
    if lengths is None:
        return states.square().mean()
    return states.square().sum() / (lengths.sum() * states.shape[-1]).clamp(min=1)


def slowness_cost(states: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return the mean square of what states `[T, B, H]` change by in a step (TAR: ibid., eq. 3).

    Steps past `lengths` [B] do not count.
    """
    if len(states) < 2:
        return states.sum() * 0.0
    changes = (states[1:] - states[:-1]).square()
    if lengths is None:
        return changes.mean()
    inside = torch.arange(1, len(states), device="cpu").unsqueeze(1) < lengths
    count = (inside.sum() * states.shape[-1]).clamp(min=1)
    return (changes * inside.to(states.device).unsqueeze(2)).sum() / count
