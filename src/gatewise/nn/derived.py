"""gatewise's counterpart of a subclass that adds nothing but its own `__init__` to torch's class.

The class is made when one is needed: gatewise's behaviour first, then the subclass. It goes by the
subclass's name, `isinstance` holds for both, and it pickles as the subclass and how to derive from it.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch

Kind = type[torch.nn.Module]

_DERIVED: WeakKeyDictionary[Kind, Kind] = WeakKeyDictionary()

# What a class statement leaves in a class by itself.
_ORDINARY = {
    "__annotations__", "__dict__", "__doc__", "__firstlineno__", "__init__", "__module__",
    "__parameters__", "__qualname__", "__static_attributes__", "__weakref__",
}  # fmt: skip


def why_different(kind: Kind, stock: Kind) -> str:
    """Return what a subclass of `stock` changes but its `__init__`, or an empty string."""
    for base in kind.__mro__:
        if base in stock.__mro__:
            continue
        for name, value in vars(base).items():
            changes = callable(value) or hasattr(value, "__get__") or hasattr(stock, name)
            if name not in _ORDINARY and changes:
                return f"{base.__name__} has a {name} of its own"
    return ""


def derive(kind: Kind, ours: Kind) -> Kind:
    """Return the class that is `ours` first and the subclass `kind` next, the same each time."""
    if kind not in _DERIVED:
        about = {"__module__": kind.__module__, "__doc__": kind.__doc__, "__reduce_ex__": _reduce}
        made = type(kind.__name__, (ours, kind), {**about, "_gatewise_of": (kind, ours)})
        made.__qualname__ = kind.__qualname__
        _DERIVED[kind] = made
    return _DERIVED[kind]


def origin(kind: Kind) -> Kind | None:
    """Return the subclass that `kind` was derived from; None for any other class."""
    found: tuple[Kind, Kind] | None = vars(kind).get("_gatewise_of")
    return found and found[0]


def _reduce(module: torch.nn.Module, protocol: int) -> tuple[Any, ...]:
    """Pickle, and copy, by what the class was derived from: it cannot be found by name."""
    of: tuple[Kind, Kind] = type(module)._gatewise_of  # type: ignore[attr-defined]
    return _blank, of, module.__getstate__()  # type: ignore[no-untyped-call]


def _blank(kind: Kind, ours: Kind) -> torch.nn.Module:
    derived = derive(kind, ours)
    return derived.__new__(derived)
