"""A tensor on another device, without memory or with its sign put off is refused or read rightly.

The meta device stands for CUDA: to the CPU its memory is as far away.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from tests.nn.recurrent import STOCK, B, H, I, T, as_hx, as_states, build, inputs, states_for
from torch.nn import Parameter

import gatewise.nn
from gatewise.engines import ENGINES, Rows, operators
from gatewise.engines.plan import FOR_BACKWARD, Plan, count_states
from gatewise.errors import InputError

NAMES = (*ENGINES, "auto")
CASES = [(cell, engine) for cell in STOCK for engine in NAMES]
CALLS = pytest.mark.parametrize(("cell", "engine"), CASES)


def options_of(cell: str) -> dict[str, object]:
    return {"num_layers": 2, "bidirectional": True, **({"proj_size": 2} if cell == "lstm" else {})}


@CALLS
def test_every_parameter_on_another_device_is_named(cell, engine) -> None:
    for name, _ in build(cell, **options_of(cell)).named_parameters():
        module = build(cell, engine=engine, **options_of(cell))
        setattr(module, name, Parameter(getattr(module, name).detach().to("meta")))
        with pytest.raises(InputError, match=f"^{name} is on meta, the input on cpu: move"):
            module(inputs(T, B, I))


@CALLS
def test_every_state_on_another_device_is_named(cell, engine) -> None:
    module = build(cell, engine=engine)
    states = states_for(module, B)
    for i, name in zip(range(len(states)), "hc", strict=False):
        given = [own.to("meta") if i == k else own for k, own in enumerate(states)]
        with pytest.raises(InputError, match=f"initial state {name} is on meta, the input on cpu"):
            module(inputs(T, B, I), as_hx(tuple(given)))


@CALLS
def test_a_model_and_its_input_on_different_devices(cell, engine) -> None:
    away = build(cell, engine=engine, device="meta")
    with pytest.raises(InputError, match=r"^weight_ih_l0 is on meta, the input on cpu: move"):
        away(inputs(T, B, I))
    with pytest.raises(InputError, match=r"^weight_ih_l0 is on cpu, the input on meta: move"):
        build(cell, engine=engine)(inputs(T, B, I).to("meta"))


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
@pytest.mark.parametrize("engine", NAMES)
def test_cells_on_different_devices(kind, engine) -> None:
    cell = getattr(gatewise.nn, kind)(I, H, engine=engine)
    for name, _ in list(cell.named_parameters()):
        kept = getattr(cell, name)
        setattr(cell, name, Parameter(kept.detach().to("meta")))
        with pytest.raises(InputError, match=f"{name} is on meta, the input on cpu"):
            cell(torch.zeros(B, I))
        setattr(cell, name, kept)


@CALLS
@pytest.mark.parametrize("left", [0, 8])
def test_freed_and_cut_storages_are_refused(cell, engine, left) -> None:
    for name, _ in build(cell).named_parameters():
        module = build(cell, engine=engine)
        getattr(module, name).untyped_storage().resize_(left)
        with pytest.raises(InputError, match=f"^{name} has the shape .* memory of {left} bytes"):
            module(inputs(T, B, I))


@pytest.mark.parametrize("cell", STOCK)
def test_zeros_without_memory(cell) -> None:
    """torch stands for zeros by tensors whose address is 0."""
    module = build(cell, engine="native", num_layers=2, bidirectional=True)
    states = states_for(module, B)
    zeros = tuple(torch._efficientzerotensor(own.shape, dtype=own.dtype) for own in states)
    x = inputs(T, B, I)
    expected, _ = module(x, as_hx(tuple(map(torch.zeros_like, states))))
    got, after = module(x, as_hx(zeros))
    assert torch.equal(got, expected)
    whole = [got, *as_states(after)]
    arriving = [torch._efficientzerotensor(own.shape, dtype=own.dtype) for own in whole]
    found = torch.autograd.grad(whole, list(module.parameters()), arriving)
    assert all(torch.equal(own, torch.zeros_like(own)) for own in found)


@pytest.mark.parametrize("cell", STOCK)
def test_a_parameter_of_another_type_is_named(cell) -> None:
    module = build(cell, engine="native", bidirectional=True)
    module.bias_hh_l0_reverse = Parameter(module.bias_hh_l0_reverse.detach().float())
    with pytest.raises(InputError, match=r"bias_hh_l0_reverse is torch\.float32 and the input is"):
        module(inputs(T, B, I))


@pytest.mark.parametrize("cell", STOCK)
def test_views_of_one_storage_are_taken(cell) -> None:
    """Sharded training keeps all parameters in one flat storage."""
    module, plain = build(cell, engine="native"), build(cell, engine="native")
    plain.load_state_dict(module.state_dict())
    flat = torch.nn.utils.parameters_to_vector(module.parameters()).detach()
    torch.nn.utils.vector_to_parameters(flat, module.parameters())
    assert torch.equal(module(inputs(T, B, I))[0], plain(inputs(T, B, I))[0])


def negated(tensor: torch.Tensor) -> torch.Tensor:
    """Return the same values, lazily negated in memory."""
    own = torch._neg_view(-tensor)  # contiguous, so that nothing copies it on the way
    assert own.is_neg()
    assert torch.equal(own, tensor)
    return own


@pytest.mark.parametrize("cell", STOCK)
def test_lazily_negated_tensors_keep_their_sign(cell) -> None:
    module = build(cell, engine="native", **options_of(cell))
    x, states = inputs(T, B, I), states_for(module, B)
    expected, _ = module(x, as_hx(states))
    got, _ = module(negated(x), as_hx(tuple(map(negated, states))))
    assert torch.equal(got, expected)
    gradient = inputs(*expected.shape, seed=3)
    parameters = list(module.parameters())
    theirs = torch.autograd.grad(expected, parameters, gradient)
    ours = torch.autograd.grad(got, parameters, negated(gradient))
    assert all(map(torch.equal, ours, theirs))
    for name, parameter in list(module.named_parameters()):
        setattr(module, name, Parameter(negated(parameter.detach())))
    assert torch.equal(module(x, as_hx(states))[0], expected)


def operator_arguments(cell: str, form: str) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Return arguments of the forward and of the backward operator: two layers, two directions."""
    module = build(cell, num_layers=2, bidirectional=True)
    x, rows = inputs(T, B, I), []
    if form != "dense":
        own = Rows.from_lengths(torch.tensor([2, 5, 3]), T, torch.device("cpu"))
        rows = [own.count, own.order, own.first]
        x = own.pack(x) if form == "packed" else x
    mask = torch.full((*x.shape[:-1], 2 * H), 0.5, dtype=x.dtype)
    plan = Plan(cell, "f64", 2, True, False, form == "packed", FOR_BACKWARD, 0)
    parameters = [own.detach() for own in module._flat_weights]
    tensors = (x, list(states_for(module, B)), parameters, [mask], rows)
    results = operators.FORWARD(*tensors, *plan)
    kept = [results[0], *results[1 + count_states(plan) :]]
    gradients = [torch.ones_like(own) if i < 2 else None for i, own in enumerate(results)]
    return (*tensors, *plan), (*tensors, kept, gradients, [True, True, True], *plan)


