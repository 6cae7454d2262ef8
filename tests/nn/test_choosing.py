"""Modules choose by the size of each call, in every form of input; torch's pass gives torch's bits."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.nn.recurrent import build, inputs, stock_of
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise.engines import ENGINES, by_size
from gatewise.errors import OptionError
from gatewise.nn.calls import prepare

CELLS = pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
I, H = 3, 4  # noqa: E741 - the papers' symbol
SHORT, LONG, ROWS = 2, 30, 3


@pytest.fixture(autouse=True)
def from_six_steps_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give all cells one rule, so that these tests stay when the measured ones change."""
    rules = (by_size.Least(float("inf"), 6, 1, 6),)
    for cell in by_size.RULES:
        monkeypatch.setitem(by_size.RULES, cell, (rules, rules))
    by_size.takes.cache_clear()
    yield
    by_size.takes.cache_clear()


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with each call of the core."""
    calls: list[int] = []
    engine = ENGINES["native"]
    assert engine.run_plain is not None

    def counted(run: Any) -> Any:
        def runs(*args: Any, **options: Any) -> Any:
            found = run(*args, **options)
            calls.extend([1] * (found is not None))  # else the call takes the other way
            return found

        return runs

    both = {"run": counted(engine.run), "run_plain": counted(engine.run_plain)}
    monkeypatch.setitem(ENGINES, "native", replace(engine, **both))
    return calls


def forms(steps: int) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return a call of so many steps in every form, with the options of the module."""
    x = inputs(steps, ROWS, I)
    lengths = [steps, 1, 1]
    return {
        "dense": (x, {}),
        "batch_first": (x.transpose(0, 1), {"batch_first": True}),
        "unbatched": (x[:, 0], {}),
        "packed": (pack_padded_sequence(x, torch.tensor(lengths)), {}),
        "stacked": (x, {"num_layers": 2, "bidirectional": True}),
    }


@CELLS
@pytest.mark.parametrize("form", forms(1))
@pytest.mark.parametrize("training", [False, True])
def test_what_runs_is_what_the_choice_says(cell, form, training, native) -> None:
    seen = set()
    for steps in (1, SHORT, LONG):
        x, options = forms(steps)[form]
        module = build(cell, I, H, **options)
        before = len(native)
        with torch.set_grad_enabled(training):
            choice = module.engine_choice(x)
            output, _ = module(x)
            expected = stock_of(module)(x)[0]
            assert module.engine_of(prepare(module, x, None, None)) == choice.name
        assert choice.name == ("native" if len(native) > before else "torch")
        seen.add(choice.name)
        if choice.name == "torch":
            data, other = (output, expected) if form != "packed" else (output.data, expected.data)
            assert torch.equal(data, other)
    assert seen == {"native", "torch"}


@CELLS
def test_sizes_alone_decide(cell) -> None:
    module = build(cell, I, H)
    chosen = set()
    for x in (
        inputs(LONG, ROWS, I),
        inputs(LONG, ROWS, I) * 1e6,
        inputs(LONG, ROWS, I).contiguous(),
    ):
        for threads in (1, 2):
            before = torch.get_num_threads()
            torch.set_num_threads(threads)
            chosen.add(module.engine_choice(x).name)
            torch.set_num_threads(before)
    assert chosen == {"native"}


def test_a_backward_pass_may_follow_where_anything_needs_a_gradient(monkeypatch) -> None:
    always, never = ((by_size.Least(float("inf"), steps, 1, 1),) for steps in (1, 10**9))
    monkeypatch.setitem(by_size.RULES, "gru", (never, always))  # of inference, of training
    module, x = build("gru", I, H), inputs(SHORT, ROWS, I)
    assert module.engine_choice(x).name == "native"
    with torch.no_grad():
        assert module.engine_choice(x).name == "torch"
    module.requires_grad_(False)
    assert module.engine_choice(x).name == "torch"
    assert module.engine_choice(x.requires_grad_()).name == "native"


@CELLS
def test_a_bound_on_memory_takes_the_core_at_any_size(cell, native) -> None:
    module = build(cell, I, H, max_memory="sqrt")
    for x in (inputs(1, 1, I), inputs(LONG, ROWS, I)):
        assert module.engine_choice(x).name == "native"
        module(x)[0].sum().backward()
    assert len(native) == 2


@CELLS
@torch.no_grad()
def test_gates_and_lengths_of_a_small_call(cell) -> None:
    module, oracle = build(cell, I, H), build(cell, I, H, engine="reference")
    oracle.load_state_dict(module.state_dict())
    x = inputs(SHORT, ROWS, I)
    assert module.engine_choice(x).name == "torch"
    found, expected = (m(x, lengths=[1, 2, 0], return_gates=True) for m in (module, oracle))
    assert torch.allclose(found[0], expected[0], rtol=0, atol=1e-14)
    for name, gate in expected[2].items():
        assert torch.allclose(found[2][name], gate, rtol=0, atol=1e-14, equal_nan=True), name
    plain = module(x)[0]
    assert torch.equal(plain, module(x, return_gates=True)[0])


