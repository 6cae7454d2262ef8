"""Curves as JSON values."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.curve import Curve, Line


def curve_data(curve: Curve) -> dict[str, Any]:
    """Return one curve as JSON values."""
    return {
        "name": curve.name,
        "xLabel": curve.x_label,
        "yLabel": curve.y_label,
        "logX": curve.log_x,
        "logY": curve.log_y,
        "x": np.asarray(curve.x, float).tolist(),
        "lines": [_line_data(line) for line in curve.lines],
        "marks": [{"at": mark.at, "text": mark.text} for mark in curve.marks],
        "level": None if curve.level is None else {"at": curve.level.at, "text": curve.level.text},
    }


def _line_data(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "kind": line.kind,
        "dashed": line.dashed,
        "dot": line.dot,
        "colour": line.colour,
        "y": _values(line.y),
        "low": None if line.low is None else _values(line.low),
        "high": None if line.high is None else _values(line.high),
    }


def _values(values: Any) -> list[float]:
    return [float(f"{value:.7g}") for value in np.asarray(values, float).tolist()]
