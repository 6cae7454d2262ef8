"""Which cell a record of gates is of: the record says so, and its names are not asked.

A name may stand for different things: `forget` keeps in an LSTM and overwrites in a minimal gated
unit. So what one record means never depends on which other cells are registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.cells import CELLS, CellSpec
from gatewise.errors import InputError, nearest

KIND = "kind"
"""The attribute of a record, or the key of a plain mapping of arrays, that names its cell."""


def cell_of(record: Mapping[str, Any]) -> CellSpec:
    """Return the description of the cell whose gates a record holds, all or some.

    `return_gates=True` and `gw.trace` give records that say it; a plain mapping of arrays does under
    the key "kind". Raises InputError for a record that does not, and for an unknown cell.
    """
    kind = getattr(record, KIND, None) or record.get(KIND)
    if kind is None:
        raise InputError(
            f"a record with {', '.join(names_in(record)) or 'no arrays'} does not say of which cell it "
            "is; give what return_gates=True or gw.trace returns, or a mapping with a kind, such as "
            '{"kind": "lstm", "forget": ...}'
        )
    if not isinstance(kind, str) or kind not in CELLS:
        raise InputError(
            f"the kind of a record must be a registered cell, one of {', '.join(map(repr, CELLS))}; "
            f"got {kind!r}.{nearest(kind, CELLS)}"
        )
    return CELLS[kind]


def names_in(record: Mapping[str, Any]) -> list[str]:
    """Return the names of the gates and states in a record."""
    return [name for name in record if name != KIND]
