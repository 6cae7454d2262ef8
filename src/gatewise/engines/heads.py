"""Products of the weights: with the input, and with heads, whose matrix is blocks without its zeros.

The units of a head follow one another and see the old state of that head alone, and of an input that is
split its part alone. Which kind a matrix is can be told by its width: as many columns as what it is
multiplied with has numbers, or as a head's part of that.
Sizes: B rows, H hidden units, P projected units, D units a head, G blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear


def of_input(W_ih: Tensor, x: Tensor, bias: Tensor | None, hidden: int) -> Tensor:
    """Return `W_ih x + bias`, `[..., G*H]`, for `hidden` units.

    With a `W_ih [G*H, 0]`, `x` is the product already; with one narrower than `x`, `x` is split.
    """
    if W_ih.shape[1] == 0:
        return x if bias is None else x + bias
    return _product(W_ih, x, bias, hidden)


def recurrent(W_hh: Tensor, hidden: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `W_hh h + bias`, `[..., G*H]`, of `hidden [..., P]`; `W_hh` is `[G*H, P]` or `[G*H, D]`."""
    return _product(W_hh, hidden, bias, hidden.shape[-1])


def backwards(W_hh: Tensor, onto: Tensor, width: int) -> Tensor:
    """Return `onto [..., G*H] W_hh`, `[..., P]`: what reaches a hidden state of `width` units."""
    seen = W_hh.shape[1]
    if seen == width:
        return onto @ W_hh
    heads, lead = width // seen, onto.shape[:-1]
    by_head = onto.reshape(-1, len(W_hh) // width, heads, seen).permute(2, 0, 1, 3).flatten(2)
    found = by_head @ _blocks(W_hh, heads, seen).transpose(1, 2)  # [heads, B, D]
    return found.transpose(0, 1).reshape(*lead, width)


def dense(W_hh: Tensor, width: int) -> Tensor:
    """Return the whole matrix `[G*H, width]`, with zeros where a head does not see another."""
    seen = W_hh.shape[1]
    if seen == width:
        return W_hh
    heads = width // seen
    blocks = W_hh.view(-1, heads, seen, 1, seen)
    apart = torch.eye(heads, dtype=W_hh.dtype, device=W_hh.device)[:, None, :, None]
    return (blocks * apart).reshape(len(W_hh), width)


def _product(weight: Tensor, vector: Tensor, bias: Tensor | None, hidden: int) -> Tensor:
    """Return `weight vector + bias`, `[..., G*H]`, for `hidden` units, H."""
    width, seen = vector.shape[-1], weight.shape[1]
    if seen == width:
        product: Tensor = linear(vector, weight, bias)
        return product
    heads, lead = width // seen, vector.shape[:-1]
    units = hidden // heads
    by_head: Tensor = vector.reshape(-1, heads, seen).transpose(0, 1) @ _blocks(
        weight, heads, units
    )
    blocks = by_head.view(heads, by_head.shape[1], -1, units)  # [heads, B, G, D]
    found = blocks.permute(1, 2, 0, 3).reshape(*lead, len(weight))
    return found if bias is None else found + bias


def _blocks(weight: Tensor, heads: int, units: int) -> Tensor:
    """Return `[heads, seen, G*D]`: for each head what it sees, and the blocks that its D units fill."""
    return weight.reshape(-1, heads, units, weight.shape[1]).permute(1, 3, 0, 2).flatten(2)
