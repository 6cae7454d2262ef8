"""The options of a trace, checked against the modules before anything runs.

Sizes: T steps of a call, H units, P projected units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.engines.devices import why_not_here
from gatewise.errors import InputError, OptionError, nearest
from gatewise.nn.structure import spec_of
from gatewise.typing import Names

Steps = slice | range
Units = int | slice | range | Sequence[int] | Tensor

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""What a record can be kept in. Eight bits would not do: a forget gate of 0.999 keeps for a thousand
steps, and the nearest of 256 levels for ever; and they have no NaN for the steps past a row's end."""


@dataclass(frozen=True)
class Kept:
    """What is kept of one module.

    Attributes:
        cell: The name of its cell, such as "lstm".
        quantities: The gates and states, in the cell's order.
        units: The units, ascending or as asked for; None: all.
        steps: Which steps of each call; None: all.
        proj_size: How many values the projected `hidden` has; 0 without a projection.
    """

    cell: str
    quantities: tuple[str, ...]
    units: tuple[int, ...] | None
    steps: Steps | None
    proj_size: int = 0

    def steps_of(self, total: int, name: str) -> range:
        """Return the steps kept of a call of `total` steps; raises InputError where there is none."""
        steps = self.steps
        if steps is None:
            return range(total)
        kept = range(*steps.indices(total)) if isinstance(steps, slice) else steps
        if not kept or kept[-1] >= total:
            problem = "goes past its end" if kept else "leaves nothing of it"
            raise InputError(
                f"trace: this call of {name!r} has {total} steps, and "
                f"steps={text_of_steps(steps)} {problem}; name steps inside"
            )
        return kept

    def keeps(self, step: int) -> bool:
        """Tell whether a step of a cell is kept, though nobody knows how many will follow."""
        steps = self.steps
        if isinstance(steps, slice):
            first, stop, by = steps.start or 0, steps.stop, steps.step or 1
            return step >= first and (stop is None or step < stop) and (step - first) % by == 0
        return steps is None or step in steps

    def index(self, quantity: str) -> slice | list[int]:
        """Return what picks the units along the last axis of `quantity`.

        With a projection, the P values of `hidden` belong to no unit: all are kept.
        """
        if self.units is None or self.is_projected(quantity):
            return slice(None)
        first, count = self.units[0], len(self.units)
        return slice(first, first + count) if _is_run(self.units) else list(self.units)

    def is_projected(self, quantity: str) -> bool:
        """Tell whether the values of `quantity` are projected ones, which belong to no unit."""
        return quantity == "hidden" and self.proj_size > 0


@dataclass(frozen=True)
class TraceOptions:
    """The options of a trace that hold for all modules."""

    dtype: torch.dtype | None = None
    device: torch.device | None = None
    max_bytes: int | None = None
    with_grad: bool = False


def check_options(dtype: Any, device: Any, max_bytes: Any, with_grad: Any) -> TraceOptions:
    """Return the options in one form; raises OptionError for a value outside what it may be."""
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype in DTYPES):
        raise OptionError(
            f"trace: dtype must be one of {', '.join(map(str, DTYPES))} or None; got {dtype!r}"
        )
    if max_bytes is not None and (
        isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes <= 0
    ):
        raise OptionError(f"trace: max_bytes must be a positive integer or None; got {max_bytes!r}")
    if not isinstance(with_grad, bool):
        raise OptionError(f"trace: with_grad must be True or False; got {with_grad!r}")
    try:
        place = None if device is None else torch.device(device)
    except (RuntimeError, TypeError, ValueError) as error:
        raise OptionError(f"trace: device={device!r} is none: {_first_line(error)}") from error
    return TraceOptions(dtype, place, max_bytes, with_grad)


def check_place(device: torch.device | str | None, caller: str) -> None:
    """Raise OptionError for a device that this machine or this torch does not have."""
    reason = why_not_here(device)
    if reason:
        raise OptionError(
            f"{caller}: device={str(device)!r} cannot be used here: {reason}; leave it out, or name "
            "another"
        )


