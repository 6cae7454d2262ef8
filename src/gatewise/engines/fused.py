"""torch's own fused pass, on any device, and the gates recovered from what it returns.

The gates are functions of x_t and h_(t-1), and the fused pass returns every h: one batched product
over the whole sequence per layer and direction gives every gate, and an elementwise scan the cell.
Layers run one at a time when gates are wanted, with the dropout between them drawn as torch draws
it on the CPU. (cuDNN draws its masks inside the kernel: there, they differ.)
Sizes: T steps, B rows, N valid steps, H hidden units, P projected units, L layers, D directions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import _VF, Tensor

from gatewise.cells import CellSpec, Parameters, State
from gatewise.engines.cuda import frames, padded, passes, precision, record
from gatewise.engines.engine import Engine, Plain
from gatewise.engines.exact import without_autocast
from gatewise.engines.held import are_whole
from gatewise.engines.layout import Network, PassResult, Rows, batch_of, drop_out, dropped
from gatewise.engines.recover import Pieces, recover

PASSES: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "lstm": _VF.lstm,
    "gru": _VF.gru,
    "rnn_tanh": _VF.rnn_tanh,
    "rnn_relu": _VF.rnn_relu,
}
"""torch's fused pass of each cell that has one."""


def run(
    network: Network,
    x: Tensor,
    states: State | None,
    rows: Rows | None,
    *,
    gates: bool,
    output: Tensor | None = None,
    masks: Sequence[Tensor] | None = None,
) -> PassResult:
    """Run `x [T, B, I]` or packed `[N, I]` through torch's kernels.

    `states [L*D, B, *]` are the first ones (None: zeros) and `rows` says which steps are valid
    (None: all). With `gates`, `output` may hand in the last layer's output where it is known; that
    layer is then not run again, and the result's states are those of the layers that ran; `masks`, in
    the form of `x`, stand for the dropout between the layers where it is drawn already.
    """
    types = precision.types_of(network.spec.name, network.hidden_size, x)
    if types is not None:
        cast = partial(_in_type, dtype=types.inside)
        own = network
        if network.parameters[0][0].W_hh.dtype is not types.inside:
            own = replace(network.map(cast), is_part=True)  # copies, not in torch's buffer
        given = (own, cast(x), None if states is None else tuple(map(cast, states)))
        last = None if output is None else cast(output)
        with without_autocast(x.device):
            found = run(*given, rows, gates=gates, output=last, masks=masks)
        return found.map(partial(_in_type, dtype=types.outside))
    pads = rows is not None and padded.takes(network, x, rows)
    if not gates and not pads:
        start = _zeros(network, x, rows) if states is None else states
        return PassResult(*_pass(network, x, start, rows), None)
    frame = frames.frame_of(rows, x) if pads and rows is not None else None
    return _by_layers(
        network, x, states, rows, gates=gates, output=output, masks=masks, frame=frame
    )


def _by_layers(
    network: Network,
    x: Tensor,
    states: State | None,
    rows: Rows | None,
    *,
    gates: bool,
    output: Tensor | None = None,
    masks: Sequence[Tensor] | None = None,
    frame: frames.Frame | None = None,
) -> PassResult:
    """Run one layer at a time, padded by `frame` if there is one; for gates or each row's own end."""
    depth, count = network.directions, len(network.parameters)
    zeros = _zeros(network, x, rows) if states is None else states
    at_once = gates and not record.why_not(network.spec, x)
    ends: list[State] = []
    ran: list[record.Ran] = []
    pieces: list[Pieces] = []  # of each layer and direction
    for layer, parameters in enumerate(network.parameters):
        if layer > 0 and masks is not None:
            x = dropped(x, masks, layer)
        elif layer > 0:
            # Where torch would run the rows packed, it also draws the dropout for packed ones.
            drawn_for = None if rows is None or rows.packed or frame else rows
            x = drop_out(x, network.dropout, drawn_for)
        place = slice(layer * depth, (layer + 1) * depth)
        start = tuple(state[place] for state in zeros)
        if output is not None and layer == count - 1:
            h = output
        else:
            alone = network.alone(parameters)
            if frame is not None and rows is not None:
                packs = rows.packed
                h, end_states = padded.run_layer(alone, x, start, frame, _run_side, packs=packs)
            else:
                h, end_states = _pass(alone, x, start, rows)
            ends.append(end_states)
        if gates:
            both = (x, h)
            if rows is not None and rows.packed:
                both = _unpacked(x, rows, frame), _unpacked(h, rows, frame)
            if at_once:
                ran.append((parameters, *both, None if states is None else start))
            else:
                pieces += recover(network.spec, parameters, *both, states=start, rows=rows)
        x = h
    final = ends[0] if len(ends) == 1 else tuple(map(torch.cat, zip(*ends, strict=True)))
    if not gates:
        return PassResult(x, final, None)
    if at_once:
        return PassResult(x, final, record.recover(network.spec.name, ran, rows))
    shape = (count, depth, len(x) if rows is None else rows.steps, batch_of(x, rows))
    return PassResult(x, final, _stacked(network.spec, pieces, shape))


