"""Products of the weights: with the input, and with heads, whose matrix is blocks without its zeros.

The units of a head follow one another and see the old state of that head alone. Which kind a matrix is
can be told by its width: as many columns as the state has units, or as a head has.
Sizes: B rows, H hidden units, P projected units, D units a head, G blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear


def of_input(W_ih: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `W_ih x + bias`, `[..., G*H]`; with a `W_ih [G*H, 0]`, `x` is the product already."""
    if W_ih.shape[1] == 0:
        return x if bias is None else x + bias
    product: Tensor = linear(x, W_ih, bias)
    return product


def recurrent(W_hh: Tensor, hidden: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `W_hh h + bias`, `[..., G*H]`, of `hidden [..., P]`; `W_hh` is `[G*H, P]` or `[G*H, D]`."""
    width, seen = hidden.shape[-1], W_hh.shape[1]
    if seen == width:
        product: Tensor = linear(hidden, W_hh, bias)
        return product
    heads, lead = width // seen, hidden.shape[:-1]
    by_head: Tensor = hidden.reshape(-1, heads, seen).transpose(0, 1) @ _blocks(W_hh, heads)
    blocks = by_head.view(heads, by_head.shape[1], -1, seen)  # [heads, B, G, D]
    found = blocks.permute(1, 2, 0, 3).reshape(*lead, len(W_hh))
    return found if bias is None else found + bias


def backwards(W_hh: Tensor, onto: Tensor, width: int) -> Tensor:
    """Return `onto [..., G*H] W_hh`, `[..., P]`: what reaches a hidden state of `width` units."""
    seen = W_hh.shape[1]
    if seen == width:
        return onto @ W_hh
    heads, lead = width // seen, onto.shape[:-1]
    by_head = onto.reshape(-1, len(W_hh) // width, heads, seen).permute(2, 0, 1, 3).flatten(2)
    found = by_head @ _blocks(W_hh, heads).transpose(1, 2)  # [heads, B, D]
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


def _blocks(W_hh: Tensor, heads: int) -> Tensor:
    """Return `[heads, D, G*D]`: for each head what it sees, and the blocks that it fills."""
    seen = W_hh.shape[1]
    return W_hh.reshape(-1, heads, seen, seen).permute(1, 3, 0, 2).flatten(2)
