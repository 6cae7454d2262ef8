"""An estimator as a notebook shows it, whatever it learns: settings, state, scores if it has any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gatewise import notebook
from gatewise.options import options_of


def estimator_html(model: Any, title: str, fitted_on: str, evaluation: str) -> str:
    """Return an estimator: what is set to other than its default, and its `evaluation` as HTML, or "".

    `fitted_on` says what it was fitted on, such as "3 rows", and is not asked for before a fit.
    """
    changed = [
        (name.replace("_", " "), text_of(getattr(model, name)))
        for name, default, _ in options_of(model)
        if getattr(model, name) != default
    ]
    state = f"fitted on {fitted_on}" if fitted_on else "not fitted"
    parts = [
        notebook.small(f"{type(model).__name__}, {state}; settings that are not the defaults"),
        notebook.table(("setting", "value"), changed) if changed else "",
    ]
    return notebook.shown(title, *parts, evaluation)


def text_of(value: Any) -> str:
    """Return a setting as a table writes it."""
    if value is None:
        return "none"
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return ", ".join(map(str, value))
