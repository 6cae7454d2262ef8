"""Training drift: the saturation of gates and the size of gradients, epoch by epoch.

Sizes: E epochs, G gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.engines import ENGINES, Gates
from gatewise.errors import InputError
from gatewise.memory.result import Result
from gatewise.nn.calls import prepare
from gatewise.nn.finding import recurrent_parts, why_not_layered
from gatewise.nn.modules import GatedModule
from gatewise.nn.structure import check_model, network_of, spec_of
from gatewise.typing import Array
from gatewise.wording import counted, figure, percent

LOW, HIGH = 0.1, 0.9
"""A gate below or above these is saturated."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Drift(Result):
    """Saturation and gradient norm by epoch.

    Attributes:
        gates: The gates, by module and name, such as "encoder.lstm.forget", `[G]`; an RNN's hidden
            state stands for the gate that it does not have, by its absolute value.
        closed, opened: P(gate < 0.1) and P(gate > 0.9) on the last training batch of each epoch, over
            layers, directions, units, rows and steps, `[E, G]`.
        gradient: The norm of the gradient of all recurrent weights, its median over the steps of each
            epoch, `[E]`; NaN where there was no backward pass.
        gradient_low, gradient_high: The 10th and the 90th percentile of the steps, `[E]`.
    """

    gates: NDArray[np.str_]
    closed: Array
    opened: Array
    gradient: Array
    gradient_low: Array
    gradient_high: Array

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        epochs = counted(len(self.gradient), "epoch")
        text = f"Over {epochs} the gradient went from {figure(float(self.gradient[0]))} to "
        text += figure(float(self.gradient[-1]))
        if not len(self.gates):
            return f"{text}."
        both = self.closed + self.opened
        most = int(np.argmax(both[-1] - both[0]))
        first, last = float(both[0, most]), float(both[-1, most])
        return (
            f"{text}; {self.gates[most]} is saturated in {percent(last)} of its steps, after "
            f"{percent(first)} in the first epoch."
        )

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        return (
            "saturation is that of each epoch's last batch, without dropout; gradients are those that "
            "backward left, before any clipping"
        )


class TrainingDrift:
    """Records saturation and gradient norms of the recurrent modules of a model while it trains.

        watch = TrainingDrift(model)
        for epoch in range(epochs):
            ...  # any loop
            watch.epoch()
        watch.result()

    Of each module's calls in train mode it keeps the last one's arguments until `epoch()`, which runs
    them once more for the gates; of each backward pass it keeps one number a parameter. Outputs,
    gradients and random numbers stay as they are; copies and files of the model hold nothing of the
    watch. `close()`, or leaving a `with` block, takes the hooks off again. Where gradients are
    accumulated over several backward passes, each counts with what has been gathered so far, and a
    scaled loss has scaled gradients.

    Raises InputError for a model without an LSTM, GRU or RNN whose gates can be read.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        check_model(model, "training_drift")
        parts = recurrent_parts(model)
        self._parts: dict[str, torch.nn.RNNBase] = {
            name: part  # type: ignore[misc]  # or there were a reason why not
            for name, part in parts.items()
            if not why_not_layered(part)
        }
        if not self._parts:
            near = "".join(
                f"; {name or 'the model'!r} {why_not_layered(p)}" for name, p in parts.items()
            )
            raise InputError(
                f"training_drift: {type(model).__name__} contains no LSTM, GRU or RNN to watch{near}"
            )
        # numbers of the gradients alone are kept: the gradients themselves would double the memory
        self._model = type(model).__name__
        self._calls: dict[str, tuple[Any, Any, Any]] = {}
        self._squares: dict[str, list[Tensor]] = {}
        self._saturation: list[dict[str, tuple[float, float]]] = []
        self._gradients: list[Array] = []
        self._handles: list[Any] = []
        for name, part in self._parts.items():
            hook: Any = _LastCall(part, name, self._calls)
            self._handles.append(part.register_forward_hook(hook, with_kwargs=True))
            for weight, parameter in part.named_parameters():
                if parameter.requires_grad:
                    grown = self._grown(f"{name}.{weight}")
                    handle = parameter.register_post_accumulate_grad_hook(grown)  # type: ignore[no-untyped-call]
                    self._handles.append(handle)

    def epoch(self) -> None:
        """End an epoch: read the gates of its last batch, and the gradients of its steps.

        Raises InputError if the modules have not run in train mode since the last epoch.
        """
        if not self._calls:
            raise InputError(
                "training_drift: no recurrent module has run in train mode since the last epoch; call "
                "epoch() after the epoch's batches"
            )
        found: dict[str, tuple[float, float]] = {}
        for name, call in self._calls.items():
            part = self._parts[name]
            for gate, values in _gates(part, *call).items():
                seen = values[~values.isnan()]
                label = f"{name}.{gate}" if name else gate
                low, high = (seen < LOW).double().mean(), (seen > HIGH).double().mean()
                found[label] = (float(low), float(high))
        self._saturation.append(found)
        self._gradients.append(_norms(self._squares))
        self._squares = {}
        self._calls.clear()

    def result(self) -> Drift:
        """Return what the epochs so far have shown; raises InputError before the first."""
        if not self._saturation:
            raise InputError("training_drift: no epoch has ended yet; call epoch() after each")
        # a module that joins later has gates that the first epochs lack
        names = list(dict.fromkeys(name for epoch in self._saturation for name in epoch))
        none = (np.nan, np.nan)
        both = np.array([[epoch.get(name, none) for name in names] for epoch in self._saturation])
        both = both.reshape(len(self._saturation), len(names), 2)
        spread = np.array([
            np.quantile(norms, [0.1, 0.5, 0.9]) if len(norms) else np.full(3, np.nan)
            for norms in self._gradients
        ])  # fmt: skip
        return Drift(
            gates=np.array(names, dtype=np.str_),
            closed=both[..., 0],
            opened=both[..., 1],
            gradient=spread[:, 1],
            gradient_low=spread[:, 0],
            gradient_high=spread[:, 2],
            settings={
                "model": self._model,
                "modules": list(self._parts),
                "saturated": [LOW, HIGH],
                "steps": [len(norms) for norms in self._gradients],
            },
        )

    def close(self) -> None:
        """Take the hooks off the model; what was recorded stays."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def __enter__(self) -> TrainingDrift:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _grown(self, name: str) -> Any:
        def hook(parameter: Tensor) -> None:
            if parameter.grad is not None:
                square = parameter.grad.detach().double().square().sum()
                self._squares.setdefault(name, []).append(square)

        return hook


