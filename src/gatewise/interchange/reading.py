"""`gw.from_onnx`: the recurrent nodes of an ONNX file as modules.

Sizes: G gates, H hidden units, I inputs, D directions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.errors import FileError, InputError, cause
from gatewise.files import path_of
from gatewise.interchange._graph import package
from gatewise.interchange._nodes import OPERATORS, in_torch_order
from gatewise.nn import GRU, LSTM, RNN
from gatewise.nn.modules import GatedModule
from gatewise.typing import AnyArray
from gatewise.wording import joined

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
"""What the inputs of the three operators are called, in order."""
KINDS = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}


def from_onnx(path: str | Path) -> dict[str, GatedModule]:
    """Return the LSTM, GRU and RNN nodes of the ONNX file at `path` as modules, by name, in their order.

    Each node is a module of one layer with its weights, in eval mode. What stands around a node (heads,
    scaling) stays behind. Lengths and initial states are arguments of the module as of any other; what a
    node has of its own is refused by name: peepholes, a clip, a coupled input gate, other activations, a
    GRU whose reset comes before the product, a direction that is reverse alone, initial states that are
    fixed to other than zeros, and weights that the file does not hold.

    Raises FileError for a file that is missing or is no ONNX file, InputError for a file without such
    nodes and for a node that is refused, OptionError without the extra `onnx`.
    """
    place = path_of(path, "from_onnx")
    model = _opened(place)
    constants = _constants(model.graph)
    found: dict[str, GatedModule] = {}
    for number, node in enumerate(model.graph.node):
        if node.op_type in KINDS and node.domain in ("", "ai.onnx"):
            name = node.name or f"{node.op_type.lower()}_{number}"
            found[name] = _module(node, name, constants)
    if not found:
        there = joined(sorted({node.op_type for node in model.graph.node})) or "nothing"
        raise InputError(f"{place} has no LSTM, GRU or RNN node at its top level; it has {there}")
    return found


def _opened(place: Path) -> Any:
    onnx = package("onnx")
    if not place.is_file():
        raise FileError(f"there is no ONNX file {place}")
    try:
        model = onnx.load(str(place))
        onnx.checker.check_model(model)
    except OSError as error:
        raise FileError(f"{place} cannot be read: {cause(error)}") from error
    except Exception as error:  # protobuf's and ONNX's own types, by version
        reason = " ".join(str(error).split())[:160]
        raise FileError(f"{place} is no ONNX file, or it is damaged ({reason})") from error
    return model


def _constants(graph: Any) -> dict[str, AnyArray]:
    """Return the arrays that the file holds, by name; an initializer may stand in for an input."""
    helper = package("onnx").numpy_helper
    found = {one.name: helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    found[node.output[0]] = helper.to_array(attribute.t)
        elif node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _module(node: Any, name: str, constants: dict[str, AnyArray]) -> GatedModule:
    """Return a node as a module."""
    onnx = package("onnx")
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    given = {kind: value for kind, value in zip(INPUTS, node.input, strict=False) if value}
    cell = _checked(node.op_type, name, attributes, given, constants)
    W, R = (_held(name, kind, given, constants) for kind in ("W", "R"))
    directions, rows, inputs = W.shape
    hidden = R.shape[2]
    if rows != len(OPERATORS[cell].gates) * hidden or R.shape[:2] != (directions, rows):
        raise InputError(
            f"ONNX node {name!r}: its W {list(W.shape)} and R {list(R.shape)} fit no {node.op_type}"
        )
    B = _held(name, "B", given, constants) if "B" in given else None
    options: dict[str, Any] = {"device": "cpu", "dtype": torch.from_numpy(W[:0].copy()).dtype}
    if cell.startswith("rnn_"):
        options["nonlinearity"] = cell.removeprefix("rnn_")
    module = KINDS[node.op_type](
        inputs,
        hidden,
        bias=B is not None,
        bidirectional=directions == 2,
        batch_first=bool(attributes.get("layout", 0)),
        **options,
    )
    weights = {}
    for way in range(directions):
        end = "_l0" + ("_reverse" if way else "")
        parts = {"weight_ih": W[way], "weight_hh": R[way]}
        if B is not None:
            parts |= {"bias_ih": B[way][:rows], "bias_hh": B[way][rows:]}
        for kind, part in parts.items():
            weights[kind + end] = torch.from_numpy(in_torch_order(cell, part))
    module.load_state_dict(weights)
    return module.eval()


def _held(name: str, kind: str, given: dict[str, str], constants: dict[str, AnyArray]) -> AnyArray:
    """Return weights that the file holds; InputError where they come from elsewhere."""
    value = given.get(kind, "")
    if value not in constants:
        raise InputError(
            f"ONNX node {name!r}: its {kind} is not held by the file but computed or given ({value!r})"
        )
    array = constants[value]
    if array.dtype not in (np.float32, np.float64):
        raise InputError(
            f"ONNX node {name!r}: its {kind} is {array.dtype}; float32 and float64 are read"
        )
    return array


def _checked(
    operator: str,
    name: str,
    attributes: dict[str, Any],
    given: dict[str, str],
    constants: dict[str, AnyArray],
) -> str:
    """Return the cell that a node computes; InputError, which names why, for another."""

    def refuse(what: str) -> None:
        raise InputError(
            f"ONNX node {name!r} ({operator}) has {what}, which gatewise does not have"
        )

    direction = attributes.get("direction", b"forward").decode()
    if direction == "reverse":
        refuse("direction 'reverse' alone")
    if "P" in given:
        refuse("peepholes")
    for attribute, what in (("clip", "a clip"), ("input_forget", "a coupled input gate")):
        if attributes.get(attribute):
            refuse(what)
    if operator == "GRU" and not attributes.get("linear_before_reset", 0):
        refuse("its reset before the product (linear_before_reset=0)")
    asked = tuple(one.decode() for one in attributes.get("activations", ()))
    if attributes.get("activation_alpha") or attributes.get("activation_beta"):
        refuse("activations with parameters of their own")
    cell = _cell_of(operator, asked, 2 if direction == "bidirectional" else 1)
    if cell is None:
        refuse(f"the activations {', '.join(asked)}")
    for state in ("initial_h", "initial_c"):
        held = constants.get(given.get(state, ""))
        if held is not None and held.any():
            refuse(f"an {state} that is fixed to other than zeros")
    assert cell is not None
    return cell


def _cell_of(operator: str, asked: tuple[str, ...], directions: int) -> str | None:
    """Return the cell of an operator with these activations, () for the usual ones; None for no cell."""
    cells = [cell for cell, one in OPERATORS.items() if one.name == operator]
    lower = tuple(one.lower() for one in asked)
    for cell in cells:
        usual = tuple(one.lower() for one in OPERATORS[cell].activations) * directions
        if lower in ((), usual):
            return cell
    return None
