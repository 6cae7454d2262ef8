"""An ONNX graph that is put together node by node, each value under a name of its own.

Sizes: T steps, B rows, I inputs, H hidden units, D directions, L layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from gatewise.errors import OptionError, how_to_install
from gatewise.interchange._nodes import OPERATORS, in_onnx_order
from gatewise.typing import AnyArray

OPSET = 17
"""Old enough for what runs models in the field; nothing here needs a newer one."""


def package(name: str) -> Any:
    """Return a package of the extra; OptionError, with how to install it, where it is missing."""
    try:
        return import_module(name)
    except ImportError:
        raise OptionError(f"ONNX needs the package {name}: {how_to_install('onnx')}") from None


class Graph:
    """Nodes, constants, inputs and outputs; `model` makes the file of them."""

    def __init__(self) -> None:
        self._onnx = package("onnx")
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._used = 0

    def input(self, name: str, dtype: np.dtype[Any], shape: Sequence[int | str]) -> str:
        """Add an input; dimensions by name are open. Return its name."""
        self._inputs.append(self._value(name, dtype, shape))
        return name

    def output(
        self, name: str, value: str, dtype: np.dtype[Any], shape: Sequence[int | str]
    ) -> None:
        """Add an output, which is `value` under another name."""
        self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name], name=name))
        self._outputs.append(self._value(name, dtype, shape))

    def constant(self, array: AnyArray, hint: str = "constant") -> str:
        """Add an array that is part of the file; return its name."""
        name = self._name(hint)
        contiguous = np.ascontiguousarray(array)
        self._constants.append(self._onnx.numpy_helper.from_array(contiguous, name))
        return name

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; return the name of its output, or their names. An input "" is left out."""
        names = [self._name(operator.lower()) for _ in range(outputs)]
        self._nodes.append(
            self._onnx.helper.make_node(
                operator, list(inputs), names, name=self._name("node"), **attributes
            )
        )
        return names[0] if outputs == 1 else names

    def layer(
        self,
        cell: str,
        x: str,
        weights: Sequence[dict[str, AnyArray]],
        lengths: str = "",
        states: Sequence[str] = (),
    ) -> tuple[str, list[str]]:
        """Add a recurrent layer; return its output `[T, B, D*H]` and last states `[D, B, H]`.

        `x` is `[T, B, I]`, `weights` those of each direction by torch's names, `lengths [B]` int32,
        `states` what it begins with, "" for zeros.
        """
        operator = OPERATORS[cell]
        first = weights[0]
        hidden = first["weight_hh"].shape[1]

        def stacked(name: str) -> AnyArray:
            return np.stack([in_onnx_order(cell, one[name]) for one in weights])

        bias = ""
        if "bias_ih" in first:
            both = np.concatenate([stacked("bias_ih"), stacked("bias_hh")], axis=1)
            bias = self.constant(both, "B")
        inputs = [
            x,
            self.constant(stacked("weight_ih"), "W"),
            self.constant(stacked("weight_hh"), "R"),
        ]
        inputs += [bias, lengths, *states]
        while not inputs[-1]:
            inputs.pop()
        y, *last = self.add(
            operator.name,
            *inputs,
            outputs=3 if cell == "lstm" else 2,
            hidden_size=hidden,
            direction="bidirectional" if len(weights) == 2 else "forward",
            activations=list(operator.activations) * len(weights),
            **operator.attributes,
        )
        y = self.add("Transpose", y, perm=[0, 2, 1, 3])  # [T, D, B, H] to [T, B, D, H]
        shape = self.constant(np.array([0, 0, -1], dtype=np.int64), "shape")
        return self.add("Reshape", y, shape), last

    def model(self, about: dict[str, str]) -> bytes:
        """Return the bytes of the file, checked by ONNX's own checker; `about` is its metadata."""
        helper = self._onnx.helper
        graph = helper.make_graph(
            self._nodes, "gatewise", self._inputs, self._outputs, initializer=self._constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="gatewise",
            ir_version=8,
        )
        helper.set_model_props(model, about)
        self._onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content

    def _value(self, name: str, dtype: np.dtype[Any], shape: Sequence[int | str]) -> Any:
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(dtype)
        return self._onnx.helper.make_tensor_value_info(name, kind, list(shape))

    def _name(self, hint: str) -> str:
        self._used += 1
        return f"{hint}_{self._used}"
