"""Traces in files: everything comes back, and what is no trace is told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tests.damage import about_of, damaged_bytes, damaged_json, nested, refusal, with_about
from tests.nn.recurrent import LENGTHS, B, H, I, T

import gatewise as gw
from gatewise import tracing
from gatewise.errors import FileError, InputError, OptionError


def recorded(**options):
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"gru": gw.GRU(I, H, 2), "cell": torch.nn.LSTMCell(I, H)})
    model["alias"] = model["gru"]
    x = torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(model, **options) as trace:
        model["gru"](x, lengths=LENGTHS)
        model["gru"](x[:, 0])
        hx = None
        for step in x:
            hx = model["cell"](step, hx)
    return model, trace


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dtype": torch.bfloat16, "units": {"gru": [3, 0]}, "steps": range(1, 4, 2)},
        {"dtype": torch.float16, "steps": slice(1, None), "max_bytes": 10**6, "device": "cpu"},
        {"quantities": ("cell", "update"), "modules": ["gru", "cell"]},
    ],
)
@pytest.mark.parametrize("load", [tracing.load_trace, tracing.Trace.load])
def test_what_was_saved_comes_back(options, load, tmp_path) -> None:
    model, trace = recorded(**options)
    path = tmp_path / "trace.safetensors"
    trace.save(path)
    found = load(path)
    assert (found.names, found.aliases, found.options) == (
        trace.names,
        trace.aliases,
        trace.options,
    )
    for name in trace.names:
        assert found.kept(name) == trace.kept(name)
        for number, (mine, theirs) in enumerate(
            zip(found.calls(name), trace.calls(name), strict=True)
        ):
            assert tuple(mine) == tuple(theirs)
            assert mine.kind == theirs.kind == found.cell(name)
            assert torch.equal(mine.lengths, theirs.lengths)
            for key, value in theirs.items():
                assert mine[key].dtype == value.dtype
                assert torch.equal(mine[key].isnan(), value.isnan())
                assert torch.equal(mine[key].nan_to_num(), value.nan_to_num())
            assert found.steps(name, number) == trace.steps(name, number)
            assert found.record(name, number).total == T
    assert torch.equal(found["cell"].cell, trace["cell"].cell)
    if "quantities" not in options:
        assert torch.equal(found["alias"].reset, trace["gru"].reset)
    found.check_unchanged(model)
    assert [p.name for p in tmp_path.iterdir()] == ["trace.safetensors"]


def test_gradients_and_views_are_saved_as_values(tmp_path) -> None:
    lstm = gw.LSTM(I, H, bidirectional=True)
    with gw.trace(lstm, with_grad=True) as trace:
        lstm(torch.randn(T, B, I))
    trace.save(str(tmp_path / "t"))
    found = tracing.load_trace(str(tmp_path / "t"))
    assert found.options.with_grad
    assert torch.equal(found[""].hidden, trace[""].hidden.detach())
    assert not found[""].hidden.requires_grad


def test_nothing_is_written_where_it_cannot_be(tmp_path) -> None:
    model, trace = recorded()
    with gw.trace(model) as empty, pytest.raises(InputError, match="nothing is recorded yet"):
        empty.save(tmp_path / "t")
    with pytest.raises(FileError, match=r"cannot write .*: there is no folder '.*no'; make it"):
        trace.save(tmp_path / "no" / "folder")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match="cannot write"):
        trace.save(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch) -> None:
    _, trace = recorded()
    path = tmp_path / "t"
    trace.save(path)
    before = path.read_bytes()

    def stopped(tensors, aside, metadata):
        aside.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(tracing._files, "save_file", stopped)
    with pytest.raises(KeyboardInterrupt):
        trace.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


def test_files_that_are_no_traces(tmp_path) -> None:
    _, trace = recorded()
    path = tmp_path / "t"
    with pytest.raises(FileError, match="there is no trace file"):
        tracing.load_trace(path)
    trace.save(path)
    whole = path.read_bytes()
    for size in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(FileError, match="not a gatewise trace, or it is cut short"):
            tracing.load_trace(path)
    path.write_text("day,river\n1,2\n")
    with pytest.raises(FileError, match="not a gatewise trace"):
        tracing.load_trace(path)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(FileError, match="a safetensors file, but not a gatewise trace"):
        tracing.load_trace(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about: about.update(format_version=99), "written by a newer gatewise"),
        (lambda about: about.pop("modules"), "damaged gatewise trace"),
        (lambda about: about["modules"][0]["calls"][0].update(steps=[0, 3, 1]), "damaged"),
        (lambda about: about["modules"][0]["kept"].update(quantities=["forget"]), "damaged"),
        (lambda about: about["options"].update(dtype="float8"), "damaged"),
        (lambda about: about["options"].update(dtype="nn"), "damaged"),
    ],
)
def test_damaged_descriptions(change, message, tmp_path) -> None:
    _, trace = recorded()
    path = tmp_path / "t"
    trace.save(path)
    whole = path.read_bytes()
    about = about_of(whole)
    change(about)
    path.write_bytes(with_about(whole, about))
    with pytest.raises(FileError, match=message):
        tracing.load_trace(path)


def test_a_value_with_a_turned_bit_is_told(tmp_path) -> None:
    _, trace = recorded()
    path = tmp_path / "t"
    trace.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    with pytest.raises(FileError, match="the checksum differs"):
        tracing.load_trace(path)
    path.write_bytes(with_about(whole, about_of(whole), seal=False))  # from before checksums
    assert torch.equal(tracing.load_trace(path)["gru"].reset, trace["gru"].reset)


@pytest.mark.parametrize("count", [100, pytest.param(3000, marks=pytest.mark.full)])
def test_no_damage_to_the_bytes_goes_unseen(tmp_path, count) -> None:
    _, trace = recorded()
    path = tmp_path / "t"
    trace.save(path)
    for what, content in damaged_bytes(path.read_bytes(), count, seed=count):
        (tmp_path / "damaged").write_bytes(content)
        said = refusal(lambda: tracing.load_trace(tmp_path / "damaged"), what)
        assert said is not None, what
        assert "damaged" in said


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.full)])
def test_any_change_of_the_description_is_told_or_does_no_harm(tmp_path, count) -> None:
    """Sealed anew, so that only the checks of the content are left to find it."""
    _, trace = recorded(units={"gru": [3, 0]}, steps=slice(1, None))
    path = tmp_path / "t"
    trace.save(path)
    whole = path.read_bytes()

    def looked_at() -> None:
        found = tracing.load_trace(path)
        for name in found.names:
            for gates in found.calls(name):
                assert dict(gates.items())

    for what, about in damaged_json(about_of(whole), count, seed=count):
        path.write_bytes(with_about(whole, about))
        said = refusal(looked_at, what)
        assert said is None or str(path) in said, what


def test_a_description_nested_without_end(tmp_path) -> None:
    _, trace = recorded()
    path = tmp_path / "t"
    trace.save(path)
    path.write_bytes(with_about(path.read_bytes(), nested(100_000), seal=False))
    with pytest.raises(FileError, match="nested too deep"):
        tracing.load_trace(path)


@pytest.mark.parametrize("device", ["nowhere", "cuda:77"])
def test_a_device_that_is_not_there(device, tmp_path) -> None:
    _, trace = recorded()
    trace.save(tmp_path / "t")
    with pytest.raises(OptionError, match=f"load_trace: device='{device}' cannot be used here"):
        tracing.load_trace(tmp_path / "t", device)


def test_a_trace_is_flushed_before_it_takes_its_place(tmp_path, monkeypatch) -> None:
    _, trace = recorded()
    done: list[str] = []
    flush, replace = os.fsync, Path.replace

    def noted_flush(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        flush(handle)

    def noted_replace(path: Path, target: Path) -> Path:
        assert (
            "gatewise" in safe_open(path, framework="pt").metadata()
        )  # whole, and under its own name
        done.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_flush)
    monkeypatch.setattr(Path, "replace", noted_replace)
    trace.save(tmp_path / "t")
    assert done == ["file", "rename", "folder"]
    assert [file.name for file in tmp_path.iterdir()] == ["t"]
    assert tracing.load_trace(tmp_path / "t").names == trace.names