@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("form", ["dense", "packed", "padded"])
def test_every_tensor_of_the_operators_is_checked(cell, form) -> None:
    """Each tensor in turn on another device, of another type, shape and layout, and freed."""
    damages = [
        lambda own: own.to("meta"),
        lambda own: own.to(torch.complex64),
        lambda own: own.to(torch.int32),
        lambda own: own[..., :-1],
        lambda own: own[None],
        lambda own: own.to_sparse(),
        freed,
    ]
    for operator, whole in zip(
        (operators.FORWARD, operators.BACKWARD), operator_arguments(cell, form), strict=True
    ):
        for place, damage in itertools.product(places(whole), damages):
            given = [list(own) if isinstance(own, list) else own for own in whole]
            index, inner = place
            if inner is None:
                given[index] = damage(given[index])
            else:
                given[index][inner] = damage(given[index][inner])
            with pytest.raises((InputError, NotImplementedError, RuntimeError)):
                operator(*given)


def freed(tensor: torch.Tensor) -> torch.Tensor:
    own = tensor.clone()
    own.untyped_storage().resize_(0)
    return own


def places(arguments: tuple[object, ...]) -> list[tuple[int, int | None]]:
    """Return where there are tensors in an operator's arguments."""
    found: list[tuple[int, int | None]] = []
    for index, own in enumerate(arguments):
        if isinstance(own, torch.Tensor):
            found.append((index, None))
        elif isinstance(own, list):
            found += [(index, i) for i, one in enumerate(own) if isinstance(one, torch.Tensor)]
    return found


