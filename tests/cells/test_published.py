"""Cells against loops that know nothing of the library: every value and every gradient, in float64.

The loops go row by row and step by step, in torch's plainest operations, from the papers' equations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from tests.nn.recurrent import as_states, build, inputs, states_for, weighted
from tests.tolerances import assert_close64
from torch import Tensor
from torch.nn.functional import layer_norm, logsigmoid
from torch.nn.utils.rnn import pack_padded_sequence

T, B, I, H = 6, 4, 3, 5  # noqa: E741 - the sizes of the shape comments
LENGTHS = [3, 6, 0, 5]
Weights = dict[str, Tensor]
Loop = Callable[[Weights, Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]]


def peephole_lstm(w: Weights, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    h, c = state
    a = w["weight_ih"] @ x + w["weight_hh"] @ h + w["bias_ih"] + w["bias_hh"]
    i = torch.sigmoid(a[:H] + w["peephole_input"] * c)
    f = torch.sigmoid(a[H : 2 * H] + w["peephole_forget"] * c)
    c = f * c + i * torch.tanh(a[2 * H : 3 * H])
    o = torch.sigmoid(a[3 * H :] + w["peephole_output"] * c)
    return o * torch.tanh(c), c


def layer_norm_lstm(w: Weights, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    h, c = state
    a = (
        layer_norm(w["weight_hh"] @ h, (4 * H,), w["gain_hh"], w["bias_hh"])
        + layer_norm(w["weight_ih"] @ x, (4 * H,), w["gain_ih"])
        + w["bias_ih"]
    )
    i, f, g, o = a.split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    out = layer_norm(c, (H,), w["gain_cell"], w["shift_cell"])
    return torch.sigmoid(o) * torch.tanh(out), c


def mgu(w: Weights, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    (h,) = state
    f = torch.sigmoid(
        w["weight_ih"][:H] @ x + w["bias_ih"][:H] + w["weight_hh"][:H] @ h + w["bias_hh"][:H]
    )
    back = w["weight_hh"][H:] @ h + w["bias_hh"][H:]
    n = torch.tanh(w["weight_ih"][H:] @ x + w["bias_ih"][H:] + f * back)
    return (h - f * h + f * n,)


def slstm(
    w: Weights, x: Tensor, state: tuple[Tensor, ...], log_forget: Callable[[Tensor], Tensor]
) -> tuple[Tensor, ...]:
    """As published, with c, n and m; the module's states are c / n and m + log n."""
    h, c, m = state
    n = torch.ones_like(c)
    a = w["weight_ih"] @ x + w["weight_hh"] @ h + w["bias_ih"] + w["bias_hh"]
    i, f, z, o = a.split(H)
    forget = log_forget(f)
    later = torch.maximum(forget + m, i)
    kept, written = torch.exp(forget + m - later), torch.exp(i - later)
    c, n = kept * c + written * torch.tanh(z), kept * n + written
    return torch.sigmoid(o) * c / n, c / n, later + torch.log(n)


LOOPS: dict[str, Loop] = {
    "slstm": partial(slstm, log_forget=logsigmoid),
    "slstm_clamped": partial(slstm, log_forget=lambda f: logsigmoid(f.clamp(max=15.0))),
    "slstm_exponential": partial(slstm, log_forget=lambda f: f),
    "peephole_lstm": peephole_lstm,
    "layer_norm_lstm": layer_norm_lstm,
    "mgu": mgu,
}


def run_by_rows(
    step: Loop, named: Weights, x: Tensor, states: tuple[Tensor, ...], lengths: list[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return the output `[T, B, 2 * H]` and the states `[4, B, H]` of two layers in both directions."""
    ends: list[list[list[Tensor]]] = []
    for layer in range(2):
        sides = []
        for direction, end in enumerate((f"_l{layer}", f"_l{layer}_reverse")):
            w = {name.removesuffix(end): p for name, p in named.items() if name.endswith(end)}
            outputs = torch.zeros(T, B, H, dtype=x.dtype)
            last = []
            for row in range(B):
                state = tuple(s[2 * layer + direction, row] for s in states)
                times = range(lengths[row])
                for t in reversed(times) if direction else times:
                    state = step(w, x[t, row], state)
                    place = torch.zeros(T, B, 1, dtype=x.dtype)
                    place[t, row] = 1
                    outputs = outputs + place * state[0]
                last.append(list(state))
            sides.append(outputs)
            ends.append(last)
        x = torch.cat(sides, dim=-1)
    count = len(states)
    return x, [torch.stack([torch.stack([r[n] for r in e]) for e in ends]) for n in range(count)]


@pytest.mark.parametrize("form", ["padded", "packed"])
@pytest.mark.parametrize("cell", LOOPS)
def test_values_and_gradients_are_those_of_the_loop(cell: str, form: str) -> None:
    torch.manual_seed(0)
    module = build(cell, I, H, num_layers=2, bidirectional=True)
    with torch.no_grad():
        for parameter in module.parameters():  # gains that are not 1, and gates that differ
            parameter.add_(torch.randn_like(parameter))
    lengths = LENGTHS if form == "padded" else [3, 6, 1, 5]  # torch packs no row without a step
    x = inputs(T, B, I).requires_grad_()
    states = tuple(state.requires_grad_() for state in states_for(module, B))
    leaves = {"x": x, **{f"state {n}": s for n, s in enumerate(states)}}
    leaves |= dict(module.named_parameters())
    hx = states if len(states) > 1 else states[0]
    if form == "padded":
        output, after = module(x, hx, lengths=lengths)
    else:
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        output, after = module(packed, hx)
        output = torch.nn.utils.rnn.pad_packed_sequence(output, total_length=T)[0]
    found = [output, *as_states(after)]
    theirs, ends = run_by_rows(LOOPS[cell], dict(module.named_parameters()), x, states, lengths)
    expected = [theirs, *ends]
    for one, other in zip(found, expected, strict=True):
        assert_close64(one, other)
    ours, oracle = (
        torch.autograd.grad(
            sum(weighted(v, n) for n, v in enumerate(values)), list(leaves.values())
        )
        for values in (found, expected)
    )
    for name, one, other in zip(leaves, ours, oracle, strict=True):
        assert one.abs().sum() > 0, name
        assert_close64(one, other, name)


@pytest.mark.parametrize("cell", LOOPS)
def test_without_biases(cell: str) -> None:
    torch.manual_seed(0)
    module = build(cell, I, H, bias=False)
    x, states = inputs(T, B, I), states_for(module, B)
    biases = {
        name: torch.zeros(len(module.weight_ih_l0)).double() for name in ("bias_ih", "bias_hh")
    }
    w = biases | {name.removesuffix("_l0"): p for name, p in module.named_parameters()}
    rows = [tuple(state[0, row] for state in states) for row in range(B)]
    for t in range(T):
        rows = [LOOPS[cell](w, x[t, row], state) for row, state in enumerate(rows)]
    after = as_states(module(x, states if len(states) > 1 else states[0])[1])
    for n, state in enumerate(after):
        assert_close64(state[0], torch.stack([row[n] for row in rows]))
