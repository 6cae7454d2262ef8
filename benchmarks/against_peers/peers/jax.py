"""JAX: `lax.scan` over the steps, compiled; the products of all inputs are taken before the loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.against_peers.agreement import Results
from benchmarks.against_peers.contenders import Contender
from benchmarks.against_peers.problem import Problem

Step = Callable[[Any, Any, Any], Any]


def start(threads: int) -> Any:
    """Return jax; its thread pool is sized when it is first used, and only then."""
    os.environ.setdefault("NPROC", str(threads))
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    return import_module("jax")


def make(problem: Problem, mode: str, threads: int) -> Contender:
    """Return JAX's side of a problem."""
    jax = start(threads)
    weights = {name: jax.device_put(array.numpy()) for name, array in problem.weights.items()}
    x, arriving = jax.device_put(problem.x.numpy()), jax.device_put(problem.arriving.numpy())
    forward = _forward(jax, problem)

    def infer(weights: Any, x: Any) -> Any:
        return {"output": forward(weights, x)}

    def train(weights: Any, x: Any, arriving: Any) -> Any:
        output, back = jax.vjp(lambda varied: forward(varied, x), weights)
        return {"output": output, **back(arriving)[0]}

    given = (weights, x, arriving) if mode == "train" else (weights, x)
    compiled = jax.jit(train if mode == "train" else infer)

    def work() -> Any:
        return jax.block_until_ready(compiled(*given))

    def results() -> Results:
        return {name: np.asarray(array) for name, array in work().items()}

    return Contender("jax", work, results)


def _forward(jax: Any, problem: Problem) -> Callable[[Any, Any], Any]:
    lax, numbers = jax.lax, jax.numpy
    step, H = _STEPS[problem.cell](jax), problem.row.H
    states = 2 if problem.cell == "lstm" else 1

    def forward(weights: Any, x: Any) -> Any:
        R = weights["weight_hh_l0"].T
        wx = x @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]
        start = tuple(numbers.zeros((x.shape[1], H), x.dtype) for _ in range(states))

        def advance(state: Any, wx_t: Any) -> Any:
            state = step(wx_t, state[0] @ R + weights["bias_hh_l0"], state)
            return state, state[0]

        return lax.scan(advance, start, wx)[1]

    return forward


def _lstm(jax: Any) -> Step:
    numbers, sigmoid = jax.numpy, jax.nn.sigmoid

    def step(wx: Any, rh: Any, state: Any) -> Any:
        i, f, g, o = numbers.split(wx + rh, 4, axis=-1)
        c = sigmoid(f) * state[1] + sigmoid(i) * numbers.tanh(g)
        return sigmoid(o) * numbers.tanh(c), c

    return step


def _gru(jax: Any) -> Step:
    numbers, sigmoid = jax.numpy, jax.nn.sigmoid

    def step(wx: Any, rh: Any, state: Any) -> Any:
        (wr, wz, wn), (rr, rz, rn) = numbers.split(wx, 3, -1), numbers.split(rh, 3, -1)
        n = numbers.tanh(wn + sigmoid(wr + rr) * rn)
        z = sigmoid(wz + rz)
        return ((1 - z) * n + z * state[0],)

    return step


def _rnn(jax: Any) -> Step:
    return lambda wx, rh, state: (jax.numpy.tanh(wx + rh),)


_STEPS: dict[str, Callable[[Any], Step]] = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
