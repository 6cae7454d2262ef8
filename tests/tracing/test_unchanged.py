"""Records are arrays alone; whoever needs the weights too is told that they have changed."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import B, H, I, T

import gatewise as gw
from gatewise.errors import InputError


def model_and_trace(**options):
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(I, H), "cell": torch.nn.GRUCell(I, H)})
    x = torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(model, **options) as trace:
        model["lstm"](x)
        model["cell"](x[0])
    return model, trace, x


def step(model) -> None:
    optimizer = torch.optim.SGD(model["lstm"].parameters(), lr=0.1)
    model["lstm"](torch.randn(T, B, I))[0].sum().backward()
    optimizer.step()


def load(model) -> None:
    model.load_state_dict({k: v + 1 for k, v in model.state_dict().items()})


def write_past_autograd(model) -> None:
    model["lstm"].bias_hh_l0.data[3] += 1e-6


@pytest.mark.parametrize("change", [step, load, write_past_autograd, lambda model: model.double()])
def test_a_change_of_the_weights_is_told_and_touches_no_array(change) -> None:
    model, trace, _ = model_and_trace()
    trace.check_unchanged(model)
    before = {name: value.clone() for name, value in trace["lstm"].items()}
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    change(model)
    with pytest.raises(InputError, match="the weights of 'lstm' are not those that its calls ran"):
        trace.check_unchanged(model)
    assert all(torch.equal(trace["lstm"][name], value) for name, value in before.items())
    model.float().load_state_dict(weights)
    trace.check_unchanged(model)


def test_only_the_modules_asked_for_count() -> None:
    model, trace, _ = model_and_trace()
    step(model)
    trace.check_unchanged(model, "cell")
    with pytest.raises(InputError, match="'lstm'"):
        trace.check_unchanged(model, "cell", "lstm")
    with pytest.raises(InputError, match="the model has no module 'lstm'; it is not the one"):
        trace.check_unchanged(torch.nn.ModuleDict({"cell": model["cell"]}))
    with pytest.raises(InputError, match=r"no recurrent module 'lst'"):
        trace.check_unchanged(model, "lst")


def test_a_trace_without_a_call_has_nothing_to_compare() -> None:
    model, _trace, x = model_and_trace()
    with gw.trace(model) as empty, pytest.raises(InputError, match="has not been called"):
        empty.check_unchanged(model)
    with gw.trace(model) as part:
        model["lstm"](x)
    part.check_unchanged(model)  # what was called
    with pytest.raises(InputError, match="'cell' has not been called"):
        part.check_unchanged(model, "cell")


def test_a_change_between_two_calls_and_classes_that_do_not_matter() -> None:
    model, _, x = model_and_trace()
    with gw.trace(model, modules="lstm") as trace:
        model["lstm"](x)
        step(model)
        model["lstm"](x)
    with pytest.raises(InputError, match="not those that its call 0 ran with"):
        trace.check_unchanged(model)
    _, trace, _ = model_and_trace()
    model, _, _ = model_and_trace()
    trace.check_unchanged(gw.accelerate(model))


def test_a_module_that_is_replaced_while_it_is_recorded() -> None:
    model, _, x = model_and_trace()
    recording = gw.trace(model)
    trace = recording.__enter__()
    model["lstm"](x)
    model["lstm"] = torch.nn.LSTM(3, 5)
    with pytest.raises(InputError, match="'lstm' was replaced or removed inside the with block"):
        recording.__exit__(None, None, None)
    assert trace["lstm"].forget.shape[2] == len(x)  # what was recorded is there
    with gw.trace(model, modules="cell"):  # a module that is not recorded may be
        model["lstm"] = torch.nn.LSTM(3, 5)
