"""Data and assets embedded in one HTML page: arrays as base64, JSON that cannot end its script."""

from __future__ import annotations

import base64
import json
import math
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Escaped so that no text of the user's can close the <script> element or open a comment in it.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def asset(name: str) -> str:
    """Return the text of a file of this package, such as `assets/page.css`."""
    return files("gatewise.report").joinpath(name).read_text(encoding="utf-8")


def script_json(value: Any) -> str:
    """Return `value` as JSON that is safe inside a <script> element; NaN and infinity become null."""
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escape in _UNSAFE.items():
        text = text.replace(character, escape)
    return text


def packed(values: NDArray[Any], kind: str) -> dict[str, str]:
    """Return an array as `{"kind": ..., "data": base64}`; kind is `u1`, `f4` or `f8`, little-endian."""
    raw = np.ascontiguousarray(values, dtype=f"<{kind}" if kind != "u1" else "u1").tobytes()
    return {"kind": kind, "data": base64.b64encode(raw).decode("ascii")}


def seconds(times: NDArray[Any]) -> NDArray[np.float64]:
    """Return timestamps as seconds since 1970, or step numbers, as float64."""
    if np.issubdtype(times.dtype, np.datetime64):
        return times.astype("datetime64[us]").astype(np.int64) / 1e6
    return times.astype(np.float64)


def is_calendar(times: NDArray[Any]) -> bool:
    """Return whether `times` are dates or datetimes rather than step numbers."""
    return bool(np.issubdtype(times.dtype, np.datetime64))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
