"""Seeing every call of a module while somebody watches, with nothing on the module.

A hook lies in the module's `__dict__`, so each deepcopy and each pickle of a model would take it along,
and the watcher's records with it. Here the `forward` of the module's *class* is wrapped for as long as
anybody watches, and the watched instances are known by identity: a copy is another object, which no
one watches.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from gatewise.engines import Gates

Forward = Callable[..., Any]


class Watcher(Protocol):
    """Who is told of the calls of a module, and is handed the gates of their passes on request."""

    wants: bool  # whether the gates of the next call are to be returned by its own pass

    def before(
        self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Note that the `forward` of `module` begins."""

    def take(self, gates: Gates) -> None:
        """Take the gates of the call that is running."""

    def after(
        self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any
    ) -> None:
        """Note that the `forward` of `module` has returned `out`."""


# Watchers by the id of the module: whoever watches holds on to the module, so an id stays its own.
WATCHERS: dict[int, tuple[Watcher, ...]] = {}
_WRAPPED: dict[
    type, tuple[Forward, Forward, int]
] = {}  # the forward of a class, its wrapper, users
_LOCK = Lock()


def _begin_in_child() -> None:
    WATCHERS.clear()  # what a forked process records, nobody would ever read
    _LOCK.release()


# No thread is in the middle of a change while another one forks.
os.register_at_fork(
    before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_begin_in_child
)


class _Eager:
    """Runs compiled code as plain Python while anybody watches: it would not call a wrapper."""

    def __init__(self) -> None:
        self._users = 0
        self._stance: AbstractContextManager[None] | None = None

    def enter(self) -> None:
        self._users += 1
        # Where the compiler is not loaded, nothing is compiled yet; loading it takes seconds.
        if self._stance is None and "torch._dynamo" in sys.modules:
            self._stance = torch.compiler.set_stance("force_eager")
            self._stance.__enter__()

    def leave(self) -> None:
        self._users -= 1
        if not self._users and self._stance is not None:
            self._stance.__exit__(None, None, None)
            self._stance = None


_EAGER = _Eager()


def watchers_of(module: torch.nn.Module) -> tuple[Watcher, ...]:
    """Return who watches `module`, those who came first in front."""
    return WATCHERS.get(id(module), ()) if WATCHERS else ()


@contextmanager
def watching(
    watchers: Mapping[torch.nn.Module, Watcher], also: Iterable[type[torch.nn.Module]] = ()
) -> Iterator[None]:
    """Tell each watcher of every call of its module inside this block.

    A module may meanwhile become one of another class that is among `also` (or derives from one).
    """
    # A class is wrapped where its forward is defined, once for all of its watched modules.
    classes = {_definer(kind) for kind in (*map(type, watchers), *also)}
    with _LOCK:
        _EAGER.enter()
        for kind in classes:
            _wrap(kind)
        for module, watcher in watchers.items():
            WATCHERS[id(module)] = (*WATCHERS.get(id(module), ()), watcher)
    try:
        yield
    finally:
        with _LOCK:
            for module, watcher in watchers.items():
                left = tuple(w for w in WATCHERS.pop(id(module), ()) if w is not watcher)
                if left:
                    WATCHERS[id(module)] = left
            for kind in classes:
                _unwrap(kind)
            _EAGER.leave()


def plain_forward(kind: type[torch.nn.Module]) -> Forward | None:
    """Return the `forward` of a class as it is when nobody watches."""
    found: Forward | None = getattr(kind, "forward", None)
    return getattr(found, "_watched_forward", found)


def _definer(kind: type) -> type:
    """Return the class from which `kind` has its `forward`."""
    return next(base for base in kind.__mro__ if "forward" in vars(base))


def _wrap(kind: type) -> None:
    if kind in _WRAPPED:
        forward, wrapper, users = _WRAPPED[kind]
        _WRAPPED[kind] = (forward, wrapper, users + 1)
        return
    forward = vars(kind)["forward"]
    wrapper = _wrapper_of(kind, forward)
    _WRAPPED[kind] = (forward, wrapper, 1)
    kind.forward = wrapper  # type: ignore[attr-defined]


def _unwrap(kind: type) -> None:
    forward, wrapper, users = _WRAPPED.pop(kind)
    if users > 1:
        _WRAPPED[kind] = (forward, wrapper, users - 1)
    elif vars(kind).get("forward") is wrapper:  # else somebody has replaced it meanwhile
        kind.forward = forward  # type: ignore[attr-defined]


def _wrapper_of(kind: type, forward: Forward) -> Forward:
    @functools.wraps(forward)
    def watched(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        watchers = watchers_of(self)
        # A forward that calls its base class's is one call: the outermost counts.
        if not watchers or getattr(type(self), "forward", None) is not watched:
            return forward(self, *args, **kwargs)
        if torch.compiler.is_compiling():
            torch._dynamo.graph_break()
        for watcher in watchers:
            watcher.before(self, args, kwargs)
        out = forward(self, *args, **kwargs)
        for watcher in reversed(watchers):
            watcher.after(self, args, kwargs, out)
        return out

    watched._watched_forward = forward  # type: ignore[attr-defined]
    return watched
