"""Turn the stock modules inside a model into gatewise's, in place, and back.

Only the class of each module changes: parameters, buffers, hooks, names and the identity that an
optimizer or a wrapper holds stay as they are.
"""

from __future__ import annotations

from typing import TypeVar

import torch

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
"""gatewise's class for each of torch's. Subclasses with code of their own are left alone."""


def accelerate(model: M) -> M:
    """Turn the stock LSTM, GRU, RNN and cells of `model` into gatewise's; return the same `model`.

    Doing it twice changes nothing more. Raises InputError for a model without any, and for a
    TorchScript model.
    """
    _refuse_script(model, "accelerate")
    stock = [part for part in model.modules() if type(part) in COUNTERPARTS]
    already = any(isinstance(part, GatedModule | GatedCell) for part in model.modules())
    if not stock and not already:
        raise InputError(f"accelerate: {_nothing_in(model)}")
    for part in stock:
        part.__class__ = COUNTERPARTS[type(part)]
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
    if not found and not any(type(part) in COUNTERPARTS for part in model.modules()):
        raise InputError(f"restore: {_nothing_in(model)}")
    for name, part in found:
        if type(part) not in back:
            raise InputError(
                f"restore: {name or 'the model'!r} is a {type(part).__name__}, which torch.nn does "
                "not have; replace it first"
            )
    for _, part in found:
        part.__dict__.pop("engine", None)
        part.__class__ = back[type(part)]
    return model


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
        text += f"; left alone, because they have code of their own: {', '.join(derived)}"
    return text
