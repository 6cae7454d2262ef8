"""A trace as a table, long or wide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from gatewise.errors import InputError, OptionError, nearest
from gatewise.tracing._arrays import as_array
from gatewise.tracing._recordings import Recordings
from gatewise.typing import Names

KEYS = ("module", "call", "layer", "direction", "step", "row", "unit")
_FORMS = ("wide", "long")
_BACKENDS = ("polars", "pandas", "pyarrow")
_DIRECTIONS = ("forward", "reverse")


def as_dataframe(
    trace: Recordings,
    names: Names | None,
    quantities: Names | None,
    *,
    form: str,
    backend: str,
    max_rows: int,
) -> Any:
    """Return records as a table; see `Trace.to_dataframe`."""
    for option, value, known in (("form", form, _FORMS), ("backend", backend, _BACKENDS)):
        if not isinstance(value, str) or value not in known:
            raise InputError(
                f"to_dataframe: {option}={value!r}: use {', '.join(map(repr, known))}."
                f"{nearest(str(value), known)}"
            )
    if isinstance(max_rows, bool) or not isinstance(max_rows, int) or max_rows <= 0:
        raise OptionError(f"to_dataframe: max_rows must be a positive integer; got {max_rows!r}")
    for option, given in (("names", names), ("quantities", quantities)):
        if given is not None and not len(given) and not isinstance(given, str):
            raise InputError(f"to_dataframe: {option} is empty; name at least one, or None for all")
    columns = _columns(trace, names, quantities)
    wanted = set(columns)
    blocks = [
        (name, call, [q for q in trace.quantities(name) if q in wanted])
        for name in _listed(names, trace.names)
        for call in range(trace.count(name))
        if not wanted.isdisjoint(trace.quantities(name))
    ]
    if not blocks:
        raise InputError("to_dataframe: nothing is recorded yet; run the model inside the trace")
    # counted before anything is built: a table of a long trace may not fit into memory
    rows = sum(_rows(trace, *block, form) for block in blocks)
    if rows > max_rows:
        raise InputError(
            f"to_dataframe: the table would have {rows:,} rows, more than max_rows={max_rows:,}; "
            "choose names and quantities here, or units and steps in trace(); or use to_xarray() or "
            "the arrays as they are"
        )
    every = []
    dtype = np.result_type(*(_type_of(trace, *block) for block in blocks))
    for block in blocks:
        every += _frames(
            trace, *block, columns=dict.fromkeys(columns, dtype), form=form, backend=backend
        )
    return nw.concat(every, how="vertical").to_native()


def _listed(names: Names | None, every: Sequence[str]) -> list[str]:
    return list(every) if names is None else [names] if isinstance(names, str) else list(names)


def _columns(trace: Recordings, names: Names | None, quantities: Names | None) -> list[str]:
    """Return the columns of values, in the order of the cells."""
    modules = _listed(names, trace.names)
    known = list(dict.fromkeys(q for name in modules for q in trace.quantities(name)))
    for quantity in _listed(quantities, ()):
        if quantity not in known:
            raise InputError(
                f"to_dataframe: no quantity {quantity!r} is recorded; there are "
                f"{', '.join(known)}.{nearest(quantity, known)}"
            )
    return [q for q in known if q in _listed(quantities, known)]


def _groups(trace: Recordings, name: str, quantities: list[str], form: str) -> list[list[str]]:
    """Return which quantities stand in the same rows: those of the same units, or each alone."""
    if form == "long":
        return [[q] for q in quantities]
    kept = trace.kept(name)
    units = [q for q in quantities if not kept.is_projected(q)]
    return [group for group in (units, [q for q in quantities if kept.is_projected(q)]) if group]


def _rows(trace: Recordings, name: str, call: int, quantities: list[str], form: str) -> int:
    record = trace.record(name, call)
    gates = record.gates()
    heads = [gates[group[0]] for group in _groups(trace, name, quantities, form)]
    return int(record.lengths.sum()) * sum(h.shape[0] * h.shape[1] * h.shape[-1] for h in heads)


def _type_of(trace: Recordings, name: str, call: int, quantities: list[str]) -> Any:
    gates = trace.record(name, call).gates()
    return np.result_type(*(as_array(gates[q][:0]).dtype for q in quantities))


def _frames(
    trace: Recordings,
    name: str,
    call: int,
    quantities: list[str],
    *,
    columns: dict[str, Any],
    form: str,
    backend: str,
) -> list[nw.DataFrame[Any]]:
    """Return the tables of one call; `columns` are those of the wide form, with their types."""
    record = trace.record(name, call)
    lengths = record.lengths.reshape(-1).cpu().numpy()
    found = []
    for group in _groups(trace, name, quantities, form):
        gates = {q: record.gates()[q] for q in group}
        values = {q: as_array(v if v.dim() == 5 else v.unsqueeze(3)) for q, v in gates.items()}
        shape = values[group[0]].shape
        units = None if trace.kept(name).is_projected(group[0]) else trace.units(name)
        inside = np.arange(shape[2])[:, None] < lengths  # [K, B]
        valid = np.broadcast_to(inside[None, None, :, :, None], shape)
        data: dict[str, NDArray[Any]] = _keys(valid, record.steps, units)
        count = len(data["step"])
        if form == "long":
            data["value"] = values[group[0]][valid].astype(columns[group[0]], copy=False)
        else:
            for q, dtype in columns.items():
                data[q] = (
                    values[q][valid].astype(dtype, copy=False)
                    if q in values
                    else np.full(count, np.nan, dtype)
                )
        frame = nw.from_dict(data, backend=backend)  # type: ignore[arg-type]  # one of _BACKENDS
        found.append(_labelled(frame, name, call, group[0] if form == "long" else None))
    return found


def _keys(
    valid: NDArray[np.bool_], steps: range, units: tuple[int, ...] | None
) -> dict[str, NDArray[Any]]:
    """Return the index columns of the valid elements `[L, D, K, B, U]`."""
    labels = [np.arange(n, dtype=np.int32) for n in valid.shape]
    labels[2] = np.array(steps, dtype=np.int32)
    if units is not None:
        labels[4] = np.array(units, dtype=np.int32)
    found = {}
    for axis, key in enumerate(("layer", "direction", "step", "row", "unit")):
        along = labels[axis].reshape([-1 if i == axis else 1 for i in range(5)])
        found[key] = np.broadcast_to(along, valid.shape)[valid]
    return found


def _labelled(
    frame: nw.DataFrame[Any], name: str, call: int, quantity: str | None
) -> nw.DataFrame[Any]:
    """Add what is the same in all rows, and put the columns in order."""
    side = nw.when(nw.col("direction") == 0).then(nw.lit(_DIRECTIONS[0]))
    constants = {"module": nw.lit(name), "call": nw.lit(call, nw.Int32)}
    if quantity is not None:
        constants["quantity"] = nw.lit(quantity)
    frame = frame.with_columns(
        side.otherwise(nw.lit(_DIRECTIONS[1])).alias("direction"),
        *(value.alias(key) for key, value in constants.items()),
    )
    rest = [column for column in frame.columns if column not in (*KEYS, "quantity")]
    return frame.select(*KEYS, *(() if quantity is None else ("quantity",)), *rest)
