"""What `gatewise run` notes of a program's calls: agreement with torch, and gates within a budget."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gatewise as gw
from gatewise.cli.main import run
from gatewise.programs import checking
from gatewise.programs.checking import Checker, told
from gatewise.programs.patching import observe, patch
from gatewise.programs.process import Process, Wanted
from gatewise.programs.recording import Recorder
from gatewise.programs.report import Ledger, Note


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.read = nn.GRU(3, 8, 2, bidirectional=True, batch_first=True, dropout=0.3)
        self.write = nn.LSTM(16, 6, proj_size=2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.write(self.read(x)[0].transpose(0, 1))[0]
        return out


@pytest.fixture
def noted() -> Iterator[Any]:
    """Return what lets notes see the calls of the test."""

    def begin(*notes: Note) -> None:
        observe(Ledger(notes))
        held.append(patch())

    held: list[Any] = []
    yield begin
    observe(None)
    for one in held:
        one.__exit__()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path, 200_000)
    yield made
    for hook in made.names._hooks:
        hook.remove()


pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")


def test_the_record_is_that_of_a_trace_of_the_model(recorder: Recorder, noted: Any) -> None:
    torch.manual_seed(0)
    net, x = Net().eval(), torch.randn(4, 50, 3)
    with gw.trace(net) as wanted:
        expected = net(x)
    noted(recorder)
    with torch.inference_mode():
        torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-5)
    recorder.save()
    (file,) = recorder.folder.iterdir()
    found = gw.load_trace(file)
    assert found.names == ("Net.read", "Net.write")
    for name in ("read", "write"):
        ours, theirs = found[f"Net.{name}"], wanted[name]
        rows = ours.hidden.shape[3]
        for quantity, value in theirs.items():
            steps = value[:, :, : ours.hidden.shape[2], :rows]
            torch.testing.assert_close(ours[quantity], steps, rtol=0, atol=1e-5)
    found.check_unchanged(nn.ModuleDict({"Net": net}))


def test_calls_are_chosen_and_cut_to_the_budget(recorder: Recorder, noted: Any) -> None:
    model = nn.RNN(2, 10)
    noted(recorder)
    with torch.no_grad():
        for _ in range(9):
            model(torch.randn(1000, 30, 2))
    (traces,) = recorder.traces.values()
    assert recorder.counts == {"RNN": 9}
    shapes = [tuple(found[""].hidden.shape) for found in traces]
    assert shapes[0] == (1, 1, 1000, 1, 10)  # a row takes 40,000 bytes, of 50,000
    assert shapes[1:] == [(1, 1, steps, 1, 10) for steps in (1000, 750, 562)]
    assert 0 <= recorder.left == 200_000 - sum(found.nbytes for found in traces)


def test_calls_without_a_module_and_like_names_are_told_apart(
    recorder: Recorder, noted: Any
) -> None:
    class Twice(nn.Module):
        def forward(self, model: nn.Module, x: Tensor) -> Any:
            weights = [torch.zeros(4, 2), torch.zeros(4, 4)]
            torch.rnn_tanh(x, torch.zeros(1, 1, 4), weights, False, 1, 0.0, False, False, False)
            return model(x)

    noted(recorder)
    x, twice = torch.randn(5, 1, 2), Twice()
    models = [nn.RNN(2, 3), nn.RNN(2, 3)]
    for model in models:
        model(x)
        twice(model, x)
    with pytest.raises(ValueError, match="1D tensor"):
        models[0](torch.randn(5))
    models[1](x)
    assert set(recorder.traces) == {"RNN", "RNN (2)", "Twice:rnn_tanh.input"}
    assert recorder.counts == {"RNN": 2, "RNN (2)": 3, "Twice:rnn_tanh.input": 2}


def test_each_kind_of_call_is_checked_once(noted: Any) -> None:
    checker, net = Checker(), Net()
    packed = nn.utils.rnn.pack_sequence([torch.randn(30, 3), torch.randn(20, 3)])

    def calls() -> Tensor:
        torch.manual_seed(1)
        with torch.no_grad():
            for rows in (9, 2):
                net(torch.randn(rows, 40, 3))
            net.read(packed)
        return torch.random.get_rng_state()

    before = calls()
    noted(checker)
    assert torch.equal(calls(), before)  # the same numbers are drawn as without
    net.double()(torch.randn(2, 40, 3, dtype=torch.float64))
    names = [row["operator"] for row in checker.found]
    assert names == ["gru.input", "lstm.input", "gru.data"]
    assert [row["rows"] for row in checker.found] == [4, 4, 2]
    lines = told(checker.found)
    assert lines[0].startswith("gatewise: gru.input 9x40x3 (2 x 2): same to ")
    assert "no call to check" in told([])[0]


def test_a_chaotic_call_is_told_as_such(noted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "STEPS", 400)
    checker = Checker()
    noted(checker)
    torch.manual_seed(0)
    model = nn.RNN(4, 48)
    nn.init.normal_(model.weight_hh_l0, std=4 / 48**0.5)
    with torch.no_grad():
        model(torch.randn(500, 2, 4))
    (row,) = checker.found
    assert row["reading"].startswith("this network is chaotic on this input")
    assert math.isfinite(row["ours_exact"])


def test_what_goes_wrong_in_a_note_stops_notes_and_no_program(
    noted: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(name: str, call: Any) -> None:
        raise MemoryError("too much")

    noted(fails)
    model = nn.GRU(2, 3)
    for _ in range(2):
        assert model(torch.randn(40, 1, 2))[0].shape == (40, 1, 3)
    assert capsys.readouterr().err == "gatewise: MemoryError: too much\n"


def test_a_process_tells_and_leaves_its_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, traces = tmp_path / "counts", tmp_path / "traces"
    counts.mkdir()
    traces.mkdir()
    process = Process(Wanted("", True, str(traces), 10_000_000), counts, is_program=True)
    assert process.recorder is not None
    with patch(), torch.no_grad():
        nn.GRU(2, 3)(torch.randn(40, 2, 2))
    child = {
        **process.ledger.as_dict(),
        "checks": [dict(process.checker.found[0], shape=[9, 2, 2])],
    }  # type: ignore[union-attr]
    (counts / "5.json").write_text(json.dumps(child))
    process.end()
    for hook in process.recorder.names._hooks:
        hook.remove()
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(": same")[0] for line in told] == [
        "gatewise: gru.input 40x2x2 (1 x 1)",
        "gatewise: gru.input 9x2x2 (1 x 1)",
    ]
    monkeypatch.setattr(sys, "argv", ["gatewise"])
    assert run(["inspect", str(traces), "--explain"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("From records alone: there is no model")
    assert "\nGRU  (" in out
    assert "1 recorded call, the last of 40 steps, 2 rows, 1 layer" in out
    assert "The gate timescale is at most" in out
    assert (traces / "report.html").stat().st_size > 100_000
    assert run(["inspect", str(traces), "--explain"]) == 2
    assert "report.html exists" in capsys.readouterr().err
    assert run(["inspect", str(traces), "--explain", "--overwrite"]) == 0
    next(traces.glob("*.safetensors")).write_bytes(b"cut")
    capsys.readouterr()
    assert run(["inspect", str(traces)]) == 2
    assert "safetensors" in capsys.readouterr().err
