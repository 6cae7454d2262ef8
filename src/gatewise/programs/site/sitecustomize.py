"""What Python runs as it starts under `gatewise run`: torch is to be patched as soon as it is imported.

This folder stands first on the path of the program and of the Python processes that it starts, so any
Python may read this file, also one without gatewise. Nothing but the standard library is imported
before torch is, and a `sitecustomize` that was there before runs as ever.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

TYPE_CHECKING = False  # typing would cost every program some milliseconds
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
LEAST = [2, 6]
"""The first version of torch that is patched."""


def tell(why: str) -> None:
    """Say once, on stderr, that this program and its children run unpatched."""
    if sys.stderr is not None and not os.environ.get("GATEWISE_TOLD"):
        print(f"gatewise: the program runs unpatched: {why}", file=sys.stderr)
    os.environ["GATEWISE_TOLD"] = "1"


def begin(torch: Any) -> None:
    """Patch torch, which has just been imported; whatever goes wrong, the program goes on."""
    version = str(getattr(torch, "__version__", "0"))
    numbers = [
        int(part) for part in version.split("+", maxsplit=1)[0].split(".")[:2] if part.isdigit()
    ]
    if numbers < LEAST:
        least = ".".join(map(str, LEAST))
        tell(f"its torch {version} is older than {least}, which gatewise needs")
        return
    try:
        from gatewise.programs.inside import begin as begin_inside  # noqa: PLC0415

        begin_inside()
    except ModuleNotFoundError as error:
        tell(f"{sys.executable} has no {error.name}; install gatewise beside the program's torch")
    except Exception as error:
        tell(f"{type(error).__name__}: {error}")


class AfterTorch:
    """Finds torch as the other finders do; its import then ends with the patch."""

    busy = False

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Return the others' answer for torch, and none for anything else."""
        if name != "torch" or self.busy:
            return None
        self.busy = True  # another finder of this kind may ask this one in turn
        try:
            others = [finder for finder in sys.meta_path if finder is not self]
            found = (finder.find_spec(name, path, target) for finder in others)
            spec = next((spec for spec in found if spec is not None), None)
        finally:
            self.busy = False
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_begin(module: Any) -> None:
                run(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                begin(module)

            spec.loader.exec_module = run_and_begin  # type: ignore[method-assign]
        return spec


def run_the_next_one() -> None:
    """Run the `sitecustomize` that this one stands before, if there is one."""
    sys.path[:] = [entry for entry in sys.path if entry != HERE]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import_module("sitecustomize")
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if ours is not None:
            sys.modules.setdefault("sitecustomize", ours)


if os.environ.get("GATEWISE_RUN"):
    sys.meta_path.insert(0, AfterTorch())
    run_the_next_one()
