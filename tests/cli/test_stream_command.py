"""`gatewise stream`: lines in, lines out, whatever the lines are and however it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gatewise import runtime
from gatewise.cli import run as run_command_line
from tests.cli.tables import Outcome, quick, table_text
from tests.runtime.test_forecaster import BLOCKED

NEW = [
    {"ds": "2001-05-31", "rain": 1.0, "heat": 9.0},
    {"ds": "2001-06-01", "rain": 0.0, "heat": 11.5},
    {"ds": "2001-06-02", "rain": 4.25, "heat": 8.0},
]
"""Rows that follow the fitted table."""
COMMAND = BLOCKED + "from gatewise.__main__ import main\nmain()"
"""`gatewise` where there is no torch."""


def as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.fixture
def stream(call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run `gatewise stream` in this process over some text or bytes."""

    def streamed(lines: str | bytes, *words: object) -> Outcome:
        content = lines.encode() if isinstance(lines, str) else lines
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return call("stream", *words)

    return streamed


def test_lines_are_answered_in_their_own_form(
    fitted: Path, stream: Callable[..., Outcome], tmp_path: Path
) -> None:
    expected = runtime.load(fitted).predict(
        pl.DataFrame(NEW).with_columns(pl.col("ds").str.to_date())
    )
    told = stream(as_csv(NEW), fitted)
    assert (told.code, told.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(told.out)))
    assert list(rows[0]) == ["line", "ds", "flow_predicted", "flow_spread", "error"]
    assert [row["line"] for row in rows] == ["2", "3", "4"]
    lines = "\n".join(map(json.dumps, NEW))
    of_json = [json.loads(line) for line in stream(lines, fitted).out.splitlines()]
    for number, row in enumerate(rows):
        (other,) = of_json[number]["predictions"]
        for name in ("flow_predicted", "flow_spread"):
            wanted = pytest.approx(expected[name][number], rel=1e-12)
            assert float(row[name]) == other[name] == wanted
        assert row["ds"] == other["ds"] == NEW[number]["ds"]


def test_a_line_that_cannot_be_used_is_answered_and_the_next_one_too(
    fitted: Path, stream: Callable[..., Outcome]
) -> None:
    good = json.dumps(NEW[0]).encode()
    lines = [
        b'{"ds": "2001-05-31", "rain": 1.0}',
        b"{what",
        b"[1, 2]",
        b'{"\xff": 1}',
        b'{"ds": "2001-05-31", "rain": "' + b"9" * (1 << 20) + b'", "heat": 1}',
        b"[" * 100_000,
        b"",
        b'{"ds": "2001-05-31", "rain": NaN, "heat": 1}',
        good,
    ]
    told = stream(b"\n".join(lines), fitted)
    assert (told.code, told.err) == (0, "")
    found = [json.loads(line) for line in told.out.splitlines()]
    assert [one["line"] for one in found] == [1, 2, 3, 4, 5, 6, 8, 9]
    wrong = (
        *("lacks column 'heat'", "not JSON", "must be a JSON object", "not UTF-8"),
        *("longer than 1,048,576 bytes", "not JSON", "column 'rain' is missing"),
    )
    for one, text in zip(found, wrong, strict=False):
        assert text in one["error"]
    assert len(found[-1]["predictions"]) == 1
    cut = as_csv(NEW).replace("0.0,11.5", '"0.0')
    told = stream(cut, fitted)
    assert "not CSV" in told.out.splitlines()[2]
    assert told.out.splitlines()[1].startswith("2,2001-05-31,")


def test_a_state_goes_on_where_it_was_left(
    fitted: Path, stream: Callable[..., Outcome], tmp_path: Path
) -> None:
    state, lines = tmp_path / "river.state", [json.dumps(row) + "\n" for row in NEW]
    words = (fitted, "--mode", "carry", "--state", state)
    whole = stream("".join(lines), fitted, "--mode", "carry")
    assert "a carried state is from a window was not measured" in whole.err
    parts = [stream(line, *words) for line in lines]
    answers = [json.loads(part.out)["predictions"] for part in parts]
    assert answers == [json.loads(line)["predictions"] for line in whole.out.splitlines()]
    told = stream(lines[0], fitted, "--state", state)
    assert told.code == 2
    assert "is the state of a stream with --mode carry, and this is --mode window" in told.err
    state.write_bytes(b"none of ours")
    told = stream(lines[0], *words)
    assert (told.code, told.out) == (2, "")
    assert "open the stream anew" in told.err
    assert state.read_bytes() == b"none of ours"
    told = stream(lines[0], fitted, "--state", tmp_path / "no" / "folder")
    assert (told.code, told.out) == (2, "")


def test_what_is_known_ahead_comes_with_its_line(
    tmp_path: Path, stream: Callable[..., Outcome]
) -> None:
    (tmp_path / "river.csv").write_text(table_text())
    words = [*quick(inputs="rain", horizon="2"), "--future", "heat", "--out", str(tmp_path / "run")]
    assert run_command_line(["fit", str(tmp_path / "river.csv"), *words, "--quiet"]) == 0
    row = {**NEW[0], "flow": 3.0}
    line = json.dumps({**row, "ahead": [{**NEW[1], "rain": None}, NEW[2]]})
    (answer,) = stream(line, tmp_path / "run").out.splitlines()
    assert [one["ds"] for one in json.loads(answer)["predictions"]] == ["2001-06-01", "2001-06-02"]
    assert "future column 'heat'" in stream(json.dumps(row), tmp_path / "run").out
    told = stream(as_csv([row]), tmp_path / "run")
    assert (told.code, told.out) == (2, "")
    assert "the run knows heat ahead" in told.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_at_once_without_torch_and_ends_cleanly_by_a_signal(
    fitted: Path, tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", COMMAND, "stream", str(fitted), "--state", str(tmp_path / "s")]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, bufsize=1, **pipes) as process:  # type: ignore[call-overload]
        for row in NEW[:2]:  # each answer comes before the next line is written
            process.stdin.write(json.dumps(row) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["predictions"]
        os.kill(process.pid, number)
        rest, said = process.stdout.read(), process.stderr.read()
        assert process.wait(timeout=60) == 0
    assert (rest, said) == ("", "")
    stream = runtime.load(fitted).stream(state=tmp_path / "s")
    assert stream.step(NEW[2])
