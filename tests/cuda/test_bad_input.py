"""What lies on the wrong device, and what does not fit: one line that says what, where and the fix."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise.errors import InputError
from tests.nn.recurrent import LENGTHS, STOCK, B, H, I, T, build, inputs

X = inputs(T, B, I, dtype=torch.float32)


def _packed(x: torch.Tensor) -> Any:
    return pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)


def _names_both(device: str, told: pytest.ExceptionInfo[InputError]) -> bool:
    """Tell whether a message says what is on the device and what on the CPU."""
    return f"on {device}:0" in str(told.value) and "on cpu" in str(told.value)


FORMS: dict[str, Any] = {
    "dense": lambda module, x: module(x),
    "gates": lambda module, x: module(x, return_gates=True),
    "lengths": lambda module, x: module(x, lengths=LENGTHS),
    "packed": lambda module, x: module(_packed(x)),
    "packed with gates": lambda module, x: module(_packed(x), return_gates=True),
}


@pytest.mark.parametrize("cell", [*STOCK, "slstm", "mgu"])
@pytest.mark.parametrize("form", FORMS)
def test_an_input_on_another_device(cell: str, form: str, device: str) -> None:
    module = build(cell, hidden_size=8, dtype=torch.float32)
    there = copy.deepcopy(module).to(device)
    for own, x in ((module, X.to(device)), (there, X)):
        with pytest.raises(InputError) as told:
            FORMS[form](own, x)
        assert _names_both(device, told)


@pytest.mark.parametrize("cell", [*STOCK, "slstm"])
def test_states_on_another_device(cell: str, device: str) -> None:
    module = build(cell, hidden_size=8, dtype=torch.float32).to(device)
    _, hx = module(X.to(device))
    away = hx.cpu() if isinstance(hx, torch.Tensor) else tuple(state.cpu() for state in hx)
    for given in (X.to(device), _packed(X.to(device))):
        with pytest.raises(InputError) as told:
            module(given, away)
        assert _names_both(device, told)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_a_step_on_another_device(kind: str, device: str) -> None:
    module = getattr(gw, kind)(I, H, device=device)
    with pytest.raises(InputError) as told:
        module(X[0], return_gates=True)
    assert _names_both(device, told)


@pytest.mark.parametrize("measure", ["horizon", "explain"])
def test_a_model_and_its_inputs_on_two_devices(measure: str, device: str) -> None:
    model = gw.LSTM(I, H, device=device)
    call = gw.explain if measure == "explain" else gw.memory.horizon
    with pytest.raises(InputError) as told:
        call(model, X, time=0)
    assert _names_both(device, told)


def test_a_record_that_does_not_fit_into_the_memory_names_a_budget(device: str) -> None:
    # A record of gates for some 10 TB: the allocator refuses it at once.
    module = gw.LSTM(1, 4096, device=device)
    x = torch.empty(1, 1, 1, device=device).expand(1_000_000, 100, 1)
    with pytest.raises(torch.OutOfMemoryError, match=r"max_bytes=\.\.\."), torch.no_grad():
        module(x, return_gates=True)
