"""What is said of a device that is not there: what was asked, what there is, and the fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import gatewise as gw
from gatewise.engines.devices import found_here, why_not_here
from gatewise.errors import OptionError
from gatewise.training.distributed import check_device, local_device


def _pretend(monkeypatch: pytest.MonkeyPatch, *, built: bool, cards: int) -> None:
    """Let torch say that it is built with CUDA or without, and how many cards it finds."""
    monkeypatch.setattr(torch.version, "cuda", "13.0" if built else None)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cards > 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda at: f"card {at}")

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA error: invalid device ordinal")

    monkeypatch.setattr(torch, "empty", fails)


def test_a_torch_without_cuda_is_named_with_where_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _pretend(monkeypatch, built=False, cards=0)
    with pytest.raises(OptionError, match=r"cannot be used here: torch .* is built "):
        check_device("cuda")
    assert "docs/cuda.md" in why_not_here("cuda")


def test_a_machine_without_a_card_and_one_that_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, built=True, cards=0)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert "finds no CUDA device: the machine shows it no GPU" in why_not_here("cuda")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES='' shows it none" in why_not_here("cuda:1")


def test_a_card_that_there_is_not_is_told_beside_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _pretend(monkeypatch, built=True, cards=2)
    told = why_not_here("cuda:7")
    assert "torch finds cuda:0 (card 0), cuda:1 (card 1) and no 'cuda:7'" in told


def test_auto_is_the_first_gpu_or_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    for available, name in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda answer=available: answer)
        assert found_here("auto") == name
        assert local_device("auto").type == name
    assert found_here("cuda:3") == "cuda:3"
    check_device("auto")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_everything_that_takes_a_device_says_so(tmp_path: Path) -> None:
    model, x = torch.nn.LSTM(2, 3), torch.randn(4, 1, 2)
    reason = r"device='cuda' cannot be used here: torch "
    with pytest.raises(OptionError, match=f"trace: {reason}"), gw.trace(model, device="cuda"):
        model(x)
    with gw.trace(model) as trace:
        model(x)
    trace.save(tmp_path / "trace")
    with pytest.raises(OptionError, match=f"load_trace: {reason}"):
        gw.load_trace(tmp_path / "trace", device="cuda")
    with pytest.raises(OptionError, match=reason):
        gw.Classifier(device="cuda").fit([x[:, 0].numpy()] * 9, ["a", "b", "c"] * 3)
    with pytest.raises(OptionError, match=reason):
        gw.Classifier.load(tmp_path, device="cuda")
