"""Checks of what a page is filled with: what is wrong, where, and the fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.errors import InputError
from gatewise.report.ledger import spec_of

if TYPE_CHECKING:
    from gatewise.report.contents import Contents, Curve, Record

ROUNDING = 1e-5


def text(where: str, value: str) -> None:
    """Raise InputError for an empty text."""
    if not value.strip():
        raise InputError(f"{where} is empty: write a sentence, or leave the finding out")


def one_of(where: str, value: str, known: Sequence[str]) -> None:
    """Raise InputError unless `value` is among `known`."""
    if value not in known:
        raise InputError(f"{where} must be one of {', '.join(map(repr, known))}; got {value!r}")


def band(where: str, values: Any, low: Any, high: Any) -> None:
    """Raise InputError unless all three are `[N]` of one length, and low and high come together."""
    if (low is None) != (high is None):
        raise InputError(f"{where}: low and high belong together; only one of them was given")
    for name, array in (("values", values), ("low", low), ("high", high)):
        if array is not None and np.shape(array) != (np.size(values),):
            raise InputError(
                f"{where}: {name} must be one row of {np.size(values)} numbers; got shape "
                f"{list(np.shape(array))}"
            )


def curve(curve: Curve) -> None:
    """Raise InputError unless x increases and every line is as long."""
    where = f"Curve {curve.name!r}"
    if not curve.lines:
        raise InputError(f"{where} has no line")
    if np.ndim(curve.x) != 1 or len(curve.x) == 0 or bool(np.any(np.diff(curve.x) <= 0)):
        raise InputError(f"{where}: x must be one row of increasing numbers")
    if curve.log_x and curve.x[0] <= 0:
        raise InputError(f"{where}: log_x needs x above 0; it begins with {curve.x[0]:g}")
    for line in curve.lines:
        if len(line.y) != len(curve.x):
            raise InputError(
                f"{where}: line {line.name!r} has {len(line.y)} points, x has {len(curve.x)}"
            )


def record(record: Record) -> None:
    """Raise InputError unless shapes agree and gates lie between 0 and 1."""
    where = f"Record {record.module!r} (layer={record.layer}, direction={record.direction})"
    if not record.quantities:
        raise InputError(f"{where} has no quantities")
    for name, values in record.quantities.items():
        if np.ndim(values) != 2 or 0 in np.shape(values):
            raise InputError(
                f"{where}: {name} must be [T, H], one row of the batch; got shape "
                f"{list(np.shape(values))}"
            )
    steps, size = record.steps, record.size
    spec = spec_of(record)
    for name, values in record.quantities.items():
        # A projection gives the hidden state a width of its own.
        if len(values) != steps or (name != "hidden" and values.shape[1] != size):
            raise InputError(
                f"{where}: {name} has shape {list(values.shape)}; the others have {[steps, size]}"
            )
        if spec and name in spec.fractions:
            _gate(f"{where}: {name}", values)
    if record.direction not in (0, 1):
        raise InputError(f"{where}: direction must be 0 (forward) or 1 (reverse)")
    lengths = {"tau": record.tau, "initial": record.initial}
    lengths |= {f"column {column.name!r}": column.values for column in record.columns}
    for name, row in lengths.items():
        if row is not None and np.shape(row) != (size,):
            raise InputError(f"{where}: {name} must be [{size}]; got shape {list(np.shape(row))}")
    for name, order in record.orders.items():
        if not np.array_equal(np.sort(order), np.arange(size)):
            raise InputError(f"{where}: order {name!r} must hold each of 0..{size - 1} once")


def contents(contents: Contents) -> None:
    """Raise InputError unless all that stands on the time axis is as long as it."""
    steps = contents.steps
    text("Contents.title", contents.title)
    if (
        contents.time is not None
        and contents.time.dtype.kind == "M"
        and np.isnat(contents.time).any()
    ):
        raise InputError(
            f"Contents: time has no value at step {int(np.isnat(contents.time).argmax())}; give every "
            "step a time, or none"
        )
    parts = [(f"series {s.name!r}", len(s.values)) for s in contents.series]
    parts += [(repr(r), r.steps) for r in contents.records]
    for name, length in parts:
        if length != steps:
            raise InputError(
                f"Contents: {name} has {length} steps, the time axis {steps}; cut it, or fill it "
                "up with NaN"
            )
    keys = [record.key for record in contents.records]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            module, row, layer, direction = key
            raise InputError(
                f"Contents: two records of {module!r}, row={row}, layer={layer}, direction="
                f"{direction}; each needs a key of its own"
            )


def _gate(where: str, values: Any) -> None:
    low, high = np.nanmin(values, initial=0.0), np.nanmax(values, initial=0.0)
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise InputError(
            f"{where} must lie between 0 and 1 (an activated gate); it runs from {low:g} to {high:g}"
        )
