"""A record of gates as the functions of this package read it: checked, by layer, in float64."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import InputError
from gatewise.memory.records._roles import (
    LAYOUT,
    Record,
    as_array,
    is_batched,
    spec_of_record,
    taken,
)
from gatewise.typing import Array
from gatewise.wording import figure

if TYPE_CHECKING:
    from gatewise.cells import CellSpec


@dataclass(frozen=True, eq=False)
class Slice:
    """One layer in one direction, in float64, its steps in the order in which they were taken.

    Attributes:
        place: Its index in the leading axes.
        arrays: By role or name, `[T, B, H]`, NaN past each row's end.
        lengths: The steps of each row, int64 `[B]`.
        backwards: Whether the steps were taken from each row's end to its start.
    """

    place: tuple[int, ...]
    arrays: Mapping[str, Array]
    lengths: NDArray[np.int64]
    backwards: bool

    def __getitem__(self, role: str) -> Array:
        return self.arrays[role]

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which steps belong to a row, `[T, B]`."""
        steps = next(iter(self.arrays.values())).shape[0]
        return np.arange(steps)[:, None] < self.lengths

    def in_time(self, values: Array) -> Array:
        """Return `values [T, B, ...]` in the order of time; undoes and does the reordering."""
        return _turned(values, self.lengths) if self.backwards else values


@dataclass(frozen=True, eq=False)
class Recorded:
    """The arrays that a function asked for, checked against one another.

    Attributes:
        cell: The name of the cell's spec, or "arrays" where arrays were given by role.
        lead: The leading axes, such as `(layers, directions)`.
        steps: T, rows: B, units: H.
        lengths: The steps of each row, int64 `[*lead, B]`.
    """

    cell: str
    lead: tuple[int, ...]
    steps: int
    rows: int
    units: int
    lengths: NDArray[np.int64]
    sources: Mapping[str, tuple[_Source, ...]]
    bidirectional: bool

    def __iter__(self) -> Iterator[Slice]:
        """Iterate over the layers and directions."""
        for place in np.ndindex(*self.lead):
            backwards = self.bidirectional and place[-1] == 1
            lengths = self.lengths[place]
            arrays = {}
            for role, sources in self.sources.items():
                value = np.ones((), dtype=np.float64)
                for source in sources:
                    value = value * source.at(place)
                arrays[role] = _turned(value, lengths) if backwards else value
            yield Slice(place, arrays, lengths, backwards)

    def empty(self, *shape: int) -> Array:
        """Return `[*lead, *shape]` of NaN, to be filled slice by slice."""
        return np.full((*self.lead, *shape), np.nan)

    def settings(self) -> dict[str, Any]:
        """Return what a result says of the record that it was made from."""
        return {
            "cell": self.cell,
            "leading_axes": self.lead,
            "time": self.steps,
            "batch": self.rows,
            "hidden": self.units,
            "valid_steps": int(self.lengths.sum()),
        }


@dataclass(frozen=True, eq=False)
class _Source:
    """One array `[..., T, B, H]` of a product; `part` says what of it is meant."""

    name: str
    values: NDArray[Any]
    part: str = "itself"  # or "rest" for 1 - values, "tanh" for tanh(values)
    gate: bool = False  # a factor, between 0 and 1

    def at(self, place: tuple[int, ...]) -> Array:
        values: Array = self.values[place].astype(np.float64)
        if self.part == "rest":
            return 1 - values
        return np.tanh(values) if self.part == "tanh" else values


def recorded(
    gates: Record | None,
    roles: Sequence[str],
    *,
    given: Mapping[str, Any] | None = None,
) -> Recorded:
    """Return the arrays for `roles` ("keep", "write", "state", "read") of a record, or as `given`.

    `given` are arrays by role, which stand before those of the record. Arrays are `[..., T, B, H]`,
    with five axes `[layers, directions, T, B, H]`, of which direction 1 was run from each row's end to
    its start; NaN past the end of a row is padding.

    Raises InputError where a role has no array, and for shapes, values and NaN that do not fit.
    """
    explicit = {role: value for role, value in (given or {}).items() if value is not None}
    # an array that is given stands before the record's, so that one role can be replaced
    missing = [role for role in roles if role not in explicit]
    spec = None
    sources: dict[str, tuple[_Source, ...]] = {
        role: (_Source(role, as_array(explicit[role], role), gate=role == "keep"),)
        for role in roles
        if role in explicit
    }
    if missing:
        if gates is None:
            raise InputError(
                f"{missing[0]} is missing: give a record of gates first, or {missing[0]}= as an "
                f"array {LAYOUT}"
            )
        spec = spec_of_record(gates)
        batched = is_batched(gates)
        for role in missing:
            sources[role] = _sources(spec, role, gates, batched)
    return _checked(
        {role: sources[role] for role in roles}, "arrays" if spec is None else spec.name
    )


