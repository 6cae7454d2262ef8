"""The straight way to torch's pass, for the small calls that are left to it.

Such a call may take 30 microseconds, of which torch's own `forward` spends 15 in Python: it looks
through the weights for a replaced one and checks the sizes of states that it has made itself. Here
the same is told by a few comparisons that run in C, and whatever they leave open goes to torch's
`forward`, which has the words for what is wrong.
Sizes: T steps, B rows, N valid steps of all rows together, I inputs, H hidden units, P projected units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.engines.fused import PASSES
from gatewise.engines.held import are_whole

MODES = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu"}
"""The cells that both torch and the core have, by torch's names of its modes."""

_PASSES: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    mode: PASSES[cell] for mode, cell in MODES.items()
}


def straight(
    module: torch.nn.RNNBase, input: Tensor | PackedSequence, hx: Any, counts: Sequence[int] | None
) -> Any:
    """Return what torch's `forward` would, or None for a call that it should have a look at itself.

    `counts` are the batch sizes of a PackedSequence, which `check_packed` has had; None for a tensor.
    The caller has made sure that nobody records or transforms the call.
    """
    given = module.__dict__
    weights = current_weights(given)
    if weights is None:
        return None
    mode, inputs = given["mode"], given["input_size"]
    data = input.data if isinstance(input, PackedSequence) else input
    shape = data.shape
    if (
        len(shape) != (3 if counts is None else 2)
        or shape[-1] != inputs
        or not data.is_cpu
        or data.dtype is not weights[0].dtype
        # torch's LSTM reads the memory of its weights unseen, the others' products look first.
        or not are_whole((data, *weights) if mode == "LSTM" else (data,))
    ):
        return None
    rows = counts[0] if counts else shape[0 if given["batch_first"] else 1]
    states = _states(given, data, rows, hx, is_packed=counts is not None)
    if states is None:
        return None
    options = (
        *(weights, given["bias"], given["num_layers"], given["dropout"]),
        *(given["training"], given["bidirectional"]),
    )
    if counts is None:
        out, *end = _PASSES[mode](data, states, *options, given["batch_first"])
        return out, end[0] if len(end) == 1 else tuple(end)
    assert isinstance(input, PackedSequence)
    out, *end = _PASSES[mode](data, input.batch_sizes, states, *options)
    if input.unsorted_indices is not None:
        end = [state.index_select(1, input.unsorted_indices) for state in end]
    # `_replace` leaves out the checks of PackedSequence, whose other parts are those of the input.
    return input._replace(data=out), end[0] if len(end) == 1 else tuple(end)


def current_weights(given: dict[str, Any]) -> list[Tensor] | None:
    """Return the weights of the module whose attributes are given, if torch's list of them is current.

    None where it may not be: where a weight was replaced, is lent for a call or is computed.
    """
    weights: list[Tensor] = given["_flat_weights"]
    named = given["_parameters"]
    is_current = (
        len(weights) == len(named)
        and all(map(is_, weights, named.values()))
        and given.keys().isdisjoint(named)  # else an attribute stands before a parameter
    )
    return weights if is_current else None


def _states(given: dict[str, Any], data: Tensor, rows: int, hx: Any, *, is_packed: bool) -> Any:
    """Return the states as torch's pass takes them, or None where it should look at them itself."""
    count = given["num_layers"] * (2 if given["bidirectional"] else 1)
    hidden, is_lstm = given["hidden_size"], given["mode"] == "LSTM"
    outputs = given["proj_size"] or hidden
    if hx is None:
        h = torch.zeros(count, rows, outputs, dtype=data.dtype, device="cpu")
        if not is_lstm:
            return h
        # Nothing writes into the states, so that one may stand for both.
        c = h if outputs == hidden else h.new_zeros(count, rows, hidden)
        return h, c
    if is_packed:  # the states are to be brought into the order of the rows
        return None
    states = hx if is_lstm else (hx,)
    for state, size in zip(states, (outputs, hidden), strict=False):
        if state.shape != (count, rows, size) or state.dtype is not data.dtype:
            return None
        if not state.is_cpu or not are_whole((state,)):
            return None
    return tuple(states) if is_lstm else hx
