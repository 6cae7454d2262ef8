"""One call of a recurrent module: torch's checks, then torch's many forms to the engines' one form.

Sizes: T steps, B rows, I inputs, H hidden units, P projected units, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.cells import State
from gatewise.engines import Gates, PassResult, Rows
from gatewise.engines.held import check_held, check_place, has_memory
from gatewise.errors import InputError
from gatewise.nn.arguments import lengths_as_tensor
from gatewise.nn.packed import check_packed
from gatewise.nn.state_form import StateForm, form_of
from gatewise.nn.structure import spec_of

Hidden = Tensor | tuple[Tensor, ...]
"""The states as torch's modules take and return them: one tensor, or for the LSTM `(h, c)`."""


@dataclass(frozen=True)
class Call:
    """The input of one call, time-major, and how to hand the results back."""

    x: Tensor  # [T, B, I], or [N, I] if the input was packed
    states: State | None  # [L*D, B, P], then [L*D, B, H] each; None: zeros
    rows: Rows | None  # None: every row has T steps
    batch_first: bool
    batched: bool
    packed: PackedSequence | None  # the input, if it was packed
    kind: str  # the name of the module's cell
    form: StateForm | None  # in which the module takes and returns states; None: as they are

    def output(self, data: Tensor) -> Tensor | PackedSequence:
        """Return an engine's output, in the form of `x`, in the form in which the input came."""
        if self.packed is not None:
            _, batch_sizes, order, back = self.packed
            return PackedSequence(data, batch_sizes, order, back)
        if not self.batched:
            return data.squeeze(1)
        return data.transpose(0, 1) if self.batch_first else data

    def in_form_of_x(self, output: Tensor | PackedSequence) -> Tensor:
        """Undo `output`: return it in the form of `x`."""
        if isinstance(output, PackedSequence):
            return output.data
        if not self.batched:
            return output.unsqueeze(1)
        return output.transpose(0, 1) if self.batch_first else output

    def hidden(self, states: State) -> Hidden:
        """Return the states in torch's form."""
        if self.form is not None:
            states = self.form.hand_out(states)
        ends = states if self.batched else tuple(state.squeeze(1) for state in states)
        return ends[0] if len(ends) == 1 else ends

    def gates(self, result: PassResult) -> Gates:
        """Return the gates of a result."""
        assert result.gates is not None
        if self.rows is None:
            steps, batch = self.x.shape[:2]
            lengths = torch.full((batch,), steps, dtype=torch.int64, device=self.x.device)
        else:
            lengths = self.rows.ends
        gates = result.gates
        if not self.batched:
            lengths = lengths.squeeze(0)
            gates = {name: value.squeeze(3) for name, value in gates.items()}
        return Gates(gates, lengths.to(self.x.device, non_blocking=True), self.kind)


def prepare(
    module: torch.nn.RNNBase,
    input: Tensor | PackedSequence,
    hx: Hidden | None,
    lengths: Tensor | Sequence[int] | None,
    *,
    checked: bool = False,
) -> Call:
    """Check one call of `module` as torch does, for every engine alike, and bring it into one form.

    `checked` says that `check_packed` has had the input already.

    Raises what torch raises (ValueError or RuntimeError), and InputError for bad `lengths` and for a
    PackedSequence that contradicts itself.
    """
    if isinstance(input, PackedSequence):
        if lengths is not None:
            raise InputError(
                "lengths: a PackedSequence has its own lengths; leave this argument out"
            )
        if not checked:
            check_packed(input)
        return _prepare_packed(module, input, hx)
    # In the order in which torch checks, so that the first thing wrong is the one it would name.
    kind = _kind(module)
    if input.dim() not in (2, 3):
        noun = " tensor" if kind == "RNN" else ""
        raise ValueError(f"{kind}: Expected input to be 2D or 3D, got {input.dim()}D{noun} instead")
    batched = input.dim() == 3
    time_major = input if batched else input.unsqueeze(0 if module.batch_first else 1)
    _check_type(module, input, hx)
    states = None if hx is None else _batched_states(module, hx, batched)
    _check(module, time_major, states, None)
    x = time_major.transpose(0, 1) if module.batch_first else time_major
    if x.shape[0] == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    rows = None
    if lengths is not None:
        if not batched:
            raise InputError(
                f"lengths: unbatched input {list(input.shape)} has one length, its own; "
                "leave this argument out or give the input a batch dimension"
            )
        rows = Rows.from_lengths(_checked_lengths(lengths, x), x.shape[0], x.device)
    kind, form = spec_of(module).name, form_of(module)
    return Call(x, states, rows, module.batch_first, batched, None, kind, form)


