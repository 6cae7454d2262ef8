"""Random calls of torch's recurrent operators: well-formed ones of every kind, and malformed ones.

A call is made anew from its seed each time, so that the same one can be made with and without a patch.
Sizes: T steps, B rows, I inputs, H hidden units, P outputs, L layers, D directions, G gates.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import _VF, Tensor

from gatewise.cells import CELLS

FUNCTIONS = {
    "lstm": _VF.lstm,
    "gru": _VF.gru,
    "rnn_tanh": _VF.rnn_tanh,
    "rnn_relu": _VF.rnn_relu,
}


def strange(tensor: Tensor, how: str) -> Tensor:
    """Return the values of a tensor in memory of another form."""
    if how == "transposed":
        return tensor.transpose(0, -1).contiguous().transpose(0, -1)
    if how == "every second":
        wide = torch.zeros(*tensor.shape[:-1], 2 * tensor.shape[-1], dtype=tensor.dtype)
        wide[..., ::2] = tensor
        return wide[..., ::2]
    if how == "inside":
        flat = torch.cat([tensor.new_full((3,), torch.nan), tensor.flatten()])
        return flat[3:].view(tensor.shape)
    if how == "conjugate" and tensor.dtype is not torch.bfloat16:
        return torch.complex(torch.zeros_like(tensor), -tensor).conj().imag
    return tensor


WAYS = ("", "", "", "transposed", "every second", "inside", "conjugate")


@dataclass
class RandomCall:
    """One call, by its seed."""

    seed: int
    cell: str = field(init=False)
    packed: bool = field(init=False)
    wrong: str = field(init=False)
    grads: bool = field(init=False)
    twice: bool = field(init=False)
    inference: bool = field(init=False)

    def __post_init__(self) -> None:
        draw = self._draw = random.Random(self.seed)
        self.cell = draw.choice(list(FUNCTIONS))
        self.packed = draw.random() < 0.35
        self.T, self.B = draw.randint(1, 14), draw.randint(1, 7)
        self.I, self.H = draw.randint(1, 9), draw.randint(1, 9)
        self.L, self.D = draw.choice((1, 1, 2, 3)), draw.choice((1, 2))
        self.bias, self.train = draw.random() < 0.8, draw.random() < 0.5
        self.batch_first = draw.random() < 0.5
        self.dropout = draw.choice((0.0, 0.0, 0.0, 0.3, 1.0))
        self.P = max(1, self.H // 2) if self.cell == "lstm" and draw.random() < 0.2 else self.H
        self.dtype = draw.choice((torch.float32,) * 4 + (torch.float64,) * 2 + (torch.bfloat16,))
        self.grads = draw.random() < 0.5
        self.twice = self.grads and self.dtype is torch.float64 and draw.random() < 0.3
        self.inference = not self.grads and draw.random() < 0.3
        self.wrong = draw.choice(WRONG) if draw.random() < 0.12 else ""
        if self.cell == "lstm" and self.dtype is not torch.float64:
            # torch's pass by oneDNN believes these sizes: it reads and writes past the end of arrays.
            self.wrong = self.wrong if self.wrong in ("no step", "flat state", "dropout") else ""
        self.leaves_only_states = self.grads and draw.random() < 0.1
        self.ways = [draw.choice(WAYS) for _ in range(3)]

    def _weights(self, some: Any) -> list[Tensor]:
        gates, found = len(CELLS[self.cell].packing), []
        for layer in range(self.L):
            for _ in range(self.D):
                width = self.D * self.P if layer else self.I
                found += [some(gates * self.H, width), some(gates * self.H, self.P)]
                found += [some(gates * self.H), some(gates * self.H)] * self.bias
                found += [some(self.P, self.H)] * (self.P != self.H)
        return found

    def arguments(self) -> tuple[list[Any], list[Tensor]]:
        """Return the operator's arguments, and the tensors that get gradients."""
        generator = torch.Generator().manual_seed(self.seed)

        def some(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64).to(self.dtype) / 2

        draw = random.Random(self.seed + 1)
        lengths = sorted((draw.randint(1, self.T) for _ in range(self.B)), reverse=True)
        sizes = torch.tensor([sum(n > t for n in lengths) for t in range(lengths[0])])
        lead = (int(sizes.sum()),) if self.packed else (self.T, self.B)
        if self.batch_first and not self.packed:
            lead = lead[::-1]
        x, weights = some(*lead, self.I), self._weights(some)
        states = [some(self.L * self.D, self.B, self.P)]
        if self.cell == "lstm":
            states.append(some(self.L * self.D, self.B, self.H))
        leaves = [] if not self.grads else [x, *states, *weights]
        if self.leaves_only_states:
            leaves = states[:1]
        for leaf in leaves:
            leaf.requires_grad_()
        x, states[0] = strange(x, self.ways[0]), strange(states[0], self.ways[1])
        weights[-1] = strange(weights[-1], self.ways[2])
        options: list[Any] = [self.bias, self.L, self.dropout, self.train, self.D == 2]
        x, sizes, states, weights, options = spoil(self, x, sizes, states, weights, options)
        hx = states if self.cell == "lstm" else states[0]
        if self.packed:
            return [x, sizes, hx, weights, *options], leaves
        return [x, hx, weights, *options, self.batch_first], leaves

    def run(self) -> tuple[list[Tensor], list[Tensor | None]] | str:
        """Return the results and the gradients, first and second; or what was raised, in words."""
        torch.manual_seed(self.seed)
        try:
            if self.inference:
                with torch.inference_mode():
                    return list(FUNCTIONS[self.cell](*self.arguments()[0])), []
            with torch.set_grad_enabled(self.grads):
                arguments, leaves = self.arguments()
                results = list(FUNCTIONS[self.cell](*arguments))
                return results, self._gradients(results, leaves)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def _gradients(self, results: list[Tensor], leaves: list[Tensor]) -> list[Tensor | None]:
        if not leaves:
            return []
        loss = sum((result * (1 + 0.1 * result)).sum() for result in results)
        first = torch.autograd.grad(loss, leaves, allow_unused=True, create_graph=self.twice)
        found = list(first)
        if self.twice:
            again = sum((one**2).sum() for one in first if one is not None)
            found += torch.autograd.grad(again, leaves, allow_unused=True)
        return [None if one is None else one.detach() for one in found]


