"""Seeded damage for files: to their bytes, and to the JSON in a safetensors file's metadata."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from gatewise.errors import GatewiseError
from gatewise.files import ABOUT, CHECKSUM, metadata, sealed

HUGE = (10**9, 10**18, -(10**18), 10**400, 1e308)


def refusal(read: Callable[[], object], what: str) -> str | None:
    """Return the one line with which gatewise refuses, None where it does not.

    Any other error fails the test, which then says what was done to the file.
    """
    try:
        read()
    except GatewiseError as error:
        said = str(error)
    except Exception as error:
        raise AssertionError(f"{what}: {error!r}") from error
    else:
        return None
    assert "\n" not in said, what
    return said


def damaged_bytes(content: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield what was done, and bytes that differ from `content`, `count` times."""
    rng = np.random.default_rng(seed)
    kinds: list[Callable[[np.random.Generator, bytes, int, int], bytes]] = [
        _flipped,
        _replaced,
        _cut,
        _inserted,
        _deleted,
        _doubled,
        _zeroed,
        _swapped,
    ]
    for number in range(count):
        while True:
            damage = kinds[number % len(kinds)]
            # every other place in the header, which is the smaller part and the touchier one
            end = min(len(content), 3000) if number // len(kinds) % 2 else len(content)
            at, size = int(rng.integers(end)), int(rng.integers(1, 65))
            changed = damage(rng, content, at, size)
            if changed != content:
                break
        yield f"{damage.__name__} at {at}, {size}", changed


def _flipped(rng: np.random.Generator, content: bytes, at: int, _: int) -> bytes:
    return content[:at] + bytes([content[at] ^ (1 << int(rng.integers(8)))]) + content[at + 1 :]


def _replaced(rng: np.random.Generator, content: bytes, at: int, size: int) -> bytes:
    new = rng.bytes(len(content[at : at + size]))
    return content[:at] + new + content[at + size :]


def _cut(_: np.random.Generator, content: bytes, at: int, __: int) -> bytes:
    return content[:at]


def _inserted(rng: np.random.Generator, content: bytes, at: int, size: int) -> bytes:
    return content[:at] + rng.bytes(size) + content[at:]


def _deleted(_: np.random.Generator, content: bytes, at: int, size: int) -> bytes:
    return content[:at] + content[at + size :]


def _doubled(_: np.random.Generator, content: bytes, at: int, size: int) -> bytes:
    return content[: at + size] + content[at:]


def _zeroed(_: np.random.Generator, content: bytes, at: int, size: int) -> bytes:
    return content[:at] + bytes(len(content[at : at + size])) + content[at + size :]


def _swapped(rng: np.random.Generator, content: bytes, at: int, size: int) -> bytes:
    other = int(rng.integers(len(content)))
    first, second = sorted((at, other))
    size = min(size, second - first, len(content) - second)
    a, b = content[first : first + size], content[second : second + size]
    return content[:first] + b + content[first + size : second] + a + content[second + size :]


def about_of(content: bytes) -> dict[str, Any]:
    """Return the JSON that a safetensors file of gatewise holds."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    found: dict[str, Any] = json.loads(header["__metadata__"][ABOUT])
    return found


def with_about(content: bytes, about: Any, *, seal: bool = True) -> bytes:
    """Return the file with other JSON (or, as text, whatever), sealed anew or, as once, unsealed."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    if seal:
        header["__metadata__"] = metadata(about)
    elif isinstance(about, dict):
        once = {name: value for name, value in about.items() if name != CHECKSUM}
        header["__metadata__"] = {ABOUT: json.dumps({**once, "format_version": 1})}
    else:
        header["__metadata__"] = {ABOUT: about}
    head = json.dumps(header, separators=(",", ":")).encode()
    changed = len(head).to_bytes(8, "little") + head + content[8 + size :]
    return sealed(changed) if seal else changed


def resealed(content: bytes) -> bytes:
    """Return the file with the checksum that its bytes have now."""
    return with_about(content, about_of(content))


def damaged_json(about: dict[str, Any], count: int, seed: int) -> Iterator[tuple[str, Any]]:
    """Yield what was done, and a copy of `about` with one value changed, `count` times."""
    rng = np.random.default_rng(seed)
    places = list(_places(about))
    for _ in range(count):
        place = places[int(rng.integers(len(places)))]
        changed = copy.deepcopy(about)
        holder: Any = changed
        for key in place[:-1]:
            holder = holder[key]
        old = holder[place[-1]]
        what, new = _other_value(rng, old)
        if what == "dropped":
            del holder[place[-1]]
        else:
            holder[place[-1]] = new
        yield f"{'.'.join(map(str, place))} {what} {str(new)[:30]}", changed


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every value inside, the first items of long lists only."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value[:3]))
    for key, inner in items:
        yield (*place, key)
        yield from _places(inner, (*place, key))


def _other_value(rng: np.random.Generator, old: Any) -> tuple[str, Any]:
    kind = int(rng.integers(6))
    if kind == 0:
        return "dropped", None
    if kind == 1 and isinstance(old, int | float) and not isinstance(old, bool):
        return "moved", old + [-1, 1, 2, 0.5][int(rng.integers(4))]
    if kind <= 2:
        return "huge", HUGE[int(rng.integers(len(HUGE)))]
    others = [None, True, 0, -1, 0.5, "", "x" * 40, [], {}, [[]], [None], {"a": 1}, ["a", "a"]]
    others += [float("nan"), float("inf"), "1985-01-01", "\ud800", [old], [old, old], {"x": old}]
    return "swapped", others[int(rng.integers(len(others)))]


def damaged_tensors(content: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield what was done, and the file with one array changed and sealed anew, `count` times."""
    rng, arrays = np.random.default_rng(seed), load(content)
    for _ in range(count):
        name = str(rng.choice(sorted(arrays)))
        what, changed = damaged_array(rng, arrays[name])
        held = {**arrays, name: changed}
        if changed is None:
            del held[name]
        yield f"{name} {what}", with_about(save(held, {"gatewise": "{}"}), about_of(content))


def damaged_array(rng: np.random.Generator, array: np.ndarray) -> tuple[str, np.ndarray | None]:
    """Return what was done, and the array in another shape or type or with another value."""
    kind = int(rng.integers(7))
    if kind == 0:
        return "dropped", None
    if kind == 1:
        return "flattened", np.ascontiguousarray(array).reshape(-1)
    if kind == 2:
        return "cut", np.atleast_1d(array)[:-1].copy()
    if kind == 3:
        return "emptied", np.atleast_1d(array)[:0].copy()
    if kind == 4:
        return "as other type", array.astype(
            [np.float64, np.float32, np.int32][int(rng.integers(3))]
        )
    changed = array.copy().reshape(-1)
    if changed.size:
        at = int(rng.integers(changed.size))
        values = [np.nan, np.inf, -1.0, 1e30] if array.dtype.kind == "f" else [-1, 0, 120, 10**9]
        changed[at] = np.array(values[int(rng.integers(4))]).astype(array.dtype)
    return "with another value", changed.reshape(array.shape)


def nested(depth: int) -> str:
    """Return JSON of lists inside lists."""
    return "[" * depth + "]" * depth
