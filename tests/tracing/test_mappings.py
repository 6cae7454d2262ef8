"""A trace and the gates of a call are mappings, and say what is in them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping

import pytest
import torch

import gatewise as gw
from gatewise.cells import CELLS
from gatewise.engines import Gates
from gatewise.errors import InputError, UnknownNameError


def model() -> torch.nn.ModuleDict:
    torch.manual_seed(0)
    return torch.nn.ModuleDict(
        {"enc": torch.nn.LSTM(3, 4), "dec": torch.nn.GRU(4, 2), "step": torch.nn.GRUCell(3, 2)}
    )


def recorded() -> gw.Trace:
    parts = model()
    with torch.no_grad(), gw.trace(parts) as trace:
        for batch in (2, 5):
            parts["enc"](torch.randn(7, batch, 3))
        for _ in range(3):
            parts["step"](torch.randn(2, 3))
    return trace


def test_a_trace_is_a_mapping_of_what_was_called() -> None:
    trace = recorded()
    assert isinstance(trace, Mapping)
    assert trace.names == ("enc", "dec", "step")
    assert list(trace) == list(trace.keys()) == ["enc", "step"]
    assert len(trace) == 2
    assert dict(trace) == {"enc": trace["enc"], "step": trace["step"]}
    assert list(trace.items()) == [("enc", trace["enc"]), ("step", trace["step"])]
    assert list(trace.values()) == [trace["enc"], trace["step"]]
    assert "enc" in trace
    assert "dec" not in trace
    assert trace.get("dec") is None
    assert trace.get("enc") is trace["enc"]
    assert {**trace}.keys() == {"enc", "step"}
    assert trace == trace  # noqa: PLR0124 - and no tensor is asked for a truth value
    assert trace != recorded()
    assert hash(trace) == hash(trace)


@pytest.mark.parametrize("key", ["ecn", "dec", 0, None, ("enc",), ["enc"], 1.5, b"enc", object()])
def test_a_key_that_is_not_there(key) -> None:
    trace = recorded()
    assert key not in trace
    with pytest.raises(UnknownNameError, match=r"^trace: ") as raised:
        trace[key]
    assert isinstance(raised.value, KeyError)
    assert isinstance(raised.value, InputError)
    assert "'enc'" in str(raised.value) or "has not been called" in str(raised.value)


@pytest.mark.parametrize(
    "key", ["forgot", 0, None, ("forget",), ["forget"], 1.5, b"forget", slice(1)]
)
def test_a_gate_that_is_not_there(key) -> None:
    gates = recorded()["enc"]
    assert key not in gates
    assert gates.get(key) is None
    with pytest.raises(UnknownNameError, match=r"^no gate .*; there are forget, input, candidate"):
        gates[key]
    with pytest.raises(KeyError):
        gates[key]


def test_a_repr_shows_modules_and_shapes() -> None:
    assert repr(recorded()).splitlines() == [
        f"Trace: 3 modules, 3 calls, {recorded().nbytes:,} bytes",
        "  'enc': lstm, 2 calls: forget, input, candidate, output, cell, hidden [1, 1, 7, 5, 4]",
        "  'dec': gru, not called",
        "  'step': gru, 1 call: reset, update, candidate, hidden [1, 1, 3, 2, 2]",
    ]
    projected = gw.LSTM(3, 4, proj_size=2, engine="native")
    with gw.trace(projected, quantities=("cell", "hidden")) as trace:
        projected(torch.randn(7, 3))
    assert "'': lstm, 1 call: cell [1, 1, 7, 4]; hidden [1, 1, 7, 2]" in repr(trace)


def test_gates_move_and_change_precision() -> None:
    lstm = gw.LSTM(3, 4)
    *_, gates = lstm(torch.randn(7, 2, 3), return_gates=True)
    for moved, dtype, device in (
        (gates.cpu(), torch.float32, "cpu"),
        (gates.to(torch.float64), torch.float64, "cpu"),
        (gates.to("meta"), torch.float32, "meta"),
        (gates.to(device="meta", dtype=torch.float16), torch.float16, "meta"),
    ):
        assert isinstance(moved, Gates)
        assert list(moved) == list(gates)
        assert {(value.dtype, value.device.type) for value in moved.values()} == {(dtype, device)}
        assert moved.lengths.dtype == torch.int64
        assert moved.lengths.device.type == device
    assert gates.cpu().forget.requires_grad  # in the graph still
    assert gates == gates  # noqa: PLR0124
    assert gates != gates.cpu()


def test_attributes_and_items_are_the_same_and_no_gate_is_hidden() -> None:
    trace = recorded()
    for gates in trace.values():
        for name, value in gates.items():
            assert getattr(gates, name) is value
    taken = set(dir(Gates)) | {"lengths"}
    assert not taken & {name for spec in CELLS.values() for name in spec.recorded}
    for copied in (copy.deepcopy(trace), pickle.loads(pickle.dumps(trace))):
        assert list(copied) == list(trace)
        assert torch.equal(copied["enc"].forget, trace["enc"].forget)


def test_public_names_and_loading(tmp_path) -> None:
    trace = recorded()
    trace.save(tmp_path / "t")
    again = gw.load_trace(tmp_path / "t")
    assert type(again) is type(trace) is gw.Trace
    assert list(again) == list(trace)
    assert repr(again) == repr(trace)
