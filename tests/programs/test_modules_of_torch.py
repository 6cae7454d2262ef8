"""torch's own sample inputs for its recurrent modules give the same with a patch and without."""

from __future__ import annotations

import importlib
import sys
import unittest
import warnings
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
import torch

import gatewise as gw

pytestmark = [
    pytest.mark.full,  # the import of torch's samples alone takes longer than all other tests here
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported:UserWarning"),
]

NAMES = ("nn.RNN", "nn.GRU", "nn.LSTM", "nn.RNNCell", "nn.GRUCell", "nn.LSTMCell")


@pytest.fixture(scope="module")
def samples() -> Any:
    """Return torch's module of samples; it asks for expecttest, for a class that stays unused."""
    stand_in: Any = ModuleType("expecttest")
    stand_in.TestCase = unittest.TestCase
    with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if find_spec("expecttest") is None:
            patched.setitem(sys.modules, "expecttest", stand_in)
        return importlib.import_module("torch.testing._internal.common_modules")


def outcomes(common: Any, name: str, dtype: torch.dtype, training: bool) -> list[Any]:
    """Return the results and the gradients of every sample of one module."""
    info = next(one for one in common.module_db if one.name == name)
    found = []
    every = info.module_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=training, training=training
    )
    for sample in every:
        torch.manual_seed(0)
        made, given = sample.constructor_input, sample.forward_input
        module = info.module_cls(*made.args, **{**made.kwargs, "dtype": dtype}).train(training)
        out = module(*given.args, **given.kwargs)
        flat, _ = torch.utils._pytree.tree_flatten(out)
        tensors = [one for one in flat if isinstance(one, torch.Tensor) and one.is_floating_point()]
        found.append([one.detach() for one in tensors])
        if training:
            sum(one.sum() for one in tensors).backward()
            found.append([parameter.grad for parameter in module.parameters()])
    return found


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_samples_of_a_module(samples: Any, name: str, training: bool) -> None:
    for dtype, close in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        state = torch.random.get_rng_state()
        theirs = outcomes(samples, name, dtype, training)
        torch.random.set_rng_state(state)
        with gw.patch():
            ours = outcomes(samples, name, dtype, training)
        assert theirs
        torch.testing.assert_close(ours, theirs, rtol=close, atol=close)
