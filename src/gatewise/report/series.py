"""The data of the strip: the time axis, inputs, targets and predictions along it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.report.blobs import Blobs
from gatewise.report.contents import Contents, Series
from gatewise.report.embed import is_calendar, seconds

MAX_INPUTS = 12
LANE_VALUES = 4_000_000
"""Values of all lines together; beyond, a line is the range of each stretch."""


def time_data(contents: Contents, blobs: Blobs) -> dict[str, Any]:
    """Return the time axis: its kind is "steps", "calendar" (seconds since 1970) or "labels"."""
    time = contents.time
    axis: dict[str, Any] = {"kind": "steps", "steps": contents.steps, "values": None}
    axis["unit"] = {"noun": contents.unit.noun, "size": contents.unit.size}
    if time is None:
        return axis
    if time.dtype.kind in "UO":
        return axis | {"kind": "labels", "values": [str(label) for label in time]}
    kind = "calendar" if is_calendar(time) else "steps"
    return axis | {"kind": kind, "values": blobs.early(seconds(time), "f8")}


def strip_data(contents: Contents, blobs: Blobs) -> dict[str, Any]:
    """Return the lanes as JSON values: an input each, a target with its prediction, the error."""
    series = contents.series
    inputs = [s for s in series if s.role == "input"]
    notes = [contents.series_note] if contents.series_note else []
    if len(inputs) > MAX_INPUTS:
        notes.append(f"The first {MAX_INPUTS} of {len(inputs)} inputs are drawn.")
    names = dict.fromkeys(s.name for s in series if s.role != "input")
    drawn = inputs[:MAX_INPUTS] + [s for s in series if s.role != "input"]
    lines = sum(3 if s.low is not None else 1 for s in drawn) + len(names)
    stride = 1
    while lines * contents.steps > stride * LANE_VALUES:
        stride *= 4
    if stride > 1:
        notes.append(f"Lines show the lowest and the highest value of every {stride} steps.")
    lanes = [
        {"name": s.name, "unit": s.unit, "lines": [_line(s, "", stride, blobs)]}
        for s in inputs[:MAX_INPUTS]
    ]
    for name in names:
        lanes += _target_lanes(name, [s for s in series if s.name == name], stride, blobs)
    return {"lanes": lanes, "notes": notes}


def _target_lanes(
    name: str, found: list[Series], stride: int, blobs: Blobs
) -> list[dict[str, Any]]:
    """Return the lane of a target with its prediction, and the lane of the prediction's error."""
    lines = [
        _line(s, s.role, stride, blobs)
        # The prediction is drawn last, on top.
        for role in ("target", "prediction")
        for s in found
        if s.role == role
    ]
    unit = next((s.unit for s in found if s.unit), "")
    lanes: list[dict[str, Any]] = [{"name": name, "unit": unit, "lines": lines}]
    target = next((s for s in found if s.role == "target"), None)
    predicted = next((s for s in found if s.role == "prediction"), None)
    if target is not None and predicted is not None:
        error = Series(f"error of {name}", predicted.values - target.values, unit=unit)
        lanes.append(
            {
                "name": error.name,
                "unit": unit,
                "zero": True,
                "lines": [_line(error, "error", stride, blobs)],
            }
        )
    return lanes


def _line(series: Series, role: str, stride: int, blobs: Blobs) -> dict[str, Any]:
    low, high = _ranges(series.values, stride)
    line: dict[str, Any] = {"role": role, "stride": stride, "low": blobs.early(low, "f4")}
    line["high"] = line["low"] if stride == 1 else blobs.early(high, "f4")
    if series.low is not None and series.high is not None:
        line["bandLow"] = blobs.early(_ranges(series.low, stride)[0], "f4")
        line["bandHigh"] = blobs.early(_ranges(series.high, stride)[1], "f4")
    return line


def _ranges(values: NDArray[Any], stride: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the lowest and the highest known value of every `stride` steps."""
    if stride == 1:
        return values, values
    padded = np.pad(values.astype(np.float64), (0, -len(values) % stride), constant_values=np.nan)
    table = padded.reshape(-1, stride)
    return np.fmin.reduce(table, axis=1), np.fmax.reduce(table, axis=1)
