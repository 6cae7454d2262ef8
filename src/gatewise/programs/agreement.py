"""Whether gatewise and torch agree on a model, and what their difference means.

Two ways of adding the same numbers differ in the last digit. What becomes of that is the network's
doing: where it forgets disturbances the results stay the same, and where it is chaotic they part, as
those of torch in float32 and float64 do.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gatewise.engines.aside import left_to_torch
from gatewise.errors import InputError
from gatewise.nn import restore
from gatewise.nn.structure import check_model
from gatewise.programs.growth import SPAN, Growth, growths
from gatewise.programs.patching import patch
from gatewise.wording import figure

SAME = 1e-5
"""Results whose largest difference is at most so much of the largest value count as the same."""


@dataclass(frozen=True)
class Agreement:
    """How far two results and float64 are apart, each as a share of the largest value.

    Attributes:
        ours_torch: Between gatewise's result and torch's.
        ours_exact: Between gatewise's result and torch's in float64.
        torch_exact: Between torch's result and torch's in float64.
        growth: By module, how a disturbance grows in each layer and direction; empty for a module whose
            input is too short to tell.
        reading: What that means, in a sentence.
    """

    ours_torch: float
    ours_exact: float
    torch_exact: float
    growth: dict[str, tuple[Growth, ...]]
    reading: str

    def __str__(self) -> str:
        return self.reading


def check_agreement(model: nn.Module, x: Any) -> Agreement:
    """Compare what a model returns on gatewise's engine, on torch's, and in float64.

    The model is copied and run in evaluation mode, without gradients; nothing of it changes.

    Args:
        model: A model with LSTM, GRU or RNN modules, torch's or gatewise's, on the CPU.
        x: What it is called with: a float32 tensor or PackedSequence, or a tuple of arguments. Use data
            that the model was made for: on noise a good model may be chaotic.

    Returns:
        The `Agreement`, which prints as a sentence. A disturbance of the state grows by `exponent` (a
        natural logarithm) per step; above zero the network is chaotic on this input.

    Raises InputError for a model without recurrent modules or not on the CPU, and for results that
    hold no numbers.
    """
    check_model(model, "check_agreement")
    stock = restore(copy.deepcopy(model)).eval()
    arguments = x if isinstance(x, tuple) and not isinstance(x, PackedSequence) else (x,)
    if any(not parameter.is_cpu for parameter in stock.parameters()):
        raise InputError("check_agreement: the model must be on the CPU; call model.cpu()")
    return agreement(stock, arguments)


def agreement(
    stock: nn.Module, arguments: tuple[Any, ...], *, grows_if_apart: bool = False
) -> Agreement:
    """Do so for a model of torch's own modules, in evaluation mode.

    With `grows_if_apart` the growth, which takes longest, is only measured where results differ.
    """
    with torch.no_grad():
        theirs = _result(lambda: left_to_torch(stock, *arguments))
        with patch():
            ours = _result(lambda: stock(*arguments))
        wide = copy.deepcopy(stock).double()
        inputs: dict[str, Tensor] = {}
        hooks = [
            part.register_forward_pre_hook(_keep(inputs, name))
            for name, part in wide.named_modules()
            if isinstance(part, nn.RNNBase)
        ]
        exact = _result(lambda: left_to_torch(wide, *map(_double, arguments)))
        for hook in hooks:
            hook.remove()
        size = max(float(exact.abs().max()), 1e-30)
        apart = [_apart(*pair) / size for pair in ((ours, theirs), (ours, exact), (theirs, exact))]
        if grows_if_apart and apart[0] <= SAME:
            inputs.clear()
        parts = dict(wide.named_modules())
        growth = {name: _growths(parts[name], given) for name, given in inputs.items()}
    return Agreement(apart[0], apart[1], apart[2], growth, _reading(apart, growth))


def _double(value: Any) -> Any:
    """Return arguments with what is a floating-point number in float64."""
    if isinstance(value, PackedSequence):
        return value._replace(data=value.data.double())
    if isinstance(value, tuple | list):
        return type(value)(map(_double, value))
    is_number = isinstance(value, Tensor) and value.is_floating_point()
    return value.double() if is_number else value


def _result(call: Callable[[], Any]) -> Tensor:
    """Return all numbers that a call returns, as one vector."""
    flat, _ = torch.utils._pytree.tree_flatten(call())
    found = [one.flatten() for one in flat if isinstance(one, Tensor) and one.is_floating_point()]
    if not found or sum(map(len, found)) == 0:
        raise InputError("check_agreement: the model returns no tensor of numbers to compare")
    return torch.cat(found)


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).abs().max())


def _keep(inputs: dict[str, Tensor], name: str) -> Callable[..., None]:
    """Return a hook that keeps the first padded input of a module, `[T, B, I]`."""

    def hook(module: Any, given: Any) -> None:
        x = given[0]
        if name in inputs or not isinstance(x, Tensor):
            return
        if x.dim() == 2:
            x = x.unsqueeze(1)
        elif module.batch_first:
            x = x.transpose(0, 1)
        inputs[name] = x

    return hook


def _growths(module: Any, x: Tensor) -> tuple[Growth, ...]:
    return tuple(growths(module, x)) if len(x) > 2 * SPAN else ()


def _reading(apart: list[float], growth: dict[str, tuple[Growth, ...]]) -> str:
    """Say what the differences mean."""
    ours_torch = apart[0]
    shown, ours_exact, torch_exact = (figure(difference, 1) for difference in apart)
    every = [one for found in growth.values() for one in found]
    worst = max(every, key=lambda one: one.exponent, default=None)
    if worst is not None and worst.low > 0:
        steps = math.ceil(math.log(10) / worst.exponent)
        told = (
            "this network is chaotic on this input: a disturbance grows tenfold in "
            f"{steps} {'step' if steps == 1 else 'steps'}"
        )
        if ours_torch <= SAME:
            return f"same to {shown}; but {told}, so a longer input may part them"
        return (
            f"{told}; torch differs from its own float64 form by {torch_exact} of the largest "
            f"value, gatewise by {ours_exact}: neither is the better one"
        )
    if ours_torch <= SAME:
        return f"same to {shown}"
    return (
        f"gatewise and torch differ by {shown} of the largest value: torch from float64 by "
        f"{torch_exact}, gatewise by {ours_exact}"
    )
