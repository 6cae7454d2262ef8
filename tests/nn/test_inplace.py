"""Work in place on what a module has returned: the gradients are those of torch on a copy."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from tests.nn.recurrent import LENGTHS, B, H, I, P, T, as_states, build, inputs, stock_of, weighted
from tests.tolerances import assert_close64
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

import gatewise
from gatewise.engines import ENGINES


def _mask(y: torch.Tensor) -> torch.Tensor:
    return torch.arange(y.numel()).view(y.shape) % 3 == 0


def _half(y: torch.Tensor) -> None:
    half = y.shape[-1] // 2
    y[..., :half] += y[..., half : 2 * half]  # of two directions: their sum


def _masked(y: torch.Tensor) -> None:
    y[_mask(y)] = 0.0


FORMS: dict[str, Callable[[torch.Tensor], object]] = {
    "add": lambda y: y.add_(inputs(*y.shape, seed=8)),
    "mul": lambda y: y.mul_(inputs(*y.shape, seed=9)),
    "dropout": torch.nn.Dropout(0.5, inplace=True),
    "relu": torch.nn.ReLU(inplace=True),
    "masked_fill": lambda y: y.masked_fill_(_mask(y), 0.25),
    "mask": _masked,
    "sum of directions": _half,
    "transposed": lambda y: y.transpose(0, -1).add_(0.5),
    "clamp": lambda y: y.clamp_(-0.1, 0.1),
    "first step": lambda y: y[0].zero_(),
    "overwritten": lambda y: y.copy_(inputs(*y.shape, seed=10)),
    "twice": lambda y: y.mul_(2).tanh_(),
}

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm": ("lstm", {}),
    "gru": ("gru", {}),
    "rnn_tanh": ("rnn_tanh", {}),
    "rnn_relu": ("rnn_relu", {"bias": False}),
    "deep": ("lstm", {"num_layers": 2, "bidirectional": True}),
    "deep gru": ("gru", {"num_layers": 3, "batch_first": True}),
    "projected": ("lstm", {"proj_size": P, "bidirectional": True}),
    "dropping": ("rnn_tanh", {"num_layers": 2, "dropout": 0.5}),
}


def _layouts(module: Any, x: torch.Tensor) -> dict[str, Any]:
    ends = torch.tensor(LENGTHS)
    packed = pack_padded_sequence(x, ends, batch_first=module.batch_first, enforce_sorted=False)
    return {"dense": x, "unbatched": x.select(int(not module.batch_first), 0), "packed": packed}


def _results(module: Any, layout: str, change: Callable[[Any, Any], Any], **options: Any) -> Any:
    """Return what follows from changed results, and every gradient."""
    torch.manual_seed(3)
    x = inputs(*((B, T) if module.batch_first else (T, B)), I).requires_grad_()
    output, hx = module(_layouts(module, x)[layout], **options)[:2]
    output = output.data if isinstance(output, PackedSequence) else output
    values = change(output, hx)
    loss = sum(weighted(own, seed) for seed, own in enumerate(values, 20))
    return [*values, *torch.autograd.grad(loss, [x, *module.parameters()])]


def _in_place(form: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def change(output: torch.Tensor, hx: Any) -> Any:
        form(output)
        for state in as_states(hx):
            form(state)
        return [output, *as_states(hx)]

    return change


def _on_copies(form: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def change(output: torch.Tensor, hx: Any) -> Any:
        states = as_states(hx)
        return _in_place(form)(output.clone(), tuple(state.clone() for state in states))

    return change


def _assert_same(ours: Any, theirs: Any, what: str) -> None:
    for place, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert_close64(mine, other, f"{what}, result {place}")


@pytest.mark.parametrize("layout", ["dense", "unbatched", "packed"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_form_on_every_kind(kind, layout) -> None:
    torch.manual_seed(0)
    cell, options = KINDS[kind]
    module = build(cell, engine="native", **options)
    stock = stock_of(module)
    for name, form in FORMS.items():
        ours = _results(module, layout, _in_place(form))
        _assert_same(ours, _results(stock, layout, _on_copies(form)), f"{kind}, {name}")


@pytest.mark.parametrize("form", ["add", "relu", "overwritten"])
@pytest.mark.parametrize(
    "options",
    [{"max_memory": "sqrt"}, {"num_layers": 2, "max_memory": 100_000}, {"engine": "torch"},
     {"engine": "reference"}],
)  # fmt: skip
def test_segments_and_the_other_engines(form, options) -> None:
    torch.manual_seed(0)
    module = build("lstm", **{"engine": "native", **options})
    ours = _results(module, "dense", _in_place(FORMS[form]))
    _assert_same(ours, _results(stock_of(module), "dense", _on_copies(FORMS[form])), form)


@pytest.mark.parametrize("engine", list(ENGINES))
def test_with_lengths(engine) -> None:
    module = build("gru", bidirectional=True, engine=engine)
    for name in ("add", "masked_fill"):
        both = [
            _results(module, "dense", change(FORMS[name]), lengths=LENGTHS)
            for change in (_in_place, _on_copies)
        ]
        _assert_same(*both, name)


class _Seen(TorchDispatchMode):
    """A mode under which the engine calls its operators through the dispatcher."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "around",
    [_Seen, torch.autograd.graph.save_on_cpu, lambda: torch.autograd.graph.saved_tensors_hooks(
        torch.Tensor.clone, torch.Tensor.clone)],
)  # fmt: skip
def test_under_a_mode_and_under_hooks(around) -> None:
    module = build("lstm", num_layers=2, engine="native")
    wanted = _results(stock_of(module), "dense", _on_copies(FORMS["add"]))
    with around():
        found = _results(module, "dense", _in_place(FORMS["add"]))
    _assert_same(found, wanted, "under a mode or hooks")


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_in_and_after_a_checkpoint(reentrant, inside) -> None:
    module = build("gru", num_layers=2, engine="native")
    x = inputs(T, B, I).requires_grad_()

    def found(change: Callable[[Any], Any], around: Callable[..., Any]) -> Any:
        def body(own: torch.Tensor) -> torch.Tensor:
            output = module(own)[0]
            return change(output) if inside else output

        module.zero_grad()
        x.grad = None
        output = around(body, x)
        weighted(output if inside else change(output), 0).backward()
        return [x.grad, *(own.grad for own in module.parameters())]

    in_place = found(lambda y: y.mul_(2).add_(1), partial(checkpoint, use_reentrant=reentrant))
    plain = found(lambda y: y * 2 + 1, lambda body, own: body(own))
    _assert_same(in_place, plain, "in a checkpoint")


