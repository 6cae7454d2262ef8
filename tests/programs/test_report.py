"""The report of `gatewise run`: what is counted, merged and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from gatewise.programs import report
from gatewise.programs.patching import observe, patch
from gatewise.programs.report import Ledger, merged, table


@pytest.mark.parametrize(("share", "timed"), [(1e9, 8), (0.0, 2)])
def test_a_report_counts_merges_and_tells(
    tmp_path: Path, share: float, timed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "SHARE", share)
    ledger = Ledger()
    observe(ledger)
    model, x = nn.GRU(3, 8), torch.randn(60, 2, 3)
    try:
        with patch():
            seed = torch.random.get_rng_state()
            with torch.no_grad():
                for _ in range(70):
                    model(x)
            model(x)
            model(x[:1])
            assert torch.equal(torch.random.get_rng_state(), seed)
    finally:
        observe(None)
    child = ledger.as_dict()
    (tmp_path / "counts").mkdir()
    (tmp_path / "counts" / "17.json").write_text(json.dumps(child))
    found = merged(ledger.as_dict(), tmp_path / "counts")
    assert not (tmp_path / "counts").exists()
    assert found["processes"] == 2
    by = {(row["gradients"], bool(row["left"])): row for row in found["calls"]}
    assert {key: (row["calls"], row["timed_calls"]) for key, row in by.items()} == {
        (False, False): (140, timed),  # the first three and the 64th, in each process; or the first
        (True, False): (2, 2),
        (True, True): (2, 0),
    }
    assert by[True, False]["torch_seconds"] == 0  # with gradients torch is not asked
    assert by[False, False]["torch_seconds"] > 0
    assert 0 < found["timing_seconds"] < found["seconds"] + found["timing_seconds"]
    lines = table(found).splitlines()
    assert lines[0].endswith("since torch was imported, 2 processes")
    assert any("140" in line and "gru.input 60x2x3 (1 x 1)" in line for line in lines)
    assert any(line.endswith("left, torch is faster at this size") for line in lines)
    assert "from a sample of those without gradients; the report took " in lines[-1]


def test_no_call_is_told_in_a_line() -> None:
    told = table(Ledger().as_dict())
    assert told == "gatewise: no call of torch's LSTM, GRU or RNN was made"