def _stacked(
    spec: CellSpec, pieces: Sequence[Pieces], shape: tuple[int, int, int, int]
) -> dict[str, Tensor]:
    """Return the gates by name, `[L, D, T, B, *]`, in one copy straight from their pieces."""
    stacked = {}
    for name in spec.recorded:
        joined = torch.cat([piece for one in pieces for piece in one[name]])  # [L*D*T, B, H]
        stacked[name] = joined.view(*shape, joined.shape[-1])  # a size of -1 fails for zero rows
    return stacked


def _zeros(network: Network, x: Tensor, rows: Rows | None) -> State:
    """Return states to start from; torch's cells begin with zeros, and nothing writes into them."""
    count, batch = len(network.parameters) * network.directions, batch_of(x, rows)
    h = x.new_zeros(count, batch, network.outputs)
    if len(network.spec.states) == 1:
        return (h,)
    units = network.hidden_size
    return h, h if units == network.outputs else x.new_zeros(count, batch, units)


def _unpacked(x: Tensor, rows: Rows, frame: frames.Frame | None) -> Tensor:
    return rows.unpack(x) if frame is None else frame.spread(x, turned=False, marks=0)


def _run_side(
    spec: CellSpec, parameters: Parameters, x: Tensor, states: State
) -> tuple[Tensor, State]:
    """Run one direction of one layer forward on dense `x`."""
    return _pass(Network(spec, ((parameters,),), 0.0, is_part=True), x, states, None)


