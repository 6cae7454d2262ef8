"""Modules to ONNX and back: beside ONNX Runtime, and ONNX's own tests of its nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import gru, lstm, rnn

import gatewise as gw
from gatewise.errors import EngineError, FileError, InputError
from gatewise.interchange import _checking

I, H = 3, 4  # noqa: E741
KINDS: dict[str, Any] = {
    "lstm": gw.LSTM,
    "gru": gw.GRU,
    "rnn_tanh": gw.RNN,
    "rnn_relu": lambda *sizes, **options: gw.RNN(*sizes, nonlinearity="relu", **options),
}


def node_tests() -> dict[str, Any]:
    """Return ONNX's own tests of its nodes by name: each node, its inputs and its outputs."""
    found: dict[str, Any] = {}

    def expect(node: Any, inputs: Any, outputs: Any, name: str, **_: Any) -> None:
        found[name.removeprefix("test_")] = (node, inputs, outputs)

    for module, kind in ((lstm, lstm.LSTM), (gru, gru.GRU), (rnn, rnn.RNN)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "expect", expect)
            for name in vars(kind):
                if name.startswith("export"):
                    getattr(kind, name)()
    return found


NODE_TESTS = node_tests()


def made(kind: str, **options: Any) -> Any:
    torch.manual_seed(0)
    return KINDS[kind](I, H, **options).eval()


def run(path: Path, given: dict[str, Any]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    named = {name: np.ascontiguousarray(np.asarray(value)) for name, value in given.items()}
    return session.run(None, named)


def close(ours: Any, theirs: torch.Tensor) -> None:
    assert np.asarray(ours) == pytest.approx(theirs.detach().numpy(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_layers": 2, "bidirectional": True},
        {"bidirectional": True, "batch_first": True, "bias": False},
        {"num_layers": 3, "batch_first": True},
    ],
)
def test_a_graph_gives_what_the_module_gives(tmp_path: Path, kind: str, options: Any) -> None:
    module, path = made(kind, **options), tmp_path / "model.onnx"
    gw.to_onnx(module, path)
    order = (1, 0, 2) if options.get("batch_first") else (0, 1, 2)
    for steps, rows in ((1, 2), (9, 3)):
        x = torch.randn(steps, rows, I).permute(order).contiguous()
        output, states = module(x)
        found = run(path, {"input": x})
        ends = states if kind == "lstm" else (states,)
        for ours, theirs in zip(found, (output, *ends), strict=True):
            close(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_and_states_are_taken(tmp_path: Path, kind: str) -> None:
    module, path = made(kind, num_layers=2, bidirectional=True), tmp_path / "model.onnx"
    gw.to_onnx(module, path, lengths=True, states=True)
    x, lengths = torch.randn(6, 4, I), [2, 6, 1, 5]
    names = ("h_0", "c_0") if kind == "lstm" else ("h_0",)
    begin = [torch.randn(4, 4, H) for _ in names]
    hx = tuple(begin) if kind == "lstm" else begin[0]
    output, states = module(x, hx, lengths=lengths)
    given = {
        "input": x,
        "lengths": np.array(lengths, np.int32),
        **dict(zip(names, begin, strict=True)),
    }
    found = run(path, given)
    ends = states if kind == "lstm" else (states,)
    for ours, theirs in zip(found, (output, *ends), strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [True, False])
def test_there_and_back_is_the_same_to_the_last_bit(tmp_path: Path, kind: str, bias: bool) -> None:
    module = made(kind, num_layers=2, bidirectional=True, bias=bias)
    gw.to_onnx(module, tmp_path / "model.onnx", lengths=True, states=True)
    layers = list(gw.from_onnx(tmp_path / "model.onnx").values())
    assert [type(layer) for layer in layers] == [type(module)] * 2
    weights = {
        name.replace("_l0", f"_l{number}"): value
        for number, layer in enumerate(layers)
        for name, value in layer.state_dict().items()
    }
    assert weights.keys() == module.state_dict().keys()
    assert all(torch.equal(weights[name], value) for name, value in module.state_dict().items())


def test_torchs_own_module_and_what_torch_exports(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = torch.nn.LSTM(I, H, batch_first=True)
    gw.to_onnx(module, tmp_path / "ours.onnx")
    x = torch.randn(2, 5, I)
    close(run(tmp_path / "ours.onnx", {"input": x})[0], module(x)[0])


def test_nothing_is_written_that_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"before")
    module = made("gru")
    monkeypatch.setattr(_checking, "CLOSE", 0.0)
    module.weight_hh_l0.data += 0.1
    whole = _checking._close
    monkeypatch.setattr(_checking, "_close", lambda ours, theirs: whole(ours + 1, theirs))
    with pytest.raises(EngineError, match=r"another output than the module.*nothing was written"):
        gw.to_onnx(module, path)
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        (lambda: torch.nn.Linear(2, 2), "m.onnx", "give an LSTM, GRU or RNN.*got Linear"),
        (lambda: gw.LSTM(I, H, proj_size=2), "m.onnx", "no projection.*proj_size=2"),
        (lambda: gw.SLSTM(I, H), "m.onnx", "no node for the cell 'slstm'"),
        (lambda: gw.GRU(I, H).double(), "m.onnx", r"float64.*\.float\(\)"),
        (lambda: gw.GRU(I, H), "m.bin", r"must end in \.onnx"),
    ],
)
def test_what_has_no_node_is_refused_before_any_work(
    tmp_path: Path, module: Any, name: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        gw.to_onnx(module(), tmp_path / name)
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileError, match=r"cannot write.*none"):
        gw.to_onnx(gw.GRU(I, H), tmp_path / "none" / "m.onnx")


