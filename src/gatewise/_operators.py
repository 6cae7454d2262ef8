"""Making the native operators known to torch, as soon as there is a torch to know them.

A file from torch.export or torch.jit.trace with `gatewise::forward` in it loads after `import gatewise`
alone. That import must not bring torch, so where torch comes later the operators wait for it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType


def register() -> None:
    """Define the operators now if torch is imported, else as soon as it has been."""
    if "torch" in sys.modules:
        _define()
    else:
        sys.meta_path.insert(0, _AfterTorch())


def _define() -> None:
    with suppress(ImportError):  # whoever uses the engines is told why they are not there
        import_module("gatewise.engines")


class _AfterTorch:
    """Finds torch as the other finders do; its import then defines the operators at its end.

    No subclass of `importlib.abc.MetaPathFinder`: importing that costs as much as the rest of gatewise.
    """

    def find_spec(
        self, name: str, path: Any, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "torch":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_define(module: ModuleType) -> None:
                run(module)
                with suppress(ValueError):
                    sys.meta_path.remove(self)
                _define()

            spec.loader.exec_module = run_and_define  # type: ignore[method-assign]
        return spec
