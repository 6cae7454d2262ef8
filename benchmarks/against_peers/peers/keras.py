"""Keras 3 on JAX, compiled: on the CPU its fastest backend; that on torch loops over steps in Python."""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.against_peers.agreement import Results
from benchmarks.against_peers.contenders import Contender
from benchmarks.against_peers.peers.jax import start
from benchmarks.against_peers.problem import Problem

ORDERS = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}
"""Places in torch's packing (i f g o; r z n) of Keras' gates (i f c o; z r h)."""

LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}


def make(problem: Problem, mode: str, threads: int) -> Contender:
    """Return Keras' side of a problem; its input is `[B, T, I]`, as it takes it."""
    jax = start(threads)
    layer = _layer(problem)
    variables = [variable.value for variable in layer.trainable_variables]
    x = jax.device_put(np.ascontiguousarray(problem.x.numpy().swapaxes(0, 1)))
    arriving = jax.device_put(np.ascontiguousarray(problem.arriving.numpy().swapaxes(0, 1)))
    rest = [variable.value for variable in layer.non_trainable_variables]

    # Stateless, so that JAX can differentiate it: fit() would time an optimizer and callbacks too.
    def forward(variables: Any, x: Any) -> Any:
        return layer.stateless_call(variables, rest, x)[0]

    def infer(variables: Any, x: Any) -> Any:
        return forward(variables, x), []

    def train(variables: Any, x: Any, arriving: Any) -> Any:
        output, back = jax.vjp(lambda varied: forward(varied, x), variables)
        return output, back(arriving)[0]

    given = (variables, x, arriving) if mode == "train" else (variables, x)
    compiled = jax.jit(train if mode == "train" else infer)

    def work() -> Any:
        return jax.block_until_ready(compiled(*given))

    def results() -> Results:
        output, gradients = work()
        arrays = [np.asarray(array) for array in gradients]
        named = _in_torchs_layout(problem, arrays) if mode == "train" else {}
        return {"output": np.asarray(output).swapaxes(0, 1), **named}

    return Contender("keras", work, results)


def _layer(problem: Problem) -> Any:
    os.environ["KERAS_BACKEND"] = "jax"
    with tempfile.TemporaryDirectory() as folder:  # it leaves a settings file in the home folder
        os.environ.setdefault("KERAS_HOME", folder)
        keras: Any = import_module("keras")
    layer = getattr(keras.layers, LAYERS[problem.cell])(problem.row.H, return_sequences=True)
    layer.build((problem.row.B, problem.row.T, problem.row.I))
    layer.set_weights(_weights(problem))
    return layer


def _weights(problem: Problem) -> list[NDArray[np.float32]]:
    W, R, b, d = (
        _reordered(problem, problem.weights[name].numpy())
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    )
    return [W.T, R.T, np.stack([b, d]) if problem.cell == "gru" else b + d]


def _in_torchs_layout(problem: Problem, gradients: list[NDArray[np.float32]]) -> Results:
    W, R, bias = gradients
    b, d = bias if problem.cell == "gru" else (bias, bias)  # one bias is the sum of torch's two
    found = {"weight_ih_l0": W.T, "weight_hh_l0": R.T, "bias_ih_l0": b, "bias_hh_l0": d}
    # Each order is its own inverse: at most two gates are swapped.
    return {name: _reordered(problem, array) for name, array in found.items()}


def _reordered(problem: Problem, array: NDArray[np.float32]) -> NDArray[np.float32]:
    order = list(ORDERS[problem.cell])
    return array.reshape(len(order), problem.row.H, -1)[order].reshape(array.shape)
