"""Lists of settings: names and values as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np


def definitions(values: Mapping[str, Any]) -> str:
    """Return nested settings as a two-column list of names and values."""
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>"
        for name, text in _flat(values, ())
    )
    return f'<dl class="facts">{rows}</dl>'


def _flat(values: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        path = (*above, str(name))
        if isinstance(value, dict) and value:
            yield from _flat(value, path)
        else:
            yield " · ".join(path).replace("_", " "), _text(value)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value) or "none"
    if isinstance(value, dict):
        return "none"
    if isinstance(value, np.datetime64):
        return _time_text(value)
    return str(value)


def _time_text(value: np.datetime64) -> str:
    """Return ISO text, without a clock where it is midnight, and a dash where there is no time."""
    if np.isnat(value):
        return "–"
    return str(value.astype("datetime64[s]")).removesuffix("T00:00:00").replace("T", " ")
