"""Recording the gates of every recurrent module of a model while it runs, without touching it.

Hooks see each module's arguments and output. Where gatewise's native or reference engine runs, the
module hands over the gates of the very pass; elsewhere they are recovered from the output in a pass of
their own, some steps at a time. No gradient, random number or output of the model changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from gatewise.errors import InputError
from gatewise.nn.accelerate import COUNTERPARTS
from gatewise.nn.custom import Recurrent
from gatewise.nn.modules import GatedModule
from gatewise.tracing.options import Names, Steps, Units, check_options, check_place, kept_of
from gatewise.tracing.recorder import Recorder
from gatewise.tracing.store import Trace
from gatewise.tracing.watch import Watch

# A subclass with a forward of its own may be called with anything: only these are understood.
_KNOWN = {
    getattr(kind, "forward")  # noqa: B009 - torch declares it on instances only
    for kind in (*COUNTERPARTS, *COUNTERPARTS.values(), Recurrent)
}


@contextmanager
def trace(
    model: torch.nn.Module,
    *,
    quantities: Names | None = None,
    units: Units | Mapping[str, Units] | None = None,
    steps: Steps | None = None,
    modules: Names | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
    max_bytes: int | None = None,
    with_grad: bool = False,
) -> Iterator[Trace]:
    """Record the gates of every recurrent module inside `model`, torch's own or gatewise's.

    Use as `with gw.trace(model) as trace: model(x)`, then `trace["encoder.lstm"].forget`; see
    `Trace`. Train and eval mode, outputs, gradients, hooks and random numbers stay as they are. On
    exit, by an exception too, nothing is left on the model. The record holds every call.

    Args:
        quantities: Names such as "forget" or ("cell", "hidden"); None: all of each cell. A module
            that has none of them is left out.
        units: Indices or a slice for every module, or a mapping from module names to these. With a
            projection they count the gates and the cell; `hidden` is kept whole.
        steps: A slice or range: which steps of each call are kept.
        modules: The names of the modules to record.
        dtype: torch.float16, bfloat16, float32 or float64, to round or widen to. A forget gate near
            1 is known to 0.0002 in float16 and to 0.002 in bfloat16.
        device: Where the record lies; None: where the output does.
        max_bytes: The most that all records together may take; a call that would take more is
            refused before it runs. Then too, a call's gates never exist at once outside the record.
        with_grad: Keep the graph: the record is differentiable with respect to parameters, input
            and states. A gatewise module on the native or reference engine hands over the gates of
            its own pass; for every other they are computed again in the graph, from the input, the
            given states, the weights and the output.

    A model that torch.compile has wrapped has the names of the model inside.

    Raises InputError for a model without a recurrent module of a known kind, for modules, quantities
    or units that it does not have, for a call without the steps asked for or over the budget, and for
    `with_grad` where gradients are off, and, at the end, for a module that another one has replaced
    meanwhile; OptionError for an option's value; EngineError for a
    multi-layer module on a GPU in train mode with dropout, whose masks torch does not reveal.
    """
    options = check_options(dtype, device, max_bytes, with_grad)
    check_place(options.device, "trace")
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"trace: model must be a torch.nn.Module; got {type(model).__name__}")
    model = getattr(model, "_orig_mod", model)  # without the wrapper of torch.compile
    aliases, parts = _recurrent_parts(model)
    kept = kept_of(parts, aliases, quantities=quantities, units=units, steps=steps, modules=modules)
    recorder = Recorder(kept, options)
    handles = []
    watched: list[tuple[GatedModule, Watch]] = []
    try:
        # First, so that the call of a model that is a cell counts as that cell's next step.
        if "" not in parts:
            handles.append(model.register_forward_pre_hook(lambda *_: recorder.begin()))
        for name, own in kept.items():
            part, watch = parts[name], Watch(name, own, options, recorder)
            if isinstance(part, GatedModule):
                part.watch(watch)
                watched.append((part, watch))
            handles.append(part.register_forward_pre_hook(watch.before, with_kwargs=True))
            # Prepended, so that the output is seen before the user's own hooks change it.
            handles.append(part.register_forward_hook(watch.after, prepend=True, with_kwargs=True))
        yield Trace(aliases, recorder.modules, options)
        _check_in_place(model, {name: parts[name] for name in kept})
    finally:
        for handle in handles:
            handle.remove()
        for gated, watch in watched:
            GatedModule.unwatch(gated, watch)  # `restore` may have given it torch's class since


def _recurrent_parts(
    model: torch.nn.Module,
) -> tuple[dict[str, str], dict[str, torch.nn.Module]]:
    """Return every name of a recurrent module with its first, and the modules by first name."""
    first: dict[torch.nn.Module, str] = {}
    aliases: dict[str, str] = {}
    for name, part in model.named_modules(remove_duplicate=False):
        if getattr(type(part), "forward", None) in _KNOWN and "forward" not in vars(part):
            aliases[name] = first.setdefault(part, name)
    if not aliases:
        raise InputError(_nothing_in(model))
    return aliases, {name: part for part, name in first.items()}


def _check_in_place(model: torch.nn.Module, parts: dict[str, torch.nn.Module]) -> None:
    """Raise InputError for a name that leads to another module than the one whose calls were seen."""
    now = dict(model.named_modules(remove_duplicate=False))
    for name, part in parts.items():
        if now.get(name) is not part:
            raise InputError(
                f"trace: {name!r} was replaced or removed inside the with block, and calls of the new "
                "module were not recorded; change the model before the trace"
            )


def _nothing_in(model: torch.nn.Module) -> str:
    """Say that there is nothing to record in a model, and what comes near."""
    near = [
        f"{name or 'the model'!r} ({type(part).__name__})"
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.RNNBase | torch.nn.RNNCellBase | torch.jit.ScriptModule)
    ]
    text = f"trace: {type(model).__name__} contains no LSTM, GRU, RNN or cell"
    if near:
        text += f" whose forward is known; there is {', '.join(near[:3])}"
    return text
