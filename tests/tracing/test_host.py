"""Records that come to the host while the model goes on, with stand-ins for what only a GPU has."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.nn.recurrent import B, H, I, T

import gatewise as gw
from gatewise.errors import EngineError
from gatewise.nn import shortage
from gatewise.tracing import _fingerprint, _host, _recovery, _selection


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every tensor count as a GPU's; log what is asked for and what is waited for."""
    seen: list[str] = []

    class Event:
        def __init__(self, device: Any) -> None:
            seen.append("asked")

        def record(self, stream: Any) -> None:
            pass

        def synchronize(self) -> None:
            seen.append("waited")

    class Stream:
        cuda_stream = 1

    def brought(value: torch.Tensor, device: torch.device | None) -> bool:
        return device is not None

    monkeypatch.setattr(torch, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream())
    for module in (_host, _fingerprint, _recovery, _selection):
        monkeypatch.setattr(module, "is_brought", brought)
    return seen


@pytest.mark.parametrize("kind", [torch.nn.LSTM, gw.LSTM], ids=["stock", "ours"])
@pytest.mark.parametrize("options", [{}, {"max_bytes": 1 << 20}, {"dtype": torch.float64}])
def test_a_record_is_waited_for_once_it_is_read_or_the_trace_ends(
    kind: Any, options: dict[str, Any], log: list[str]
) -> None:
    torch.manual_seed(0)
    model, x = kind(I, H), torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(model, **options) as plain:
        model(x)
    wanted = plain[""]
    log.clear()
    with torch.no_grad(), gw.trace(model, device="cpu", **options) as trace:
        for _ in range(3):
            model(x)
        assert "asked" in log
        # Of the calls before the last one the weights have been read, and nothing else.
        assert log.count("waited") == 2
        for name, value in trace[""].items():
            assert torch.equal(value, wanted[name])
        assert log[-1] == "waited"
        waits = log.count("waited")
        assert trace[""] is trace[""]
        assert log.count("waited") == waits
        model(x)
    assert log[-1] == "waited"
    trace.check_unchanged(model)
    with torch.no_grad():
        model.weight_hh_l0.add_(1)
    with pytest.raises(gw.errors.InputError, match="weights of '' are not those"):
        trace.check_unchanged(model)


def test_page_locked_memory_is_bounded_and_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    real = torch.empty

    def empty(shape: Any, *, dtype: torch.dtype, device: str, pin_memory: bool = False) -> Any:
        asked.append(pin_memory)
        if pin_memory and len(asked) > 2:
            raise RuntimeError("no pages are left to lock")
        return real(shape, dtype=dtype, device=device)

    monkeypatch.setattr(torch, "empty", empty)
    monkeypatch.setattr(_host, "MOST", 100)
    copies = _host.HostCopies()
    for shape, locked in (((10,), [True]), ((40,), [False]), ((5,), [True, False])):
        asked[:] = [True] * 2 if len(locked) > 1 else []
        before = len(asked)
        assert copies.empty(shape, torch.float32).shape == shape
        assert asked[before:] == locked


def test_no_room_for_gates_names_what_they_take_and_a_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    module, x = gw.LSTM(I, H, 2, engine="torch"), torch.randn(T, B, I)
    needed = 6 * 2 * T * B * H * 4
    with monkeypatch.context() as patched:
        patched.setattr("gatewise.engines.fused.recover", full)
        with pytest.raises(torch.OutOfMemoryError, match=f"take {needed:,} bytes .6 quantities"):
            module(x, return_gates=True)
        with pytest.raises(EngineError, match=r"max_bytes=\.\.\. and, with device='cpu'"):
            module(x, return_gates=True)
    with monkeypatch.context() as patched:
        patched.setattr(_recovery, "recover", full)
        stock = torch.nn.LSTM(I, H)
        with (
            gw.trace(stock),
            pytest.raises(shortage.NoRoomForGatesError, match="ran out of memory"),
        ):
            stock(x)
