"""Recording the gates of every recurrent module of a model while it runs, without touching it.

Each module's arguments and output are seen from outside (`nn.watching`): nothing lies on the model.
Where gatewise's native or reference engine runs, the module hands over the gates of the very pass;
elsewhere they are recovered from the output in a pass of their own, some steps at a time. No gradient,
random number or output of the model changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

from gatewise.engines import Gates
from gatewise.errors import InputError
from gatewise.nn.finding import KNOWN_KINDS, has_known_forward
from gatewise.nn.structure import check_model
from gatewise.nn.watching import Watcher, watching
from gatewise.tracing._options import Steps, Units, check_options, check_place, kept_of
from gatewise.tracing._recorder import Recorder
from gatewise.tracing._watch import Watch
from gatewise.tracing.store import Trace
from gatewise.typing import Names


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
    """Return a context in which the gates of every recurrent module inside `model` are recorded.

    The modules may be torch's own or gatewise's. Use as `with gw.trace(model) as trace: model(x)`,
    then `trace["encoder.lstm"].forget`; see `Trace`. Train and eval mode, outputs, gradients, hooks
    and random numbers stay as they are. On exit, even by an exception, nothing is left on the model.
    The record holds every call.

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

    A model that torch.compile has wrapped has the names of the model inside. What was compiled before
    runs as plain Python inside the block, or nothing of it could be seen. Copies made inside the block
    (`deepcopy`, `pickle`, `torch.save`) carry nothing of the trace, and their calls are not recorded.

    Raises InputError for a model without a recurrent module of a known kind, for modules, quantities
    or units that it does not have, for a call without the steps asked for or over the budget, and for
    `with_grad` where gradients are off, and, at the end, for a module that another one has replaced
    meanwhile; OptionError for an option's value; EngineError for a
    multi-layer module on a GPU in train mode with dropout, whose masks torch does not reveal.
    """
    options = check_options(dtype, device, max_bytes, with_grad)
    check_place(options.device, "trace")
    check_model(model, "trace")
    model = getattr(model, "_orig_mod", model)  # without the wrapper of torch.compile
    _refuse_replicas(model)
    aliases, parts = _recurrent_parts(model)
    kept = kept_of(parts, aliases, quantities=quantities, units=units, steps=steps, modules=modules)
    recorder = Recorder(kept, options)
    watchers: dict[torch.nn.Module, Watcher] = {}
    with ExitStack() as stack:
        if "" not in parts and any(isinstance(parts[n], torch.nn.RNNCellBase) for n in kept):
            if "forward" in vars(model):  # its class's forward may never run
                stack.callback(_on_each_call(model, recorder.begin).remove)
            else:
                watchers[model] = _Beginning(recorder)
        for name, wanted in kept.items():
            watchers[parts[name]] = Watch(name, wanted, options, recorder)
        stack.enter_context(watching(watchers, also=KNOWN_KINDS))
        stack.callback(recorder.finish)
        yield Trace(aliases, recorder.modules, options)
        _check_in_place(model, {name: parts[name] for name in kept})


class _Beginning:
    """Tells the recorder of each call of the whole model, with which the records of cells begin."""

    wants = False

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def before(self, *_: Any) -> None:
        self._recorder.begin()

    def take(self, gates: Gates) -> None:
        """Never called: it wants none."""

    def after(self, *_: Any) -> None:
        """Do nothing."""


def _on_each_call(model: torch.nn.Module, do: Callable[[], None]) -> RemovableHandle:
    """Run `do` before each call of `model`, by a hook that does not lie on it: copies would have it."""
    hook = lambda module, _: do() if module is model else None  # noqa: E731
    return register_module_forward_pre_hook(hook)


def _recurrent_parts(
    model: torch.nn.Module,
) -> tuple[dict[str, str], dict[str, torch.nn.Module]]:
    """Return every name of a recurrent module with its first, and the modules by first name."""
    first: dict[torch.nn.Module, str] = {}
    aliases: dict[str, str] = {}
    for name, part in model.named_modules(remove_duplicate=False):
        if has_known_forward(part):
            aliases[name] = first.setdefault(part, name)
    if not aliases:
        raise InputError(_nothing_in(model))
    return aliases, {name: part for part, name in first.items()}


def _refuse_replicas(model: torch.nn.Module) -> None:
    """Raise InputError for a model whose calls would run on copies that nobody sees."""
    for part in model.modules():
        if isinstance(part, torch.nn.DataParallel) and len(part.device_ids) > 1:
            raise InputError(
                "trace: DataParallel runs copies of the model, one on each of its devices, and they "
                "cannot be recorded; trace and call the model inside it, model.module"
            )


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
