"""The options of every figure, checked by their own annotations before any work.

What cannot be told by type alone (a range, a known name, a shape) each function checks itself.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from gatewise.errors import OptionError

P = ParamSpec("P")
R = TypeVar("R")

Method = Literal["auto", "exact", "estimate"]
"""How a gradient is taken: whole, from random probes, or as its size allows."""

MOST = 1_000_000
"""More repetitions than help any figure; more is a slip, and would never finish."""

REPETITIONS = ("networks", "probes", "resamples")
"""Options that say how often something is done again."""

_NOUNS = {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}


def checked_options(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function` raise OptionError, by its name and the option's, for a value of another type.

    It looks at numbers, texts, functions and options of gatewise's classes; an argument that may be
    something else (a list, a tensor, a model) is left to the function. Repetitions have a bound.
    """
    signature = inspect.signature(function)

    # at the first call: annotations may name what is imported later than this function is defined
    @functools.cache
    def kinds() -> dict[str, tuple[Any, ...]]:
        hints = get_type_hints(function)
        found = {name: _alternatives(hints[name]) for name in signature.parameters if name in hints}
        return {name: kinds for name, kinds in found.items() if all(map(_is_known, kinds))}

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            allowed = kinds().get(name)
            if allowed is not None and not any(_fits(value, kind) for kind in allowed):
                wanted = " or ".join(dict.fromkeys(map(_described, allowed)))
                raise OptionError(
                    f"{function.__name__}: {name} must be {wanted}; got {_shown(value)}"
                )
            if name in REPETITIONS and isinstance(value, Integral):
                check_repetitions(f"{function.__name__}: {name}", value)
        return function(*args, **kwargs)

    return checked


def check_repetitions(name: str, count: Any) -> None:
    """Raise OptionError, by the option's `name`, for more repetitions than could ever finish."""
    if count > MOST:
        shown = repr(count) if count < 10**20 else "a number of more than 20 digits"
        raise OptionError(f"{name} must be at most {MOST:,}; got {shown}")


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _is_known(kind: Any) -> bool:
    if kind in _NOUNS or kind is type(None) or get_origin(kind) in (Literal, Callable):
        return True
    return isinstance(kind, type) and kind.__module__.startswith("gatewise.memory")


def _fits(value: Any, kind: Any) -> bool:
    if kind is bool or kind is type(None):
        return isinstance(value, kind)
    if kind in (int, float):
        numbers: type = Integral if kind is int else Real
        return isinstance(value, numbers) and not isinstance(value, bool)
    if get_origin(kind) is Literal:
        return isinstance(value, str)  # which one, the function says
    if get_origin(kind) is Callable:
        return callable(value)
    return isinstance(value, kind)


def _described(kind: Any) -> str:
    if kind is type(None):
        return "None"
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is Callable:
        return "a function"
    return _NOUNS.get(kind) or f"a {kind.__name__}"


def _shown(value: Any) -> str:
    if isinstance(value, int | float | str | list | tuple) and len(repr(value)) <= 60:
        return repr(value)
    return type(value).__name__