class _LastCall:
    """A hook that keeps the arguments of a module's last call in train mode.

    It lies on the module, unlike what a trace does (`nn.watching` changes the module's class, which is
    right for a block, but not for a watch that its user may never close). So each copy of the model,
    pickled or not, gets a hook too: one that does nothing.
    """

    def __init__(
        self, module: torch.nn.Module, name: str, calls: dict[str, tuple[Any, Any, Any]]
    ) -> None:
        self._module, self._name, self._calls = module, name, calls

    def __call__(
        self, module: torch.nn.Module, args: tuple[Any, ...], named: Mapping[str, Any], _: Any
    ) -> None:
        """Keep the arguments."""
        if module.training and module is self._module:
            given = dict(zip(("input", "hx"), args, strict=False)) | dict(named)
            self._calls[self._name] = (given["input"], given.get("hx"), given.get("lengths"))

    def __reduce__(self) -> tuple[type[Unwatched], tuple[()]]:
        """Let copies have another hook in its place."""
        return Unwatched, ()


class Unwatched:
    """The hook of a copy of a watched model: it does nothing."""

    def __call__(self, *_: Any) -> None:
        """Do nothing."""


def training_drift(model: torch.nn.Module) -> TrainingDrift:
    """Start watching the recurrent modules of `model` while it trains; return the watch.

    See `TrainingDrift` for its use. Raises InputError for a model without an LSTM, GRU or RNN whose
    gates can be read.
    """
    return TrainingDrift(model)


def _gates(part: torch.nn.RNNBase, input: Any, hx: Any, lengths: Any) -> dict[str, Tensor]:
    """Return the sigmoid gates of a call, or what stands for them, without dropout."""
    with torch.no_grad():
        call = prepare(part, input, hx, lengths)
        network = replace(network_of(part), dropout=0.0)
        engine = part.engine_of(call) if isinstance(part, GatedModule) else "torch"
        result = ENGINES[engine].run(network, call.x, call.states, call.rows, gates=True)
        gates: Gates = call.gates(result)
    spec = spec_of(part)
    names = [name for name in spec.packing if name in spec.fractions and name in gates]
    if not names:
        return {"hidden": gates["hidden"].abs()}
    return {name: gates[name] for name in names}


def _norms(squares: Mapping[str, list[Tensor]]) -> Array:
    """Return the norm of each backward pass, over the parameters that it reached."""
    passes = max((len(by_pass) for by_pass in squares.values()), default=0)
    total = np.zeros(passes)
    for by_pass in squares.values():
        values = torch.stack(by_pass).cpu().numpy()
        total[passes - len(values) :] += values  # one that joined late was unfrozen
    return np.asarray(np.sqrt(total))
