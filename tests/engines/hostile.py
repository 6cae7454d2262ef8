"""Calls with hostile arguments, in a process of its own: `hostile.py SEED COUNT`.

Each call is drawn from a seed of its own and named on standard output before it runs, so that the last
line names the one that ended the process. A harmless change must change nothing in the result; after
any other, a call raises or, where it is one of the forward operator, gives what the reference gives.
"""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import gatewise as gw
from gatewise import _native
from gatewise.engines import Rows
from gatewise.engines import operators as torch_operators
from gatewise.engines.plan import Given, Plan, count_states

CELLS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
MEMORY = 12 << 30  # bytes of addresses: what asks for more is refused by the system

HARMLESS: dict[str, Callable[[Tensor], Tensor]] = {
    "negated": lambda own: torch._neg_view(-own),
    "spread": lambda own: torch.stack([own, own], -1)[..., 0],
    "transposed": lambda own: own.T.contiguous().T if own.dim() == 2 else own.clone(),
    "shifted": lambda own: torch.cat([own.new_zeros(3), own.flatten()])[3:].view(own.shape),
}


def cut(own: Tensor, left: int) -> Tensor:
    own = own.detach().clone()
    own.untyped_storage().resize_(left)
    return own


HOSTILE: dict[str, Callable[[Tensor], Any]] = {
    "on meta": lambda own: own.to("meta"),
    "freed": lambda own: cut(own, 0),
    "cut": lambda own: cut(own, own.element_size()),
    "int32": lambda own: own.to(torch.int32),
    "complex": lambda own: own.to(torch.complex64),
    "float16": lambda own: own.to(torch.float16),
    "other float": lambda own: own.to(
        torch.float64 if own.dtype is torch.float32 else torch.float32
    ),
    "sparse": lambda own: own.to_sparse(),
    "scalar": lambda own: own.flatten()[:1].sum(),
    "empty": lambda own: own[:0],
    "shorter": lambda own: own[:-1],
    "narrower": lambda own: own[..., :-1],
    "longer": lambda own: torch.cat([own, own]),
    "deeper": lambda own: own[None],
    "flat": lambda own: own.flatten(),
    "one element everywhere": lambda own: own.flatten()[:1].sum().expand(own.shape),
    "zero tensor": lambda own: torch._efficientzerotensor(own.shape, dtype=own.dtype),
}
NUMBERS = (-(2**63), -1, 0, 1, 2, 3, 7, 2**31, 2**40, 2**62)


def network(draw: random.Random) -> tuple[list[Any], Plan]:
    """Return the tensors of a random pass, as the operator takes them, and its plan."""
    cell = draw.choice(CELLS)
    layers, directions, bias = draw.choice((1, 2)), draw.choice((1, 2)), draw.random() < 0.7
    projected = cell == "lstm" and draw.random() < 0.3
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.get(cell, torch.nn.RNN)
    options: dict[str, Any] = {"proj_size": 2} if projected else {}
    dtype = draw.choice((torch.float32, torch.float64))
    module = kind(3, 5, layers, bias=bias, bidirectional=directions == 2, dtype=dtype, **options)
    x = torch.randn(6, 4, 3, dtype=dtype)
    form, rows = draw.choice(("dense", "padded", "packed")), []
    if form != "dense":
        own = Rows.from_lengths(torch.tensor([2, 6, 3, 5]), 6, torch.device("cpu"))
        rows = [own.count, own.order, own.first]
        x = own.pack(x) if form == "packed" else x
    outputs = 2 if projected else 5
    sizes = [outputs, 5][: 2 if cell == "lstm" else 1]
    states = [torch.randn(layers * directions, 4, size, dtype=dtype) for size in sizes]
    if draw.random() < 0.3:
        states = []
    masks = [torch.rand(*x.shape[:-1], directions * outputs, dtype=dtype)] * (layers - 1)
    save = draw.choice((0, 1, 1, 2))
    segment = draw.choice((0, 0, 2, 5)) if save == 1 and cell in ("lstm", "gru") else 0
    parameters = [parameter.detach() for parameter in module._flat_weights]
    name = "f32" if dtype is torch.float32 else "f64"
    plan = Plan(cell, name, directions, bias, projected, form == "packed", save, segment)
    return [x, states, parameters, masks, rows], plan


