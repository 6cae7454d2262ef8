"""The picture is written, whatever was measured, and refused before any work where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.against_peers import Measurement, Report, check_picture, write_picture
from benchmarks.against_peers.machine import facts
from benchmarks.against_peers.records import OURS, Side
from benchmarks.against_peers.rows import MAIN
from gatewise.errors import FileError, OptionError


def made(mode: str = "train") -> Report:
    sides = (Side(OURS, (1.0,)), Side("torch", (3.0,)), Side("onnx", refused="failed: no"))
    cells = ("lstm", "gru", "rnn", "lstm2")
    return Report(
        facts(), records=[Measurement(mode, c, row, sides) for c in cells for row in MAIN]
    )


@pytest.mark.parametrize(("ending", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture_is_written(tmp_path: Path, ending: str, start: bytes) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"ratios{ending}"
    check_picture(path, ["train"])
    write_picture(made(), path)
    assert path.read_bytes().startswith(start)


def test_a_report_without_other_implementations_has_no_picture(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nothing to draw"):
        write_picture(made("memory"), tmp_path / "ratios.png")


def test_what_cannot_be_drawn_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match=r"\.png or \.svg"):
        check_picture(tmp_path / "ratios.jpg", ["train"])
    with pytest.raises(OptionError, match="train, infer, packed, bf16"):
        check_picture(tmp_path / "ratios.png", ["memory"])
    monkeypatch.setattr("benchmarks.against_peers.picture.find_spec", lambda name: None)
    with pytest.raises(OptionError, match="needs matplotlib"):
        check_picture(tmp_path / "ratios.png", ["train"])
