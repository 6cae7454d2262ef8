"""Traces of models on a GPU: what is recorded, where it lies, and files that go between devices."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise.errors import InputError
from tests.cuda.device import assert_near, assert_on
from tests.nn.recurrent import LENGTHS, B, H, I, T, inputs


class Model(nn.Module):
    """Two recurrent modules, packed rows, a cell by the step, and a head."""

    def __init__(self, kinds: Any) -> None:
        super().__init__()
        self.encoder = kinds.LSTM(I, H, num_layers=2, bidirectional=True)
        self.decoder = kinds.GRU(2 * H, 4)
        self.cell = kinds.LSTMCell(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.encoder(packed)[0])
        decoded, _ = self.decoder(states)
        state = None
        for step in decoded:
            state = self.cell(step, state)
        return state[0]


OPTIONS: dict[str, dict[str, Any]] = {
    "all": {},
    "on the host": {"device": "cpu"},
    "some": {"quantities": ("hidden", "forget"), "steps": slice(1, None, 2), "units": [0, 2]},
    "in half": {"dtype": torch.float16, "device": "cpu"},
    "within a budget": {"max_bytes": 1 << 20, "device": "cpu"},
}


@pytest.mark.parametrize("kinds", [nn, gw], ids=["stock", "ours"])
@pytest.mark.parametrize("options", OPTIONS)
def test_what_is_recorded(kinds: Any, options: str, device: str) -> None:
    torch.manual_seed(0)
    model, x = Model(kinds), inputs(T, B, I, dtype=torch.float32)
    there = copy.deepcopy(model).to(device)
    asked = OPTIONS[options]
    with torch.no_grad(), gw.trace(model, **asked) as wanted:
        model(x)
    with torch.no_grad(), gw.trace(there, **asked) as found:
        there(x.to(device))
    assert found.names == wanted.names
    place = asked.get("device", device)
    for name in wanted.names:
        assert_on(found[name], place)
        assert found[name].lengths.device.type == torch.device(place).type
        half = asked.get("dtype") is torch.float16
        assert_near(found[name], wanted[name], atol=2e-3 if half else 1e-5)


def test_a_trace_that_is_read_at_once_is_whole(device: str) -> None:
    # Copies to the host may still be under way when the call returns; nobody may read them before.
    model = gw.LSTM(64, 128, device=device)
    x = torch.randn(400, 32, 64, device=device)
    with torch.no_grad(), gw.trace(model, device="cpu") as trace:
        model(x)
        read = {name: value.clone() for name, value in trace[""].items()}
    again = model(x, return_gates=True)[2]
    for name, value in read.items():
        assert_near(value, again[name])


def test_many_calls_are_each_their_own(device: str) -> None:
    model = gw.GRU(16, 32, device=device)
    xs = [torch.randn(50, 8, 16, device=device) for _ in range(20)]
    with torch.no_grad(), gw.trace(model, device="cpu") as trace:
        for x in xs:
            model(x)
    for call, x in enumerate(xs):
        assert_near(trace.calls("")[call], model(x, return_gates=True)[2])


def test_a_trace_with_gradients_keeps_them_across_devices(device: str) -> None:
    torch.manual_seed(0)
    stock, x = nn.LSTM(I, H, device=device), inputs(T, B, I, dtype=torch.float32).to(device)
    grads = []
    for place in (device, "cpu"):
        with gw.trace(stock, with_grad=True, device=place) as trace:
            stock(x)
        assert_on(trace[""], place)
        grads.append(torch.autograd.grad(trace[""].forget.sum(), [*stock.parameters()]))
    assert_near(*grads)


def test_a_file_goes_between_devices(device: str, tmp_path: Path) -> None:
    model, x = gw.LSTM(I, H, device=device), inputs(T, B, I, dtype=torch.float32).to(device)
    with gw.trace(model) as trace:
        model(x)
    trace.save(tmp_path / "trace.safetensors")
    for place in ("cpu", device):
        loaded = gw.load_trace(tmp_path / "trace.safetensors", device=place)
        assert_on(loaded[""], place)
        assert_near(loaded[""], trace[""])


def test_a_budget_is_kept_on_the_device_too(device: str) -> None:
    model, x = gw.LSTM(I, H, device=device), inputs(T, B, I, dtype=torch.float32).to(device)
    with gw.trace(model, max_bytes=100), pytest.raises(InputError, match="max_bytes"):
        model(x)
