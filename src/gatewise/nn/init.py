"""Starting values that decide how long a fresh network remembers.

All set the sum of torch's two bias vectors: the value goes into `bias_ih`, and the same gate's part of
`bias_hh` becomes 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gatewise.cells import CellSpec, Parameters
from gatewise.errors import InputError
from gatewise.nn.structure import check_model, parameters_of, spec_of, suffixes_of

__all__ = ["chrono", "long_memory", "open_forget_gate", "power_law"]

WRITES = 2.0
"""How many fully written steps a fresh input gate adds up to over a sequence (`long_memory`)."""


@dataclass(frozen=True)
class Gated:
    """The parameters of one layer and direction of gated units, or of one cell."""

    name: str  # of the module in the model; "" for itself
    spec: CellSpec
    hidden_size: int
    parameters: Parameters
    b_ih: Tensor  # [G*H]
    b_hh: Tensor  # [G*H]

    def rows(self, gate: str) -> slice:
        """Return the rows of `gate` in weights and biases."""
        return self.spec.slice(gate, self.hidden_size)

    def set(self, gate: str, value: Tensor | float) -> None:
        """Make the total bias of `gate` exactly `value` (a number or `[H]`)."""
        self.b_ih[self.rows(gate)] = value
        self.b_hh[self.rows(gate)] = 0.0

    def log_uniform(self, low: float, high: float, generator: torch.Generator | None) -> Tensor:
        """Return log U(low, high) for each unit, `[H]`.

        Drawn on the CPU, so that a seed gives the same biases wherever the module is.
        """
        draw = torch.empty(self.hidden_size, dtype=self.b_ih.dtype, device="cpu")
        return draw.uniform_(low, high, generator=generator).log().to(self.b_ih.device)


def open_forget_gate(module: torch.nn.Module, bias: float = 1.0) -> None:
    """Set the total bias of every gate that keeps the state to `bias`, in place.

    For an LSTM that is the forget gate, for a GRU the update gate (z = 1 keeps); a cell that keeps
    by one minus its write gate gets `-bias` there. `module` may be a module, a cell or any model
    that contains some. Raises InputError where there is nothing to open, and for `bias=False`.
    Source: Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever 2015.
    """
    if isinstance(bias, bool) or not isinstance(bias, int | float) or not abs(bias) < math.inf:
        raise InputError(f"open_forget_gate: bias must be a finite number; got {bias!r}")
    found = gated_in(module, "open_forget_gate")
    with torch.no_grad():
        for gated in found:
            spec = gated.spec
            if spec.keep_gate in spec.with_bias:
                gated.set(spec.keep_gate, bias)
            elif spec.write_gate in spec.with_bias:
                gated.set(spec.write_gate, -bias)


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
    _check_generator(generator, "chrono")
    found = gated_in(module, "chrono")
    with torch.no_grad():
        for gated in found:
            spec = gated.spec
            draw = gated.log_uniform(1.0, max_lag - 1.0, generator)
            if spec.keep_gate in spec.with_bias:
                gated.set(spec.keep_gate, draw)
            if spec.write_gate in spec.with_bias:
                gated.set(spec.write_gate, -draw)


def long_memory(
    module: torch.nn.Module,
    final: int,
    length: int | None = None,
    generator: torch.Generator | None = None,
) -> None:
    """Start a network, in place, for a dependency of up to `final` steps that its gates have to hold.

    - Recurrent weights are 0, so that h tells the gates nothing: until training gains by it, the state
      that is kept is the only place to remember in.
    - The gate that keeps has the bias `log U(final, 10 final)`, each unit its own draw, and does not
      hear the input: of what is written, .37 to .90 is left after `final` steps (the chrono start of
      Tallec & Ollivier 2018, "Can recurrent neural networks warp time?", equation 16, with timescales
      no shorter than the task).
    - The gate that writes has the bias `log(2 / length)`: over a sequence of `length` steps it lets in
      as much as two steps with the gate fully open. `gatewise.LengthCurriculum` lowers it as sequences
      grow.

    A GRU keeps and writes by one gate: its bias is `log U(length, 10 length)`, and it hears the input.

    Args:
        module: A module, a cell, or any model that contains some.
        final: The longest dependency to bridge, in steps, from 2 on.
        length: The steps of the sequences that training begins with; None: `final`.
        generator: Draws the biases; by default torch's global one.

    Raises InputError for lengths that are none, for a weight that is computed by a parametrization, and
    where there is nothing to set; nothing is changed then.
    """
    length = final if length is None else length
    check_lengths("long_memory", length=length, final=final)
    _check_generator(generator, "long_memory")
    found = gated_in(module, "long_memory", leaves=True)
    with torch.no_grad():
        for gated in found:
            spec, weights = gated.spec, gated.parameters
            weights.W_hh.zero_()
            keep, write = spec.keep_gate, spec.write_gate
            if keep in spec.with_bias and write in spec.with_bias:
                gated.set(keep, gated.log_uniform(final, 10 * final, generator))
                weights.W_ih[gated.rows(keep)] = 0.0
                gated.set(write, math.log(WRITES / length))
            else:
                draw = gated.log_uniform(length, 10 * length, generator)
                gated.set(spec.with_bias[0], draw if keep in spec.with_bias else -draw)


def power_law(module: torch.nn.Module) -> None:
    """Spread the forget gate's biases of every sLSTM in `module` from 5 down to -7, in place.

    As xlstm 2.0.6 starts its layers (Beck et al. 2024, "xLSTM: Extended long short-term memory"): unit k
    of the D units of a head has the bias `5 - 12 * (k / (D - 1)) ** p`, where p is .3 in the first
    layer, 1.6 in the last and between them by place. So some units of each head begin slow and some
    fast, in deeper layers more of them slow. Nothing is drawn. Raises InputError where there is no
    sLSTM, for `bias=False`, and for a bias that is computed by a parametrization; nothing is changed
    then.
    """
    found = _levelled_in(module)
    with torch.no_grad():
        last = max(found[-1].layer, 1)
        for gated, heads, layer in found:
            power = 0.3 + 1.3 * layer / last
            units = gated.hidden_size // heads
            ramp = torch.linspace(0, 1, units, dtype=torch.float64, device="cpu")
            gated.set("forget", (5 - 12 * ramp**power).repeat(heads).to(gated.b_ih))


class _Levelled(NamedTuple):
    """One layer and direction of an sLSTM."""

    gated: Gated
    heads: int
    layer: int  # its place among all layers of the model


def _levelled_in(module: torch.nn.Module) -> list[_Levelled]:
    """Return every layer and direction of the sLSTMs inside `module`, or raise InputError."""
    check_model(module, "power_law")
    found: list[_Levelled] = []
    layer = -1
    for name, part in module.named_modules():
        if not isinstance(part, torch.nn.RNNBase) or "level" not in spec_of(part).states:
            continue
        if not part.bias:
            raise InputError(
                f"power_law: {name or 'the module'!r} has no biases to set; build it with bias=True"
            )
        for suffix in suffixes_of(part):
            layer += not suffix.endswith("_reverse")
            parameters = parameters_of(part, suffix)
            assert parameters.b_ih is not None
            assert parameters.b_hh is not None
            _check_leaves(parameters, name, "power_law")
            biases = parameters.b_ih, parameters.b_hh
            gated = Gated(name, spec_of(part), part.hidden_size, parameters, *biases)
            found.append(_Levelled(gated, int(getattr(part, "heads", 1)), layer))
    if not found:
        raise InputError(
            f"power_law: {type(module).__name__} contains no sLSTM; for an LSTM or GRU there is "
            "gw.init.chrono"
        )
    return found


def check_lengths(caller: str, *, final: object, **first: object) -> None:
    """Raise InputError unless both are whole numbers of steps, and `final` is the longer one.

    `first` is the other one, by the name that the caller's own argument has.
    """
    ((called, length),) = first.items()
    for name, steps in (("final", final), (called, length)):
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
            raise InputError(
                f"{caller}: {name} must be a whole number of steps, from 2 on; got {steps!r}"
            )
    if length > final:  # type: ignore[operator]
        raise InputError(
            f"{caller}: {called} must be at most final, the longest of all; got {called}={length} "
            f"and final={final}"
        )


def _check_generator(generator: object, caller: str) -> None:
    if generator is not None and not isinstance(generator, torch.Generator):
        raise InputError(f"{caller}: generator must be a torch.Generator; got {generator!r}")


def gated_in(module: torch.nn.Module, caller: str, *, leaves: bool = False) -> list[Gated]:
    """Return the parameters of everything gated inside `module`; raise InputError if there is none.

    With `leaves` also for a weight that is no parameter but computed from others.
    """
    check_model(module, caller)
    found: list[Gated] = []
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
            if leaves:
                _check_leaves(parameters, name, caller)
            biases = parameters.b_ih, parameters.b_hh
            found.append(Gated(name, spec, part.hidden_size, parameters, *biases))
    if not found:
        raise InputError(
            f"{caller}: {type(module).__name__} contains no LSTM, GRU or other cell with a bias "
            f"on the gate that keeps its state{_derived(module)}"
        )
    return found


def _derived(module: torch.nn.Module) -> str:
    """Say which cells inside `module` do have a gate that keeps, but one that others make up."""
    recurrent = torch.nn.RNNBase | torch.nn.RNNCellBase
    specs = [spec_of(part) for part in module.modules() if isinstance(part, recurrent)]
    names = sorted({spec.name for spec in specs if spec.keep_gate})
    if not names:
        return ""
    return f": what {', '.join(names)} keeps follows from several gates, and no one bias sets it"


def _check_leaves(parameters: Parameters, name: str, caller: str) -> None:
    """Raise InputError for a computed weight: what is written into it would be lost."""
    for tensor in (parameters.W_ih, parameters.W_hh, parameters.b_ih, parameters.b_hh):
        if not isinstance(tensor, torch.nn.Parameter):
            raise InputError(
                f"{caller}: a weight of {name or 'the module'!r} is computed by a parametrization, such "
                "as weight_norm, and cannot be set; call this first, and parametrize afterwards"
            )
