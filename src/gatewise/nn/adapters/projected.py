"""A recurrence and the projections before it in one pass, where nobody looks between them.

The layers of tirex-ts and tirex-2 project each head's part of their input by itself: weights that the
native core takes as those of an input that is split among the heads, so that the products are never
written to memory. Sizes: B rows, T steps, H units, D units a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import layer_norm
from torch.nn.modules.module import _has_any_global_hook

from gatewise.cells import CELLS, Parameters
from gatewise.engines import ENGINES, Network
from gatewise.engines.onlookers import PLAIN
from gatewise.engines.operators import is_alone
from gatewise.nn.adapters.products import Products
from gatewise.nn.watching import WATCHERS

NAMES = ("fgate", "igate", "zgate", "ogate")
"""The projections in the order in which these layers stack them: that of the gates i, f, z, o."""

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


def through(recurrence: Products, layer: torch.nn.Module, x: Tensor) -> Tensor | None:
    """Return the outputs `[B, T, H]` for the layer's own input `[B, T, H]`, from no state.

    None where the projections are not as the package makes them, or somebody watches, records,
    compiles or casts: then each part runs by itself.
    """
    if not (is_alone() and _is_plain(x, x.dtype)) or WATCHERS or _is_hooked():
        return None
    weights = _weights_of(layer, recurrence, x)
    if weights is None or not _is_unhooked(recurrence) or recurrence.max_memory is not None:
        return None
    if recurrence._choose(x, x.shape[1], x.shape[0]).name != "native":
        return None
    W_ih = torch.cat([weight.flatten(0, 1) for weight in weights])  # [4*H, D]
    held = recurrence._flat_weights
    parameters = Parameters(W_ih, held[1], held[2], held[3])
    network = Network(CELLS[recurrence.mode], ((parameters,),), 0.0, recurrence.heads)
    result = ENGINES["native"].run(network, x.transpose(0, 1), None, None, gates=False)
    return result.output.transpose(0, 1)


def norm_by_head(norm: Any, kind: str, y: Tensor, heads: int) -> Tensor | None:
    """Return `y [B, T, H]` centred and scaled by head, times the weight of each unit, in one kernel.

    None where `norm` is not the class `kind` with a weight and no bias, or is looked at from outside.
    """
    weight = norm._parameters.get("weight")
    if (
        type(norm).__name__ != kind
        or not _is_unhooked(norm)
        or norm._parameters.get("bias") is not None
        or not (isinstance(weight, Tensor) and _is_plain(weight, torch.float32))
        or y.dtype is not torch.float32
        or len(weight) != y.shape[-1]
    ):
        return None
    by_head = y.reshape(*y.shape[:-1], heads, -1)
    normed: Tensor = layer_norm(by_head, by_head.shape[-1:], eps=norm.eps).flatten(2)
    return normed * weight


def _weights_of(layer: torch.nn.Module, recurrence: Products, x: Tensor) -> Sequence[Tensor] | None:
    """Return the weights `[heads, D, D]` of the four projections, if they are all and alike."""
    units, heads = recurrence.hidden_size, recurrence.heads
    if x.dim() != 3 or x.shape[-1] != units or 0 in x.shape:
        return None
    found = []
    for name in NAMES:
        projection = layer._modules.get(name)
        if projection is None or type(projection).__name__ != "LinearHeadwiseExpand":
            return None
        weight = projection._parameters.get("weight")
        if (
            not (isinstance(weight, Tensor) and _is_plain(weight, x.dtype))
            or not _is_unhooked(projection)
            or projection._parameters.get("bias") is not None
            or weight.shape != (heads, units // heads, units // heads)
        ):
            return None
        found.append(weight)
    kept = recurrence._held_weights()
    return found if all(_is_plain(one, x.dtype) for one in kept) else None


def _is_plain(tensor: Tensor, dtype: torch.dtype) -> bool:
    return type(tensor) in PLAIN and tensor.is_cpu and tensor.dtype is dtype


def _is_unhooked(module: torch.nn.Module) -> bool:
    """Tell whether a call of the module does what its class says, and nothing else."""
    given = module.__dict__
    return not (
        any(given.get(name) for name in _HOOKS)
        or "forward" in given
        or given.get("_compiled_call_impl") is not None
    )


def _is_hooked() -> bool:
    """Tell whether there are hooks on the calls of all modules."""
    return bool(_has_any_global_hook())  # type: ignore[no-untyped-call]