def check_tensors(
    module: torch.nn.RNNBase | torch.nn.RNNCellBase,
    input: Tensor | PackedSequence,
    hx: Hidden | None,
) -> None:
    """Raise InputError unless parameters and states are where the input is, with memory of theirs.

    For the passes that are torch's: the native core checks all that it is given. A parametrized
    weight is not there yet and is left to torch.
    """
    if torch.compiler.is_compiling():
        return
    x = input.data if isinstance(input, PackedSequence) else input
    names = getattr(module, "_flat_weights_names", ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    attributes = vars(module)  # where sharded training puts its views
    named = [(name, module._parameters.get(name, attributes.get(name))) for name in names]
    states = (hx,) if isinstance(hx, Tensor) else hx or ()
    named += zip(("the initial state h", "the initial state c"), states, strict=False)
    look = not torch._C._are_functorch_transforms_active()
    for name, tensor in (("the input", x), *named):
        if isinstance(tensor, Tensor):
            check_place(name, tensor, x)
            if look and has_memory(tensor):
                check_held(name, tensor)


def _prepare_packed(module: torch.nn.RNNBase, input: PackedSequence, hx: Hidden | None) -> Call:
    data, batch_sizes, order, back = input
    _check_type(module, data, hx)
    states = None if hx is None else _as_state(module, hx)
    _check(module, data, states, batch_sizes)
    rows = Rows.from_batch_sizes(batch_sizes, order, data.device, back)
    kind, form = spec_of(module).name, form_of(module)
    return Call(data, states, rows, False, True, input, kind, form)


def _kind(module: torch.nn.RNNBase) -> str:
    """Return how torch's messages call this module."""
    return "RNN" if module.mode.startswith("RNN") else module.mode


def _as_state(module: torch.nn.RNNBase, hx: Hidden) -> State:
    form = form_of(module)
    if form is not None:
        return form.take_in(tuple(hx))
    return (hx,) if isinstance(hx, Tensor) and len(spec_of(module).states) == 1 else tuple(hx)


def _batched_states(module: torch.nn.RNNBase, hx: Hidden, batched: bool) -> State:
    """Return the states with a batch dimension, or raise as torch does."""
    states = _as_state(module, hx)
    wanted = 3 if batched else 2
    if any(state.dim() != wanted for state in states):
        form = "batched 3-D" if batched else "unbatched 2-D"
        if len(states) == 2:
            dims = ", ".join(f"{state.dim()}-D" for state in states)
            raise RuntimeError(
                f"For {form} input, hx and cx should also be {wanted}-D but got ({dims}) tensors"
            )
        raise RuntimeError(
            f"For {form} input, hx should also be {wanted}-D but got {states[0].dim()}-D tensor"
        )
    return states if batched else tuple(state.unsqueeze(1) for state in states)


def _check(
    module: torch.nn.RNNBase, data: Tensor, states: State | None, batch_sizes: Tensor | None
) -> None:
    """Check sizes and types as torch does; absent states are as they have to be."""
    if states is None:
        module.check_input(data, batch_sizes)
    else:
        hidden: Any = states if len(states) > 1 else states[0]
        module.check_forward_args(data, hidden, batch_sizes)


def _check_type(module: torch.nn.RNNBase, data: Tensor, hx: Hidden | None) -> None:
    """Raise InputError for a state of another type than the input's, of a module that torch lacks.

    torch's own modules raise what torch raises; under autocast types may differ. Before states are
    brought into the cell's own form, which would mix their types.
    """
    torchs = module.mode in {"LSTM", "GRU", "RNN_TANH", "RNN_RELU"}
    if hx is None or torchs or torch.is_autocast_enabled(data.device.type):
        return
    form = form_of(module)
    names = spec_of(module).states if form is None else form.names
    states = (hx,) if isinstance(hx, Tensor) else hx
    for name, state in zip(names, states, strict=False):
        if isinstance(state, Tensor) and state.dtype != data.dtype:
            short = {"hidden": "h", "cell": "c"}.get(name, name)
            raise InputError(
                f"{type(module).__name__}: the input is {_type(data)} and the initial state {short} "
                f"{_type(state)}: give it as {short}.to({data.dtype})"
            )


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _checked_lengths(lengths: Tensor | Sequence[int], x: Tensor) -> Tensor:
    """Return `lengths` as int64 `[B]` on the CPU."""
    steps, batch = x.shape[:2]
    found = lengths_as_tensor(lengths)
    if found.shape != (batch,):
        raise InputError(
            f"lengths must have shape [{batch}], one per row of the batch; got {list(found.shape)}"
        )
    outside = (found < 0) | (found > steps)
    if torch.compiler.is_compiling():  # a graph cannot branch on values: it checks as it runs
        message = f"lengths must lie between 0 and the {steps} steps of the input"
        torch._assert_async(~outside.any(), message)
        return found
    bad = outside.nonzero().flatten()
    if len(bad):
        row = int(bad[0])
        raise InputError(
            f"lengths must lie between 0 and the {steps} steps of the input; row {row} has "
            f"{int(found[row])}"
        )
    return found
