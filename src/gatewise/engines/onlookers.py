"""Onlookers of a call: tools that record it, and classes of tensors that replace its operators.

torch's own operators are known to all of them, the native ones to some.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch._subclasses.functional_tensor import FunctionalTensor

PLAIN = (Tensor, torch.nn.Parameter)

_FOLLOWED = (FakeTensor, FunctionalTensor)  # torch's own, for graphs that take any operator


def why_unfollowed(tensors: Iterable[Tensor]) -> str:
    """Return why tensors cannot go through the native operators, or an empty string.

    They are of a class that replaces operators by its own (the weights of torch's per-sample
    gradients, distributed and masked tensors), and knows none but torch's.
    """
    for tensor in tensors:
        kind = type(tensor)
        if kind not in PLAIN and not torch.compiler.is_compiling() and _replaces_operators(kind):
            return f"the native core does not know tensors of the class {kind.__name__}"
    return ""


@cache
def _replaces_operators(kind: type[Tensor]) -> bool:
    if issubclass(kind, _FOLLOWED):
        return False
    functions = (Tensor.__torch_function__, torch._C._disabled_torch_function_impl)
    handler = getattr(kind.__torch_function__, "__func__", kind.__torch_function__)
    known = [getattr(function, "__func__", function) for function in functions]
    return handler not in known or kind.__torch_dispatch__ is not Tensor.__torch_dispatch__


def recorder() -> str:
    """Return what records the running call for use elsewhere, or an empty string.

    What it writes down is to run where gatewise may be missing. torch.compile is none of them: its
    graphs run here.
    """
    if torch._C._get_tracing_state() is not None:
        return "torch.jit.trace"
    if is_exporting():
        return "torch.export"
    return ""


def varies(size: object) -> bool:
    """Tell whether a size stands for many in the graph that is recorded."""
    return isinstance(size, torch.SymInt)


def is_for_onnx() -> bool:
    """Tell whether the running call is recorded for ONNX, which has no native operator."""
    return torch.onnx.is_in_onnx_export()


# torch 2.6 has no such function, and there the operators are exported as they are.
is_exporting = getattr(torch.compiler, "is_exporting", lambda: False)