def damaged(
    draw: random.Random, given: list[Any], changes: dict[str, Any]
) -> tuple[list[Any], str]:
    """Return arguments with one tensor changed, and what was done."""
    given = [list(own) if isinstance(own, list) else own for own in given]
    places = [(i, None) for i, own in enumerate(given) if isinstance(own, Tensor)]
    for i, own in enumerate(given):
        if isinstance(own, list):
            places += [(i, k) for k, one in enumerate(own) if isinstance(one, Tensor)]
    if changes is HARMLESS:
        places = [(i, k) for i, k in places if _at(given, i, k).is_floating_point()]
    i, k = draw.choice(places)
    name = draw.choice(list(changes))
    changed = changes[name](_at(given, i, k))
    if k is None:
        given[i] = changed
    else:
        given[i][k] = changed
    return given, f"argument {i}[{k}] {name}"


def _at(given: list[Any], i: int, k: int | None) -> Tensor:
    found: Tensor = given[i] if k is None else given[i][k]
    return found


def other_lists(draw: random.Random, given: list[Any]) -> tuple[list[Any], str]:
    """Return arguments with one list longer, shorter, empty or exchanged, or other numbers in rows."""
    given = [list(own) if isinstance(own, list) else own for own in given]
    i = draw.randrange(1, len(given))
    kind = draw.choice(("drop", "double", "clear", "turn", "numbers"))
    if kind == "numbers" and given[4]:
        one = draw.randrange(3)
        given[4][one] = given[4][one].clone()
        given[4][one][draw.randrange(len(given[4][one]))] = draw.choice(NUMBERS)
    elif kind == "drop":
        given[i] = given[i][1:]
    elif kind == "double":
        given[i] = given[i] * 2
    elif kind == "clear":
        given[i] = []
    else:
        given[i] = given[i][::-1]
    return given, f"list {i} {kind}"


def other_plan(draw: random.Random, plan: Plan) -> tuple[Plan, str]:
    """Return a plan with one field changed."""
    field = draw.choice(plan._fields)
    value: Any = draw.choice(NUMBERS)
    if field in ("bias", "projected", "packed"):
        value = not getattr(plan, field)
    if field == "cell":
        value = draw.choice((*CELLS, "", "LSTM", "x" * 1000))
    if field == "type":
        value = draw.choice(("f32", "f64", "bf16", "", "f16"))
    return plan._replace(**{field: value}), f"{field}={value!r:.20}"


