"""One call of a trace as an xarray Dataset; xarray is an optional dependency."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from gatewise.errors import InputError, how_to_install
from gatewise.tracing._arrays import as_array
from gatewise.tracing._recordings import Recordings


def as_dataset(trace: Recordings, name: str | None, call: int) -> Any:
    """Return one call of a module as a Dataset; see `Trace.to_xarray`."""
    try:
        xarray: Any = import_module("xarray")
    except ImportError as error:
        raise InputError(
            f"to_xarray needs xarray, which is not installed: {how_to_install('xarray')}"
        ) from error
    if name is None:
        if len(trace.names) != 1:
            raise InputError(
                f"to_xarray: name one module of {', '.join(map(repr, trace.names))}; a Dataset holds "
                "one"
            )
        [name] = trace.names
    record = trace.record(name, call)
    gates = record.gates()
    kept = trace.kept(name)
    units = kept.units
    variables = {}
    for quantity, value in gates.items():
        lead = ("layer", "direction", "step", "row")[: value.dim() - 1]
        last = "value" if kept.is_projected(quantity) else "unit"
        variables[quantity] = ((*lead, last), as_array(value))
        if last == "unit":
            units = units or tuple(range(value.shape[-1]))
    coordinates = _coordinates(record.steps, units, gates[next(iter(gates))].shape[:2])
    # a module called without a batch axis has one length, not one a row
    is_batched = "row" in next(iter(variables.values()))[0]
    coordinates["length"] = ((("row",) if is_batched else ()), as_array(record.lengths))
    used = {dimension for dims, _ in variables.values() for dimension in dims}
    wanted = {key: value for key, value in coordinates.items() if key == "length" or key in used}
    return xarray.Dataset(
        variables, wanted, {"module": name, "cell": trace.cell(name), "total_steps": record.total}
    )


def _coordinates(steps: range, units: tuple[int, ...] | None, lead: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "layer": np.arange(lead[0]),
        "direction": ["forward", "reverse"][: lead[1]],
        "step": np.array(steps),
    }
    if units is not None:
        found["unit"] = np.array(units)
    return found
