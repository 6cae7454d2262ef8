"""Drop-in LSTMCell, GRUCell and RNNCell: one step, with gates if asked.

Sizes: B rows, I inputs, H hidden units.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.nn.utils import parametrize

from gatewise.cells import CellSpec, Parameters, State
from gatewise.engines import ENGINES, EngineChoice, Gates, Network, Run, fused
from gatewise.engines.exact import at_least_float32, without_autocast
from gatewise.engines.heads import recurrent
from gatewise.nn.arguments import check_kinds
from gatewise.nn.calls import Hidden, check_tensors
from gatewise.nn.engine_option import EngineOption
from gatewise.nn.foreign import as_leaf, is_symbolic
from gatewise.nn.structure import parameters_of, spec_of

if TYPE_CHECKING:
    Base = torch.nn.RNNCellBase
else:
    Base = object


class GatedCell(EngineOption, Base):
    """What LSTMCell, GRUCell and RNNCell share; comes before torch's class."""

    def forward(
        self, input: Tensor, hx: Hidden | None = None, *, return_gates: bool = False
    ) -> Any:
        """Advance by one step as torch's cell does, and return the gates too if asked.

        Args:
            input: `[B, I]` or `[I]`.
            hx: `h`, for the LSTM `(h, c)`, `[B, H]` or `[H]` each; zeros if absent.
            return_gates: Whether to return `(states, gates)`, the gates `[B, H]` or `[H]` each.

        Raises what torch's cell raises for malformed input, InputError for tensors on several devices
        or without memory, and OptionError or EngineError for an engine that is unknown or cannot run
        this cell.
        """
        if is_symbolic(input):
            return as_leaf(self, input, hx, return_gates=return_gates)
        if hx is not None or type(input) is not Tensor:
            check_kinds(self, input, hx)
        engine = ENGINES[self.engine_choice(input).name]
        check_tensors(self, input, hx)
        if engine.is_torchs and not return_gates:
            return super().forward(input, hx)
        if engine.checks_tensors:  # else torch's cell has to look at them first
            once = parameters_of(self, "")  # a parametrized weight may be another next time
            if not self._is_plain(once, input, hx):
                super().forward(input, hx)  # raises what torch raises
            return self._as_sequence(engine.run, once, input, hx, gates=return_gates)
        # The weights are read twice, and a parametrized one may be another the second time.
        with parametrize.cached() if parametrize.is_parametrized(self) else nullcontext():
            parameters = parameters_of(self, "")  # before no_grad, which would cut the cached ones
            if engine.is_torchs:
                stock: Hidden = super().forward(input, hx)
                return stock, cell_gates(self, input, hx, stock)
            with torch.no_grad():  # for torch's checks of the input, and its types under autocast
                stock = super().forward(input, hx)
        spec = spec_of(self)
        states, gates = _step(spec, parameters, input, _states(self, input, hx))
        like = stock if isinstance(stock, Tensor) else stock[0]
        converted = tuple(state.to(like.dtype) for state in states)
        hidden: Hidden = converted[0] if len(converted) == 1 else converted
        return (hidden, _record(spec, input, gates, like.dtype)) if return_gates else hidden

    def engine_choice(self, input: Tensor | None = None) -> EngineChoice:
        """Return which engine runs this cell, and why; see the modules' `engine_choice`."""
        choice = super().engine_choice(input)
        if self.engine == "auto" and not ENGINES[choice.name].is_torchs:
            return EngineChoice(fused.ENGINE.name, "a single step is faster in torch's own cell")
        return choice

    def _as_sequence(
        self, run: Run, parameters: Parameters, input: Tensor, hx: Hidden | None, *, gates: bool
    ) -> Any:
        """Run the step on an engine, as a sequence of one step."""
        spec = spec_of(self)
        given = () if hx is None else (hx,) if isinstance(hx, Tensor) else tuple(hx)
        lead = (1,) if input.dim() == 2 else (1, 1)  # of the one step, and of the one row
        exact = parameters.W_hh.dtype
        states = tuple(state.to(exact).view(*lead, *state.shape) for state in given)
        with without_autocast(input.device):
            result = run(
                Network(spec, ((parameters,),), 0.0),
                input.to(exact).view(*lead, *input.shape),
                states or None,
                None,
                gates=gates,
            )
        dtype = _type_of_step(spec, given[-1] if given else input)
        shape = (*input.shape[:-1], self.hidden_size)
        after = [state.view(shape).to(dtype) for state in result.states]
        hidden: Hidden = after[0] if len(after) == 1 else (after[0], after[1])
        if result.gates is None:
            return hidden
        found = {name: value.view(shape) for name, value in result.gates.items()}
        return hidden, _record(spec, input, found, dtype)

    def _is_plain(self, parameters: Parameters, input: Tensor, hx: Hidden | None) -> bool:
        """Tell whether a call is well-formed; torch's own cell has the words for all others."""
        states = () if hx is None else (hx,) if isinstance(hx, Tensor) else tuple(hx)
        shape = (*input.shape[:-1], self.hidden_size)
        types = {tensor.dtype for tensor in (input, *states, parameters.W_hh)}
        return (
            input.dim() in (1, 2)
            and input.shape[-1] == self.input_size
            and (hx is None or len(states) == len(spec_of(self).states))
            and all(state.shape == shape for state in states)
            and (len(types) == 1 or torch.is_autocast_enabled("cpu"))
        )


