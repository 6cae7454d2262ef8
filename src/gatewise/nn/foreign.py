"""Answers to tools of torch that look for exactly torch's classes and meet a gatewise module.

torch.fx takes it as the leaf that torch's own module is. torch.jit.script and torch.ao.quantization
cannot take it, and say that `gw.restore` turns it back.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import Proxy

from gatewise.errors import EngineError, warn


def is_symbolic(input: object) -> bool:
    """Tell whether torch.fx calls a module to write the call down."""
    return isinstance(input, Proxy)


def as_leaf(module: torch.nn.Module, *args: Any, **options: Any) -> Any:
    """Write one call of `module` into the graph of torch.fx; absent arguments (None) are left out."""
    given = tuple(argument for argument in args if argument is not None)
    named = {
        name: value for name, value in options.items() if value is not None and value is not False
    }
    tracer = args[0].tracer
    return tracer.create_proxy("call_module", tracer.path_of_module(module), given, named)


def refuse_script(module: torch.nn.Module) -> None:
    """Raise EngineError: torch.jit.script compiles the source of a module, and ours is Python."""
    raise EngineError(
        f"torch.jit.script cannot compile gatewise's {type(module).__name__}; call "
        "gw.restore(model) before it, for torch's module with the same weights"
    )


class Qconfig:
    """The attribute that torch.ao.quantization sets on each module of a model it works on.

    It then replaces those of exactly torch's classes, and would pass over ours without a word.
    """

    def __get__(self, module: torch.nn.Module | None, kind: type) -> Any:
        if module is None:
            return self
        if "qconfig" not in module.__dict__:
            raise AttributeError("qconfig", name="qconfig", obj=module)
        return module.__dict__["qconfig"]

    def __set__(self, module: torch.nn.Module, value: Any) -> None:
        module.__dict__["qconfig"] = value
        warn(
            f"torch.ao.quantization leaves gatewise's {type(module).__name__} as it is; call "
            "gw.restore(model) before it if the module is to be quantised"
        )

    def __delete__(self, module: torch.nn.Module) -> None:
        del module.__dict__["qconfig"]
