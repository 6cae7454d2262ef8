"""Contenders: the work that is timed and its results for the comparison; here those of torch modules."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from benchmarks.against_peers.agreement import Results
from benchmarks.against_peers.problem import Problem


@dataclass(frozen=True)
class Contender:
    """One side of a measurement."""

    name: str
    work: Callable[[], object]
    results: Callable[[], Results]  # does the same work and returns what it computed
    compared: tuple[str, ...] | None = None  # the results that there are; None: all that torch has


def training(
    name: str,
    module: torch.nn.RNNBase,
    problem: Problem,
    *,
    bfloat16: bool = False,
    gates: bool = False,
) -> Contender:
    """Return a training step without optimizer: forward, and backward to every parameter."""
    parameters = dict(module.named_parameters())
    options = {"return_gates": True} if gates else {}
    arriving = problem.arriving

    def work() -> Tensor:
        nonlocal arriving
        for parameter in parameters.values():
            parameter.grad = None
        with _autocast(bfloat16):
            found = _data(module(problem.input, **options)[0])
        arriving = arriving.to(found.dtype)  # once: autocast may return bfloat16
        torch.autograd.backward(found, arriving)
        return found

    def results() -> Results:
        found = {"output": _array(work())}
        for parameter_name, parameter in parameters.items():
            assert parameter.grad is not None
            found[parameter_name] = _array(parameter.grad)
        return found

    return Contender(name, work, results)


def inference(
    name: str, module: torch.nn.RNNBase, problem: Problem, *, gates: bool = False
) -> Contender:
    """Return a forward pass that keeps nothing for a backward pass."""
    module.eval()
    options = {"return_gates": True} if gates else {}

    def work() -> Any:
        with torch.inference_mode():
            return module(problem.input, **options)

    def results() -> Results:
        output, _, *record = work()
        found = {"output": _array(_data(output))}
        if record and problem.cell == "lstm":
            found["cell"] = _array(record[0].cell[0, 0])
        return found

    return Contender(name, work, results)


def _autocast(on: bool) -> AbstractContextManager[object]:
    return torch.autocast("cpu", torch.bfloat16) if on else nullcontext()


def _data(output: Tensor | PackedSequence) -> Tensor:
    return output if isinstance(output, Tensor) else output.data


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().float().numpy()
    return array