class LSTMCell(GatedCell, torch.nn.LSTMCell):
    """`torch.nn.LSTMCell` with gates; takes its arguments and `engine`."""


class GRUCell(GatedCell, torch.nn.GRUCell):
    """`torch.nn.GRUCell` with gates; takes its arguments and `engine`."""


class RNNCell(GatedCell, torch.nn.RNNCell):
    """`torch.nn.RNNCell` with its hidden state; takes its arguments and `engine`."""


def cell_gates(
    module: torch.nn.RNNCellBase, input: Tensor, hx: Hidden | None, stock: Hidden
) -> Gates:
    """Return the gates of a step of torch's or gatewise's cell that has returned `stock`."""
    spec, parameters = spec_of(module), parameters_of(module, "")
    exact = at_least_float32(parameters)
    after = (stock,) if isinstance(stock, Tensor) else stock
    before = tuple(state.to(exact) for state in _states(module, input, hx))
    with without_autocast(input.device):
        _, gates = _step(spec, parameters.to(exact), input.to(exact), before)
    found = {**gates, **dict(zip(spec.states, after, strict=True))}
    return _record(spec, input, found, after[0].dtype)


def _type_of_step(spec: CellSpec, state: Tensor) -> torch.dtype:
    """Return the type of a step's results from `state`, as torch's cells have it under autocast."""
    if not torch.is_autocast_enabled("cpu"):
        return state.dtype
    low = torch.get_autocast_dtype("cpu")
    return low if spec.name.startswith("rnn") else torch.promote_types(low, state.dtype)


def _states(module: torch.nn.RNNCellBase, input: Tensor, hx: Hidden | None) -> State:
    """Return the states that a step starts from, zeros where absent."""
    if hx is not None:
        return (hx,) if isinstance(hx, Tensor) else tuple(hx)
    zeros = input.new_zeros(*input.shape[:-1], module.hidden_size)
    return (zeros,) * len(spec_of(module).states)


def _step(
    spec: CellSpec, parameters: Parameters, input: Tensor, state: State
) -> tuple[State, dict[str, Tensor]]:
    """Run the equations for one step."""
    wx = linear(input, parameters.W_ih, parameters.b_ih)
    rh = recurrent(parameters.W_hh, state[0], parameters.b_hh)
    return spec.step(wx, rh, state, parameters)


def _record(spec: CellSpec, input: Tensor, gates: dict[str, Tensor], dtype: torch.dtype) -> Gates:
    """Return the gates in `dtype`, with one step as each row's length."""
    lengths = torch.ones(input.shape[:-1], dtype=torch.int64, device=input.device)
    return Gates({name: value.to(dtype) for name, value in gates.items()}, lengths, spec.name)
