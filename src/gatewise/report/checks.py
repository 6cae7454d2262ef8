"""Checks of what a page is filled with: what is wrong, where, and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.errors import InputError
from gatewise.report.ledger import spec_of

if TYPE_CHECKING:
    from gatewise.report.contents import Contents, Record

ROUNDING = 1e-5


def text(where: str, value: str) -> None:
    """Raise InputError for an empty text."""
    if not value.strip():
        raise InputError(f"{where} is empty: write a sentence, or leave the finding out")


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
