"""`python -m benchmarks.descendants`: a tiny size through the whole command."""

from __future__ import annotations

import pytest

from benchmarks.descendants.__main__ import main


def test_a_tiny_size_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--times", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    header, rows = lines[2], [line for line in lines if line.startswith("| quick")]
    assert "reference, x | torch loop, x" in header
    assert [row.split(" | ")[1] for row in rows] == ["infer", "train"]
