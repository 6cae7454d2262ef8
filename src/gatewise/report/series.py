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
    """Return the time axis: its kind is "steps", "calendar" (seconds since 1970) or "labels".

    Beside that, `symbols` has what stands at the steps of a row, by the row's number.
    """
    time = contents.time
    axis: dict[str, Any] = {"kind": "steps", "steps": contents.steps, "values": None}
    axis["unit"] = {"noun": contents.unit.noun, "size": contents.unit.size}
    axis["symbols"] = {
        one.row: {
            "symbols": list(one.symbols),
            "first": one.first,
            "expected": list(one.expected),
        }
        for one in contents.symbols
    }
    if time is None:
        return axis
    if time.dtype.kind in "UO":
        return axis | {"kind": "labels", "values": [str(label) for label in time]}
    kind = "calendar" if is_calendar(time) else "steps"
    return axis | {"kind": kind, "values": blobs.early(seconds(time), "f8")}


def strip_data(contents: Contents, blobs: Blobs) -> dict[str, Any]:
    """Return the lanes as JSON values: an input each, a target with its prediction, the error.

    Those of one row are there together; `row` says of which, null of all.
    """
    notes = [contents.series_note] if contents.series_note else []
    rows = {
        row: [s for s in contents.series if s.row == row]
        for row in dict.fromkeys(s.row for s in contents.series)
    }
    most = max((sum(_is_input(s) for s in found) for found in rows.values()), default=0)
    if most > MAX_INPUTS:
        notes.append(f"The first {MAX_INPUTS} of {most} inputs are drawn.")
    # beside the lines of a series, that of its error
    lines = sum(3 if s.low is not None else 1 for s in contents.series)
    lines += len({(s.row, s.name) for s in contents.series if s.role != "input"})
    stride = 1
    while lines * contents.steps > stride * LANE_VALUES:
        stride *= 4
    if stride > 1:
        notes.append(f"Lines show the lowest and the highest value of every {stride} steps.")
    lanes = [
        {**lane, "row": row}
        for row, found in rows.items()
        for lane in _lanes_of(found, stride, blobs)
    ]
    return {"lanes": lanes, "notes": notes}


def _is_input(series: Series) -> bool:
    return series.role == "input" and not series.lane


def _lanes_of(series: list[Series], stride: int, blobs: Blobs) -> list[dict[str, Any]]:
    """Return the lanes of the series of one row: those named together, inputs, then targets."""
    lanes: list[dict[str, Any]] = []
    for name in dict.fromkeys(s.lane for s in series if s.lane):
        together = [s for s in series if s.lane == name]
        lanes.append(_lane_together(name, together, stride, blobs))
    lanes += [
        {"name": s.name, "unit": s.unit, "lines": [_line(s, "", stride, blobs)]}
        for s in [s for s in series if _is_input(s)][:MAX_INPUTS]
    ]
    targets = [s for s in series if s.role != "input" and not s.lane]
    for name in dict.fromkeys(s.name for s in targets):
        lanes += _target_lanes(name, [s for s in targets if s.name == name], stride, blobs)
    return lanes


def _lane_together(name: str, series: list[Series], stride: int, blobs: Blobs) -> dict[str, Any]:
    """Return the lane of lines that are drawn together, or of classes, a row of blocks each.

    Lines that never leave 0 to 1, such as probabilities, are drawn on that scale.
    """
    classes = next((s.classes for s in series if s.classes), ())
    lines = [
        {
            # a pooled class is none: blocks are of single steps however many there are
            **_line(s, s.role, 1 if classes else stride, blobs),
            "name": s.name,
            "colour": s.colour,
        }
        for s in series
    ]
    unit = next((s.unit for s in series if s.unit), "")
    shares = all(((s.values >= 0) & (s.values <= 1) | np.isnan(s.values)).all() for s in series)
    return {
        "name": name,
        "unit": unit,
        "lines": lines,
        "classes": list(classes),
        "range": [0, 1] if shares else None,
        "together": True,
    }


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
