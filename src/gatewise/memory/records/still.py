"""Units that stand still: their state never moves, nothing is written to them, or nobody reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import OptionError
from gatewise.memory._base import Result, checked_options
from gatewise.memory.records._recorded import Slice, recorded
from gatewise.memory.records._roles import Record, roles_of
from gatewise.typing import Array
from gatewise.wording import counted


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StillUnits(Result):
    """Units that do nothing on the given inputs, by their gates and states alone.

    Attributes:
        spread: Largest minus smallest state of each unit over all steps and rows, `[..., H]`.
        largest_write: The largest absolute write to each unit; NaN for a cell without gates.
        largest_read: The largest absolute value that leaves each unit.
        still: Whether the state never moves by more than the tolerance.
        unwritten: Whether no write exceeds it.
        unread: Whether no value that leaves exceeds it.
    """

    spread: Array
    largest_write: Array
    largest_read: Array
    still: NDArray[np.bool_]
    unwritten: NDArray[np.bool_]
    unread: NDArray[np.bool_]

    @property
    def idle(self) -> NDArray[np.bool_]:
        """Whether any of the three holds, `[..., H]`."""
        return self.still | self.unwritten | self.unread

    @property
    def reading(self) -> str:
        """One sentence: how many units do nothing, and in which way."""
        return (
            f"{int(self.idle.sum())} of {counted(self.idle.size, 'unit')} stand still on these "
            f"inputs: {int(self.still.sum())} never move by more than "
            f"{self.settings['tolerance']}, {int(self.unwritten.sum())} are never written to, and "
            f"{int(self.unread.sum())} are never read."
        )

    @property
    def caveat(self) -> str:
        """On these inputs; a moving unit may be idle too."""
        return (
            "on these inputs only, every step counted, so without an interval; a unit that moves may "
            "still be of no use, which only the loss without it tells (idle_units)"
        )


@checked_options
def still_units(
    gates: Record | None = None,
    *,
    tolerance: float = 1e-3,
    state: ArrayLike | None = None,
    write: ArrayLike | None = None,
    read: ArrayLike | None = None,
) -> StillUnits:
    """Return the units whose state is constant, that are never written to, or never read.

    `max c - min c <= tolerance`, `max |i * g| <= tolerance`, `max |o * tanh c| <= tolerance` over
    all steps and rows. For a GRU the write is `(1 - z) * n` and the read `h`, for an RNN both are h.
    What a record or the arguments do not hold is not judged: its figures are NaN.

    Args:
        gates: A record of gates `[..., T, B, H]`; NaN pads the ends of rows.
        tolerance: In the units of the state; candidates and outputs lie between -1 and 1.
        state: The state as an array, instead of the record's.
        write: The write as an array.
        read: What leaves the unit as an array.

    Raises InputError for shapes that do not fit.
    """
    if not tolerance >= 0:
        raise OptionError(f"tolerance must not be negative; got {tolerance!r}")
    given = {"state": state, "write": write, "read": read}
    roles = roles_of(gates, ("state", "write", "read"), given)
    found = recorded(gates, roles, given=given)
    figures = {role: found.empty(found.units) for role in ("state", "write", "read")}
    for part in found:
        for role in roles:
            figures[role][part.place] = _extent(part, role)
    # what is not judged is NaN, and not below any tolerance
    with np.errstate(invalid="ignore"):
        below = {role: values <= tolerance for role, values in figures.items()}
    return StillUnits(
        spread=figures["state"],
        largest_write=figures["write"],
        largest_read=figures["read"],
        still=below["state"],
        unwritten=below["write"],
        unread=below["read"],
        settings={**found.settings(), "tolerance": tolerance, "judged": roles},
    )


def _extent(part: Slice, role: str) -> Array | float:
    """Return the range of a state, or the largest size of what flows, `[H]`."""
    valid = part.valid[:, :, None]
    if not valid.any():
        return np.nan
    values = part[role]
    if role != "state":
        return np.asarray(np.max(np.abs(values), axis=(0, 1), where=valid, initial=0.0))
    top = np.max(values, axis=(0, 1), where=valid, initial=-np.inf)
    return np.asarray(top - np.min(values, axis=(0, 1), where=valid, initial=np.inf))
