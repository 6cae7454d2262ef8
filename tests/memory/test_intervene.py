"""Changing states and units inside fused modules, against a loop that does it step by step.

Sizes: T steps, B rows, I inputs, H hidden units, P projected units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.nn.recurrent import (
    STOCK,
    B,
    H,
    I,
    T,
    as_states,
    build,
    inputs,
    states_for,
    stock_of,
)
from tests.tolerances import assert_close64
from torch import Tensor
from torch.nn.functional import linear
from torch.nn.utils.rnn import pack_padded_sequence

from gatewise.cells import CELLS, State
from gatewise.errors import InputError
from gatewise.memory.interventions._held import HeldDirection, HeldUnits, RunMeans
from gatewise.memory.interventions._intervene import Cut, Intervention, Place, intervening
from gatewise.nn.structure import parameters_of, spec_of

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")

MODULES = [
    pytest.param(cell, options, id=f"{cell}{'-' * bool(options)}{'-'.join(options)}")
    for cell in ("lstm", "gru", "rnn_tanh", "rnn_relu")
    for options in (
        {},
        {"num_layers": 3},
        {"bidirectional": True, "num_layers": 2},
        {"batch_first": True, "bias": False},
    )
] + [
    pytest.param("lstm", {"proj_size": 2}, id="projected"),
    pytest.param(
        "lstm", {"proj_size": 2, "bidirectional": True, "num_layers": 2, "bias": False}, id="all"
    ),
]
LENGTHS = torch.tensor([3, 5, 2])

Edit = Callable[[int, State], State]


def sources(cell: str, options: dict[str, Any]) -> list[Any]:
    """Build a module on two engines, and torch's own, with the same weights, where there are such."""
    task = build(cell, **options).eval()
    if cell not in STOCK:
        return [task]
    slow = build(cell, **options, engine="reference").eval()
    slow.load_state_dict(task.state_dict())
    return [task, slow, stock_of(task)]


def changed(module: Any, intervention: Intervention, *args: Any, **named: Any) -> list[Tensor]:
    with torch.no_grad(), intervening({"rnn": module}, intervention):
        output, states = module(*args, **named)
    assert "forward" not in vars(module)
    return [output.data if hasattr(output, "batch_sizes") else output, *as_states(states)]


def plain(module: Any, *args: Any, **named: Any) -> list[Tensor]:
    with torch.no_grad():
        output, states = module(*args, **named)
    return [output.data if hasattr(output, "batch_sizes") else output, *as_states(states)]


def own_form(module: Any, x: Tensor) -> Tensor:
    return x.transpose(0, 1) if module.batch_first else x