def named(gates: Record, names: Sequence[str], *, gates_only: bool = False) -> Recorded:
    """Return arrays of a record by their own names, all of one shape; InputError where they differ.

    `gates_only` demands values between 0 and 1.
    """
    batched = is_batched(gates)
    return _checked(
        {
            name: (_Source(name, taken(gates, name, batched, "other names"), gate=gates_only),)
            for name in names
        },
        "arrays",
    )


def initial_of(value: Any, of: Recorded) -> Array:
    """Return the states before the first step as `[*lead, B, H]`, zeros for None.

    They may also stand as torch has them, `[layers * directions, B, H]`. Raises InputError.
    """
    shape = (*of.lead, of.rows, of.units)
    if value is None:
        return np.zeros(shape)
    array = as_array(value, "initial").astype(np.float64)
    if array.shape == (int(np.prod(of.lead)), of.rows, of.units):
        array = array.reshape(shape)
    if array.shape != shape:
        raise InputError(
            f"initial has shape {list(array.shape)}; the record needs {list(shape)}: the state "
            "before the first step, [layers, directions, batch, hidden]"
        )
    return array


def _sources(spec: CellSpec, role: str, gates: Record, batched: bool) -> tuple[_Source, ...]:
    """Return what to multiply for `role`; see the module's table."""
    wanted = spec.terms(role)
    if not wanted:
        raise InputError(
            f"the cell {spec.name!r} has no gate: nothing in its record says what it keeps. Ask "
            "gw.memory.horizon or gw.memory.highway, which need none"
        )
    return tuple(
        _Source(name, taken(gates, name, batched, f"{role}="), part, gate=name in spec.fractions)
        for name, part in wanted
    )


def _checked(sources: Mapping[str, tuple[_Source, ...]], cell: str) -> Recorded:
    """Return the arrays as one record, or raise InputError for those that are none."""
    every = [source for product in sources.values() for source in product]
    first = every[0]
    shape = first.values.shape
    for source in every:
        if source.values.ndim < 3:
            raise InputError(
                f"{source.name} has shape {list(source.values.shape)}; it needs at least three "
                f"axes, {LAYOUT}. A single row is array[:, None, :]"
            )
        if source.values.shape != shape:
            raise InputError(
                f"{source.name} has shape {list(source.values.shape)} and {first.name} "
                f"{list(shape)}; arrays of one record have one shape"
            )
    if shape[-1] == 0 or 0 in shape[:-3]:
        raise InputError(f"{first.name} has shape {list(shape)}: there is no unit in it")
    if len(shape) == 5 and shape[1] > 2:
        raise InputError(
            f"{first.name} has shape {list(shape)}; five axes are [layers, directions, time, batch, "
            f"hidden], and {shape[1]} directions are too many. Give one slice at a time"
        )
    # padding is told by NaN alone; arrays that end elsewhere are of other rows
    lengths = _lengths(first)
    for source in every[1:]:
        if source.values is not first.values and (_lengths(source) != lengths).any():
            raise InputError(f"{source.name} and {first.name} end (in NaN) at different steps")
    for source in every:
        if source.gate:
            _within_unit(source)
    steps, rows, units = shape[-3:]
    bidirectional = len(shape) == 5 and shape[1] == 2
    return Recorded(cell, shape[:-3], steps, rows, units, lengths, sources, bidirectional)


def _within_unit(source: _Source) -> None:
    outside = (source.values < 0) | (source.values > 1)
    if outside.any():
        where = tuple(int(i) for i in np.argwhere(outside)[0])
        raise InputError(
            f"{source.name} must lie between 0 and 1 (an activated gate); got "
            f"{figure(source.values[where], 6)} at {where}"
        )


def _lengths(source: _Source) -> NDArray[np.int64]:
    """Return the steps of each row `[..., B]`, from the NaN that pads it; raises InputError."""
    if source.values.dtype.kind != "f":
        return np.full(
            (*source.values.shape[:-3], source.values.shape[-2]), source.values.shape[-3]
        )
    missing = np.isnan(source.values)
    padded = missing.all(axis=-1)  # [..., T, B]
    lengths = (~padded).sum(axis=-2)
    steps = np.arange(padded.shape[-2])[:, None]
    wrong = missing.any(axis=-1) & (steps < lengths[..., None, :])
    if wrong.any():
        *_, step, row = (int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"{source.name} is NaN at step {step} of row {row}, before that row ends; NaN may only "
            "pad the end of a row (a network that computes NaN has diverged)"
        )
    return np.asarray(lengths, dtype=np.int64)


def _turned(values: Array, lengths: NDArray[np.int64]) -> Array:
    """Return `values [T, B, ...]` with each row's own steps in the other order."""
    steps = len(values)
    if (lengths == steps).all():
        return values[::-1]
    at = np.arange(steps)[:, None]
    index = np.where(at < lengths, lengths - 1 - at, at)  # [T, B]
    return values[index, np.arange(values.shape[1])]
