"""Turn the stock modules inside a model into gatewise's, in place, and back.

Only the class of each module changes: parameters, buffers, hooks, names and the identity that an
optimizer or a wrapper holds stay as they are. The class that torch derives for a module with
parametrizations (`weight_norm`, `spectral_norm`) is derived anew from the counterpart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

import torch
from torch.nn.utils.parametrize import type_before_parametrizations

from gatewise.errors import InputError, OptionError, warn
from gatewise.nn.adapters import (
    Adapter,
    Turned,
    adapter_of,
    turn,
    turn_around,
    turn_around_back,
    turn_back,
    why_it_stays,
)
from gatewise.nn.adapters.products import Products
from gatewise.nn.cells import GatedCell, GRUCell, LSTMCell, RNNCell
from gatewise.nn.derived import derive, origin, why_different
from gatewise.nn.modules import GRU, LSTM, RNN, GatedModule
from gatewise.nn.structure import check_model

M = TypeVar("M", bound=torch.nn.Module)

COUNTERPARTS: dict[type[torch.nn.Module], type[torch.nn.Module]] = {
    torch.nn.LSTM: LSTM,
    torch.nn.GRU: GRU,
    torch.nn.RNN: RNN,
    torch.nn.LSTMCell: LSTMCell,
    torch.nn.GRUCell: GRUCell,
    torch.nn.RNNCell: RNNCell,
}
"""gatewise's class for each of torch's."""


@dataclass(frozen=True)
class Acceleration:
    """What `accelerate` did: the model, the names of the modules it took, and why it left others."""

    model: torch.nn.Module
    taken: tuple[str, ...]  # those that were gatewise's before too; "" is the model itself
    left: dict[str, str]

    def __str__(self) -> str:
        taken = ", ".join(repr(name or "the model") for name in self.taken) or "nothing"
        return f"took {taken}{_left_out(self.left)}"


@overload
def accelerate(model: M, *, report: Literal[False] = False) -> M: ...
@overload
def accelerate(model: torch.nn.Module, *, report: Literal[True]) -> Acceleration: ...
def accelerate(model: Any, *, report: bool = False) -> Any:
    """Turn the stock LSTM, GRU, RNN and cells of `model` into gatewise's; return the same `model`.

    The sLSTM cells of xlstm, tirex-ts and tirex-2 are taken too (`gatewise.nn.adapters`): their
    parameters and what is around them stay theirs, and their recurrence runs on gatewise's engines.

    A subclass that adds nothing but its own `__init__` is taken too. What is left as it is, because it
    has code of its own, is quantised, is TorchScript or of a form that is not known, is named in a
    GatewiseWarning. With `report`, an `Acceleration` is returned instead of the model, and nothing is
    warned of. Doing it twice changes nothing more. Raises InputError for a model without any
    module to take, and for a TorchScript model.
    """
    check_model(model, "accelerate")
    if not isinstance(report, bool):
        raise OptionError(f"accelerate: report must be True or False; got {type(report).__name__}")
    _refuse_script(model, "accelerate")
    # All are found before any is turned, so that a refusal leaves the model as it was.
    stock: list[tuple[torch.nn.Module, type[torch.nn.Module]]] = []
    foreign: list[tuple[torch.nn.Module, Adapter]] = []
    taken: list[str] = []
    left: dict[str, str] = {}
    for name, part in model.named_modules():
        if isinstance(part, Products):
            continue  # it belongs to a cell that was turned before
        if isinstance(part, GatedModule | GatedCell | Turned):
            taken.append(name)
        elif (adapter := adapter_of(part)) is not None:
            if reason := adapter.why_not(part):
                left[name] = f"is a cell of {adapter.package} that {reason}"
            else:
                foreign.append((part, adapter))
                taken.append(name)
        elif why := _why_left(part):
            left[name] = why
        elif (ours := _counterpart(_kind(part))) is not None:
            stock.append((part, ours))
            taken.append(name)
    if not taken:
        raise InputError(f"accelerate: {_nothing_in(model)}{_left_out(left)}")
    for part, ours in stock:
        _turn(part, ours)
    for part, adapter in foreign:
        turn(part, adapter)
    turn_around(model)
    if report:
        return Acceleration(model, tuple(taken), left)
    if left:
        warn(f"accelerate {Acceleration(model, tuple(taken), left)}")
    return model


def restore(model: M) -> M:
    """Turn every gatewise module of `model` back into torch's own, in place; return `model`.

    The result needs gatewise no more, neither to run nor to unpickle. Raises InputError for a model
    without any recurrent module, for a TorchScript model, and for a cell that torch does not have,
    before anything is changed.
    """
    check_model(model, "restore")
    _refuse_script(model, "restore")
    # All are looked at before any is turned: a model that is half torch's helps nobody.
    found: list[tuple[str, torch.nn.Module]] = [
        (name, part)
        for name, part in model.named_modules()
        if isinstance(part, GatedModule | GatedCell) and not isinstance(part, Products)
    ]
    turned = [part for part in model.modules() if isinstance(part, Turned)]
    if not found and not turned and not any(_counterpart(_kind(part)) for part in model.modules()):
        left = {name: why for name, part in model.named_modules() if (why := _why_left(part))}
        raise InputError(f"restore: {_nothing_in(model)}{_left_out(left)}")
    for name, part in found:
        if _stock_of(_kind(part)) is None:
            raise InputError(
                f"restore: {name or 'the model'!r} is a {_kind(part).__name__}, which torch.nn does "
                "not have; replace it first"
            )
    turn_around_back(model)
    for part in turned:
        turn_back(part)
    for _, part in found:
        for option in ("engine", "max_memory"):
            part.__dict__.pop(option, None)
        stock = _stock_of(_kind(part))
        assert stock is not None
        _turn(part, stock)
    return model


def _counterpart(kind: type[torch.nn.Module]) -> type[torch.nn.Module] | None:
    """Return gatewise's class for one of torch's, or for a subclass that only has its `__init__`."""
    stock = next((base for base in kind.__mro__ if base in COUNTERPARTS), None)
    if stock is None or kind is stock:
        return None if stock is None else COUNTERPARTS[stock]
    return None if why_different(kind, stock) else derive(kind, COUNTERPARTS[stock])


def _stock_of(kind: type[torch.nn.Module]) -> type[torch.nn.Module] | None:
    """Undo `_counterpart`; None for a class that it does not return."""
    back = {ours: stock for stock, ours in COUNTERPARTS.items()}
    return back.get(kind) or origin(kind)


def _why_left(part: torch.nn.Module) -> str:
    """Return why a module that has recurrent layers, and is not gatewise's, cannot be taken."""
    kind = _kind(part)
    if stays := why_it_stays(part):
        return stays
    if isinstance(part, torch.jit.ScriptModule):
        name = str(getattr(part, "original_name", ""))
        return "is TorchScript" if name in _NAMES else ""
    if kind.__module__.startswith("torch.ao.") and kind.__name__ in _NAMES:
        return "is quantised, or made ready for it"
    stock = next((base for base in kind.__mro__ if base in COUNTERPARTS), None)
    if stock is None:
        recurrent = isinstance(part, torch.nn.RNNBase | torch.nn.RNNCellBase)
        return f"is a {kind.__name__}, which is none of torch's classes" if recurrent else ""
    if "forward" in vars(part):
        return "has a forward that was set on the module itself"
    why = "" if kind is stock else why_different(kind, stock)
    return f"is a class of its own: {why}" if why else ""


