"""Turn the stock modules inside a model into gatewise's, in place, and back.

Only the class of each module changes: parameters, buffers, hooks, names and the identity that an
optimizer or a wrapper holds stay as they are. The class that torch derives for a module with
parametrizations (`weight_norm`, `spectral_norm`) is derived anew from the counterpart.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch.nn.utils.parametrize import type_before_parametrizations

from gatewise.errors import InputError
from gatewise.nn.cells import GatedCell, GRUCell, LSTMCell, RNNCell
from gatewise.nn.modules import GRU, LSTM, RNN, GatedModule

M = TypeVar("M", bound=torch.nn.Module)

COUNTERPARTS: dict[type[torch.nn.Module], type[torch.nn.Module]] = {
    torch.nn.LSTM: LSTM,
    torch.nn.GRU: GRU,
    torch.nn.RNN: RNN,
    torch.nn.LSTMCell: LSTMCell,
    torch.nn.GRUCell: GRUCell,
    torch.nn.RNNCell: RNNCell,
}
"""gatewise's class for each of torch's. Subclasses that are not torch's are left alone."""


def accelerate(model: M) -> M:
    """Turn the stock LSTM, GRU, RNN and cells of `model` into gatewise's; return the same `model`.

    Doing it twice changes nothing more. Raises InputError for a model without any, and for a
    TorchScript model.
    """
    _refuse_script(model, "accelerate")
    stock = [part for part in model.modules() if _kind(part) in COUNTERPARTS]
    already = any(isinstance(part, GatedModule | GatedCell) for part in model.modules())
    if not stock and not already:
        raise InputError(f"accelerate: {_nothing_in(model)}")
    for part in stock:
        _turn(part, COUNTERPARTS[_kind(part)])
    return model


def restore(model: M) -> M:
    """Turn every gatewise module of `model` back into torch's own, in place; return `model`.

    The result needs gatewise no more, neither to run nor to unpickle. Raises InputError for a model
    without any recurrent module, for a TorchScript model, and for a cell that torch does not have,
    before anything is changed.
    """
    _refuse_script(model, "restore")
    back = {own: stock for stock, own in COUNTERPARTS.items()}
    found: list[tuple[str, torch.nn.Module]] = [
        (name, part)
        for name, part in model.named_modules()
        if isinstance(part, GatedModule | GatedCell)
    ]
    if not found and not any(_kind(part) in COUNTERPARTS for part in model.modules()):
        raise InputError(f"restore: {_nothing_in(model)}")
    for name, part in found:
        if _kind(part) not in back:
            raise InputError(
                f"restore: {name or 'the model'!r} is a {_kind(part).__name__}, which torch.nn does "
                "not have; replace it first"
            )
    for _, part in found:
        for option in ("engine", "max_memory"):
            part.__dict__.pop(option, None)
        _turn(part, back[_kind(part)])
    return model


def _kind(module: torch.nn.Module) -> type[torch.nn.Module]:
    """Return the class of `module`, or the one it had before torch derived a parametrized one."""
    kind: type[torch.nn.Module] = type_before_parametrizations(module)
    return kind


def _turn(module: torch.nn.Module, kind: type[torch.nn.Module]) -> None:
    """Make `kind` the class of `module`, under its parametrizations if it has some."""
    own = type(module)
    if own is not _kind(module):
        # A new class, because copies of the module share the old one.
        kind = type(f"Parametrized{kind.__name__}", (kind,), dict(vars(own)))
    module.__class__ = kind


def _refuse_script(model: torch.nn.Module, caller: str) -> None:
    for name, part in model.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            where = f"{name!r} is a" if name else "the model is a"
            raise InputError(
                f"{caller}: {where} TorchScript module, which cannot change; {caller} the Python "
                "model before scripting it"
            )


def _nothing_in(model: torch.nn.Module) -> str:
    """Say that a model has no recurrent module, and which modules come near."""
    derived = [
        f"{name!r} ({type(part).__name__})"
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.RNNBase | torch.nn.RNNCellBase)
    ]
    text = f"{type(model).__name__} contains no torch.nn.LSTM, GRU, RNN or cell of these"
    if derived:
        text += f"; left alone, because they are classes of their own: {', '.join(derived)}"
    return text
