"""The data of the heatmaps, the panels of one unit and the ledger.

All units are in the page as an overview. Raw steps are in blocks of `ROWS` units, slowest first, as
many as the limit allows; the terms of the ledger, which bytes are too coarse for, are there in
float32 for the leading units. The page says which units are without. Sizes: T steps, H units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.report import ledger
from gatewise.report.blobs import Blobs
from gatewise.report.contents import Record
from gatewise.report.levels import FACTOR, Bytes, pool_to, pooling, scale_of, to_bytes
from gatewise.report.units import (
    columns_of,
    default_order,
    persistence,
    tau_of,
    thinned,
    time_scale,
)
from gatewise.unit import Unit

ROWS = 32
OVERVIEW_COLUMNS = 4096
OVERVIEW_CELLS = 16_000_000
"""Bytes of all overviews together, before compression."""
EXACT_BYTES = 10_000_000
"""Bytes of the terms of all ledgers together, before compression."""


@dataclass(frozen=True)
class _Quantity:
    """One quantity on its way into the page; `levels` [H, T] has its rows in the order of slots."""

    payload: dict[str, Any]
    levels: Bytes


def records_data(
    records: tuple[Record, ...], blobs: Blobs, limit: int, unit: Unit
) -> list[dict[str, Any]]:
    """Return the records as JSON values, with their arrays in `blobs`.

    `limit` bounds the bytes of raw steps in the page, as they stand in it.
    """
    stride = overview_stride(records)
    payloads, quantities = [], []
    exact_bytes = EXACT_BYTES // max(1, len(records))
    for record in records:
        order, ordered_by = default_order(record)
        slots = thinned(order)
        found = [_quantity(record, name, slots, stride, blobs) for name in record.quantities]
        payloads.append(
            {
                **_place(record),
                "slots": slots.tolist(),
                "orderedBy": ordered_by,
                "orders": _orders(record, slots),
                "quantities": [each.payload for each in found],
                "exact": _exact(record, slots, blobs, exact_bytes),
                "timesIn": _times_in(record, unit),
                "table": [
                    {"name": name, "description": text, "values": _json(values[slots])}
                    for name, values, text in columns_of(record, unit)
                ],
            }
        )
        quantities += found
    # Raw steps come last: overviews of every record must be in, whatever the limit leaves for these.
    _add_blocks(quantities, blobs, limit)
    return payloads


def overview_stride(records: tuple[Record, ...]) -> int:
    """Return how many steps one column of the overviews pools: a power of `FACTOR`."""
    steps = max((record.steps for record in records), default=0)
    rows = sum(
        min(values.shape[1], 1024) for record in records for values in record.quantities.values()
    )
    stride = 1
    while steps > stride * OVERVIEW_COLUMNS or rows * steps > stride * OVERVIEW_CELLS:
        stride *= FACTOR
    return stride


def python_text(name: str) -> str:
    """Return a name as it stands between double quotes in Python, whatever is in it.

    Braces are escaped too, in which the page looks for what to fill in.
    """
    text = repr(f'"{name}')[2:-1].replace('"', '\\"')  # a double quote makes repr take single ones
    return text.replace("{", "\\x7b").replace("}", "\\x7d")


def _place(record: Record) -> dict[str, Any]:
    return {
        "module": record.module,
        "cell": record.cell,
        "first": ledger.keep_gate(record),
        "needed": ledger.needed(record),
        "layer": record.layer,
        "direction": record.direction,
        "row": record.row,
        "rowName": record.row_name or f"row {record.row}",
        "start": record.start,
        "last": _last(record),
        "python": record.python.replace("{module}", python_text(record.module)),
        "setup": record.setup,
        "size": record.size,
    }


def _last(record: Record) -> int:
    """Return the last step that has a value: a short row ends before the page's time axis."""
    known = [np.isfinite(values).any(axis=1) for values in record.quantities.values()]
    steps = np.flatnonzero(np.logical_or.reduce(known))
    return int(steps[-1]) if steps.size else record.steps - 1


def _quantity(
    record: Record, name: str, slots: NDArray[np.intp], stride: int, blobs: Blobs
) -> _Quantity:
    values = record.quantities[name]
    spec = record.spec
    scale, mode = scale_of(spec, name, values), pooling(spec, name)
    payload: dict[str, Any] = {
        "name": name,
        "title": spec.meaning(name) if spec else name,
        "mode": mode,
        "low": scale.low,
        "high": scale.high,
        "signed": scale.signed,
        "clipped": scale.clipped,
        "stride": stride,
        "blocks": [],
    }
    if values.shape[1] != record.size:
        # A projection mixes units: its outputs are no units of the cell, and have an order of their own.
        slow = np.argsort(-persistence(np.asarray(values, float)), kind="stable")
        slots = thinned(slow)
        payload["slots"] = slots.tolist()
    levels = to_bytes(values[:, slots], scale)
    payload["overview"] = blobs.early(pool_to(levels, mode, stride), "u1")
    return _Quantity(payload, levels)


def _add_blocks(quantities: list[_Quantity], blobs: Blobs, limit: int) -> None:
    """Add the raw steps, the leading units of every quantity first, until the limit is reached."""
    if not quantities or quantities[0].payload["stride"] == 1:
        return  # the overview is the record itself
    for first in range(0, max(len(each.levels) for each in quantities), ROWS):
        for each in quantities:
            if first >= len(each.levels):
                continue
            name = blobs.late(each.levels[first : first + ROWS], "u1", limit=limit)
            if name is None:
                return
            each.payload["blocks"].append(name)


def _exact(
    record: Record, slots: NDArray[np.intp], blobs: Blobs, most: int
) -> dict[str, Any] | None:
    """Return the terms of the ledger for as many leading units as `most` bytes hold."""
    count = max(1, most // (4 * 4 * record.steps))
    found = ledger.parts(record, slots[:count])
    if found is None:
        return None
    initial = None if record.initial is None else _json(record.initial[slots[:count]])
    blob = {
        name: blobs.late(values.T, "f4")
        for name, values in (("keep", found.keep), ("write", found.write), ("state", found.state))
    }
    read = None if found.read is None else blobs.late(found.read.T, "f4")
    return {
        "state_name": found.state_name,
        "units": len(slots[:count]),
        **blob,
        "read": read,
        "initial": initial,
    }


def _orders(record: Record, slots: NDArray[np.intp]) -> list[dict[str, Any]]:
    """Return the record's own orders, restricted to the units that are in the page."""
    shown = set(slots.tolist())
    return [
        {"name": name, "units": [int(unit) for unit in order if int(unit) in shown]}
        for name, order in record.orders.items()
    ]


def _times_in(record: Record, unit: Unit) -> str | None:
    """Return the unit of the timescales in the table of units; None where it has none of ours."""
    tau = None if any(extra.name == "τ" for extra in record.columns) else tau_of(record)
    return None if tau is None else time_scale(tau, unit)[1]


def _json(values: NDArray[Any]) -> list[float | str | None]:
    return list(_numbers(values))


def _numbers(values: NDArray[Any]) -> Iterator[float | str | None]:
    """Yield numbers short enough for a table; JSON has no infinity."""
    for value in np.asarray(values, dtype=np.float64).tolist():
        if np.isnan(value):
            yield None
        elif np.isinf(value):
            yield "inf" if value > 0 else "-inf"
        else:
            yield float(f"{value:.9g}")
