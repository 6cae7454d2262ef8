"""The gradient highway: memory in the cell's own path or through the recurrent weights, `dc_t/dc_s`.

Forget gates alone mislead: a network may carry what it remembers through W_hh while its gates let
everything go. So the total Jacobian stands beside the direct path, the product of the keep gates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from gatewise.cells import CellSpec
from gatewise.engines import Gates
from gatewise.errors import InputError, nearest
from gatewise.memory._base import Method, Sampling, checked_options
from gatewise.memory.gradients._gain import Norm
from gatewise.memory.gradients._highway_curves import HighwayOptions, highway_of
from gatewise.memory.gradients._strand import Reading, StateChoice, Strand
from gatewise.memory.gradients._transitions import CLOSED
from gatewise.memory.gradients.highway_result import Highway
from gatewise.memory.interventions.arguments import Inputs, first_of
from gatewise.nn.calls import prepare
from gatewise.nn.finding import recurrent_parts
from gatewise.nn.quiet import quiet
from gatewise.nn.structure import check_model, parameters_of, spec_of, suffixes_of
from gatewise.tracing import Trace, trace
from gatewise.wording import figure

__all__ = ["Highway", "highway"]

CALLER = "highway"


@checked_options
def highway(
    model: torch.nn.Module,
    inputs: Inputs,
    *,
    module: str | None = None,
    layer: int | None = None,
    direction: int = 0,
    call: int | None = None,
    at: Sequence[int] | None = None,
    max_lag: int | None = None,
    run_in: int = 0,
    state: StateChoice = "cell",
    norm: Norm = "frobenius",
    method: Method = "auto",
    probes: int = 64,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Highway:
    """Return the norm of `dc_T/dc_(T-k)` over lags k: total, along the direct path, and their ratio.

    With f, i, g the gates of the LSTM (Gers, Schmidhuber & Cummins 2000) and U_* their recurrent
    weights, the total derivative has a direct path and one through h (compare Pascanu, Mikolov &
    Bengio 2013, equations 5 to 7):

        dc_T/dc_t = prod D(f_s) + sum_s [prod_(u>s) D(f_u)] A_s dh_(s-1)/dc_t
        A_s = D(c_(s-1) f_s (1 - f_s)) U_f + D(g_s i_s (1 - i_s)) U_i + D(i_s (1 - g_s^2)) U_g

    h_t follows c_t. GRU: state h, direct path `prod D(z)`. RNN: state h, no direct path. It is a
    product of one-step Jacobians from the recorded gates, in float64 and with a logarithm of scale,
    so thousands of steps neither overflow nor underflow. The step of any other registered cell is
    differentiated at what was recorded, which takes some times as long; its "cell" is the state
    that keeps. The model runs in eval mode and without a graph; nothing of it is changed.

    Args:
        model: Any model with an LSTM, GRU, RNN or cell of torch or gatewise.
        inputs: Its input, or its call arguments in order or by name.
        module: The recurrent module, by its path; needed where there are several.
        layer: Which layer of it; by default every one is looked at, and the result is of the one that
            carries furthest: the largest `reach`, the layer nearest to the answer among equals.
        direction: 0 forward, 1 reverse, whose lags run into the future.
        call: Which call of the module, where the model calls it several times in a run.
        at: The T, in the direction's own order; by default each row's last step.
        max_lag: The largest lag; by default as far as the rows go.
        run_in: How many steps at the start of each row to leave out, such as `Horizon.run_in`.
        state: "cell": c, with h a function of it. "full": (h, c) as one state, which is the
            Jacobian that steps multiply; the same for GRU and RNN.
        norm: "frobenius", or "spectral" (the largest singular value), which is exact only.
        method: "exact", "estimate" with random probes (Hutchinson 1990), or "auto": exact while
            that takes some seconds.
        probes: How many random rows the estimate takes.
        sampling: Level of the intervals and seed of the probes.

    Raises InputError for a model without a recurrent module, several of them and no `module`, and a
    layer, direction, call or time that does not exist; OptionError for an unknown option.
    """
    options = HighwayOptions(
        at=at,
        max_lag=max_lag,
        run_in=run_in,
        state=state,
        norm=norm,
        method=method,
        probes=probes,
        sampling=sampling,
    )
    check_model(model, CALLER)
    model = getattr(model, "_orig_mod", model)  # without the wrapper of torch.compile
    first_of(inputs, CALLER)
    if not recurrent_parts(model):
        raise InputError(
            f"{CALLER}: {type(model).__name__} contains no LSTM, GRU, RNN or cell; there is no memory "
            "to ask for"
        )
    with quiet(model):
        with trace(model) as every:
            name = _name(every, module)
        gates, strands = _strands(model, inputs, name, layer=layer, direction=direction, call=call)
    settings = {
        "model": type(model).__name__,
        "module": name,
        "direction": "reverse" if direction else "forward",
        "directions": gates.hidden.shape[1],
        "layers": len(gates.hidden),
        "looked_at": list(strands),
    }
    found = [
        highway_of(strand, options, {**settings, "layer": one}) for one, strand in strands.items()
    ]
    return max(reversed(found), key=lambda result: result.reach)


def _strands(
    model: torch.nn.Module,
    inputs: Inputs,
    name: str,
    *,
    layer: int | None,
    direction: int,
    call: int | None,
) -> tuple[Gates, dict[int, Strand]]:
    """Run the model and return the gates of one call of a module, and one direction of its layers."""
    part = model.get_submodule(name)
    assert isinstance(part, torch.nn.RNNBase | torch.nn.RNNCellBase)
    with trace(model, modules=[name]) as record, _readings_of(part) as readings:
        _run(model, inputs)
    gates = _call(record, name, call)
    read = readings[-1 if call is None else call] if readings else None
    layers = _layers(gates, name, layer, direction)
    depth, spec = gates.hidden.shape[1], spec_of(part)
    if isinstance(part, torch.nn.RNNCellBase):
        _check_unchanged(spec, gates, name)
    suffixes = suffixes_of(part)
    # read while the model is quiet: some parametrizations move on at each reading in train mode
    weights = {one: parameters_of(part, suffixes[depth * one + direction]) for one in layers}
    return gates, {
        one: Strand.of(spec, weights[one], gates, one, direction, read) for one in layers
    }


@contextmanager
def _readings_of(part: torch.nn.RNNBase | torch.nn.RNNCellBase) -> Iterator[list[Reading]]:
    """Take note of what each call of a module is given, if its Jacobian will ask for that."""
    seen: list[Reading] = []
    if spec_of(part).name in CLOSED:
        yield seen
        return

    def note(module: torch.nn.RNNBase, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        call = prepare(module, *_arguments(*args, **named))
        x = call.x if call.rows is None else call.rows.as_padded(call.x)
        seen.append(Reading(x, call.states))

    handle = part.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()


def _arguments(
    input: Any, hx: Any = None, *, lengths: Any = None, return_gates: bool = False
) -> tuple[Any, Any, Any]:
    """Return the arguments of a module's `forward` that say what it reads."""
    return input, hx, lengths


