"""The terms of the page's ledger: the factor kept and the amount written at each step.

They follow from the description of the record's cell: carrier_t = keep_t * carrier_(t-1) + write_t.
LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000): c_t = f_t c_(t-1) + i_t g_t. GRU in torch's
form (Cho et al. 2014): h_t = z_t h_(t-1) + (1 - z_t) n_t. So the state at t is the sum of what every
step s wrote, times the product of the factors after s, and nothing is left over but rounding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewise.cells import CellSpec
from gatewise.report.contents import Record
from gatewise.typing import Array


class Parts(NamedTuple):
    """The terms of state_t = keep_t * state_(t-1) + write_t, and what shows the state, all [T, U]."""

    state_name: str
    keep: Array
    write: Array
    state: Array
    read: Array | None  # the output gate; None where the state itself is shown


def keep_gate(record: Record) -> str | None:
    """Return the gate that says what is kept of the old state, or None where a record has none.

    It is the factor itself, or that of what is written, which is one minus it.
    """
    spec = record.spec
    names = [name for name, _ in spec.terms("keep")] if spec else []
    return next((name for name in names if name in record.quantities), None)


def keep_of(record: Record) -> Array | None:
    """Return the factor on the old state `[T, H]`, or None where a record lacks it."""
    return _product(record, "keep", np.arange(record.size))


def parts(record: Record, units: NDArray[np.intp]) -> Parts | None:
    """Return the ledger's terms for `units`, or None where the record lacks one of them."""
    spec = record.spec
    if spec is None:
        return None
    keep, write, state = (_product(record, role, units) for role in ("keep", "write", "state"))
    if keep is None or write is None or state is None:
        return None
    shows = record.quantities.get(spec.read_gate or "")
    read = None if shows is None else np.asarray(shows[:, units], dtype=np.float64)
    return Parts(spec.carrier, keep, write, state, read)


def needed(record: Record) -> str:
    """Return in words what a record must hold to have a ledger; "" where none would do."""
    spec = record.spec
    if spec is None or not spec.terms("keep"):
        return ""
    names = dict.fromkeys(n for role in ("keep", "write", "state") for n, _ in spec.terms(role))
    words = [_noun(spec, name) for name in names]
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _noun(spec: CellSpec, name: str) -> str:
    kinds = {**dict.fromkeys(spec.fractions, " gate"), **dict.fromkeys(spec.states, " state")}
    return f"{name}{kinds.get(name, '')}"


def _product(record: Record, role: str, units: NDArray[np.intp]) -> Array | None:
    """Return the product of the terms of a role for `units`, or None where one is not recorded."""
    spec = record.spec
    terms = spec.terms(role) if spec else ()
    if not terms or any(name not in record.quantities for name, _ in terms):
        return None
    product = np.ones((record.steps, len(units)))
    for name, part in terms:
        values = np.asarray(record.quantities[name][:, units], dtype=np.float64)
        product *= 1 - values if part == "rest" else values
    return product


def timescale(keep: NDArray[Any]) -> Array:
    """Return tau = -1 / mean(log keep) of every unit of `keep` [T, H], in steps; gate path only."""
    known = np.isfinite(keep)
    logs = np.log(
        np.clip(keep, 0, 1, dtype=np.float64),
        where=known & (keep > 0),
        out=np.where(known, -np.inf, 0.0),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        tau = -known.sum(axis=0) / logs.sum(axis=0)
    tau[logs.sum(axis=0) == 0] = np.inf
    return np.where(known.any(axis=0), tau, np.nan)
