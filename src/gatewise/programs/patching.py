"""Replacing the kernels of torch's recurrent operators on the CPU, and undoing it.

The handle of torch's library object holds the replacement: when that is destroyed, the dispatcher has
torch's kernels again and nothing else. Nobody's module, class or function is touched.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from gatewise.engines import fused
from gatewise.engines.aside import left_to_torch, set_patched
from gatewise.engines.native.engine import NOT_BUILT
from gatewise.errors import EngineError
from gatewise.programs.operators import KEYS, OPERATORS, Operator, torchs_kernel
from gatewise.programs.taking import Call, attempt, is_small

Observer = Callable[[str, Call, Callable[[], Any], Callable[[], Any]], Any]
"""Runs a call in its own way: `(name of the operator, call, attempt, torch's kernel) -> results`."""


class _State:
    """What is replaced in this process, and for whom."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders: list[Patch] = []
        self.library: Any = None
        self.observer: Observer | None = None
        self.passes = dict(fused.PASSES)

    def after_fork(self) -> None:
        """Make the lock anew, in a child of whose threads one may have held it."""
        self.lock = threading.Lock()


class Patch:
    """The replacement, as `gw.patch()` returns it: a context that undoes it when it is left."""

    def __enter__(self) -> Patch:
        return self

    def __exit__(self, *_: object) -> None:
        with _STATE.lock:
            if self in _STATE.holders:
                _STATE.holders.remove(self)
            if not _STATE.holders:
                _undo()

    def __repr__(self) -> str:
        state = "on" if self in _STATE.holders else "off"
        return f"<gatewise.patch of {len(OPERATORS)} operators, {state}>"


def patch() -> Patch:
    """Let torch's recurrent operators run on gatewise's engine, for every model in this process.

    Modules, subclasses, functional calls, packed rows and TorchScript are all reached, in training and
    in inference. Results, errors and messages are torch's: a call runs on the native core where that
    is faster, and on torch's own kernel otherwise (on a GPU, in a half-precision type, under autocast,
    in torch.compile, under torch.func, for a call that is malformed). Single cells (`nn.LSTMCell`) are
    left to torch. Calling it twice is as good as once.

    Returns:
        A context manager: `with gw.patch(): ...` undoes it at the end, unless somebody else holds it.
        `gw.unpatch()` undoes it for everybody.

    Raises EngineError where the native core is not built.
    """
    if NOT_BUILT:
        raise EngineError(f"patch: {NOT_BUILT}")
    held = Patch()
    with _STATE.lock:
        if _STATE.library is None:
            _replace()
        _STATE.holders.append(held)
    return held


def unpatch() -> None:
    """Give torch's operators their own kernels back, whoever has asked for others. Raises nothing."""
    with _STATE.lock:
        _STATE.holders.clear()
        _undo()


def observe(observer: Observer | None) -> None:
    """Hand every call to `observer` while the operators are replaced; None: to nobody."""
    _STATE.observer = observer


def _replace() -> None:
    library: Any = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    # torch warns of a kernel that was there before: somebody else's, whom the way out still reaches.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for operator in OPERATORS:
            own = {key: torchs_kernel(operator, key) for key in KEYS}
            for key in KEYS:
                library.impl(operator.name, _kernel(operator, own[key]), key, with_keyset=True)
    _STATE.library = library
    for cell, function in _STATE.passes.items():
        fused.PASSES[cell] = partial(left_to_torch, function)
    set_patched(True)


def _undo() -> None:
    if _STATE.library is None:
        return
    set_patched(False)
    fused.PASSES.update(_STATE.passes)
    _STATE.library._destroy()
    _STATE.library = None


def _kernel(operator: Operator, own: Callable[..., Any]) -> Callable[..., Any]:
    """Return the kernel of an operator, with torch's own to fall back on."""
    cell, packed = operator
    name = operator.name

    def kernel(keys: Any, *arguments: Any) -> Any:
        if _STATE.observer is not None:
            call = Call.of(packed, arguments)
            rest = partial(own, keys, *arguments)
            return _STATE.observer(name, call, partial(attempt, cell, call), rest)
        if is_small(cell, packed, arguments):
            return own(keys, *arguments)
        found = attempt(cell, Call.of(packed, arguments))
        return own(keys, *arguments) if isinstance(found, str) else found

    _hide_from_compilers(kernel)
    return kernel


def _hide_from_compilers(function: Any) -> None:
    """Keep torch.compile from looking into a kernel that a compiled program calls as it runs.

    `torch.compiler.disable` does so too, and imports the compiler into every program for it.
    """
    frames: Any = torch._C._dynamo.eval_frame
    if hasattr(frames, "skip_code"):  # before torch 2.7
        frames.skip_code(function.__code__)
        return
    skip = frames._FrameAction.SKIP
    frames.set_code_exec_strategy(function.__code__, frames._FrameExecStrategy(skip, skip))


_STATE = _State()
os.register_at_fork(after_in_child=_STATE.after_fork)
