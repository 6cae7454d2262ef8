"""`gw.to_onnx`: a recurrent module as an ONNX file that was run before it appears.

Sizes: T steps, B rows, I inputs, H hidden units, D directions, L layers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.errors import EngineError, InputError
from gatewise.files import atomic_write_bytes, check_writable, path_of
from gatewise.interchange._checking import check_in_runtime
from gatewise.interchange._graph import Graph, package
from gatewise.interchange._nodes import OPERATORS
from gatewise.typing import AnyArray
from gatewise.wording import joined

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def to_onnx(module: Any, path: str | Path, *, lengths: bool = False, states: bool = False) -> None:
    """Write a recurrent module to an ONNX file, with any batch and number of steps.

    The layers become ONNX's own LSTM, GRU and RNN nodes, in both directions; torch's own exporter
    freezes the number of steps of a bidirectional layer. The file is run in ONNX Runtime on fresh input
    of several sizes and appears only where the results are the module's.

    Args:
        module: An LSTM, GRU or RNN of torch.nn or gatewise, in float32.
        path: The file, which ends in .onnx; one that is there is replaced.
        lengths: Whether the graph takes `lengths [B]` (int32), the valid steps of each row: past the
            end of a row the output is 0, and its last state is that of its own last step.
        states: Whether it takes the initial states, `h_0` and of an LSTM `c_0`, `[L*D, B, H]`; else
            they are zeros.

    The graph takes `input`, `[T, B, I]`, or `[B, T, I]` with `batch_first`, and gives `output`, `h_n`
    and of an LSTM `c_n`, shaped as the module's.

    Raises InputError for a module that ONNX has no node for, OptionError without the extra `onnx`,
    FileError where the file cannot be written, and EngineError where ONNX Runtime gives other figures.
    """
    target = path_of(path, "to_onnx")
    if target.suffix.lower() != ".onnx":
        raise InputError(f"to_onnx: the file must end in .onnx, and {target} does not")
    cell = _checked(module)
    package("onnxruntime")  # before any work
    check_writable(target)
    graph = Graph()
    _describe(graph, module, cell, lengths=lengths, states=states)
    content = graph.model({"gatewise": cell})
    check_in_runtime(content, module, lengths=lengths, states=states)
    atomic_write_bytes(target, content)


def _checked(module: Any) -> str:
    """Return the name of a module's cell; InputError where ONNX has no node for it."""
    if not isinstance(module, torch.nn.RNNBase):
        raise InputError(
            f"to_onnx: give an LSTM, GRU or RNN of torch.nn or gatewise; got {type(module).__name__}"
        )
    cell = str(module.mode).lower()
    if cell not in OPERATORS:
        known = joined([repr(name) for name in OPERATORS])
        raise InputError(f"to_onnx: ONNX has no node for the cell {cell!r}; it has {known}")
    if module.proj_size:
        raise InputError(
            f"to_onnx: ONNX's LSTM has no projection, and this module has proj_size={module.proj_size}"
        )
    weight = module.weight_ih_l0
    if weight.dtype != torch.float32:
        raise InputError(
            f"to_onnx: the module is in {weight.dtype}, and ONNX Runtime runs these nodes in float32: "
            "convert it with .float()"
        )
    return cell


def _describe(graph: Graph, module: Any, cell: str, *, lengths: bool, states: bool) -> None:
    """Put a module's layers into a graph."""
    real = np.dtype(np.float32)
    directions = 2 if module.bidirectional else 1
    order: tuple[str, str] = ("batch", "steps") if module.batch_first else ("steps", "batch")
    x = graph.input("input", real, (*order, module.input_size))
    if module.batch_first:
        x = graph.add("Transpose", x, perm=[1, 0, 2])
    valid = graph.input("lengths", np.dtype(np.int32), ("batch",)) if lengths else ""
    names = ("h", "c") if cell == "lstm" else ("h",)
    state_shape = (module.num_layers * directions, "batch", module.hidden_size)
    begins = [_split(graph, f"{name}_0", state_shape, module, states=states) for name in names]
    ends: list[list[str]] = []
    for layer in range(module.num_layers):
        first = [begin[layer] for begin in begins]
        x, last = graph.layer(cell, x, _weights(module, layer, directions), valid, first)
        ends.append(last)
    if module.batch_first:
        x = graph.add("Transpose", x, perm=[1, 0, 2])
    graph.output("output", x, real, (*order, directions * module.hidden_size))
    for place, name in enumerate(names):
        every = [last[place] for last in ends]
        whole = graph.add("Concat", *every, axis=0) if len(every) > 1 else every[0]
        graph.output(f"{name}_n", whole, real, state_shape)


def _split(
    graph: Graph, name: str, shape: tuple[int, str, int], module: Any, *, states: bool
) -> list[str]:
    """Return the initial states `[D, B, H]` of each layer, cut out of an input of all; "" for zeros."""
    layers = module.num_layers
    if not states:
        return [""] * layers
    whole = graph.input(name, np.dtype(np.float32), shape)
    if layers == 1:
        return [whole]
    sizes = graph.constant(np.full(layers, shape[0] // layers, dtype=np.int64), "sizes")
    parts: list[str] = graph.add("Split", whole, sizes, outputs=layers, axis=0)
    return parts


def _weights(module: Any, layer: int, directions: int) -> list[dict[str, AnyArray]]:
    """Return the weights of each direction of a layer, by torch's names without their ends."""
    ends = [f"_l{layer}{way}" for way in ("", "_reverse")[:directions]]
    found = []
    for end in ends:
        each = {name: getattr(module, name + end, None) for name in NAMES}
        found.append(
            {name: tensor.numpy(force=True) for name, tensor in each.items() if tensor is not None}
        )
    if any(not np.isfinite(array).all() for each in found for array in each.values()):
        raise EngineError("to_onnx: the module has weights that are not finite")
    return found