def operators(draw: random.Random) -> None:
    """Call the forward or the backward operator."""
    given, plan = network(draw)
    is_backward = draw.random() < 0.5 and plan.save
    operator: Any = torch_operators.BACKWARD if is_backward else torch_operators.FORWARD
    if is_backward:
        results = torch_operators.FORWARD(*given, *plan)
        kept = [results[0], *results[1 + count_states(plan) :]]
        gradients = [torch.randn_like(own) if i == 0 else None for i, own in enumerate(results)]
        given += [kept, gradients, [True, True, True]]
    if draw.random() < 0.3:
        expected = operator(*given, *plan)
        changed, what = damaged(draw, given, HARMLESS)
        print("harmless", plan, what, flush=True)
        found = operator(*changed, *plan)
        places = range(len(found)) if is_backward or not given[4] else range(1 + count_states(plan))
        for i in places:
            torch.testing.assert_close(found[i], expected[i], equal_nan=True, rtol=1e-4, atol=1e-5)
        return
    way = draw.random()
    if way < 0.5:
        given, what = damaged(draw, given, HOSTILE)
    elif way < 0.75:
        given, what = other_lists(draw, given)
    else:
        plan, what = other_plan(draw, plan)
    print("backward" if is_backward else "forward", plan, what, flush=True)
    found = operator(*given, *plan)
    if not is_backward and not any(own.is_meta for own in found):
        whole = Given(*given)
        wanted = torch_operators._by_reference(plan._replace(save=plan.save or 1), whole)
        tolerance = 0.1 if plan.type == "bf16" else 1e-3
        for one, other in zip(found[: 1 + count_states(plan)], wanted, strict=False):
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def modules(draw: random.Random) -> None:
    """Call a module of any engine with one tensor changed, or a PackedSequence made by hand."""
    _, plan = network(draw)
    kind = {"lstm": gw.LSTM, "gru": gw.GRU}.get(plan.cell, gw.RNN)
    engine = draw.choice(("native", "torch", "reference", "auto"))
    dtype = torch.float32 if plan.type == "f32" else torch.float64
    module = kind(3, 5, 2, bidirectional=plan.directions == 2, engine=engine, dtype=dtype)
    x = torch.randn(6, 4, 3, dtype=dtype)
    what = draw.choice(("input", "parameter", "packed", "state"))
    # torch's own pass looks at neither shape nor type of its weights, and some end the process.
    ours = what != "parameter" or engine in ("native", "reference")
    name = draw.choice(list(HOSTILE) if ours else ["on meta", "freed", "cut", "zero tensor"])
    hx = None
    if what == "input":
        x = HOSTILE[name](x)
    elif what == "state":
        state = torch.zeros(2 * plan.directions, 4, 5, dtype=dtype)
        hx = HOSTILE[name](state)
        hx = (state, hx) if plan.cell == "lstm" else hx
    elif what == "parameter":
        which = draw.choice([own for own, _ in module.named_parameters()])
        changed = HOSTILE[name](getattr(module, which).detach())
        setattr(module, which, torch.nn.Parameter(changed, requires_grad=False))
        name = f"{which} {name}"
    else:
        parts = list(pack_padded_sequence(x, torch.tensor([2, 6, 3, 5]), enforce_sorted=False))
        i = draw.randrange(4)
        parts[i] = parts[i].clone()
        if i == 0 or draw.random() < 0.5:
            parts[i] = HOSTILE[name](parts[i])
        else:
            name = str(draw.choice(NUMBERS))
            parts[i][draw.randrange(len(parts[i]))] = int(name)
        x = tuple.__new__(PackedSequence, parts)
        name = f"part {i} {name}"
    print("module", plan.cell, engine, what, name, flush=True)
    module(x, hx)


def streams(draw: random.Random) -> None:
    """Make a stream of odd arrays, and step it with others."""
    rows = {"lstm": 4, "gru": 3}
    cell = draw.choice(CELLS)
    stacked = rows.get(cell, 1) * 5
    layer: dict[str, Any] = {
        "weight_ih": np.ones((stacked, 3)),
        "weight_hh": np.ones((stacked, 5)),
        "bias_ih": np.ones(stacked),
        "bias_hh": np.ones(stacked),
    }
    odd: dict[str, Callable[[Any], Any]] = {
        "big-endian": lambda own: own.astype(">f8"),
        "float16": lambda own: own.astype("f2"),
        "integer": lambda own: own.astype(int),
        "complex": lambda own: own.astype(complex),
        "object": lambda own: own.astype(object),
        "empty": lambda own: own[:0],
        "no columns": lambda own: own[..., :0],
        "shorter": lambda own: own[:-1],
        "scalar": lambda own: np.float64(1),
        "deeper": lambda own: own[None],
        "strided": lambda own: np.repeat(own, 2, -1)[..., ::2],
        "list": lambda own: own.tolist(),
        "nothing": lambda own: None,
        "NaN": lambda own: own * np.nan,
    }
    what = draw.choice(list(odd))
    place = draw.choice([*layer, "left out", "projection", "batch", "x", "out", "state"])
    batch: Any = draw.choice((-1, 0, 2**31 - 1, 2**40, 2**63, 1.5)) if place == "batch" else 2
    x, out, state = np.ones((2, 3)), np.empty((2, 5)), np.zeros((1, 2, 5))
    if place in layer:
        layer[place] = odd[what](layer[place])
    elif place == "left out":
        what = draw.choice(list(layer))
        del layer[what]
    elif place == "projection":
        layer["weight_hr"] = odd[what](np.ones((5, 5)))
    print("stream", cell, place, what, batch, flush=True)
    stream = gw.Stream.from_weights(cell, [layer], batch)
    given = {"x": x, "out": out, "state": state}
    if place in given:
        given[place] = odd[what](given[place])
    stream.set_state(*[given["state"]] * (2 if cell == "lstm" else 1))
    stream.step(given["x"], given["out"])
    stream.reset()


