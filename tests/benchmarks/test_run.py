"""Whole runs at tiny sizes on the torch engine: records, refusals, files, tables. No time is judged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.against_peers import Measurement, Report, line, markdown, read_json, run, write_json
from benchmarks.against_peers.agreement import Results, difference
from benchmarks.against_peers.children import run_child
from benchmarks.against_peers.contenders import Contender, training
from benchmarks.against_peers.modes.against import BFLOAT16_TORCH
from benchmarks.against_peers.peers import PEERS, Peer, peers_of
from benchmarks.against_peers.problem import CELLS, Problem, make_problem
from benchmarks.against_peers.records import OURS, Side
from benchmarks.against_peers.rows import Row
from benchmarks.against_peers.setting import compare
from benchmarks.against_peers.suite import make_request
from benchmarks.against_peers.tables import disagreeing
from benchmarks.against_peers.timing import Effort
from gatewise.engines.fused import _autocasts_lstm
from gatewise.errors import EngineError, FileError, OptionError

QUICK = Effort(rounds=1, seconds=0.0)
ROW = "7,3,2,5"


def measured(*modes: str, peers: tuple[str, ...] = (), cells: tuple[str, ...] = CELLS) -> Report:
    plan = make_request(
        modes=modes, cells=cells, rows=(ROW,), peers=peers, engine="torch", threads=1, effort=QUICK
    )
    return run(plan, lambda report, record: None)


@pytest.fixture(scope="module")
def report() -> Report:
    return measured("train", "infer", "packed", "bf16", "gates", "threads", "odd")


def test_every_mode_leaves_its_records(report: Report) -> None:
    kinds = ("gates", "threads", "odd")
    modes = ["train", "infer", "packed", "bf16"]
    modes += [f"{kind} {part}" for kind in kinds for part in ("train", "infer")]
    assert {(r.mode, r.cell) for r in report.records} == {(m, c) for m in modes for c in CELLS}
    for record in report.records:
        assert record.row == Row(7, 3, 2, 5)
        for side in record.sides:
            if side.name == BFLOAT16_TORCH and record.cell == "lstm" and not _autocasts_lstm():
                assert "could not create a primitive" in str(side.refused)
                assert side.values == ()
            else:
                assert side.refused is None
                assert len(side.values) == 1
        assert record.ratio(record.ours.name) == 1.0
        assert line(report, record).startswith(f"{record.mode} {record.cell} {ROW}: gatewise ")


def test_rates_are_shares_of_the_highest_peak_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = {("f32", 1): 3.0, ("f32", 2): 5.0, ("bf16", 1): 7.0, ("bf16", 2): float("nan")}
    monkeypatch.setattr("benchmarks.against_peers.suite.peak_gflops", lambda *key: peaks[key])
    plan = make_request(
        modes=("infer", "bf16"),
        cells=("lstm",),
        rows=(ROW,),
        engine="torch",
        threads=2,
        effort=QUICK,
    )
    report = run(plan, lambda report, record: None)
    assert report.peaks == {"f32@1": 3.0, "f32@2": 5.0, "bf16@1": 7.0}
    infer, bf16 = report.records
    rate = infer.gflops()
    assert rate is not None
    assert report.fraction(infer) == pytest.approx(rate / 5.0)
    assert report.fraction(bf16) is None
    assert "of the peak" in line(report, infer)
    assert "f32 on 2: 5" in markdown(report)


@pytest.mark.parametrize("cell", CELLS)
def test_steps_are_timed_each(cell: str) -> None:
    plan = make_request(
        modes=("step",), cells=(cell,), rows=("9,2,3,5",), threads=1, effort=QUICK
    )  # on the native engine: the stream has no other
    [record] = run(plan, lambda report, record: None).records
    assert record.row == Row(1, 2, 3, 5)
    assert [side.name for side in record.sides] == [
        *("gatewise", "gatewise cell, native", "gatewise cell, auto", "torch", "torch cell")
    ]
    assert all(side.refused is None and side.median > 0 for side in record.sides)


def test_the_long_sequence_has_the_same_gradient_with_every_budget() -> None:
    plan = make_request(
        modes=("long",), cells=("lstm",), rows=("300,1,3,5",), threads=1, effort=QUICK
    )
    [record] = run(plan, lambda report, record: None).records
    assert record.notes["equal"]
    assert record.notes["finite"]
    assert record.ours.median > 0


def test_the_run_leaves_the_number_of_threads() -> None:
    before = torch.get_num_threads()
    seen = []
    plan = make_request(
        modes=("infer",), cells=("rnn",), rows=(ROW,), engine="torch", threads=3, effort=QUICK
    )
    run(plan, lambda report, record: seen.append(torch.get_num_threads()))
    assert (seen, torch.get_num_threads()) == ([3], before)


def test_records_survive_the_file(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    write_json(report, path)
    found = json.loads(path.read_text())
    assert found["format"] == "gatewise-bench-1"
    assert set(found) == {"format", "machine", "peaks", "records"}
    assert found["machine"]["versions"]["torch"] == torch.__version__
    assert set(found["records"][0]) == {
        *("mode", "cell", "row", "sides", "unit", "flops", "peak", "notes")
    }
    assert found["records"][0]["row"] == {"T": 7, "B": 3, "I": 2, "H": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["records.json"]
    again = read_json([path, path])
    assert again == report
    assert markdown(again) == markdown(report)


def test_later_files_replace_records_of_earlier_ones(tmp_path: Path) -> None:
    first = measured("infer", cells=("lstm", "rnn"))
    later = measured("infer", cells=("rnn",))
    paths = [tmp_path / "1.json", tmp_path / "2.json"]
    for each, path in zip((first, later), paths, strict=True):
        write_json(each, path)
    assert read_json(paths).records == [first.records[0], later.records[0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not valid JSON"), ("[]", "gatewise bench"), ("{}", "gatewise bench")],
)
def test_foreign_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "records.json"
    path.write_text(text)
    with pytest.raises(FileError, match=message):
        read_json([path])
    with pytest.raises(FileError, match="cannot read"):
        read_json([tmp_path / "none.json"])


def wrong(problem: Problem, mode: str, threads: int) -> Contender:
    """A peer that forgets a bias."""
    module = problem.stock()
    with torch.no_grad():
        module.bias_hh_l0.zero_()
    return training("wrong", module, problem)


def broken(problem: Problem, mode: str, threads: int) -> Contender:
    raise MemoryError("too\nlarge")


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def add(name: str, make: Callable[..., Contender]) -> None:
        peer = Peer(name, (), ("train",), __name__)
        monkeypatch.setattr(Peer, "make", lambda self, *given: make(*given))
        monkeypatch.setitem(PEERS, name, peer)

    return add


def test_a_peer_with_other_results_gets_no_time(foreign: Callable[..., None]) -> None:
    foreign("wrong", wrong)
    report = measured("train", peers=("wrong",), cells=("lstm",))
    [record] = report.records
    ours, stock, peer = record.sides
    assert ours.values
    assert stock.values
    assert peer.values == ()
    assert peer.refused is not None
    assert "results differ by" in peer.refused
    assert record.ratio("wrong") is None
    assert "| refused |" in markdown(report)
    assert peer.refused in markdown(report)
    assert disagreeing(report) == []


def test_a_peer_that_fails_does_not_end_the_run(foreign: Callable[..., None]) -> None:
    foreign("broken", broken)
    [record] = measured("train", peers=("broken",), cells=("gru",)).records
    assert record.sides[2].refused == "failed: MemoryError: too large"
    assert record.ours.values


def test_a_peer_that_fails_at_its_work_has_no_time_and_our_own_failure_ends_the_run() -> None:
    problem = make_problem("lstm", Row(7, 3, 2, 5))
    stock = training("torch", problem.stock(), problem)

    def fail() -> Results:
        raise RuntimeError("no such primitive")

    failing = replace(stock, name="failing", results=fail)
    sides = compare((stock, failing), stock.results(), QUICK)
    assert len(sides[0].values) == 1
    assert sides[1].values == ()
    assert sides[1].refused == "failed: RuntimeError: no such primitive"
    with pytest.raises(RuntimeError, match="no such primitive"):
        compare((failing, stock), stock.results(), QUICK)


def test_nobody_is_timed_where_ours_differs() -> None:
    problem = make_problem("lstm", Row(7, 3, 2, 5))
    stock = training("torch", problem.stock(), problem)
    ours = replace(wrong(problem, "train", 1), name="gatewise")
    sides = compare((ours, stock), stock.results(), QUICK)
    assert all(side.values == () for side in sides)
    assert sides[1].refused is None
    record = Measurement("train", "lstm", problem.row, sides)
    report = Report(measured("infer", cells=("rnn",)).machine, records=[record])
    assert disagreeing(report) == ["train lstm 7,3,2,5"]
    assert "**missed**" in markdown(report)


def test_one_wrong_element_or_nan_or_another_shape_is_seen() -> None:
    expected = {"output": np.linspace(-2, 2, 1000, dtype=np.float32)}
    assert difference(dict(expected), expected) == 0
    found = expected["output"].copy()
    found[500] += 0.5
    assert difference({"output": found}, expected) == pytest.approx(0.25)
    found[500] = np.nan
    assert difference({"output": found}, expected) == float("inf")
    assert difference({"output": found[1:]}, expected) == float("inf")
    assert difference({}, expected) == float("inf")


def test_problems_are_the_same_every_time() -> None:
    one, other = (make_problem("gru", Row(8, 5, 2, 3), packed=True) for _ in range(2))
    assert one.packed is not None
    assert other.packed is not None
    assert torch.equal(one.packed.data, other.packed.data)
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    sizes = one.packed.batch_sizes
    assert (len(sizes), int(sizes[0]), int(sizes[2])) == (8, 5, 4)  # the shortest has T/4 steps


BAD_PLANS = {
    "mode": ({"modes": ("tran",)}, "Did you mean 'train'"),
    "cell": ({"cells": ("lstn",)}, "Did you mean 'lstm'"),
    "peer": ({"peers": ("onxx",)}, "Did you mean 'onnx'"),
    "row": ({"rows": ("1,2,3",)}, "T,B,I,H"),
    "threads": ({"threads": 0}, "threads must be at least 1"),
    "rounds": ({"effort": Effort(rounds=0)}, "rounds must be at least 1"),
    "seconds": ({"effort": Effort(seconds=float("nan"))}, "seconds"),
    "engine": ({"engine": "nativ"}, "engine must be one of"),
}


@pytest.mark.parametrize("case", BAD_PLANS)
def test_bad_plans_are_refused(case: str) -> None:
    options, message = BAD_PLANS[case]
    good = {"modes": ("train",), "engine": "torch", "threads": 1, "effort": QUICK}
    with pytest.raises(OptionError, match=message):
        make_request(**{**good, **options})  # type: ignore[arg-type]


def test_a_peer_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Peer("Absent", ("no_such_package",), ("train",), "none")
    monkeypatch.setitem(PEERS, "absent", absent)
    with pytest.raises(OptionError, match=r"needs no_such_package: pip install -e '.\[bench\]'"):
        peers_of(["torch", "absent"])


@pytest.mark.full
def test_memory_is_measured_in_processes_of_their_own() -> None:
    plan = make_request(
        modes=("memory",),
        cells=("lstm",),
        rows=("400,16,8,64",),
        engine="torch",
        threads=1,
        effort=QUICK,
    )
    [record] = run(plan, lambda report, record: None).records
    assert record.unit == "bytes"
    least = 400 * 16 * 64 * 4  # the output alone, in bytes
    for side in record.sides:
        assert least < side.median < 100 * least


def test_a_child_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "Traceback:\n  line\nMemoryError: too large\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    with pytest.raises(EngineError, match=r"memory \(step\) failed: MemoryError: too large"):
        run_child(task="step")


def test_a_step_that_takes_no_memory_has_no_ratio() -> None:
    sides = (Side(OURS, (0.0, 4096.0)), Side("torch", (8192.0, 8192.0)))
    record = Measurement("memory", "rnn", Row(5, 2, 3, 4), sides, unit="bytes")
    assert record.ratio("torch") is None
    assert "0.00" in line(Report({}), record)
