"""The sLSTM cells of xlstm 2.0 and tirex-ts 1.4, by what they hold.

Both take the gates' pre-activations of input, forget, candidate and output gate, each `[heads, D]`, and
keep `_recurrent_kernel_` and `_bias_`. In the layers around them the projections named `fgate` and
`igate` are swapped: what `fgate` computes is the *input* gate's, as the order says in which they stack
them. That is theirs, and stays so. Source: Beck et al. 2024; Auer et al. 2025 (TiRex).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.nn.adapters.adapter import Adapter

GATES = 4


def heads_of(cell: Any) -> int:
    """Return the number of heads of a cell with a configuration."""
    return int(cell.config.num_heads)


def missing(cell: Any, kernel: tuple[int, ...], bias: tuple[int, ...]) -> str:
    """Say what of a cell is not as gatewise knows it."""
    if getattr(cell, "_compiled_call_impl", None) is not None:
        return "is compiled, and would go on as it was compiled: accelerate the model before that"
    held = getattr(cell, "_recurrent_kernel_", None), getattr(cell, "_bias_", None)
    if not all(isinstance(one, Tensor) for one in held):
        return "has not the parameters that gatewise knows of this package"
    shapes = tuple(held[0].shape), tuple(held[1].shape)  # type: ignore[union-attr]
    if shapes != (kernel, bias):
        return f"has parameters of other shapes than gatewise knows: {shapes[0]} and {shapes[1]}"
    if held[0].dtype not in (torch.float32, torch.float64):  # type: ignore[union-attr]
        return f"holds {held[0].dtype}, which would be computed in another type"  # type: ignore[union-attr]
    return ""


def unlike(cell: Any, wanted: dict[str, str], *names: str) -> str:
    """Say which of these settings a cell does not have, or has otherwise."""
    config = getattr(cell, "config", None)
    lost = [name for name in ("num_heads", *names, *wanted) if not hasattr(config, name)]
    if lost:
        return f"has a configuration without {lost[0]}"
    for name, value in wanted.items():
        if getattr(config, name) != value:
            return f"has {name}={getattr(config, name)!r}; gatewise knows {value!r}"
    return ""


def _why_not_tirex(cell: Any) -> str:
    if lost := unlike(cell, {}, "embedding_dim"):
        return lost
    if getattr(cell, "backend", None) != "torch":
        return f"runs on its backend {getattr(cell, 'backend', None)!r}"
    heads, units = heads_of(cell), int(cell.config.embedding_dim)
    each = units // heads
    return missing(cell, (heads, each, GATES * each), (GATES * units,))


def _tirex_weight_hh(cell: Any) -> Tensor:
    kernel = cell._recurrent_kernel_  # [heads, D seen, G*D]
    heads, seen = kernel.shape[:2]
    blocks = kernel.view(heads, seen, GATES, -1).permute(2, 0, 3, 1)
    found: Tensor = blocks.reshape(-1, seen)
    return found


def _tirex_bias(cell: Any) -> Tensor:
    by_head = cell._bias_.view(heads_of(cell), GATES, -1)
    found: Tensor = by_head.transpose(0, 1).reshape(-1)
    return found


def _why_not_xlstm(cell: Any) -> str:
    wanted = {"function": "slstm", "input_shape": "BSGNH", "output_shape": "BNSH"}
    if lost := unlike(cell, wanted, "hidden_size"):
        return lost
    heads, units = heads_of(cell), int(cell.config.hidden_size)
    each = units // heads
    return missing(cell, (heads, GATES * each, each), (GATES * units,))


def _xlstm_weight_hh(cell: Any) -> Tensor:
    kernel = cell._recurrent_kernel_  # [heads, G*D, D seen]
    heads, _, seen = kernel.shape
    found: Tensor = kernel.view(heads, GATES, -1, seen).transpose(0, 1).reshape(-1, seen)
    return found


def _xlstm_bias(cell: Any) -> Tensor:
    found: Tensor = cell._bias_
    return found


TIREX = Adapter(
    package="tirex-ts",
    module="tirex.",
    kind="sLSTMCell",
    cell="slstm_clamped",
    heads=heads_of,
    weight_hh=_tirex_weight_hh,
    bias=_tirex_bias,
    why_not=_why_not_tirex,
)
XLSTM = Adapter(
    package="xlstm",
    module="xlstm.",
    kind="sLSTMCell_vanilla",
    cell="slstm",
    heads=heads_of,
    weight_hh=_xlstm_weight_hh,
    bias=_xlstm_bias,
    why_not=_why_not_xlstm,
)
