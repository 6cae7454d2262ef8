"""Starting values that decide how long a fresh network remembers.

Both functions set the sum of torch's two bias vectors: the value goes into `bias_ih`, and the same
gate's part of `bias_hh` becomes 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.cells import CellSpec
from gatewise.errors import InputError
from gatewise.nn.structure import check_model, parameters_of, spec_of, suffixes_of

__all__ = ["chrono", "open_forget_gate"]


@dataclass(frozen=True)
class _Biases:
    """The two bias vectors of one layer and direction, or of one cell."""

    spec: CellSpec
    hidden_size: int
    b_ih: Tensor  # [G*H]
    b_hh: Tensor  # [G*H]

    def set(self, gate: str, value: Tensor | float) -> None:
        """Make the total bias of `gate` exactly `value` (a number or `[H]`)."""
        rows = self.spec.slice(gate, self.hidden_size)
        self.b_ih[rows] = value
        self.b_hh[rows] = 0.0


def open_forget_gate(module: torch.nn.Module, bias: float = 1.0) -> None:
    """Set the total bias of every gate that keeps the state to `bias`, in place.

    For an LSTM that is the forget gate, for a GRU the update gate (z = 1 keeps); a cell that keeps
    by one minus its write gate gets `-bias` there. `module` may be a module, a cell or any model
    that contains some. Raises InputError where there is nothing to open, and for `bias=False`.
    Source: Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever 2015.
    """
    if isinstance(bias, bool) or not isinstance(bias, int | float) or not abs(bias) < math.inf:
        raise InputError(f"open_forget_gate: bias must be a finite number; got {bias!r}")
    found = _gated(module, "open_forget_gate")
    with torch.no_grad():
        for biases in found:
            spec = biases.spec
            if spec.keep_gate in spec.with_bias:
                biases.set(spec.keep_gate, bias)
            elif spec.write_gate in spec.with_bias:
                biases.set(spec.write_gate, -bias)


def chrono(
    module: torch.nn.Module, max_lag: float, generator: torch.Generator | None = None
) -> None:
    """Spread the units' timescales over 1 to `max_lag` steps, in place.

    Tallec & Ollivier 2018, "Can recurrent neural networks warp time?", equation 16: for an LSTM
    `b_f = log U(1, max_lag - 1)` and `b_i = -b_f`, each unit its own draw; for a GRU
    `b_z = +log U(1, max_lag - 1)`, because z keeps. `module` as in `open_forget_gate`; `generator`
    draws, by default torch's global one. Raises InputError for `max_lag` below 2, where there is
    nothing to set, and for `bias=False`.
    """
    number = isinstance(max_lag, int | float) and not isinstance(max_lag, bool)
    if not number or not 2 <= max_lag < math.inf:
        raise InputError(
            f"chrono: max_lag must be at least 2 steps, the longest lag to bridge; got {max_lag!r}"
        )
    if generator is not None and not isinstance(generator, torch.Generator):
        raise InputError(f"chrono: generator must be a torch.Generator; got {generator!r}")
    found = _gated(module, "chrono")
    with torch.no_grad():
        for biases in found:
            spec = biases.spec
            # On the CPU, so that a seed gives the same biases wherever the module is.
            draw = torch.empty(biases.hidden_size, dtype=biases.b_ih.dtype, device="cpu")
            draw = draw.uniform_(1.0, max_lag - 1.0, generator=generator).log()
            draw = draw.to(biases.b_ih.device)
            if spec.keep_gate in spec.with_bias:
                biases.set(spec.keep_gate, draw)
            if spec.write_gate in spec.with_bias:
                biases.set(spec.write_gate, -draw)


def _gated(module: torch.nn.Module, caller: str) -> list[_Biases]:
    """Return the biases of everything gated inside `module`; raise InputError if there is none."""
    check_model(module, caller)
    found: list[_Biases] = []
    for name, part in module.named_modules():
        if not isinstance(part, torch.nn.RNNBase | torch.nn.RNNCellBase):
            continue
        spec = spec_of(part)
        if not spec.with_bias:
            continue
        if not part.bias:
            where = f"{name!r}" if name else "the module"
            raise InputError(f"{caller}: {where} has no biases to set; build it with bias=True")
        for suffix in suffixes_of(part):
            parameters = parameters_of(part, suffix)
            assert parameters.b_ih is not None
            assert parameters.b_hh is not None
            found.append(_Biases(spec, part.hidden_size, parameters.b_ih, parameters.b_hh))
    if not found:
        raise InputError(
            f"{caller}: {type(module).__name__} contains no LSTM, GRU or other cell with a bias "
            "on the gate that keeps its state"
        )
    return found
