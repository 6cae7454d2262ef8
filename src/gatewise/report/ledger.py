"""What the ledger of the page is computed from: the factor kept and the amount written each step.

LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000): c_t = f_t c_(t-1) + i_t g_t. GRU in torch's
form (Cho et al. 2014): h_t = z_t h_(t-1) + (1 - z_t) n_t. So the state at t is the sum of what every
step s wrote, times the product of the factors after s, and nothing is left over but rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewise.typing import Array

if TYPE_CHECKING:
    from gatewise.report.contents import Record


class Parts(NamedTuple):
    """The terms of state_t = keep_t * state_(t-1) + write_t, and what shows the state, all [T, U]."""

    state_name: str
    keep: Array
    write: Array
    state: Array
    read: Array | None  # the output gate; None where the state itself is shown


def keep_gate(record: Record) -> str | None:
    """Return the gate that is the factor on the old state, or None where a record has none."""
    return next((name for name in ("forget", "update") if name in record.quantities), None)


def parts(record: Record, units: NDArray[np.intp]) -> Parts | None:
    """Return the ledger's terms for `units`, or None where the record lacks one of them."""
    has = record.quantities.keys()

    def of(name: str) -> Array:
        return np.asarray(record.quantities[name][:, units], dtype=np.float64)

    if {"forget", "input", "candidate", "cell"} <= has:
        read = of("output") if "output" in has else None
        return Parts("cell", of("forget"), of("input") * of("candidate"), of("cell"), read)
    if {"update", "candidate", "hidden"} <= has:
        keep = of("update")
        return Parts("hidden", keep, (1 - keep) * of("candidate"), of("hidden"), None)
    return None


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