def kept_of(
    parts: Mapping[str, torch.nn.Module],
    aliases: Mapping[str, str],
    *,
    quantities: Names | None,
    units: Units | Mapping[str, Units] | None,
    steps: Steps | None,
    modules: Names | None,
) -> dict[str, Kept]:
    """Return what is kept of each module to record, by its first name.

    A module without any of the quantities asked for is left out. Raises InputError for a module, a
    quantity or a unit that is not there, and OptionError for steps that cannot be understood.
    """
    names = _names_of(modules, aliases)
    specs = {name: spec_of(parts[name]) for name in names}  # type: ignore[arg-type]  # recurrent
    wanted = None if quantities is None else _listed(quantities, "quantities")
    known = list(dict.fromkeys(q for spec in specs.values() for q in spec.recorded))
    for quantity in wanted or ():
        if quantity not in known:
            raise InputError(
                f"trace: no quantity {quantity!r}; there are {', '.join(known)}."
                f"{nearest(quantity, known)}"
            )
    # all is checked before the model runs: a wrong name would be told hours later
    of_units = _units_by_module(units, names, aliases)
    _check_steps(steps)
    found = {}
    for name in names:
        recorded = tuple(q for q in specs[name].recorded if wanted is None or q in wanted)
        if isinstance(parts[name], torch.nn.RNNCellBase):
            _check_steps_of_cell(steps, name)
        if recorded:
            size = int(parts[name].hidden_size)  # type: ignore[arg-type]  # every module has it
            checked = _checked_units(of_units[name], size, name)
            proj_size = int(getattr(parts[name], "proj_size", 0))
            found[name] = Kept(specs[name].name, recorded, checked, steps, proj_size)
    return found


def text_of_steps(steps: Steps) -> str:
    """Return steps as they would be written in Python."""
    return repr(steps).replace(", None)", ")") if isinstance(steps, slice) else repr(steps)


def _names_of(modules: Names | None, aliases: Mapping[str, str]) -> list[str]:
    if modules is None:
        return list(dict.fromkeys(aliases.values()))
    asked = set()
    for name in _listed(modules, "modules"):
        if name not in aliases:
            raise InputError(
                f"trace: no recurrent module {name!r}; there are "
                f"{', '.join(map(repr, aliases))}.{nearest(name, aliases)}"
            )
        asked.add(aliases[name])
    return [first for first in dict.fromkeys(aliases.values()) if first in asked]


def _listed(names: Names, option: str) -> list[str]:
    found = (
        [names] if isinstance(names, str) else list(names) if isinstance(names, Iterable) else []
    )
    if not found or not all(isinstance(name, str) for name in found):
        raise OptionError(
            f"trace: {option} must be a name or names, or None for all; got {names!r}"
        )
    return found


def _units_by_module(
    units: Units | Mapping[str, Units] | None, names: Iterable[str], aliases: Mapping[str, str]
) -> dict[str, Units | None]:
    if not isinstance(units, Mapping):
        return dict.fromkeys(names, units)
    found: dict[str, Units | None] = dict.fromkeys(names)
    for name, chosen in units.items():
        if aliases.get(name) not in found:
            raise InputError(
                f"trace: units are given for {name!r}, which is not recorded; there are "
                f"{', '.join(map(repr, found))}.{nearest(str(name), found)}"
            )
        found[aliases[name]] = chosen
    return found


def _checked_units(units: Units | None, size: int, name: str) -> tuple[int, ...] | None:
    """Return units as integers, or raise InputError."""
    if units is None:
        return None
    if isinstance(units, slice):
        chosen: list[Any] = list(range(size)[units])
    elif isinstance(units, int) and not isinstance(units, bool):
        chosen = [units]
    else:
        values = units.tolist() if hasattr(units, "tolist") else units
        chosen = list(values) if isinstance(values, Iterable) else [values]
    bad = [unit for unit in chosen if isinstance(unit, bool) or not hasattr(unit, "__index__")]
    if bad or not chosen or len(set(chosen)) < len(chosen):
        raise InputError(
            f"trace: units of {name!r} must be a slice or different whole numbers, at least one; "
            f"got {units!r}"
        )
    outside = [unit for unit in chosen if not 0 <= unit < size]
    if outside:
        raise InputError(
            f"trace: {name!r} has {size} units, 0 to {size - 1}; there is no unit {outside[0]}"
        )
    return tuple(int(unit) for unit in chosen)


def _check_steps(steps: Any) -> None:
    if steps is None:
        return
    ok = isinstance(steps, slice | range)
    if ok:
        bounds = (steps.start, steps.stop, steps.step)
        whole = all(b is None or (isinstance(b, int) and not isinstance(b, bool)) for b in bounds)
        ok = whole and (steps.step is None or steps.step > 0)
    if ok and isinstance(steps, range):
        ok = len(steps) > 0 and steps.start >= 0
    if not ok:
        raise OptionError(
            "trace: steps must be a slice or a range that goes forward, such as slice(0, 1000) or "
            f"range(500, 600), or None for all; got {steps!r}"
        )


def _check_steps_of_cell(steps: Steps | None, name: str) -> None:
    """Refuse to count a cell's steps from the end, since their number is not known."""
    if isinstance(steps, slice) and ((steps.start or 0) < 0 or (steps.stop or 0) < 0):
        raise OptionError(
            f"trace: steps={text_of_steps(steps)} counts from the end, but {name!r} is a cell, "
            "called step by step: count from the start, or leave it out with modules="
        )


def _is_run(units: tuple[int, ...]) -> bool:
    return units == tuple(range(units[0], units[0] + len(units)))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