def _in_type(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    # The same way for what autocast leaves alone: floats alone are cast.
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def differs(cell: str, units: int, projected: bool, x: Tensor, packed_steps: int | None) -> bool:
    """Tell whether `run` does a plain call otherwise than torch's module, which then is not asked.

    `packed_steps` are the steps of packed rows, None for dense ones.
    """
    if not x.is_cuda:
        return packed_steps is None and must_cast(cell, projected, x)
    types = precision.types_of(cell, units, x)
    if types is not None and types.inside is not types.outside:
        return True
    steps = None if packed_steps is None else padded.faster_from(cell, units, x)
    return packed_steps is not None and steps is not None and packed_steps >= steps


def arrangement(spec: CellSpec, like: Tensor, units: int) -> str:
    """Return how calls on a CUDA device are arranged there, beside torch's pass; else nothing."""
    if not like.is_cuda or spec.name not in PASSES:
        return ""
    told = []
    steps = padded.faster_from(spec.name, units, like)
    if steps is not None:
        told.append(f"rows of unlike lengths run padded from {steps} steps on")
    types = precision.types_of(spec.name, units, like)
    if types is not None and types.inside is not types.outside:
        told.append(f"it computes in {types.inside} and returns {types.outside}")
    if spec.recorded != ("hidden",):
        why = record.why_not(spec, like)
        told.append(
            f"gates come from torch's operators: {why}" if why else "gates come from a kernel"
        )
    return "; ".join(told)


def run_plain(
    call: Plain, x: Tensor, states: Any, weights: Sequence[Tensor], batch_sizes: Tensor | None
) -> tuple[Tensor, Sequence[Tensor]] | None:
    """Run a plain call, with torch's arguments; None where memory has to be looked at closely."""
    # The LSTM's kernel reads the memory of its weights unseen, the others' products look first.
    if not are_whole((x, *weights) if call.cell == "lstm" else (x,)):
        return None
    if states is None:
        count = call.layers * (2 if call.bidirectional else 1)
        outputs = call.proj_size or call.hidden_size
        h = torch.zeros(count, call.rows, outputs, dtype=x.dtype, device="cpu")
        states = (h,)
        if call.cell == "lstm":  # nothing writes into the states: where it fits, one is both
            c = h.new_zeros(count, call.rows, call.hidden_size) if call.proj_size else h
            states = (h, c)
    first = states if len(states) > 1 else states[0]
    options = (weights, call.bias, call.layers, call.dropout, call.training, call.bidirectional)
    if batch_sizes is None:
        out, *ends = PASSES[call.cell](x, first, *options, call.batch_first)
    else:
        out, *ends = PASSES[call.cell](x, batch_sizes, first, *options)
    return out, ends


def why_not(spec: CellSpec, like: Tensor, weights: Iterable[Tensor] = ()) -> str:
    """Return why there is no pass of torch's for a cell, or an empty string."""
    return "" if spec.name in PASSES else f"torch has no fused pass for the cell {spec.name!r}"


def in_types_of_torch(
    result: PassResult, network: Network, x: Tensor, states: State | None, rows: Rows | None
) -> PassResult:
    """Return another engine's result in the types that torch's pass returns under autocast.

    Those follow from the kernel that torch picks for this very input (its LSTM returns bfloat16 for
    dense and float32 for packed rows), so torch is asked for them by a pass without a graph.
    """
    kind = x.device.type
    casts = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    if not casts or network.spec.name not in PASSES:
        return result
    states = network.states(x, batch_of(x, rows)) if states is None else states
    with torch.no_grad():
        output, ends = _pass(replace(network, dropout=0.0), x, states, rows)
    gates = result.gates
    if gates is not None:
        gates = {name: value.to(output.dtype) for name, value in gates.items()}
    final = tuple(state.to(end.dtype) for state, end in zip(result.states, ends, strict=True))
    return PassResult(result.output.to(output.dtype), final, gates)


def _pass(network: Network, x: Tensor, states: State, rows: Rows | None) -> tuple[Tensor, State]:
    """Run the whole network in one fused call: the output in the form of `x`, and the states."""
    by_cudnn = network.is_part and rows is None and len(network.parameters) == 1 and passes.runs(x)
    if not by_cudnn:
        network = network.in_separate_memory()
    layers, rate = network.parameters, network.dropout
    flat = [tensor for layer in layers for side in layer for tensor in side.flat()]
    bias = layers[0][0].b_ih is not None
    # Beside the dropout, `train` says whether cuDNN is to keep what its backward pass needs.
    train = rate > 0 or _is_differentiated((x, *states, *flat))
    if by_cudnn:
        sizes = (network.hidden_size, network.directions)
        return passes.cudnn(network.spec.name, x, states, flat, sizes, train=train)
    options = (flat, bias, len(layers), rate, train, network.directions == 2)
    one_state = len(network.spec.states) == 1
    fused = PASSES[network.spec.name]
    if rows is None:
        if must_cast(network.spec.name, network.parameters[0][0].W_hr is not None, x):
            low = torch.bfloat16
            cast = ([tensor.to(low) for tensor in flat], *options[1:])
            with without_autocast(x.device):
                out, *end = fused(x.to(low), [state.to(low) for state in states], *cast, False)
        else:
            with _without_warning(network):
                out, *end = fused(x, states[0] if one_state else states, *options, False)
        return out, tuple(end)
    if len(rows.started) == 0:  # no row has a step: torch's kernels refuse such a batch
        width = states[0].shape[-1] * network.directions
        return x.new_zeros(*x.shape[:-1], width), states
    first = tuple(state.index_select(1, rows.started) for state in states)
    data = x if rows.packed else rows.pack(x)
    with _without_warning(network):
        packed, *end = fused(data, rows.batch_sizes, first[0] if one_state else first, *options)
    # Rows without a step end where they began.
    final = tuple(
        begun.to(ended.dtype).index_copy(1, rows.started, ended)
        for begun, ended in zip(states, end, strict=True)
    )
    return packed if rows.packed else rows.unpack(packed), final


@contextmanager
def _without_warning(network: Network) -> Iterator[None]:
    """Keep torch from warning that weights are not in one piece, where that cannot be helped."""
    if not network.is_part or not network.parameters[0][0].W_hh.is_cuda:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous")
        yield


def _is_differentiated(tensors: Sequence[Tensor]) -> bool:
    """Tell whether a gradient may be asked for of what follows from `tensors`."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def must_cast(cell: str, projected: bool, x: Tensor) -> bool:
    """Return whether torch's pass on dense `x` needs bfloat16 arguments in place of autocast.

    Under autocast torch 2.13 hands a dense LSTM to oneDNN, which refuses processors without AVX-512.
    """
    return (
        cell == "lstm"
        and not projected
        and x.device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") is torch.bfloat16
        and not _autocasts_lstm()
    )


@cache
def _autocasts_lstm() -> bool:
    """Return whether torch runs a dense LSTM under autocast to bfloat16 on this processor."""
    one = torch.zeros(1, 1, 1, dtype=torch.float32, device="cpu")
    weights = [
        torch.zeros(4, 1, dtype=torch.float32, device="cpu"),
        torch.zeros(4, 1, dtype=torch.float32, device="cpu"),
    ]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        try:
            _VF.lstm(one, (one, one), weights, False, 1, 0.0, False, False, False)
        except RuntimeError:
            return False
    return True


ENGINE = Engine(
    "torch",
    run,
    why_not,
    instead="use engine='reference' or engine='auto'",
    run_plain=run_plain,
    hands_gates=False,
    is_torchs=True,
)
