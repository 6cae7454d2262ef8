"""The native operators under torch's own tools: opcheck, gradcheck, torch.compile, torch.export."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from tests.engines.test_gradcheck import WAYS, function_of
from tests.nn.recurrent import STOCK, B, H, I, T, as_states, build, inputs, states_for
from torch.utils._python_dispatch import TorchDispatchMode

from gatewise.engines import Rows, operators
from gatewise.engines.plan import FOR_BACKWARD, FOR_RECORD, Given, Plan, count_states
from gatewise.errors import InputError

CELLS = pytest.mark.parametrize("cell", STOCK)
CPU = torch.device("cpu")


def arguments(cell: str, form: str, save: int, *, grad: bool, segment: int = 0) -> tuple[Any, ...]:
    """Return arguments of the forward operator: two layers in two directions."""
    torch.manual_seed(0)
    module = build(cell, num_layers=2, bidirectional=True)
    x, rows = inputs(T, B, I), []
    if form != "dense":
        own = Rows.from_lengths(torch.tensor([2, 5, 3]), T, CPU)
        rows = [own.count, own.order, own.first]
        x = own.pack(x) if form == "packed" else x
    mask = torch.full((*x.shape[:-1], 2 * H), 0.5, dtype=x.dtype)
    parameters = [own.detach().requires_grad_(grad) for own in module._flat_weights]
    states = [state.requires_grad_(grad) for state in states_for(module, B)]
    plan = Plan(cell, "f64", 2, True, False, form == "packed", save, segment)
    return (x.requires_grad_(grad), states, parameters, [mask], rows, *plan)


CASES = [
    *itertools.product(("dense", "packed", "padded"), (FOR_BACKWARD,)),
    ("dense", FOR_RECORD),
]


@CELLS
@pytest.mark.parametrize(("form", "save"), CASES)
def test_opcheck_of_forward(cell, form, save) -> None:
    tests = ["test_schema", "test_autograd_registration", "test_faketensor"]
    if (
        form != "padded"
    ):  # what is saved there for the backward pass alone is anything in the padding
        tests.append("test_aot_dispatch_dynamic")
    given = arguments(cell, form, save, grad=True)
    torch.library.opcheck(operators.FORWARD, given, test_utils=tests)


@pytest.mark.parametrize("segment", [0, 2])
@pytest.mark.parametrize("form", ["dense", "packed"])
def test_opcheck_of_backward(form, segment) -> None:
    given = arguments("lstm", form, FOR_BACKWARD, grad=False, segment=segment)
    plan = Plan(*given[5:])
    results = operators.FORWARD(*given)
    kept = [results[0], *results[1 + count_states(plan) :]]
    gradients = [torch.ones_like(own) if i < 2 else None for i, own in enumerate(results)]
    whole = (*given[:5], kept, gradients, [True, True, True], *plan)
    torch.library.opcheck(operators.BACKWARD, whole)


@CELLS
def test_the_operator_gives_what_the_engine_gives_past_it(cell) -> None:
    given = arguments(cell, "dense", FOR_RECORD, grad=True)
    through = operators.FORWARD(*given)
    past = operators.run(Plan(*given[5:]), Given(*given[:5]))
    assert all(map(torch.equal, through, past))
    leaves = [given[0], *given[1], *given[2]]
    for one, other in zip(
        torch.autograd.grad([own.sum() for own in through[:2]], leaves),
        torch.autograd.grad([own.sum() for own in past[:2]], leaves),
        strict=True,
    ):
        assert torch.equal(one, other)


def test_a_mode_sees_the_operators() -> None:
    class Names(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.append(str(func))
            return func(*args, **(kwargs or {}))

    names: list[str] = []
    module = build("lstm", engine="native")
    with Names():
        module(inputs(T, B, I))[0].sum().backward()
    assert "gatewise.forward.default" in names
    assert "gatewise.backward.default" in names


@pytest.mark.parametrize(
    ("place", "value", "match"),
    [
        (0, inputs(T, B, I + 1), r"weight_ih_l0 must have the shape \[20, 4\]; got \[20, 3\]"),
        (1, [inputs(4, B + 1, H), inputs(4, B, H)], r"state h must have the shape \[4, 3, 5\]"),
        (3, [inputs(T, B, H)], r"mask 0 must have the shape \[5, 3, 10\]; got \[5, 3, 5\]"),
        (4, [torch.zeros(T), torch.zeros(B), torch.zeros(T)], r"count .* must be torch\.int64"),
    ],
)
def test_wrong_shapes_never_reach_the_core(place, value, match) -> None:
    given = list(arguments("lstm", "dense", FOR_BACKWARD, grad=False))
    given[place] = value
    with pytest.raises(InputError, match=match):
        operators.FORWARD(*given)


@WAYS
@CELLS
def test_second_derivatives(cell, fast) -> None:
    function, where = function_of(cell, "native")
    assert torch.autograd.gradgradcheck(function, where, fast_mode=fast)


@WAYS
def test_second_derivatives_with_projection_and_layers(fast) -> None:
    function, where = function_of("lstm", "native", proj_size=1, num_layers=2)
    assert torch.autograd.gradgradcheck(function, where, fast_mode=fast)


def test_second_derivatives_of_packed_data_with_dropout() -> None:
    module = build("gru", 2, 2, num_layers=2, dropout=0.5, engine="native")
    layout = torch.nn.utils.rnn.pack_padded_sequence(inputs(3, 2, 2), torch.tensor([3, 1]))

    def function(data):
        torch.manual_seed(1)
        return module(layout._replace(data=data))[0].data

    assert torch.autograd.gradgradcheck(function, layout.data.requires_grad_())


def test_many_gradients_at_once() -> None:
    module = build("lstm", engine="native")
    x = inputs(T, B, I)
    jacobian = torch.autograd.functional.jacobian
    one_by_one = jacobian(lambda own: module(own)[0].sum(0), x)
    at_once = jacobian(lambda own: module(own)[0].sum(0), x, vectorize=True)
    assert torch.allclose(one_by_one, at_once, rtol=0, atol=1e-12)


def compiled(module: Any, **options: Any) -> Any:
    torch._dynamo.reset()
    return torch.compile(module, backend="aot_eager", fullgraph=True, **options)


@CELLS
@pytest.mark.parametrize("gates", [False, True])
def test_a_compiled_module_gives_the_same_bits(cell, gates) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine="native")
    options = {"return_gates": True} if gates else {}
    results = []
    # Dynamo takes subclasses of torch's own modules only when told to.
    with torch._dynamo.config.patch(allow_rnn=True):
        for own in (compiled(module), module):
            x = inputs(T, B, I).requires_grad_()
            output, hx, *_ = own(x, **options)
            loss = output.sum() + sum(state.sum() for state in as_states(hx))
            results.append([output, *torch.autograd.grad(loss, [x, *module.parameters()])])
    assert all(map(torch.equal, *results))


def test_a_compiled_module_takes_sequences_of_any_length() -> None:
    module = build("gru", engine="native")
    with torch._dynamo.config.patch(allow_rnn=True):
        own = compiled(module, dynamic=True)
        for steps in (4, 7, 11):
            x = inputs(steps, 3, I).requires_grad_()
            assert torch.equal(own(x)[0], module(x)[0])


@CELLS
def test_a_compiled_module_takes_lengths(cell) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine="native")
    with torch._dynamo.config.patch(allow_rnn=True):
        own = compiled(module)
        for lengths in ([3, 5, 0], [1, 2, 4]):
            results = []
            for one in (own, module):
                x = inputs(T, B, I).requires_grad_()
                output, _, gates = one(x, lengths=torch.tensor(lengths), return_gates=True)
                d_x = torch.autograd.grad(output.sum(), x)
                results.append([output, *d_x, *(own.nan_to_num(-7) for own in gates.values())])
            assert all(map(torch.equal, *results))
        with pytest.raises(RuntimeError, match=r"lengths must lie between 0 and the 5 steps"):
            own(inputs(T, B, I), lengths=torch.tensor([3, T + 1, 2]), return_gates=True)


@CELLS
@pytest.mark.filterwarnings("ignore:.*assigned during export")  # torch's own modules bring it too
def test_an_exported_module_holds_the_operator(cell) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine="native").eval()
    steps = torch.export.Dim("steps", min=2, max=100)
    program = torch.export.export(module, (inputs(T, B, I),), dynamic_shapes=({0: steps},))
    assert "gatewise.forward" in str(program.graph)
    x = inputs(9, B, I)
    assert torch.equal(program.module()(x)[0], module(x)[0])
