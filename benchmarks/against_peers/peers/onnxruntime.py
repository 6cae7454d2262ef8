"""ONNX Runtime: one LSTM, GRU or RNN node, built here without an exporter; inference only."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.against_peers.agreement import Results
from benchmarks.against_peers.contenders import Contender
from benchmarks.against_peers.problem import Problem

ORDERS = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""Places in torch's packing (i f g o; r z n) of ONNX's gates (i o f c; z r h)."""

OPSET, IR = 17, 9


def make(problem: Problem, mode: str, threads: int) -> Contender:
    """Return ONNX Runtime's side of a problem."""
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = runtime.InferenceSession(
        _model(problem).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feed = {"X": problem.x.numpy()}

    def work() -> NDArray[np.float32]:
        output: NDArray[np.float32] = session.run(["Y"], feed)[0]
        return output

    def results() -> Results:
        return {"output": work()[:, 0]}  # [T, directions, B, H]

    return Contender("onnx", work, results)


def _model(problem: Problem) -> Any:
    onnx: Any = import_module("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    row, options = problem.row, {"hidden_size": problem.row.H}
    if problem.cell == "gru":
        options["linear_before_reset"] = 1
    node = helper.make_node(problem.cell.upper(), ["X", "W", "R", "B"], ["Y"], **options)
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("X", kind, [row.T, row.B, row.I])],
        [helper.make_tensor_value_info("Y", kind, [row.T, 1, row.B, row.H])],
        [onnx.numpy_helper.from_array(array, name) for name, array in _weights(problem).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)


def _weights(problem: Problem) -> dict[str, NDArray[np.float32]]:
    gates = {
        name: array.numpy().reshape(len(ORDERS[problem.cell]), problem.row.H, -1)
        for name, array in problem.weights.items()
    }
    ordered = {name: array[list(ORDERS[problem.cell])] for name, array in gates.items()}
    return {
        "W": ordered["weight_ih_l0"].reshape(1, -1, problem.row.I),
        "R": ordered["weight_hh_l0"].reshape(1, -1, problem.row.H),
        "B": np.concatenate([ordered["bias_ih_l0"], ordered["bias_hh_l0"]]).reshape(1, -1),
    }
