"""Checks of the kinds of arguments of a recurrent module, before anything looks inside them.

Only what is no tensor at all is refused here; shapes and types that do not fit are refused as torch
refuses them, in `nn.calls`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.errors import InputError
from gatewise.nn.state_form import form_of
from gatewise.nn.structure import spec_of


def check_kinds(module: torch.nn.RNNBase | torch.nn.RNNCellBase, input: Any, hx: Any) -> None:
    """Raise InputError unless `input` and `hx` consist of tensors as the module takes them."""
    if not isinstance(input, Tensor | PackedSequence):
        raise InputError(f"{_name(module)}: input must be a torch.Tensor; got {_described(input)}")
    if isinstance(input, PackedSequence) and isinstance(module, torch.nn.RNNCellBase):
        raise InputError(
            f"{_name(module)}: a cell takes one step, a torch.Tensor; got a PackedSequence"
        )
    if hx is None:
        return
    form = form_of(module)
    count = len(spec_of(module).states if form is None else form.names)
    if count == 1:
        if not isinstance(hx, Tensor):
            raise InputError(
                f"{_name(module)}: hx must be one torch.Tensor, h; got {_described(hx)}"
            )
        return
    whole = isinstance(hx, tuple | list) and len(hx) == count
    if not whole or not all(isinstance(state, Tensor) for state in hx):
        names = "(h, c), two tensors" if count == 2 else f"a tuple of {count} tensors"
        if form is not None:
            names = f"({', '.join(form.names)}), {count} tensors"
        raise InputError(f"{_name(module)}: hx must be {names}; got {_described(hx)}")


def lengths_as_tensor(lengths: Any) -> Tensor:
    """Return `lengths` as integers on the CPU, of any shape; raises InputError where they are none."""
    try:
        if isinstance(lengths, Tensor):
            found = lengths.detach().cpu()
        elif torch.compiler.is_compiling():
            found = torch.as_tensor(lengths, device="cpu")
        else:
            # A list of its numbers: torch takes no array with negative strides, nor every type.
            values = lengths.tolist() if hasattr(lengths, "tolist") else list(lengths)
            found = torch.as_tensor(values, device="cpu")
            if found.numel() == 0:  # an empty list has no type to check
                return torch.zeros(found.shape, dtype=torch.int64, device="cpu")
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise InputError(
            f"lengths must be integers, one per row; got {_described(lengths)}"
        ) from None
    if found.dtype.is_floating_point or found.dtype.is_complex or found.dtype == torch.bool:
        raise InputError(f"lengths must be integers, one per row; got dtype {found.dtype}")
    return found.to(torch.int64)


def _name(module: torch.nn.Module) -> str:
    return type(module).__name__


def _described(given: Any) -> str:
    """Return what was given, in a few words."""
    if isinstance(given, Tensor):
        return f"one tensor {list(given.shape)}"
    if isinstance(given, tuple | list):
        kinds = [type(part).__name__ for part in given[:4]]
        more = ", ..." if len(given) > 4 else ""
        return f"a {type(given).__name__} of {len(given)}: {', '.join(kinds)}{more}"
    kind = type(given)
    where = kind.__module__.partition(".")[0]
    name = kind.__name__ if where == "builtins" else f"{where}.{kind.__name__}"
    if where == "numpy":
        return f"{name}; torch.from_numpy makes a tensor of it"
    return f"{given!r}" if isinstance(given, int | float | str) and len(repr(given)) < 40 else name
