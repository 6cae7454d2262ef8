"""The straight way of a plain call to its engine: a few comparisons in place of many checks.

A small call may take 30 microseconds, of which torch's own `forward` spends 12 in Python: it looks
through the weights for a replaced one and checks the sizes of states that it has made itself. Here
the same is told by comparisons that mostly run in C. Whatever they leave open takes the long way,
which has the words for what is wrong and the reasons for a choice; both come to the same.
Sizes: T steps, B rows, I inputs, H hidden units, P outputs, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Any

import torch
from torch import Tensor

from gatewise.engines import ENGINES, Engine, Plain
from gatewise.engines.by_size import takes
from gatewise.engines.held import are_whole
from gatewise.engines.onlookers import PLAIN
from gatewise.engines.operators import is_alone
from gatewise.nn.calls import check_tensors
from gatewise.nn.watching import WATCHERS

MODES = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu"}
"""The cells that both torch and the core have, by torch's names of its modes."""

_PLAIN = frozenset(PLAIN)


def straight(module: Any, input: Any, hx: Any, counts: Sequence[int] | None) -> Any:
    """Return what a call without gates and lengths returns, or None where it takes the long way.

    `counts` are the batch sizes of a PackedSequence, which `check_packed` has had; None for another
    input. Raises what the engine raises.
    """
    if not is_alone():  # before anything else, which no compiler should follow
        return None
    given = module.__dict__
    if given["mode"] not in MODES:
        return None
    data = input if counts is None else input.data
    weights = _current_weights(given)
    if weights is None or type(data) is not Tensor:
        return None
    if WATCHERS:  # who may want the gates
        return None
    batch_first = given["batch_first"]
    dims = data.dim()
    is_batched = dims == 3 or counts is not None
    if not is_batched and dims == 2:
        data = data.unsqueeze(0 if batch_first else 1)
    shape = data.shape
    if (
        len(shape) != (3 if counts is None else 2)
        or shape[-1] != given["input_size"]
        or data.dtype is not weights[0].dtype
        or not data.is_cpu
        or 0 in shape
    ):
        return None
    if counts is not None:
        steps, rows = len(counts), counts[0]
    else:
        steps, rows = shape[1::-1] if batch_first else shape[:2]
    call = _plain(given, data, weights, steps, rows, packed=counts is not None)
    if hx is not None and not (is_batched and counts is None and _fits(call, data, hx)):
        return None
    run = _engine_for(module, call).run_plain
    if run is None:
        return None
    states = hx if hx is None or isinstance(hx, tuple) else (hx,)
    try:
        batch_sizes = None if counts is None else input.batch_sizes
        found = run(call, data, states, weights, batch_sizes)
    except RuntimeError:
        check_tensors(module, input, hx)  # which tensor, where torch says that there is one
        raise
    if found is None:
        return None
    if counts is not None:
        return _packed_again(input, *found)
    out, ends = found
    if not is_batched:
        out, ends = out.squeeze(0 if batch_first else 1), [state.squeeze(1) for state in ends]
    return out, _states(ends)


def _plain(
    given: dict[str, Any],
    data: Tensor,
    weights: list[Tensor],
    steps: int,
    rows: int,
    *,
    packed: bool,
) -> Plain:
    """Return the call in the terms of an engine; `given` are the attributes of the module."""
    # By position, as names would cost time in every small call: keep to the order of the fields.
    return Plain(
        MODES[given["mode"]],
        given["input_size"],
        given["hidden_size"],
        given["num_layers"],
        given["bidirectional"],
        torch.is_grad_enabled() and _needs_gradient(data, weights),
        steps,
        rows,
        packed,
        given["bias"],
        given["batch_first"],
        given["proj_size"],
        given["dropout"],
        given["training"],
    )


def _packed_again(input: Any, out: Tensor, ends: Sequence[Tensor]) -> tuple[Any, Any]:
    """Return the outputs packed as the input is, and the final states in the order of its batch."""
    back = input.unsorted_indices
    if back is not None:
        ends = [state.index_select(1, back) for state in ends]
    return input._replace(data=out), _states(ends)


def _states(ends: Sequence[Tensor]) -> Any:
    """Return final states as torch's modules do: of the GRU and the RNN the one, else a tuple."""
    return ends[0] if len(ends) == 1 else tuple(ends)


def _engine_for(module: Any, call: Plain) -> Engine:
    """Return the engine of a call: the one that is named, or what `auto` makes of its sizes."""
    name = module.engine
    if name == "auto":
        name = module._settled or ("native" if takes(*call[:9]) else "torch")
    return ENGINES[name]


def _current_weights(given: dict[str, Any]) -> list[Tensor] | None:
    """Return the weights of the module whose attributes are given, if torch's list of them is current.

    None where it may not be: where a weight was replaced, is lent for a call, is computed, or is of a
    class that replaces operators.
    """
    weights: list[Tensor] = given["_flat_weights"]
    named = given["_parameters"]
    is_current = (
        len(weights) == len(named)
        and all(map(is_, weights, named.values()))
        and given.keys().isdisjoint(named)  # else an attribute stands before a parameter
        and _PLAIN.issuperset(map(type, weights))
    )
    return weights if is_current else None


def _needs_gradient(data: Tensor, weights: list[Tensor]) -> bool:
    """Tell whether the input or a weight is to get a gradient."""
    if data.requires_grad:
        return True
    for weight in weights:  # noqa: SIM110 - a generator costs half a microsecond
        if weight.requires_grad:
            return True
    return False


def _fits(call: Plain, data: Tensor, hx: Any) -> bool:
    """Tell whether the states are all that they have to be, and none needs a gradient alone."""
    sizes = (call.proj_size or call.hidden_size, call.hidden_size)
    states = hx if isinstance(hx, tuple) else (hx,)
    count = call.layers * (2 if call.bidirectional else 1)
    for state, size in zip(states, sizes, strict=False):
        if (
            type(state) is not Tensor
            or state.shape != (count, call.rows, size)
            or state.dtype is not data.dtype
            or not state.is_cpu
            or (state.requires_grad and not call.needs_gradient)
        ):
            return False
    return are_whole(states)
