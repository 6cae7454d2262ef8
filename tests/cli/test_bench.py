"""The command `bench`: tables on stdout, lines on stderr, files, and each kind of bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import gatewise.cli.bench
from tests.cli.tables import Outcome, files_under

Call = Callable[..., Outcome]
TINY = (
    "--engine",
    "torch",
    "--rows",
    "5,2,3,4",
    "--rounds",
    "1",
    "--seconds",
    "0",
    "--threads",
    "1",
)


def test_tables_go_to_stdout_and_records_to_a_file(here: Path, call: Call) -> None:
    done = call("bench", *TINY, "--cells", "lstm", "gru", "--json", "records.json")
    assert done.code == 0
    assert "### LSTM, training\n" in done.out
    assert "### GRU, inference\n" in done.out
    assert "| 5, 2, 3, 4 |" in done.out
    assert "### Goals" in done.out
    assert [text.split(":")[0] for text in done.err.splitlines()] == [
        f"{mode} {cell} 5,2,3,4" for mode in ("train", "infer") for cell in ("lstm", "gru")
    ]
    assert len(json.loads((here / "records.json").read_text())["records"]) == 4


def test_a_picture_is_left(here: Path, call: Call) -> None:
    pytest.importorskip("matplotlib")
    done = call("bench", *TINY, "--mode", "infer", "--cells", "rnn", "--plot", "ratios.svg")
    assert done.code == 0
    assert list(files_under(here)) == ["ratios.svg"]


BAD = {
    "mode": (["--mode", "trian"], ["trian", "Did you mean 'train'?"]),
    "cell": (["--cells", "lsmt"], ["lsmt", "lstm, gru, rnn"]),
    "peer": (["--peers", "onxx"], ["onxx", "Did you mean 'onnx'?"]),
    "row": (["--rows", "100,32,16"], ["100,32,16", "T,B,I,H"]),
    "engine": (["--engine", "nativ"], ["nativ", "engine"]),
    "threads": (["--threads", "0"], ["threads must be at least 1"]),
    "rounds": (["--rounds", "1.5"], ["--rounds", "whole number"]),
    "json ending": (["--json", "records.txt"], ["records.txt", ".json"]),
    "json folder": (["--json", "none/records.json"], ["there is no folder none"]),
    "json exists": (["--json", "there.json"], ["there.json exists", "--overwrite"]),
    "picture": (["--plot", "ratios.jpg"], ["ratios.jpg", ".png"]),
    "nothing to draw": (["--mode", "odd", "--plot", "ratios.png"], ["nothing to draw"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_anything_is_measured(
    here: Path, call: Call, case: str
) -> None:
    words, fragments = BAD[case]
    (here / "there.json").write_text("{}")
    before = files_under(here)
    given = [*words, *([] if case == "engine" else ["--engine", "torch"])]
    done = call("bench", *given)
    assert done.code == 2
    assert done.err.startswith("gatewise: error: ")
    assert done.err.count("\n") == 1
    assert done.out == ""
    for fragment in fragments:
        assert fragment in done.err
    assert files_under(here) == before


def test_results_that_differ_from_torchs_are_an_error(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.against_peers.modes.against.FLOAT32", -1.0)
    done = call("bench", *TINY, "--mode", "infer", "--cells", "rnn")
    assert done.code == 2
    assert "| refused |" in done.out
    last = done.err.splitlines()[-1]
    assert last.startswith("gatewise: error: the results of engine 'torch' differ from torch's")
    assert last.endswith("infer rnn 5,2,3,4")


def test_without_a_checkout_it_says_where_it_runs(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gatewise.cli.checkout, "CHECKOUT", tmp_path)
    done = call("bench", *TINY)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("gatewise: error: bench needs a checkout of gatewise")
    assert done.err.count("\n") == 1
    assert "pip install -e '.[bench]'" in done.err


def test_a_gpu_that_is_not_there_is_told_before_any_work(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.version.cuda", None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = call("bench", "--device", "cuda:3")
    assert done.code == 2
    assert done.out == ""
    assert "--device cuda:3 cannot be used here: torch" in done.err


def test_on_a_gpu_what_is_for_the_cpu_is_refused_and_results_come_first(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks import cuda  # noqa: PLC0415 - beside the package

    ran: list[object] = []
    monkeypatch.setattr("gatewise.training.distributed.check_device", lambda device: None)
    monkeypatch.setattr(cuda, "measure", lambda *given: ran.append(given) or {})
    done = call("bench", "--device", "cuda", "--engine", "torch")
    assert done.code == 2
    assert "--engine is for the CPU, and --device cuda says a GPU" in done.err
    done = call("bench", "--device", "cuda", "--rows", "10,two,3,4")
    assert done.code == 2
    assert "rows are sizes T,B,I,H such as 100,32,16,64; got '10,two,3,4'" in done.err
    assert not ran

    def differs(*_: object) -> None:
        raise cuda.ResultsDifferError("gates: by 0.3, on a scale of 1")

    monkeypatch.setattr(cuda, "measure", differs)
    done = call("bench", "--device", "cuda", "--rows", "10,2,3,4")
    assert done.code == 2
    assert "the results differ from torch's: gates: by 0.3" in done.err