WRONG = (
    "no step",
    "no row",
    "wide input",
    "wide state",
    "rows of states",
    "flat state",
    "type of states",
    "type of a weight",
    "too few weights",
    "shape of a weight",
    "half the layers",
    "dropout",
    "rising batch sizes",
    "batch sizes that do not add up",
    "dims of input",
)


def spoil(  # noqa: PLR0917 - all that may be wrong
    call: RandomCall,
    x: Tensor,
    sizes: Tensor,
    states: list[Tensor],
    weights: list[Tensor],
    options: list[Any],
) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor], list[Any]]:
    """Return the arguments with one thing wrong, if one is to be."""
    other = torch.float64 if call.dtype is not torch.float64 else torch.float32
    match call.wrong:
        case "no step":
            x, sizes = x[:0], sizes[:0]
        case "no row":
            x = x[:, :0]
        case "wide input":
            x = torch.cat([x, x], -1)
        case "wide state":
            states[0] = torch.cat([states[0], states[0]], -1)
        case "rows of states":
            states[-1] = torch.cat([states[-1], states[-1]], 1)
        case "flat state":
            states[0] = states[0].flatten()
        case "type of states":
            states[0] = states[0].to(other)
        case "type of a weight":
            weights[1] = weights[1].to(other)
        case "too few weights":
            weights = weights[:-1]
        case "shape of a weight":
            weights[0] = torch.cat([weights[0], weights[0]], 0)
        case "half the layers":
            options[1] += 1
        case "dropout":
            options[2], options[3] = 1.5, True
        case "rising batch sizes":
            sizes = sizes.flip(0)
        case "batch sizes that do not add up":
            sizes = sizes + 1
        case "dims of input":
            x = x[None]
    return x, sizes, states, weights, options
