"""Recording the gates of every recurrent module of a model while it runs, without touching it.

Hooks see each module's arguments and output, and the gates are recovered from these in a pass of
their own: no gradient, no random number and no output of the model changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized

from gatewise.engines import ENGINES, Gates, fused
from gatewise.errors import EngineError, InputError
from gatewise.nn.accelerate import COUNTERPARTS
from gatewise.nn.calls import prepare
from gatewise.nn.cells import cell_gates
from gatewise.nn.custom import Recurrent
from gatewise.nn.modules import GatedModule
from gatewise.nn.structure import network_of
from gatewise.tracing.store import Trace

# A subclass with a forward of its own may be called with anything: only these are understood.
_KNOWN = {
    getattr(kind, "forward")  # noqa: B009 - torch declares it on instances only
    for kind in (*COUNTERPARTS, *COUNTERPARTS.values(), Recurrent)
}


@contextmanager
def trace(model: torch.nn.Module) -> Iterator[Trace]:
    """Record the gates of every recurrent module inside `model`, torch's own or gatewise's.

    Use as `with gw.trace(model) as trace: model(x)`, then `trace["encoder.lstm"].forget`; see
    `Trace`. Train and eval mode, outputs, gradients, hooks and random numbers stay as they are. On
    exit, by an exception too, nothing is left on the model. The record lies on the model's device
    and holds every call.

    Raises InputError for a model without a recurrent module of a known kind, and EngineError for a
    multi-layer module on a GPU in train mode with dropout, whose masks torch does not reveal.
    """
    first: dict[torch.nn.Module, str] = {}
    names: dict[str, str] = {}  # every name of a module, and its first
    for name, part in model.named_modules(remove_duplicate=False):
        if getattr(type(part), "forward", None) in _KNOWN and "forward" not in vars(part):
            names[name] = first.setdefault(part, name)
    parts = {name: part for part, name in first.items()}
    if not parts:
        raise InputError(_nothing_in(model))
    record = Trace(names)
    handles = []
    try:
        # First, so that the call of a model that is a cell counts as that cell's next step.
        if "" not in parts:
            handles.append(model.register_forward_pre_hook(lambda *_: record.begin()))
        for name, part in parts.items():
            watch = _Watch(name, record)
            handles.append(part.register_forward_pre_hook(watch.before))
            # Prepended, so that the output is seen before the user's own hooks change it.
            handles.append(part.register_forward_hook(watch.after, prepend=True, with_kwargs=True))
        yield record
    finally:
        for handle in handles:
            handle.remove()


class _Watch:
    """The hooks of one module."""

    def __init__(self, name: str, record: Trace) -> None:
        self._name = name
        self._record = record
        self._random: Tensor | None = None

    def before(self, module: torch.nn.Module, args: Any) -> None:
        """Keep the state of the random numbers that the module's dropout is about to draw."""
        draws = isinstance(module, torch.nn.RNNBase) and module.training and module.dropout > 0
        self._random = torch.get_rng_state() if draws else None

    def after(
        self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any
    ) -> None:
        """Recover and store the gates of the call that has just ended."""
        asked = isinstance(out, tuple) and isinstance(out[-1], Gates)
        input = args[0] if args else kwargs["input"]  # noqa: A001 - torch's own name
        hx = args[1] if len(args) > 1 else kwargs.get("hx")
        with torch.no_grad():
            if asked:
                gates = out[-1].detach()
            elif isinstance(module, torch.nn.RNNBase):
                gates = self._recover(module, input, hx, kwargs.get("lengths"), out[0])
            else:
                assert isinstance(module, torch.nn.RNNCellBase)
                with _parametrizations_at_rest(module):
                    gates = cell_gates(module, input, hx, out).detach()
        if isinstance(module, torch.nn.RNNBase):
            self._record.add_call(self._name, gates)
        else:
            self._record.add_step(self._name, gates)

    def _recover(
        self, module: torch.nn.RNNBase, input: Any, hx: Any, lengths: Any, output: Any
    ) -> Gates:
        """Return the gates behind `output`, with the dropout masks that made it."""
        call, network = prepare(module, input, hx, lengths), network_of(module)
        where = (network, call.x, call.states, call.rows)
        if network.dropout > 0 and len(network.parameters) > 1 and call.x.is_cuda:
            raise EngineError(
                f"trace: {self._name!r} drops out between its layers inside cuDNN, which does not "
                "reveal its masks; trace in eval mode, or call the module with return_gates=True"
            )
        engine = module.engine_choice(call.x).name if isinstance(module, GatedModule) else "torch"
        with torch.random.fork_rng(devices=[], enabled=self._random is not None):
            if self._random is not None:
                torch.set_rng_state(self._random)
            if engine == "torch":
                result = fused.run(*where, gates=True, output=call.own(output))
            else:
                result = ENGINES[engine](*where, gates=True)
            if engine == "reference":
                result = fused.in_types_of_torch(result, *where)
        return call.gates(result)


@contextmanager
def _parametrizations_at_rest(module: torch.nn.Module) -> Iterator[None]:
    """Let a cell's weights be read again as its call read them.

    In train mode `spectral_norm` takes a step at each reading; in eval mode it repeats the last.
    """
    parts = list(module.parametrizations.modules()) if is_parametrized(module) else []  # type: ignore[union-attr]
    training = [part for part in parts if part.training]
    try:
        for part in training:
            part.training = False
        yield
    finally:
        for part in training:
            part.training = True


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