def assert_all(ours: list[Tensor], theirs: list[Tensor]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert_close64(one, other)


def keep(place: Place, state: State) -> State:
    return state


@pytest.mark.parametrize(("cell", "options"), MODULES)
@pytest.mark.parametrize("at", range(T))
def test_a_cut_that_changes_nothing_is_the_module(cell: str, options: dict, at: int) -> None:
    for module in sources(cell, options):
        x = own_form(module, inputs(T, B, I))
        given = states_for(module, B)
        hx = given if len(given) > 1 else given[0]
        assert_all(changed(module, Cut(at, keep), x, hx), plain(module, x, hx))


@pytest.mark.parametrize(("cell", "options"), MODULES)
def test_packed_and_padded_rows_are_cut_like_any(cell: str, options: dict) -> None:
    for at in range(T):
        own, *others = sources(cell, options)
        x = own_form(own, inputs(T, B, I))
        packed = pack_padded_sequence(x, LENGTHS, own.batch_first, enforce_sorted=False)
        for module in (own, *others):
            assert_all(changed(module, Cut(at, keep), packed), plain(module, packed))
        named = {"lengths": LENGTHS}
        assert_all(changed(own, Cut(at, keep), x, **named), plain(own, x, **named))


def loop(module: Any, x: Tensor, edit: Edit) -> tuple[Tensor, State]:
    """Run one layer forwards in plain steps; `edit(t, state)` changes the state before step t."""
    spec, own = spec_of(module), parameters_of(module, "_l0")
    sizes = [module.proj_size or H] + [H] * (len(spec.states) - 1)
    starts = [spec.starts.get(name, 0.0) for name in spec.states]
    state: State = tuple(
        torch.full((x.shape[1], size), start, dtype=x.dtype)
        for size, start in zip(sizes, starts, strict=True)
    )
    outputs = []
    for t in range(len(x)):
        state = edit(t, state)
        b_ih, b_hh = spec.biases(own)
        wx = linear(x[t], own.W_ih, b_ih)
        state, _ = spec.step(wx, linear(state[0], own.W_hh, b_hh), state, own)
        outputs.append(state[0])
    return torch.stack(outputs), state


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("at", range(T))
def test_a_state_changed_at_a_step_is_that_of_the_loop(cell: str, which: int, at: int) -> None:
    for module in sources(cell, {}):
        which = min(which, len(spec_of(module).states) - 1)
        x = inputs(T, B, I)
        new = inputs(B, H, seed=7)

        def swap(place: Place, state: State, new: Tensor = new, which: int = which) -> State:
            return tuple(new[None] if n == which else own for n, own in enumerate(state))

        def edit(t: int, state: State, new: Tensor = new, which: int = which) -> State:
            return (
                state if t != at else tuple(new if n == which else s for n, s in enumerate(state))
            )

        output, states = loop(module, x, edit)
        assert_all(changed(module, Cut(at, swap), x), [output, *(s[None] for s in states)])


def test_the_reverse_direction_hands_its_state_over_from_the_right() -> None:
    for module in sources("lstm", {"bidirectional": True}):
        x, at = inputs(T, B, I), 2
        seen: dict[Place, State] = {}

        def note(place: Place, state: State, seen: dict = seen) -> State:
            seen[place] = state
            return state

        changed(module, Cut(at, note), x)
        _, (h, c) = module(x[:at])
        assert_close64(seen[Place("rnn", 0, 0)][0][0], h[0].detach())
        _, (h, c) = module(x[at:])
        assert_close64(seen[Place("rnn", 0, 1)][0][0], h[1].detach())
        assert_close64(seen[Place("rnn", 0, 1)][1][0], c[1].detach())


def test_steps_are_counted_over_the_calls_of_one_run() -> None:
    module = build("gru").eval()
    x = inputs(T, B, I)
    seen = []

    def note(place: Place, state: State) -> State:
        seen.append(state[0])
        return state

    with torch.no_grad(), intervening({"": module}, Cut(3, note)):
        h = None
        for t in range(T):
            _, h = module(x[t : t + 1], h)
    assert len(seen) == 1
    assert_close64(seen[0], module(x[:3])[1].detach())


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_units_held_in_the_recurrence_are_held_before_each_step(cell: str, bias: bool) -> None:
    units = [0, 3]
    for module in sources(cell, {"bias": bias}):
        x, average = inputs(T, B, I), RunMeans()
        changed(module, average, x)
        (place, mean), *_ = average.means.items()
        held = HeldUnits(place, units, mean, recurrence=True)

        def hold(t: int, state: State, mean: Any = mean) -> State:
            states = tuple(own.clone() for own in state)
            for own, value in zip(states, mean.states, strict=True):
                own[:, units] = value[units]
            return states

        output, states = loop(module, x, hold)
        output[..., units] = mean.output[units]
        ends = [own[None] for own in hold(T, states)]
        assert_all(changed(module, held, x), [output, *ends])


def test_units_of_a_projected_layer_are_held_before_the_projection() -> None:
    units = [1, 4]
    for recurrence in (True, False):
        for module in sources("lstm", {"proj_size": 2}):
            x, average = inputs(T, B, I), RunMeans()
            changed(module, average, x)
            (place, mean), *_ = average.means.items()
            own, spec = parameters_of(module, "_l0"), spec_of(module)
            h, c = torch.zeros(B, 2, dtype=x.dtype), torch.zeros(B, H, dtype=x.dtype)
            outputs = []
            for t in range(T):
                wx = linear(x[t], own.W_ih, own.b_ih)
                (h, c), gates = spec.step(wx, linear(h, own.W_hh, own.b_hh), (h, c), own)
                given = gates["output"] * torch.tanh(gates["cell"])
                given[:, units] = mean.units[units]
                outputs.append(linear(given, own.W_hr))
                h = outputs[-1] if recurrence else h
            found = changed(module, HeldUnits(place, units, mean, recurrence=recurrence), x)
            assert_close64(found[0], torch.stack(outputs).detach())
            assert_close64(found[1][0], outputs[-1].detach())


def test_the_mean_is_over_valid_steps() -> None:
    module = build("lstm", bidirectional=True).eval()
    average = RunMeans()
    changed(module, average, inputs(T, B, I), lengths=LENGTHS)
    _, _, gates = module(inputs(T, B, I), lengths=LENGTHS, return_gates=True)
    for direction in (0, 1):
        mean = average.means[Place("rnn", 0, direction)]
        for name, own in (("hidden", mean.output), ("cell", mean.states[1])):
            value = gates[name][0, direction]
            assert_close64(own, value[~value.isnan().any(-1)].mean(0).detach())


@pytest.mark.parametrize("zero", [True, False])
def test_a_direction_taken_out_leaves_the_other_as_it_is(zero: bool) -> None:
    for module in sources("gru", {"bidirectional": True}):
        x, average = inputs(T, B, I), RunMeans()
        output, h = changed(module, average, x)
        for direction in (0, 1):
            out, end = changed(module, HeldDirection(direction, average.means, zero=zero), x)
            mine, others = (slice(n * H, n * H + H) for n in (direction, 1 - direction))
            assert_close64(out[..., others], output[..., others])
            assert_close64(end[1 - direction], h[1 - direction])
            own = average.means[Place("rnn", 0, direction)]
            wanted = 0 * own.output if zero else own.output
            assert_close64(out[..., mine], wanted.expand(T, B, H))


def test_hooks_of_the_module_still_run() -> None:
    module = build("rnn_tanh").eval()
    module.register_forward_hook(lambda module, args, out: (2 * out[0], out[1]))
    x = inputs(T, B, I)
    assert_all(changed(module, Cut(2, keep), x), plain(module, x))


class Own(torch.nn.GRU):
    def forward(self, *args: Any) -> Any:
        return super().forward(*args)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Own(I, H), r"'rnn' cannot be changed: it is a Own with a forward of its own"),
        (torch.nn.LSTMCell(I, H), r"it is a LSTMCell, not an LSTM, GRU or RNN"),
        (torch.nn.Linear(I, H), r"it is a Linear, not an LSTM"),
    ],
)
def test_modules_that_cannot_be_replaced(part: Any, message: str) -> None:
    with pytest.raises(InputError, match=message), intervening({"rnn": part}, Intervention()):
        pass


def test_a_record_of_gates_cannot_be_asked_for_at_the_same_time() -> None:
    module = build("lstm")
    with (
        pytest.raises(InputError, match="leave it out"),
        intervening({"rnn": module}, Intervention()),
    ):
        module(inputs(T, B, I), return_gates=True)
    assert "forward" not in vars(module)
