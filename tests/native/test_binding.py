"""What the native module refuses, and how it says so."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise
from gatewise import _native
from gatewise.cells import CELLS

LAYER = _native.Layer("lstm", "f32", 3, 4)
ROWS = _native.Rows(2, 1)
VIEW = _native.View(64, 1, 1)
WEIGHTS = _native.Weights(64, 64)
FORWARD = _native.Forward(reverse=False, weights=WEIGHTS, x=VIEW, out=VIEW)
BACKWARD = _native.Backward(reverse=False, weights=WEIGHTS, x=VIEW, out=VIEW)
PROJECTED = _native.Layer("lstm", "f32", 3, 4, 2)
PACKED = _native.View(64, 1, 1, True)


def test_the_cores_cells_are_those_that_python_describes() -> None:
    described = [
        (name, len(spec.packing), len(spec.saved), len(spec.states), spec.projects)
        for name, spec in CELLS.items()
        if spec.saved is not None
    ]
    assert _native.cells() == described


def forward(**changes: Any) -> _native.Forward:
    given = {"reverse": False, "weights": WEIGHTS, "x": VIEW, "out": VIEW}
    return _native.Forward(**{**given, **changes})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: _native.Layer("tcn", "f32", 3, 4),
            ValueError,
            "cell is 'tcn'; it is one of 'lstm'",
        ),
        (
            lambda: _native.Layer("gru", "f16", 3, 4),
            ValueError,
            "type is 'f16'; it is one of 'f32'",
        ),
        (lambda: _native.Layer("gru", "f32", -1, 4), ValueError, "input is -1; it is at least 0"),
        (lambda: _native.Layer("gru", "f32", 3, 4, 2), ValueError, "projection is for cell 'lstm'"),
        (lambda: _native.Layer("gru", "f32", 3, 4, heads=0), ValueError, "heads is 0; it is at"),
        (lambda: _native.Layer("gru", "f32", 3, 4, heads=3), ValueError, "3 heads are for a layer"),
        (lambda: _native.Layer("lstm", "f32", 3, 4, 2, 2), ValueError, "2 heads are for a layer"),
        (
            lambda: _native.Layer("gru", "f32", 0, 4, heads=2, split=True),
            ValueError,
            "split is for a layer with inputs",
        ),
        (lambda: _native.Layer("gru", "f32", 3.0, 4), TypeError, "incompatible function arguments"),
        (lambda: _native.Rows(-1, 4), ValueError, "steps is -1; it is at least 0"),
        (lambda: _native.Weights(64, 0), ValueError, "W_hh is required"),
        (
            lambda: run(FORWARD, layer=_native.Layer("lstm", "f32", 0, 4)),
            ValueError,
            "W_ih is given where the layer has inputs",
        ),
        (lambda: run(forward(weights=_native.Weights(0, 64))), ValueError, "W_ih is given where"),
        (lambda: _native.Weights(64, 64, 64), ValueError, "b_ih and b_hh go together"),
        (lambda: _native.Weights(64, 64, b_hh=64), ValueError, "b_ih and b_hh go together"),
        (lambda: _native.Layer("gru", "f32", 2**31, 1), ValueError, "input is .*; it is at most"),
        (lambda: _native.Layer("gru", "f32", 1, 2**62), ValueError, "hidden is .*; it is at most"),
        (lambda: _native.Layer("gru", "f32", 2**30, 2**30), ValueError, "more weights than memory"),
        (lambda: _native.Rows(2**62, 4), ValueError, "steps is .*; it is at most"),
        (lambda: _native.View(64, -1, 1), ValueError, "step is -1; it is at least 0"),
        (lambda: _native.chunk_steps(LAYER, 0), ValueError, "batch is 0; it is at least 1"),
        (lambda: _native.peak_gflops("f32", 0), ValueError, "threads is 0; it is at least 1"),
        (lambda: _native.Memory(0), ValueError, "bytes is 0; it is at least 1"),
        (lambda: _native.Memory(2**62), MemoryError, "bad_alloc"),
        (
            lambda: run(FORWARD, rows=_native.Rows(2, 2**40)),
            ValueError,
            "so many rows of this layer are more than memory",
        ),
        (
            lambda: run(forward(x=_native.View(64, 2**62, 1))),
            ValueError,
            "x reaches further than memory does",
        ),
        (
            lambda: run(forward(saved=[VIEW] * 4 + [PACKED])),
            ValueError,
            "the views of saved are of one layout",
        ),
        (
            lambda: backward(d_x=PACKED),
            ValueError,
            "packed views need first= of the rows; d_x is one",
        ),
        (lambda: backward("gru", d_saved=[VIEW] * 5), ValueError, "d_saved has more views than"),
        (lambda: forward(saved=[VIEW] * 8), ValueError, "saved has more than 7 views"),
        (lambda: forward(saved=[0]), TypeError, "saved holds something that is not a View"),
        (lambda: run(forward(saved=[VIEW])), ValueError, "saved has 1 arrays; this cell has 5"),
        (lambda: run(forward(x=_native.View())), ValueError, "x and out are required"),
        (lambda: run(forward(x=PACKED)), ValueError, "packed views need first="),
        (lambda: run(FORWARD, layer=PROJECTED), ValueError, "W_hr is given where"),
        (lambda: run(BACKWARD), TypeError, "directions holds something that is not a Forward"),
        (lambda: run(*[FORWARD] * 3), ValueError, "one or two directions are run"),
        (lambda: run(FORWARD, threads=0), ValueError, "threads is 0; it is at least 1"),
        (lambda: _native.backward(LAYER, ROWS, [BACKWARD], 1), ValueError, "saved has 0 arrays"),
        (lambda: segment(begin=False), ValueError, "needs sums"),
    ],
)
def test_bad_descriptors_are_refused(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def run(
    *directions: Any, layer: _native.Layer = LAYER, rows: _native.Rows = ROWS, threads: int = 1
) -> None:
    _native.forward(layer, rows, directions, threads)


def segment(**changes: Any) -> _native.Backward:
    return _native.Backward(reverse=False, weights=WEIGHTS, x=VIEW, out=VIEW, **changes)


def backward(cell: Any = "lstm", **changes: Any) -> None:
    given = segment(saved=[VIEW] * (5 if cell == "lstm" else 4), **changes)
    _native.backward(_native.Layer(cell, "f32", 3, 4), ROWS, [given], 1)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("count", [3, 4], r"count\[1\] of the rows is 4; it is between 0 and 3"),
        ("count", [5, 4], r"count\[0\] of the rows is 5; it is between 0 and 4"),
        ("count", [4, -1], r"count\[1\] of the rows is -1"),
        ("order", [0, 1, 2, 4], r"order\[3\] of the rows is 4; it holds each of 0 to 3 once"),
        ("order", [0, 1, 1, 2], r"order\[2\] of the rows is 1"),
        ("order", [-1, 1, 1, 2], r"order\[0\] of the rows is -1"),
        ("first", [0, 3], r"first\[1\] of the rows is 3; a step begins where"),
        ("first", [-4, 0], r"first\[0\] of the rows is -4"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(name: Any, values: Any, message: str) -> None:
    given = np.array(values, np.int64)
    with pytest.raises(ValueError, match=message):
        _native.Rows(2, 4, **{name: given.ctypes.data})


def test_more_threads_than_help_are_not_made() -> None:
    """A request for two billion threads once started as many as the system gave."""
    assert _native.peak_gflops("f32", 2**31 - 1) > 0


def test_streams_refuse_batches_that_overflow() -> None:
    for batch in (2**40, 2**57 + 1, 2**62 - 1):
        with pytest.raises(ValueError, match=r"batch is .*(at most|more than memory can hold)"):
            stream(batch)


def stream(batch: int = 1, type: Any = "f32") -> _native.Stream:
    dtype = np.float64 if type == "f64" else np.float32
    W_ih, W_hh = np.ones((16, 3), dtype), np.ones((16, 4), dtype)
    weights = _native.Weights(W_ih.ctypes.data, W_hh.ctypes.data)
    return _native.Stream([_native.Layer("lstm", type, 3, 4)], [weights], batch)


def array(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.zeros(shape, np.float32)


def read_only(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    made = array(*shape)
    made.flags.writeable = False
    return made


@pytest.mark.parametrize(
    ("x", "out", "error", "message"),
    [
        (array(1, 3).astype(float), array(1, 4), TypeError, "x is not of type float32"),
        (array(1, 3).astype(">f4"), array(1, 4), TypeError, "x is not of type float32"),
        (array(3), array(1, 4), ValueError, r"x has shape \[3\]; this stream's is \[1, 3\]"),
        (array(1, 3), array(1, 5), ValueError, r"out has shape \[1, 5\]; this stream's is"),
        (array(1, 6)[:, ::2], array(1, 4), ValueError, "x: ndarray is not C-contiguous"),
        (array(1, 3), read_only(1, 4), ValueError, "out: .*read-only"),
        ([[0.0] * 3], array(1, 4), TypeError, "x is of type 'list'; give a NumPy array"),
    ],
)
def test_streams_convert_nothing(x: Any, out: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        stream().step(x, out)


def test_streams_refuse_other_layers() -> None:
    upper = _native.Layer("lstm", "f32", 5, 4)
    with pytest.raises(ValueError, match="layer 1 has 5 inputs; the layer before gives 4"):
        _native.Stream([LAYER, upper], [WEIGHTS, WEIGHTS], 1)
    with pytest.raises(ValueError, match="as many weights as layers"):
        _native.Stream([LAYER], [], 1)
    with pytest.raises(ValueError, match="not 'bf16'"):
        _native.Stream([_native.Layer("gru", "bf16", 3, 4)], [WEIGHTS], 1)


def test_states_of_streams_are_checked() -> None:
    own = stream()
    with pytest.raises(ValueError, match="the state of cell 'lstm' has a c"):
        own.get_state(0, array(1, 4), None)
    with pytest.raises(IndexError, match="there is no layer 1 in this stream"):
        own.get_state(1, array(1, 4), array(1, 4))


def test_a_long_step_runs_without_the_lock_and_refuses_a_second_one() -> None:
    batch = 1 << 14
    own, x, out = stream(batch), array(batch, 3), array(batch, 4)
    refused = []

    def steps() -> None:
        for _ in range(200):
            try:
                own.step(x, out)
            except RuntimeError as error:
                refused.append(str(error))

    other = threading.Thread(target=steps)
    other.start()
    steps()
    other.join()
    assert refused
    assert "another thread's step; give each thread a stream of its own" in refused[0]


def test_an_unknown_instruction_set_names_the_choices() -> None:
    name = "AVX512"
    code = "from gatewise import _native; print(_native.isas()); print(_native.isa())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GATEWISE_ISA": name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert str(_native.isas()) in done.stdout
    assert f"GATEWISE_ISA is '{name}'" in done.stderr
    assert ", ".join(repr(own) for own in _native.isas()) in done.stderr


def test_the_stub_names_what_there_is() -> None:
    stub = ast.parse(Path(gatewise.__file__).with_name("_native.pyi").read_text())
    named = {own.name for own in stub.body if isinstance(own, ast.ClassDef | ast.FunctionDef)}
    assert named == {name for name in dir(_native) if not name.startswith("_")}
    for own in stub.body:
        if isinstance(own, ast.ClassDef):
            methods = {part.name for part in own.body if isinstance(part, ast.FunctionDef)}
            there = {name for name in dir(getattr(_native, own.name)) if not name.startswith("_")}
            assert {name for name in methods if not name.startswith("__")} == there, own.name