def _run(model: torch.nn.Module, inputs: Inputs) -> None:
    if isinstance(inputs, Mapping):
        model(**inputs)
    elif isinstance(inputs, tuple | list):
        model(*inputs)
    else:
        model(inputs)


def _name(record: Trace, module: str | None) -> str:
    """Return the path of the module to look at."""
    if module is None:
        if len(record.names) > 1:
            raise InputError(
                f"{CALLER}: the model has {len(record.names)} recurrent modules; name one with "
                f"module=: {', '.join(map(repr, record.names))}"
            )
        return record.names[0]
    if module not in record.names:
        raise InputError(
            f"{CALLER}: no recurrent module {module!r}; there are "
            f"{', '.join(map(repr, record.names))}.{nearest(module, record.names)}"
        )
    return module


def _call(record: Trace, name: str, call: int | None) -> Gates:
    """Return the gates of one call of a module; the only one where none is named."""
    calls = record.calls(name)
    if not calls:
        raise InputError(f"{CALLER}: the model has run without calling {name!r}; name another")
    if call is None and len(calls) > 1:
        raise InputError(
            f"{CALLER}: the model calls {name!r} {len(calls)} times in one run, and a Jacobian runs "
            f"within one call; name it with call=0 to {len(calls) - 1}"
        )
    if call is not None and not -len(calls) <= call < len(calls):
        raise InputError(
            f"{CALLER}: call={call} is not among the {len(calls)} calls of {name!r} in one run"
        )
    return calls[-1 if call is None else call]


def _layers(gates: Gates, name: str, layer: int | None, direction: int) -> list[int]:
    """Return the layers to look at, as indices; raises InputError for a layer or direction not there."""
    layers, directions = gates.hidden.shape[:2]
    if layer is not None and not -layers <= layer < layers:
        raise InputError(f"{CALLER}: layer={layer} is not among the {layers} of {name!r}")
    if direction not in range(directions):
        raise InputError(
            f"{CALLER}: direction={direction} is not among the {directions} of {name!r}; 0 is "
            "forward, 1 reverse"
        )
    return list(range(layers)) if layer is None else [layer % layers]


def _check_unchanged(spec: CellSpec, gates: Gates, name: str) -> None:
    """Raise InputError where a cell was not given back the state that it returned.

    A model with a loop of its own may change it on the way, and then the product of the cell's own
    Jacobians is not that of the model. Seen in the cell's keep-and-write equation, where it has one.
    """
    if spec.keep_gate is None or gates.hidden.shape[2] < 2:
        return
    held = gates[spec.carrier].double()
    keep = gates[spec.keep_gate].double()
    write = (1 - keep) if spec.write_gate is None else gates[spec.write_gate].double()
    expected = keep[:, :, 1:] * held[:, :, :-1] + (write * gates.candidate.double())[:, :, 1:]
    off = (held[:, :, 1:] - expected).abs().amax()
    rounding = 64 * torch.finfo(gates.hidden.dtype).eps * (1 + held.abs().amax())
    if off > rounding:
        raise InputError(
            f"{CALLER}: the model changes the state of the cell {name!r} between its steps (by "
            f"{figure(float(off))}), so the cell's Jacobians do not multiply to the model's; use "
            "gw.memory.connectivity, which differentiates the whole model"
        )