BUFFER = np.zeros(1 << 18)
COUNTS = np.zeros(64, np.int64)


def descriptors(draw: random.Random) -> None:
    """Call the binding with absent arrays and numbers that it can refuse, on memory that suffices."""
    here, numbers = BUFFER.ctypes.data, COUNTS.ctypes.data
    COUNTS[:] = [draw.choice((-1, 0, 1, 2, 3, 2**62)) for _ in COUNTS]
    sizes = (-(2**63), -1, 0, 1, 2, 3, 5, 2**45, 2**62)
    address = [here, here, here, 0]
    print("descriptors", draw.getstate()[1][:1], flush=True)
    layer = _native.Layer(
        draw.choice((*CELLS, "nonsense")),
        draw.choice(("f32", "f64", "bf16", "f16")),
        draw.choice(sizes),
        draw.choice(sizes),
        draw.choice((0, 0, 2, -1, 2**45)),
    )
    _native.sums_bytes(layer)
    _native.chunk_steps(layer, draw.choice(sizes))
    where = [numbers, 0, 0]
    rows = _native.Rows(
        draw.choice((2, 3, *sizes)),
        draw.choice((2, 3, *sizes)),
        *[draw.choice(where) for _ in "cof"],
    )
    weights = _native.Weights(*[draw.choice(address) for _ in range(5)])

    def view() -> _native.View:
        strides = (0, 1, 5, 16, -1, 2**62)
        return _native.View(
            draw.choice(address), draw.choice(strides), draw.choice(strides), draw.random() < 0.2
        )

    saved = [view()] * draw.choice((0, 0, 1, 4, 5, 6))
    given: dict[str, Any] = {"reverse": True, "weights": weights, "x": view(), "out": view()}
    states = {name: draw.choice(address) for name in ("h0", "c0")}
    ends = {name: draw.choice(address) for name in ("h_n", "c_n")}
    threads = draw.choice((-1, 0, 1, 2, 2**31 - 1))
    forward = _native.Forward(**given, **states, **ends, saved=saved)
    each = [forward] * draw.choice((0, 1, 2, 3))
    _native.forward(layer, rows, each, threads)
    back = _native.Backward(**given, **states, saved=saved, d_out=view(), d_x=view())
    _native.backward(layer, rows, [back], threads)


def main(seed: int, count: int) -> None:
    """Make `count` calls of each kind; raise for a wrong result."""
    torch.set_num_threads(2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    made = 0
    for i in range(count):
        for kind in (operators, modules, streams, descriptors):
            draw = random.Random(f"{seed} {i} {kind.__name__}")
            torch.manual_seed(draw.randrange(2**31))
            try:
                kind(draw)
            except AssertionError:
                raise
            except Exception as error:
                if not str(error):
                    raise
            made += 1
    print(made, "calls", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
