"""Recurrent layers written out step by step, for autograd: the oracle of the Jacobians."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import linear


def weights_of(module: torch.nn.RNNBase, layer: int, direction: int) -> dict[str, Tensor]:
    """Return the weights of one direction of one layer, by torch's names without the suffix."""
    end = f"_l{layer}" + ("_reverse" if direction else "")
    return {
        name.removesuffix(end): value.detach()
        for name, value in module.named_parameters()
        if name.endswith(end)
    }


def lstm(w: dict[str, Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Return `(h, c)` one step later, from `x [I]`."""
    i, f, g, o = (
        linear(x, w["weight_ih"], w["bias_ih"]) + linear(h, w["weight_hh"], w["bias_hh"])
    ).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return (linear(h, w["weight_hr"]) if "weight_hr" in w else h), c


def gru(w: dict[str, Tensor], x: Tensor, h: Tensor) -> Tensor:
    """Return h one step later."""
    own, back = linear(x, w["weight_ih"], w["bias_ih"]), linear(h, w["weight_hh"], w["bias_hh"])
    r, z, n = zip(own.chunk(3), back.chunk(3), strict=True)
    reset, update = torch.sigmoid(sum(r)), torch.sigmoid(sum(z))
    return (1 - update) * torch.tanh(n[0] + reset * n[1]) + update * h


def rnn(squash: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return the step of an RNN with `squash`."""

    def step(w: dict[str, Tensor], x: Tensor, h: Tensor) -> Tensor:
        return squash(
            linear(x, w["weight_ih"], w["bias_ih"]) + linear(h, w["weight_hh"], w["bias_hh"])
        )

    return step


SINGLE = {"GRU": gru, "RNN_TANH": rnn(torch.tanh), "RNN_RELU": rnn(torch.relu)}


def jacobian(  # noqa: PLR0917
    module: torch.nn.RNNBase, w: dict[str, Tensor], x: Tensor, time: int, source: int, state: str
) -> Tensor:
    """Return `ds_time/ds_source` by autograd through a loop over `x [T, I]` from zero states."""
    P, H = w["weight_hh"].shape[1], module.hidden_size
    if not isinstance(module, torch.nn.LSTM):
        step, h = SINGLE[module.mode], x.new_zeros(H)
        for t in range(source + 1):
            h = step(w, x[t], h)

        def follow_h(h: Tensor) -> Tensor:
            for t in range(source + 1, time + 1):
                h = step(w, x[t], h)
            return h

        return torch.autograd.functional.jacobian(follow_h, h)
    h, c = x.new_zeros(P), x.new_zeros(H)
    for t in range(source + 1):
        before = h
        h, c = lstm(w, x[t], h, c)
    rows = slice(3 * H, 4 * H)
    o = torch.sigmoid(
        linear(x[source], w["weight_ih"][rows], w["bias_ih"][rows])
        + linear(before, w["weight_hh"][rows], w["bias_hh"][rows])
    )

    def follow(h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        for t in range(source + 1, time + 1):
            h, c = lstm(w, x[t], h, c)
        return h, c

    if state == "full":
        return torch.autograd.functional.jacobian(
            lambda s: torch.cat(follow(s[:P], s[P:])), torch.cat([h, c])
        )

    def read(c: Tensor) -> Tensor:
        h = o * torch.tanh(c)
        return linear(h, w["weight_hr"]) if "weight_hr" in w else h

    return torch.autograd.functional.jacobian(lambda c: follow(read(c), c)[1], c)
