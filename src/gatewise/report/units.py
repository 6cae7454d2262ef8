"""The order of units, slowest first, and the columns of the table of units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewise.report import ledger
from gatewise.unit import Unit

if TYPE_CHECKING:
    from gatewise.report.contents import Record

MAX_UNITS = 1024
SHUT, OPEN = 0.1, 0.9

Column = tuple[str, NDArray[Any], str]
"""Name, values [H], description."""


def tau_of(record: Record) -> NDArray[np.float64] | None:
    """Return the gate timescale of every unit, or None where nothing tells what is kept."""
    if record.tau is not None:
        return np.asarray(record.tau, dtype=np.float64)
    keep = ledger.keep_of(record)
    return None if keep is None else ledger.timescale(keep)


def time_scale(tau: NDArray[np.float64], unit: Unit) -> tuple[float, str]:
    """Return how long a step is in the unit in which timescales are listed, and that unit.

    The median decides: by the longest one, the others would all be small fractions of a day.
    """
    known = tau[np.isfinite(tau)]
    return unit.axis(float(np.median(known)) if known.size else 1.0)


def default_order(record: Record) -> tuple[NDArray[np.intp], str]:
    """Return all units, slowest first, and what they are ordered by."""
    tau = tau_of(record)
    if tau is not None:
        return _falling(tau), "τ, the gate timescale"
    name = "hidden" if "hidden" in record.quantities else next(iter(record.quantities))
    values = np.asarray(record.quantities[name], dtype=np.float64)
    return _falling(persistence(values)), f"how slowly the {name} value changes"


def thinned(order: NDArray[np.intp], most: int = MAX_UNITS) -> NDArray[np.intp]:
    """Return at most `most` units of `order`, at even distances along it."""
    if len(order) <= most:
        return order
    return order[np.linspace(0, len(order) - 1, most).round().astype(np.intp)]


def persistence(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lag-1 autocorrelation of each unit of `values` [T, H]; 1 for a constant one."""
    known = values[np.isfinite(values).all(axis=1)]
    if not len(known):
        return np.zeros(values.shape[1])
    centred = known - known.mean(axis=0)
    total = (centred**2).sum(axis=0)
    moved = (centred[1:] * centred[:-1]).sum(axis=0)
    return np.where(total > 0, moved / np.where(total > 0, total, 1.0), 1.0)


def columns_of(record: Record, unit: Unit) -> list[Column]:
    """Return the columns of the table: what the gates tell, then what the record brings along."""
    found: dict[str, Column] = {}
    tau = tau_of(record)
    if tau is not None:
        each, many = time_scale(tau, unit)
        found["τ"] = (
            "τ",
            tau * each,
            f"gate timescale, −1 / mean log keep, in {many}; gate path only",
        )
        text = f"{many} until half is left by the gate path alone"
        found["half-life"] = ("half-life", tau * each * np.log(2), text)
    spec = record.spec
    gates = spec.fractions if spec else ()
    for name in (name for name in gates if name in record.quantities):
        for share in _saturation(name, record.quantities[name]):
            found[share[0]] = share
    states = spec.states if spec else ("hidden",)
    for name in reversed(states):
        values = record.quantities.get(name)
        if values is not None and values.shape[1] == record.size:
            found |= {column[0]: column for column in _activity(name, values)}
    # Last, because a column that the caller brings replaces ours of the same name, in its place.
    for extra in record.columns:
        found[extra.name] = (extra.name, np.asarray(extra.values, float), extra.description)
    return list(found.values())


def _saturation(name: str, values: NDArray[Any]) -> list[Column]:
    count = np.maximum(np.isfinite(values).sum(axis=0), 1)
    shut, opened = (values < SHUT).sum(axis=0), (values > OPEN).sum(axis=0)
    return [
        (f"{name} < {SHUT}", shut / count, f"share of the steps at which the {name} gate is shut"),
        (
            f"{name} > {OPEN}",
            opened / count,
            f"share of the steps at which the {name} gate is open",
        ),
    ]


def _activity(name: str, values: NDArray[Any]) -> list[Column]:
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, values, 0).astype(np.float64)
    mean = filled.sum(axis=0) / count
    spread = np.sqrt(np.maximum((filled**2).sum(axis=0) / count - mean**2, 0))
    if name != "hidden":
        size = np.abs(filled).sum(axis=0) / count
        return [(f"mean |{name}|", size, f"mean size of the {name} state")]
    return [("sd hidden", spread, "how much the output of the unit varies; near 0 it is idle")]


def _falling(values: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.argsort(-np.nan_to_num(values, nan=-np.inf, posinf=np.inf), kind="stable")
