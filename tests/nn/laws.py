"""Laws that every cell obeys on every engine: each is a function of the cell's and engine's names.

`tests/engines/test_laws.py` runs them for every registered cell, and `tests/nn/test_custom.py` for a
cell registered during the test, which is all that a new cell has to do to be tested.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nn.recurrent import B, H, I, T, as_hx, as_states, build, inputs, states_for
from tests.tolerances import assert_close64
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.nn.structure import spec_of

Law = Callable[[str, str], None]
LAWS: dict[str, Law] = {}


def law(function: Law) -> Law:
    LAWS[function.__name__] = function
    return function


def gradients(module: Any, loss: Tensor, *leaves: Tensor) -> list[Tensor]:
    every = [*leaves, *module.parameters()]
    found = torch.autograd.grad(loss, every, allow_unused=True)
    return [torch.zeros_like(e) if g is None else g for e, g in zip(every, found, strict=True)]


def assert_all_close(mine: Any, others: Any, what: str) -> None:
    for one, other in zip(mine, others, strict=True):
        assert_close64(one, other, what)


@law
def gates_stay_in_their_range(cell: str, engine: str) -> None:
    spec = CELLS[cell]
    module = build(cell, engine=engine)
    _, _, gates = module(100 * inputs(T, B, I), return_gates=True)
    assert tuple(gates) == spec.recorded
    for name, value in gates.items():
        assert value.isfinite().all(), name
        if name in spec.fractions:
            assert ((value >= 0) & (value <= 1)).all(), name
        if name == "candidate":
            assert (value.abs() <= 1).all()
    assert gates.lengths.tolist() == [T] * B


@law
def gates_hold_the_outputs_and_the_last_states(cell: str, engine: str) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine=engine)
    lengths = torch.tensor([2, T, 3])
    output, hx, gates = module(inputs(T, B, I), lengths=lengths, return_gates=True)
    top = torch.cat([gates.hidden[-1, 0], gates.hidden[-1, 1]], dim=-1)
    assert torch.equal(top.nan_to_num(nan=0.0), output)
    last = lengths - 1
    rows = torch.arange(B)
    for name, state in zip(spec_of(module).states, as_states(hx), strict=True):
        layers = state.unflatten(0, (2, 2))
        for layer in range(2):
            assert_close64(gates[name][layer, 0, last, rows], layers[layer, 0], name)
            assert_close64(gates[name][layer, 1, 0, rows], layers[layer, 1], name)
    assert torch.equal(gates.lengths, lengths)


@law
def a_split_sequence_with_carried_state_is_the_whole(cell: str, engine: str) -> None:
    @given(steps=st.integers(2, 7), data=st.data())
    @settings(max_examples=10, deadline=None, derandomize=True)
    def check(steps: int, data: st.DataObject) -> None:
        cut = data.draw(st.integers(1, steps - 1))
        module = build(cell, num_layers=2, engine=engine)
        x = inputs(steps, B, I)
        output, hx, gates = module(x, return_gates=True)
        first, middle, early = module(x[:cut], return_gates=True)
        second, last, late = module(x[cut:], middle, return_gates=True)
        assert_close64(torch.cat([first, second]), output, "output")
        assert_all_close(as_states(last), as_states(hx), "state")
        for name in gates:
            joined = torch.cat([early[name], late[name]], dim=2)
            assert_close64(joined, gates[name], name)

    check()


@law
def permuting_the_batch_permutes_everything(cell: str, engine: str) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine=engine)
    x, lengths = inputs(T, 4, I), torch.tensor([2, 5, 0, 3])
    states = states_for(module, 4)
    order = torch.tensor([3, 1, 0, 2])
    output, hx, gates = module(x, as_hx(states), lengths=lengths, return_gates=True)
    moved = as_hx(tuple(state[:, order] for state in states))
    output2, hx2, gates2 = module(x[:, order], moved, lengths=lengths[order], return_gates=True)
    assert_close64(output2, output[:, order], "output")
    assert_all_close(as_states(hx2), [state[:, order] for state in as_states(hx)], "state")
    for name in gates:
        assert_close64(gates2[name], gates[name][:, :, :, order], name)


@law
def padding_is_inert_forward_and_backward(cell: str, engine: str) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine=engine)
    lengths = torch.tensor([2, 5, 1])
    inside = (torch.arange(T)[:, None] < lengths)[:, :, None]
    results = []
    for filling in (0.0, 1e30, torch.inf, torch.nan):
        x = torch.where(inside, inputs(T, B, I), filling).requires_grad_()
        output, hx, gates = module(x, lengths=lengths, return_gates=True)
        loss = output.square().sum() + sum(state.square().sum() for state in as_states(hx))
        for value in gates.values():
            assert value[:, :, ~inside[:, :, 0]].isnan().all()
            assert value[:, :, inside[:, :, 0]].isfinite().all()
            loss = loss + value[:, :, inside[:, :, 0]].square().sum()
        grads = gradients(module, loss, x)
        assert all(grad.isfinite().all() for grad in grads)
        assert (grads[0][~inside.expand_as(x)] == 0).all()
        assert (output[~inside[:, :, 0]] == 0).all()
        results.append([output, *as_states(hx), *grads])
    for other in results[1:]:
        assert all(torch.equal(one, two) for one, two in zip(results[0], other, strict=True))


@law
def each_row_of_a_padded_batch_is_that_row_alone(cell: str, engine: str) -> None:
    @given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), more=st.integers(0, 2))
    @settings(max_examples=10, deadline=None, derandomize=True)
    def check(lengths: list[int], more: int) -> None:
        module = build(cell, num_layers=2, bidirectional=True, engine=engine)
        steps, batch = max(lengths) + more, len(lengths)
        x, states = inputs(steps, batch, I), states_for(module, batch)
        output, hx, gates = module(x, as_hx(states), lengths=lengths, return_gates=True)
        for row, length in enumerate(lengths):
            alone = as_hx(tuple(state[:, row : row + 1] for state in states))
            own, own_hx, own_gates = module(x[:length, row : row + 1], alone, return_gates=True)
            assert_close64(output[:length, row], own[:, 0], "output")
            mine = [state[:, row] for state in as_states(hx)]
            assert_all_close(mine, [state[:, 0] for state in as_states(own_hx)], "state")
            for name in gates:
                assert_close64(gates[name][:, :, :length, row], own_gates[name][:, :, :, 0], name)

    check()


@law
def a_row_without_a_step_keeps_its_state(cell: str, engine: str) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine=engine)
    for lengths in ([0, 3, 0], [0, 0, 0]):
        x = inputs(T, B, I).requires_grad_()
        states = tuple(state.requires_grad_() for state in states_for(module, B))
        output, hx, gates = module(x, as_hx(states), lengths=lengths, return_gates=True)
        empty = torch.tensor(lengths) == 0
        assert (output[:, empty] == 0).all()
        for before, after in zip(states, as_states(hx), strict=True):
            assert torch.equal(after[:, empty], before[:, empty])
        assert all(value[:, :, :, empty].isnan().all() for value in gates.values())
        loss = sum(state.sum() for state in as_states(hx))
        grads = gradients(module, loss, x, *states)
        assert (grads[0][:, empty] == 0).all()
        for grad in grads[1 : 1 + len(states)]:
            assert (grad[:, empty] == 1).all()
        plain, plain_hx = module(x, as_hx(states), lengths=lengths)
        assert torch.equal(plain, output)
        assert all(map(torch.equal, as_states(plain_hx), as_states(hx)))


@law
def the_reverse_direction_is_the_forward_one_on_flipped_time(cell: str, engine: str) -> None:
    both = build(cell, bidirectional=True, engine=engine)
    one = build(cell, engine=engine)
    one.load_state_dict(
        {
            name.removesuffix("_reverse"): value
            for name, value in both.state_dict().items()
            if name.endswith("_reverse")
        }
    )
    x, states = inputs(T, B, I), states_for(both, B)
    output, hx, gates = both(x, as_hx(states), return_gates=True)
    flipped = as_hx(tuple(state[1:] for state in states))
    output1, hx1, gates1 = one(x.flip(0), flipped, return_gates=True)
    assert_close64(output[..., H:], output1.flip(0), "output")
    assert_all_close([state[1:] for state in as_states(hx)], as_states(hx1), "state")
    for name in gates:
        assert_close64(gates[name][:, 1:], gates1[name].flip(2), name)


@law
def shapes_of_any_size_work(cell: str, engine: str) -> None:
    sizes = st.integers(1, 4)

    @given(
        steps=sizes,
        batch=sizes,
        width=sizes,
        hidden=sizes,
        layers=sizes,
        bidirectional=st.booleans(),
        batch_first=st.booleans(),
    )
    @settings(max_examples=15, deadline=None, derandomize=True)
    def check(
        *,
        steps: int,
        batch: int,
        width: int,
        hidden: int,
        layers: int,
        bidirectional: bool,
        batch_first: bool,
    ) -> None:
        module = build(
            cell,
            width,
            hidden,
            num_layers=layers,
            bidirectional=bidirectional,
            batch_first=batch_first,
            engine=engine,
        )
        shape = (batch, steps) if batch_first else (steps, batch)
        output, hx, gates = module(inputs(*shape, width), return_gates=True)
        depth = 1 + bidirectional
        assert output.shape == (*shape, depth * hidden)
        assert all(state.shape == (layers * depth, batch, hidden) for state in as_states(hx))
        for value in gates.values():
            assert value.shape == (layers, depth, steps, batch, hidden)
        top = gates.hidden[-1].permute(1, 2, 0, 3).flatten(2)
        assert torch.equal(top.transpose(0, 1) if batch_first else top, output)

    check()


@law
def the_same_call_twice_gives_the_same_bits(cell: str, engine: str) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine=engine)
    results = []
    for _ in range(2):
        x = inputs(T, B, I).requires_grad_()
        output, _, gates = module(x, lengths=[2, 5, 1], return_gates=True)
        loss = output.sum() + sum(value.nansum() for value in gates.values())
        results.append([output, *gradients(module, loss, x)])
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))