def test_the_types_of_masks() -> None:
    """A float64 mask once made the layer above read float64 as float32."""
    (x, states, parameters, masks, rows, *plan), _ = operator_arguments("lstm", "dense")
    plan[1] = "f32"
    with pytest.raises(InputError, match=r"mask 0 must be torch\.float32; got torch\.float64"):
        operators.FORWARD(x, states, parameters, masks, rows, *plan)


@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("form", ["dense", "packed"])
def test_a_pass_without_steps_leaves_the_states(cell, form) -> None:
    """They were once whatever stood in memory; their gradient goes through, the others are 0."""
    module = build(cell, bidirectional=True)
    states = [own.requires_grad_() for own in states_for(module, B)]
    x, rows = torch.zeros(0, B, I, dtype=torch.float64), []
    if form == "packed":
        x, none = x[:, 0], torch.zeros(T, dtype=torch.int64)
        rows = [none, torch.arange(B), none]
    parameters = [own.detach() for own in module._flat_weights]
    plan = Plan(cell, "f64", 2, True, False, form == "packed", FOR_BACKWARD, 0)
    for given in (states, []):
        _, *found = operators.FORWARD(x, given, parameters, [], rows, *plan)
        for i, after in enumerate(found[: len(states)]):
            assert torch.equal(after, given[i] if given else torch.zeros_like(states[i]))
    arriving = [torch.ones_like(own) for own in states]
    found = operators.FORWARD(x, states, parameters, [], rows, *plan)[1 : 1 + len(states)]
    assert all(map(torch.equal, torch.autograd.grad(found, states, arriving), arriving))


def test_as_many_outputs_as_units_without_a_projection() -> None:
    (x, states, parameters, masks, rows, *plan), _ = operator_arguments("lstm", "dense")
    narrow = [own[:, :-1] if own.shape == (4 * H, H) else own for own in parameters]
    with pytest.raises(
        InputError, match=r"weight_hh_l0 must have the shape \[20, 5\]; got \[20, 4\]"
    ):
        operators.FORWARD(x, states, narrow, masks, rows, *plan)


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("cell", "gated", "cell must be one of lstm, gru"),
        ("type", "f16", "type must be one of f32, f64, bf16"),
        ("directions", 0, "directions must be 1 or 2"),
        ("directions", -1, "directions must be 1 or 2"),
        ("save", 7, "save must be 0, 1 or 2"),
        ("segment", -3, "segment=-3 must be 0, or the steps"),
        ("projected", True, "parameters for each layer"),
    ],
)
def test_plans_that_are_none(field, value, match) -> None:
    (x, states, parameters, masks, rows, *plan), _ = operator_arguments("lstm", "dense")
    plan[Plan._fields.index(field)] = value
    with pytest.raises(InputError, match=match):
        operators.FORWARD(x, states, parameters, masks, rows, *plan)