_NAMES = {kind.__name__ for kind in COUNTERPARTS}


def _left_out(left: dict[str, str]) -> str:
    texts = [f"{name or 'the model'!r} {why}" for name, why in left.items()]
    return f"; left as it is: {'; '.join(texts)}" if texts else ""


def _kind(module: torch.nn.Module) -> type[torch.nn.Module]:
    """Return the class of `module`, or the one it had before torch derived a parametrized one."""
    kind: type[torch.nn.Module] = type_before_parametrizations(module)
    return kind


def _turn(module: torch.nn.Module, kind: type[torch.nn.Module]) -> None:
    """Make `kind` the class of `module`, under its parametrizations if it has some."""
    current = type(module)
    if current is not _kind(module):
        # A new class, because copies of the module share the old one.
        kind = type(f"Parametrized{kind.__name__}", (kind,), dict(vars(current)))
    module.__class__ = kind


def _refuse_script(model: torch.nn.Module, caller: str) -> None:
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError(
            f"{caller}: the model is a TorchScript module, which cannot change; {caller} the Python "
            "model before scripting it"
        )


def _nothing_in(model: torch.nn.Module) -> str:
    """Say that a model has no module to take."""
    return f"{type(model).__name__} contains no torch.nn.LSTM, GRU, RNN or cell of these"
