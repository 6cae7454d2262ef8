"""A model that was compiled before the trace is recorded as if it had not been."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from tests.nn.recurrent import B, H, I, T

import gatewise as gw


class Model(torch.nn.Module):
    def __init__(self, kinds: ModuleType) -> None:
        super().__init__()
        self.encoder = kinds.LSTM(I, H)
        self.cell = kinds.GRUCell(H, H)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = None
        for step in self.encoder(x)[0]:
            state = self.cell(step, state)
        return state


def wrapped(model: torch.nn.Module) -> Callable:
    return torch.compile(model, backend="eager")


def in_place(model: torch.nn.Module) -> Callable:
    model.compile(backend="eager")
    return model


def inside(model: torch.nn.Module) -> Callable:
    model.encoder.compile(backend="eager")
    return model


def function(model: torch.nn.Module) -> Callable:
    return torch.compile(lambda x: model(x) + 0, backend="eager")


@pytest.mark.filterwarnings("ignore")  # of the compiler, on what it does not follow
@pytest.mark.parametrize("way", [wrapped, in_place, inside, function])
@pytest.mark.parametrize("kinds", [torch.nn, gw])
def test_a_model_compiled_before_is_recorded(way, kinds) -> None:
    torch.manual_seed(0)
    model, x = Model(kinds), torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(model) as plain:
        answer = model(x)
    run = way(model)
    with torch.no_grad():
        run(x)  # compiled here
        with gw.trace(model) as record:
            torch.testing.assert_close(run(x), answer)
        run(x)
    for name in plain.names:
        assert record.count(name) == 1
        for quantity, value in plain[name].items():
            torch.testing.assert_close(record[name][quantity], value)
    assert torch._dynamo.eval_frame._stance.stance == "default"


def test_data_parallel_copies_are_refused() -> None:
    model = torch.nn.DataParallel(torch.nn.LSTM(I, H))
    with gw.trace(model) as record:
        model(torch.randn(T, B, I))
    assert record.count("module") == 1
    model.device_ids = [0, 1]
    with pytest.raises(gw.errors.InputError, match=r"trace: .*model\.module"), gw.trace(model):
        pass