def test_between_two_backward_passes_and_before_a_second_derivative() -> None:
    module = build("lstm", engine="native")
    x = inputs(T, B, I).requires_grad_()

    def found(double: Callable[[Any], Any]) -> Any:
        output = module(x)[0]
        doubled = double(output)
        loss = weighted(doubled, 0)
        [first] = torch.autograd.grad(loss, x, retain_graph=True)
        [again] = torch.autograd.grad(loss, x, retain_graph=True)
        [slope] = torch.autograd.grad(loss, x, create_graph=True)
        return [first, again, slope, *torch.autograd.grad(weighted(slope, 0), module.weight_hh_l0)]

    _assert_same(found(lambda y: y.mul_(2)), found(lambda y: y * 2), "more than one backward pass")


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("layout", ["dense", "packed"])
def test_on_gates(cell, layout) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine="native")
    x = inputs(T, B, I).requires_grad_()

    def found(own: Callable[[torch.Tensor], torch.Tensor]) -> Any:
        output, _, gates = module(_layouts(module, x)[layout], return_gates=True)
        output = output.data if isinstance(output, PackedSequence) else output
        values = [
            own(output),
            *(own(gate).nan_to_num(0.0).clamp_(0.1, 0.4) for gate in gates.values()),
        ]
        loss = sum(weighted(value, seed) for seed, value in enumerate(values))
        return torch.autograd.grad(loss, [x, *module.parameters()])

    _assert_same(found(lambda y: y.mul_(0.5)), found(lambda y: y * 0.5), "gates")


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_on_the_states_of_cells(kind, engine) -> None:
    cell = getattr(gatewise, kind)(I, H, engine=engine, dtype=torch.float64)
    x = inputs(B, I).requires_grad_()

    def found(own: Callable[[torch.Tensor], torch.Tensor]) -> Any:
        hx: Any = None
        for _ in range(3):
            states = [own(state) for state in as_states(cell(x, hx))]
            hx = states[0] if len(states) == 1 else tuple(states)
        loss = sum(weighted(state, seed) for seed, state in enumerate(states))
        return torch.autograd.grad(loss, [x, *cell.parameters()])

    plain = found(lambda state: state * 0.5 + 0.1)
    if kind == "RNNCell" and engine != "native":
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            found(lambda state: state.mul_(0.5).add_(0.1))  # as torch's own cell does
        return
    _assert_same(found(lambda state: state.mul_(0.5).add_(0.1)), plain, kind)


def test_in_a_compiled_graph() -> None:
    module = build("lstm", engine="native")

    def body(x: torch.Tensor) -> torch.Tensor:
        return module(x)[0].mul_(2).add_(1)

    x = inputs(T, B, I).requires_grad_()
    torch._dynamo.reset()
    with torch._dynamo.config.patch(allow_rnn=True):
        output = torch.compile(body, backend="aot_eager", fullgraph=True)(x)
        ours = torch.autograd.grad(weighted(output, 0), [x, *module.parameters()])
    plain = module(x)[0] * 2 + 1
    _assert_same(
        ours, torch.autograd.grad(weighted(plain, 0), [x, *module.parameters()]), "compiled"
    )


def test_the_output_is_not_kept_alive_by_its_own_graph() -> None:
    module = build("lstm", engine="native")
    output, _ = module(inputs(T, B, I))
    gone = weakref.ref(output.grad_fn)
    del output, _
    assert gone() is None