# --- reading ------------------------------------------------------------------------------------------

REFUSED = {
    "gru_defaults": "its reset before the product",
    "gru_seq_length": "its reset before the product",
    "gru_with_initial_bias": "its reset before the product",
    "gru_batchwise": "its reset before the product",
    "gru_reverse": "direction 'reverse' alone",
    "gru_bidirectional": "its reset before the product",
    "lstm_reverse": "direction 'reverse' alone",
    "simple_rnn_reverse": "direction 'reverse' alone",
    "lstm_with_peepholes": "peepholes",
}
"""The node tests of ONNX with something that no module of ours has."""


def model_of(node: Any, given: dict[str, Any], expected: Any) -> Any:
    """Return a model of one node that holds its weights; in ONNX's tests they are inputs."""
    held = {key: array for key, array in given.items() if key in ("W", "R", "B", "P")}
    typed = [
        helper.make_tensor_value_info(
            key, helper.np_dtype_to_tensor_dtype(array.dtype), list(array.shape)
        )
        for key, array in given.items()
        if key not in held
    ]
    outputs = [
        helper.make_tensor_value_info(key, TensorProto.FLOAT, list(array.shape))
        for key, array in zip([key for key in node.output if key], expected, strict=True)
    ]
    constants = [numpy_helper.from_array(array, key) for key, array in held.items()]
    graph = helper.make_graph([node], "test", typed, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


@pytest.mark.parametrize("name", NODE_TESTS)
def test_onnxs_own_tests_of_its_nodes(tmp_path: Path, name: str) -> None:
    node, inputs, expected = NODE_TESTS[name]
    given = dict(zip([key for key in node.input if key], inputs, strict=True))
    path = tmp_path / "model.onnx"
    onnx.save(model_of(node, given, expected), str(path))
    if name in REFUSED:
        with pytest.raises(InputError, match=REFUSED[name]):
            gw.from_onnx(path)
        return
    (module,) = gw.from_onnx(path).values()
    hx: Any = [torch.from_numpy(given[key]) for key in ("initial_h", "initial_c") if key in given]
    lengths = given["sequence_lens"].tolist() if "sequence_lens" in given else None
    x = torch.from_numpy(given["X"])
    output, states = module(
        x, (tuple(hx) if len(hx) > 1 else hx[0]) if hx else None, lengths=lengths
    )
    ends = states if isinstance(states, tuple) else (states,)
    places = [place for place, key in enumerate(node.output) if key]
    for place, wanted in zip(places, expected, strict=True):
        if place:  # Y_h and Y_c, with layout=1 [B, D, H]
            end = ends[place - 1]
            found = end.transpose(0, 1) if module.batch_first else end
        else:  # [T, D, B, H], with layout=1 [B, T, D, H]
            found = output.unflatten(-1, (1 + module.bidirectional, -1))
            found = found if module.batch_first else found.transpose(1, 2)
        close(wanted, found)


def test_every_node_test_that_is_refused_is_there() -> None:
    assert set(REFUSED) <= set(NODE_TESTS)
    assert len(NODE_TESTS) > len(REFUSED) + 4


def written(tmp_path: Path, operator: str = "LSTM", **changes: Any) -> Path:
    """Write a graph of one node with constants, as another maker might, and return its path."""
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[operator]
    arrays = {
        "W": np.ones((1, gates * H, I), np.float32),
        "R": np.ones((1, gates * H, H), np.float32),
        **changes.pop("arrays", {}),
    }
    names = changes.pop("names", ["X", "W", "R"])
    node = helper.make_node(operator, names, ["Y"], name="layer", hidden_size=H, **changes)
    real = TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "other",
        [helper.make_tensor_value_info("X", real, ["T", "B", I])],
        [helper.make_tensor_value_info("Y", real, ["T", 1, "B", H])],
        [numpy_helper.from_array(array, key) for key, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "other.onnx"
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize(
    ("operator", "changes", "message"),
    [
        ("LSTM", {"clip": 1.0}, "a clip"),
        ("LSTM", {"input_forget": 1}, "a coupled input gate"),
        ("LSTM", {"direction": "reverse"}, "direction 'reverse' alone"),
        (
            "LSTM",
            {"activations": ["Sigmoid", "Relu", "Tanh"]},
            "the activations Sigmoid, Relu, Tanh",
        ),
        (
            "RNN",
            {"activations": ["Affine"], "activation_alpha": [1.0]},
            "activations with parameters of their own",
        ),
        (
            "LSTM",
            {
                "names": ["X", "W", "R", "", "", "h"],
                "arrays": {"h": np.ones((1, 2, H), np.float32)},
            },
            "an initial_h that is fixed",
        ),
    ],
)
def test_a_node_with_something_of_its_own_is_refused_by_name(
    tmp_path: Path, operator: str, changes: Any, message: str
) -> None:
    with pytest.raises(InputError, match=f"ONNX node 'layer' \\({operator}\\) has {message}"):
        gw.from_onnx(written(tmp_path, operator, **changes))


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no ONNX file"):
        gw.from_onnx(tmp_path / "none.onnx")
    whole = written(tmp_path).read_bytes()
    assert list(gw.from_onnx(tmp_path / "other.onnx")) == ["layer"]
    for content in (b"", b"not onnx at all", whole[:20], whole[: len(whole) // 2]):
        (tmp_path / "bad.onnx").write_bytes(content)
        with pytest.raises(FileError, match="no ONNX file, or it is damaged"):
            gw.from_onnx(tmp_path / "bad.onnx")
    node = helper.make_node("Relu", ["X"], ["Y"])
    real = TensorProto.FLOAT
    ends = [[helper.make_tensor_value_info(name, real, [1])] for name in ("X", "Y")]
    graph = helper.make_graph([node], "other", *ends)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(tmp_path / "relu.onnx"))
    with pytest.raises(InputError, match="no LSTM, GRU or RNN node at its top level; it has Relu"):
        gw.from_onnx(tmp_path / "relu.onnx")