@CELLS
def test_a_traced_small_call_gives_the_same_bits_and_its_gates(cell) -> None:
    module, x = build(cell, I, H), inputs(SHORT, ROWS, I)
    plain = module(x)[0]
    with gw.trace(module) as trace:
        traced = module(x)[0]
    assert torch.equal(plain, traced)
    assert torch.equal(trace[""].hidden[0, 0], plain.detach())


@CELLS
def test_settled_modules_stay_on_one_engine(cell, native) -> None:
    module = build(cell, I, H)
    for engine in ("native", "torch"):
        module.settle(engine)
        other = copy.deepcopy(module)
        for x in (inputs(1, 1, I), inputs(LONG, ROWS, I)):
            before = len(native)
            module(x)
            assert other.engine_choice(x).name == module.engine_choice(x).name == engine
            assert len(native) - before == (engine == "native")
    with pytest.raises(OptionError, match="auto settles on 'native' or 'torch'; got 'reference'"):
        module.settle("reference")


@CELLS
def test_malformed_small_calls_raise_what_torch_raises(cell) -> None:
    module = build(cell, I, H)
    stock = stock_of(module)
    for x in (inputs(1, 1, I + 1), inputs(0, 1, I), inputs(1), inputs(1, 1, I).float()):
        with pytest.raises((RuntimeError, ValueError)) as expected:
            stock(x)
        with pytest.raises(type(expected.value)) as found:
            module(x)
        assert str(found.value) == str(expected.value)


def replaced(module: torch.nn.RNNBase) -> None:
    module.weight_hh_l0 = torch.nn.Parameter(module.weight_hh_l0.detach() * 2)


def shadowed(module: torch.nn.RNNBase) -> None:
    del module.weight_hh_l0
    module.weight_hh_l0 = torch.ones_like(module.weight_ih_l0[:, :1]).expand(-1, H).clone()


def shadowed_in_front(module: torch.nn.RNNBase) -> None:
    module.__dict__["weight_hh_l0"] = module.weight_hh_l0.detach() * 2


def normed(module: torch.nn.RNNBase) -> None:
    torch.nn.utils.parametrizations.weight_norm(module, "weight_hh_l0")
    with torch.no_grad():
        module.parametrizations.weight_hh_l0.original0.mul_(2)


def filled(module: torch.nn.RNNBase) -> None:
    module.weight_hh_l0.detach().numpy()[...] = 0.25


def given_other_data(module: torch.nn.RNNBase) -> None:
    module.weight_hh_l0.data = module.weight_hh_l0.data * 3


def loaded(module: torch.nn.RNNBase) -> None:
    module.load_state_dict({k: v * 2 for k, v in module.state_dict().items()})


def copied_past_its_version(module: torch.nn.RNNBase) -> None:
    module.weight_ih_l0.data.copy_(module.weight_ih_l0.data.flip(0))


def added_past_its_version(module: torch.nn.RNNBase) -> None:
    module.bias_hh_l0.data += 0.5


def set_to_other_memory(module: torch.nn.RNNBase) -> None:
    with torch.no_grad():
        module.weight_hh_l0.set_(module.weight_hh_l0.detach() * 2)


def stepped(module: torch.nn.RNNBase) -> None:
    for weight in module.parameters():
        weight.grad = torch.ones_like(weight)
    torch.optim.SGD(module.parameters(), lr=0.1).step()


def shared_and_written_elsewhere(module: torch.nn.RNNBase) -> None:
    module.share_memory()
    # Another process would hold just such a tensor over the same memory.
    storage = module.weight_hh_l0.untyped_storage()
    torch.empty(0, dtype=module.weight_hh_l0.dtype).set_(storage).mul_(2)


CHANGES = [
    *(replaced, shadowed, shadowed_in_front, normed, filled, given_other_data, loaded, stepped),
    *(copied_past_its_version, added_past_its_version, set_to_other_memory),
    shared_and_written_elsewhere,
]


@CELLS
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("steps", [SHORT, LONG])
def test_no_weight_is_ever_stale(cell, change, steps) -> None:
    torch.manual_seed(0)
    ours = build(cell, I, H)
    stock = stock_of(ours)
    x = inputs(steps, ROWS, I)
    before = ours(x)[0]
    for module in (ours, stock):
        module(x)  # whatever might be kept is kept
        change(module)
    after = ours(x)[0]
    assert not torch.allclose(before, after)
    assert torch.allclose(after, stock(x)[0], rtol=1e-12, atol=1e-13)


@CELLS
@torch.no_grad()
def test_weights_lent_to_one_call_are_seen(cell) -> None:
    ours = build(cell, I, H)
    x = inputs(SHORT, ROWS, I)
    ours(x)
    assert ours.engine_choice(x).name == "torch"
    lent = {name: weight * 2 for name, weight in ours.state_dict().items()}
    found = torch.func.functional_call(ours, lent, (x,))[0]
    expected = torch.func.functional_call(stock_of(ours), lent, (x,))[0]
    assert torch.equal(found, expected)
    assert not torch.equal(found, ours(x)[0])
