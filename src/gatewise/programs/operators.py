"""The operators through which every recurrent layer of torch goes, and torch's own kernels of them.

`nn.LSTM`, `nn.GRU`, `nn.RNN`, their subclasses, functional calls and TorchScript come down to one
operator for padded input and one for packed data, of each cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

KEYS = ("AutogradCPU", "CPU")
"""Where the dispatcher looks for a kernel: with gradients on or off, and in inference mode."""


class Operator(NamedTuple):
    """One of torch's operators."""

    cell: str
    packed: bool  # whether it takes packed data

    @property
    def name(self) -> str:
        """Return the name without its namespace, as `lstm.input`."""
        return f"{self.cell}.{'data' if self.packed else 'input'}"


OPERATORS = tuple(
    Operator(cell, packed)
    for cell in ("lstm", "gru", "rnn_tanh", "rnn_relu")
    for packed in (False, True)
)

LEFT_ALONE = ("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
"""Operators of a single step. A kernel in Python would cost them more than the engine gains."""


def torchs_kernel(operator: Operator, key: str) -> Callable[..., Any]:
    """Return torch's own kernel of an operator, taken before it is replaced.

    It takes a set of dispatch keys and the operator's arguments. Before torch 2.9, which hands kernels
    out, the call goes on under a key where nothing was replaced: torch has one kernel for all keys of
    these operators, which composes them of others.
    """
    name = f"aten::{operator.name}"
    get_kernel = getattr(torch.library, "get_kernel", None)
    if get_kernel is not None:
        kernel: Callable[..., Any] = get_kernel(name, key).call_boxed
        return kernel
    return _redispatched(operator)


def _redispatched(operator: Operator) -> Callable[..., Any]:
    overload = getattr(getattr(torch.ops.aten, operator.cell), operator.name.partition(".")[2])
    elsewhere = torch._C.DispatchKeySet(torch._C.DispatchKey.AutogradOther)

    def kernel(_: Any, *arguments: Any) -> Any:
        return overload.redispatch(elsewhere, *arguments)

    return kernel
