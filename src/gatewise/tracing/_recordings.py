"""Recorded calls by the names of their modules: the part of a trace that files and tables read."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gatewise import notebook
from gatewise.engines import Gates
from gatewise.errors import InputError, UnknownNameError, nearest
from gatewise.nn.structure import check_model
from gatewise.tracing._fingerprint import Weights, fingerprint
from gatewise.tracing._host import HostCopies
from gatewise.tracing._options import Kept, TraceOptions
from gatewise.wording import counted


@dataclass
class RecordedCall:
    """The record of one call of a module, or of the successive steps of a cell."""

    parts: list[dict[str, Tensor]]  # [L, D, T, ...] each; of a cell more than one, along T
    lengths: Tensor  # of the kept steps, int64 [B], or a scalar
    steps: range  # which steps of the call are kept
    total: int  # the steps of the call
    weights: Weights  # for their fingerprint
    kind: str  # the name of the module's cell
    copies: HostCopies  # what may still be on its way to the host
    _gates: Gates | None = None

    def add(self, part: dict[str, Tensor]) -> None:
        """Add a step of a cell."""
        self.parts.append(part)
        self._gates = None

    def gates(self) -> Gates:
        """Return one record, the same object each time; parts are joined, name after name."""
        self.copies.wait()
        if self._gates is not None:
            return self._gates
        if not self.parts:
            raise InputError(f"trace: the call had {self.total} steps, and none of them is kept")
        if len(self.parts) > 1:
            names = list(self.parts[0])
            self.parts = [
                {name: torch.cat([part.pop(name) for part in self.parts], dim=2) for name in names}
            ]
        self._gates = Gates(self.parts[0], self.lengths, self.kind)
        return self._gates


@dataclass
class RecordedModule:
    """The record of one module: what is kept of it, and its calls."""

    kept: Kept
    calls: list[RecordedCall] = field(default_factory=list)


class Recordings(Mapping[str, Gates]):
    """What is recorded of each module of a model; see `Trace`, which adds files and tables."""

    def __init__(
        self,
        aliases: Mapping[str, str],
        modules: Mapping[str, RecordedModule],
        options: TraceOptions,
    ) -> None:
        self.aliases = dict(aliases)  # every name, and the first name of the same module
        self.options = options
        self._modules = dict(modules)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the modules that are recorded, in the model's order; the first of each."""
        return tuple(self._modules)

    @property
    def nbytes(self) -> int:
        """The bytes of all records."""
        every = (call for module in self._modules.values() for call in module.calls)
        return sum(t.numel() * t.itemsize for call in every for p in call.parts for t in p.values())

    def __getitem__(self, name: str) -> Gates:
        """Return the gates of the last call of the module `name`.

        Raises UnknownNameError (an InputError and a KeyError) for an unknown name and for a module that
        has not been called.
        """
        return self.record(name).gates()

    def __contains__(self, name: object) -> bool:
        """Tell whether `name` is that of a module that has been called."""
        first = self.aliases.get(name) if isinstance(name, str) else None
        return first in self._modules and bool(self._modules[first].calls)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the first names of the modules that have been called, in the model's order."""
        return (name for name, module in self._modules.items() if module.calls)

    def __len__(self) -> int:
        """Return how many modules have been called."""
        return sum(1 for _ in self)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        calls = sum(len(module.calls) for module in self._modules.values())
        head = f"Trace: {counted(len(self._modules), 'module')}, {counted(calls, 'call')}, "
        lines = [f"  {name!r}: {_described(module)}" for name, module in self._modules.items()]
        return "\n".join([f"{head}{self.nbytes:,} bytes", *lines])

    def _repr_html_(self) -> str:
        rows = [
            (name or "the model", str(len(module.calls)), _described(module))
            for name, module in self._modules.items()
        ]
        return notebook.shown(
            f"Trace, {self.nbytes:,} bytes", notebook.table(("module", "calls", "kept"), rows)
        )

    def calls(self, name: str) -> tuple[Gates, ...]:
        """Return the gates of every call of the module `name`, none if it was not called.

        Raises InputError for an unknown name.
        """
        return tuple(call.gates() for call in self._module(name).calls)

    def kept(self, name: str) -> Kept:
        """Return what is kept of a module, as asked for."""
        return self._module(name).kept

    def count(self, name: str) -> int:
        """Return how many calls of a module are recorded."""
        return len(self._module(name).calls)

    def cell(self, name: str) -> str:
        """Return the name of the cell of a module: "lstm", "gru", "rnn_tanh", ..."""
        return self._module(name).kept.cell

    def quantities(self, name: str) -> tuple[str, ...]:
        """Return the names of what is recorded of a module, in its cell's order."""
        return self._module(name).kept.quantities

    def steps(self, name: str, call: int = -1) -> range:
        """Return which steps of a call are recorded, in the call's own count."""
        return self.record(name, call).steps

    def units(self, name: str) -> tuple[int, ...] | None:
        """Return which units of a module are recorded; None: all.

        With a projection they are those of the gates and the cell; `hidden` is recorded whole.
        """
        return self._module(name).kept.units

    def check_unchanged(self, model: torch.nn.Module, *names: str) -> None:
        """Raise InputError unless `model` has the weights that the calls were made with.

        Reading a record needs no weights, so this matters only where the two are put together (a
        Jacobian, a ledger of inputs, a transplant): call it there. Checked are the parameters of the
        modules in `names` (none: all that were called), to the bit, by their SHA-256 at each call;
        buffers, inputs and other modules are not. InputError too where nothing has been called.
        """
        check_model(model, "check_unchanged")
        model = getattr(model, "_orig_mod", model)  # without the wrapper of torch.compile
        parts = dict(model.named_modules(remove_duplicate=False))
        names = names or tuple(name for name in self.names if self.count(name)) or self.names
        for name in names:
            self.record(name)  # or there is nothing to compare with
            module = self._module(name)
            if name not in parts:
                raise InputError(
                    f"trace: the model has no module {name!r}; it is not the one recorded"
                )
            now = fingerprint(parts[name])
            stale = [i for i, call in enumerate(module.calls) if call.weights.digest() != now]
            if stale:
                which = "its calls" if len(stale) == len(module.calls) else f"its call {stale[0]}"
                raise InputError(
                    f"trace: the weights of {name!r} are not those that {which} ran with; record "
                    "again with the model as it is, or load the weights of then"
                )

    def record(self, name: str, call: int = -1) -> RecordedCall:
        """Return a call as it is stored; raises InputError where there is none."""
        calls = self._module(name).calls
        if not calls:
            raise UnknownNameError(
                f"trace: {name!r} has not been called; run the model inside the with block first"
            )
        if isinstance(call, bool) or not hasattr(call, "__index__"):
            raise InputError(
                f"trace: call must be the number of a call, -1 for the last; got {call!r}"
            )
        if not -len(calls) <= operator.index(call) < len(calls):
            raise InputError(f"trace: {name!r} has {len(calls)} calls; there is no call {call}")
        found = calls[operator.index(call)]
        found.copies.wait()
        return found

    def _module(self, name: str) -> RecordedModule:
        if not isinstance(name, str) or name not in self.aliases:
            raise UnknownNameError(
                f"trace: no recurrent module {name!r}; there are "
                f"{', '.join(map(repr, self.names))}.{nearest(name, self.aliases)}"
            )
        first = self.aliases[name]
        if first not in self._modules:
            raise UnknownNameError(
                f"trace: {name!r} was left out by modules= or quantities=; recorded are "
                f"{', '.join(map(repr, self.names))}"
            )
        return self._modules[first]


def _described(module: RecordedModule) -> str:
    """Return a module's cell and calls, and the quantities and shapes of the last one."""
    cell = module.kept.cell
    if not module.calls:
        return f"{cell}, not called"
    last = module.calls[-1]
    shapes: dict[tuple[int, ...], list[str]] = {}
    for name, first in last.parts[0].items() if last.parts else ():
        steps = sum(part[name].shape[2] for part in last.parts)  # of a cell each step is a part
        shapes.setdefault((*first.shape[:2], steps, *first.shape[3:]), []).append(name)
    texts = [f"{', '.join(names)} {list(shape)}" for shape, names in shapes.items()]
    return f"{cell}, {counted(len(module.calls), 'call')}: {'; '.join(texts) or 'no steps kept'}"
