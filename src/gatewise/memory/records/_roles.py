"""Which array of a record keeps, which is written, which is held and which is read.

The cell's description says it: see `CellSpec.terms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewise.cells.records import cell_of, names_in
from gatewise.errors import InputError

if TYPE_CHECKING:
    from gatewise.cells import CellSpec

Record = Mapping[str, Any]
"""Gates and states by name, as `return_gates=True` and `gw.trace` give them: arrays or tensors."""

LAYOUT = "[..., time, batch, hidden]"


def as_array(value: Any, name: str) -> NDArray[Any]:
    """Return an array or a tensor of any device as a real NumPy array; raises InputError."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be read as an array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers; got {array.dtype}")
    return array


def spec_of_record(gates: Record) -> CellSpec:
    """Return the spec whose gates a record holds, all or some; raises InputError where none is meant."""
    if not isinstance(gates, Mapping):
        raise InputError(
            f"gates must be a record (a mapping of names to arrays {LAYOUT}); got "
            f"{type(gates).__name__}. Give arrays by keyword, such as keep="
        )
    return cell_of(gates)


def without_gate(spec: CellSpec) -> bool:
    """Tell whether a cell has no gate that says what it keeps."""
    return spec.keep_gate is None and spec.write_gate is None


def roles_of(
    gates: Record | None, roles: Sequence[str], given: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return those of `roles` that a record or the given arrays have; InputError where none is."""
    known = [role for role in roles if given.get(role) is not None]
    if gates is not None:
        spec = spec_of_record(gates)
        wanted = {role: spec.terms(role) for role in roles}
        known += [r for r, names in wanted.items() if names and all(n in gates for n, _ in names)]
    if not known:
        raise InputError(
            f"give a record of gates first, or one of {', '.join(f'{r}=' for r in roles)} as an "
            f"array {LAYOUT}"
        )
    return tuple(role for role in roles if role in known)


def is_batched(gates: Record) -> bool:
    """Tell whether the arrays of a record have a batch axis."""
    lengths = getattr(gates, "lengths", None)
    return lengths is None or getattr(lengths, "ndim", 1) > 0


def taken(gates: Record, name: str, batched: bool, instead: str) -> NDArray[Any]:
    """Return one array of a record, with a batch axis; raises InputError where it is not there."""
    if name not in gates:
        raise InputError(
            f"the record has no {name!r}; it has {', '.join(names_in(gates))}. Record it, or give "
            f"{instead}"
        )
    array = as_array(gates[name], name)
    return array if batched else array[..., None, :]
