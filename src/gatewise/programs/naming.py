"""What a call is called: the module that makes it, by its place in the outermost one that runs."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)


class Names:
    """Follows which modules run in each thread, by hooks on all modules that lie on none."""

    def __init__(self) -> None:
        self._running = threading.local()
        self._known: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()
        self._owners: dict[str, weakref.ref[nn.Module]] = {}
        self._hooks = (
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        )

    def _enter(self, module: nn.Module, _: Any) -> None:
        self._stack().append(module)

    def _leave(self, module: nn.Module, *_: Any) -> None:
        stack = self._stack()
        # a hook before ours may have raised, so that a module left that never came
        while module in stack and stack.pop() is not module:
            pass

    def _stack(self) -> list[nn.Module]:
        if not hasattr(self._running, "stack"):
            self._running.stack = []
        found: list[nn.Module] = self._running.stack
        return found

    def of(self, operator: str) -> str:
        """Return the name of the call that runs: of its module, or of its operator where there is none.

        A call that is not that of a recurrent module has both: a functional call inside a module, or
        one that TorchScript makes.
        """
        stack = self._stack()
        if not stack:
            return operator
        name = self._named(stack[0], stack[-1])
        return name if isinstance(stack[-1], nn.RNNBase) else f"{name}:{operator}"

    def _named(self, outermost: nn.Module, module: nn.Module) -> str:
        if module in self._known:
            return self._known[module]
        kind = getattr(outermost, "original_name", type(outermost).__name__)
        found = (path for path, part in outermost.named_modules() if part is module)
        base = ".".join(filter(None, [kind, next(found, type(module).__name__)]))
        name, number = base, 1
        while (owner := self._owners.get(name)) is not None and owner() is not None:
            number += 1
            name = f"{base} ({number})"
        self._known[module], self._owners[name] = name, weakref.ref(module)
        return name
