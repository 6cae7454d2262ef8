"""A model and its inputs, prepared to be asked the same question many times.

Sizes: B rows, T steps, N rows of a call, K answers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.errors import InputError, nearest
from gatewise.memory.interventions._calls import ends_of, first_call
from gatewise.memory.interventions._intervene import Intervention, intervening
from gatewise.memory.interventions.arguments import Arguments, Inputs, first_of
from gatewise.nn.finding import recurrent_parts, why_not_layered
from gatewise.nn.quiet import quiet
from gatewise.nn.structure import check_model
from gatewise.typing import Array
from gatewise.wording import figure

Output = Callable[[Any], Tensor]
"""Takes what the model returns to its answers `[B, K]`, or `[B, T, K]` where it answers per step."""

NUMBERS = 2**24
"""Inputs and hidden states of one call of the model, at most (64 MiB in float32)."""


class Subject:
    """A model that holds recurrent modules, its inputs, and how its answers are read.

    The model is run in eval mode, without gradients, from the same random numbers each time; its modes
    and the generators are put back after each call.

    Attributes:
        model: The model, without the wrapper of `torch.compile`.
        parts: Its recurrent modules, cells too, by path.
        rows, steps: B and T.
        time: Which axis of the inputs is time.
        per_step: Whether the model answers at each step, `[B, T, K]`, or once per row, `[B, K]`.
        ends: The last step of each row, int64 `[B]`: T - 1, or as the first recurrent module that is
            called is told by packed rows or `lengths=`.
        sorts: Whether the model sorts its rows by length, so that its states are in another order.
        answer: Its answers to the inputs as they are.
        floor: Differences up to this are rounding: four times what reordering the rows changes, plus
            sixteen units in the last place.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        inputs: Inputs,
        *,
        caller: str,
        time: int | None = None,
        output: Output | None = None,
    ) -> None:
        check_model(model, caller)
        self.caller = caller
        self.model: torch.nn.Module = getattr(model, "_orig_mod", model)
        self.parts = recurrent_parts(self.model)
        if not self.parts:
            raise InputError(
                f"{caller}: {type(self.model).__name__} contains no LSTM, GRU, RNN or cell; there is no "
                "memory to ask for"
            )
        self._output = output
        self.time = self._time_of(inputs) if time is None else time
        if not isinstance(self.time, int) or self.time not in (0, 1):
            raise InputError(f"{caller}: time must be 0 or 1, the axis of time; got {time!r}")
        self.arguments = Arguments(inputs, self.time, caller=caller)
        self.rows, self.steps = self.arguments.rows, self.arguments.steps
        # whether it answers per step is read off its first answer, for which it has to be unset
        self.per_step = False
        with first_call(self.parts.values()) as seen:
            self.answer = self.answers()
        self.ends, self.sorts = ends_of(seen, self.arguments.per_row, self.rows, self.steps)
        self.per_step = self.answer.ndim == 3
        self.floor = self._floor()

    @property
    def sequences(self) -> list[Tensor]:
        """The sequences among the inputs, `[B, T, ...]` each, the first argument first."""
        return self.arguments.sequences

    @property
    def settings(self) -> dict[str, Any]:
        """What every result says about the model's runs."""
        return {
            "model": type(self.model).__name__,
            "modules": list(self.parts),
            "rows": self.rows,
            "steps": self.steps,
            "time": self.time,
            "answers": "per step" if self.per_step else "per sequence",
        }

    def answers(
        self,
        sequences: Sequence[Tensor] | None = None,
        index: Tensor | None = None,
        *,
        arguments: Arguments | None = None,
        intervention: Intervention | None = None,
        module: str | Sequence[str] | None = None,
    ) -> Array:
        """Return the answers, `[N, K]` or `[N, T, K]`, to the inputs or to others.

        `sequences` `[N, T', ...]` replace the inputs' and `index` `[N]` names the row to which the
        other arguments of each belong, or `arguments` replace all; `intervention` runs the recurrent
        modules that `module` names (None: all). Raises InputError where the answers have no such shape
        or are not finite.
        """
        args, named = (arguments or self.arguments).call(sequences, index)
        with ExitStack() as stack:
            stack.enter_context(quiet(self.model))
            if intervention is not None:
                stack.enter_context(intervening(self.chosen(module), intervention))
            raw = self.model(*args, **named)
            count = self.rows if sequences is None else len(sequences[0])
            steps = self.steps if sequences is None else sequences[0].shape[1]
            # in float64, so that sums over rows and steps add no rounding of their own
            found = self._read(raw, count, steps).detach().to("cpu", torch.float64).numpy()
        if not np.isfinite(found).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(found))[0])
            raise InputError(
                f"{self.caller}: the model's answer at {where} is not finite{self._cause()}"
            )
        return np.array(found)

    def on(self, model: torch.nn.Module) -> Subject:
        """Return the same questions put to a copy of the model; `answer` stays the model's."""
        other = copy.copy(self)
        other.model = model
        other.parts = {name: model.get_submodule(name) for name in self.parts}
        return other

    def chosen(self, module: str | Sequence[str] | None) -> dict[str, torch.nn.RNNBase]:
        """Return the recurrent modules that `module` names, None being all, where state can be changed.

        Raises InputError for an unknown name and for modules whose state cannot be changed.
        """
        if module is None:
            names: Sequence[str] = list(self.parts)
        else:
            names = [module] if isinstance(module, str) else module
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise InputError(
                f"{self.caller}: module must be the name of a module, or a list of names; got {module!r}"
            )
        # all are checked before any is run, and by the name that the caller knows
        found: dict[str, torch.nn.RNNBase] = {}
        for name in names:
            if name not in self.parts:
                raise InputError(
                    f"{self.caller}: no recurrent module {name!r}; there are "
                    f"{', '.join(map(repr, self.parts))}.{nearest(name, self.parts)}"
                )
            part = self.parts[name]
            if why := why_not_layered(part):
                raise InputError(
                    f"{self.caller}: the state of {name or 'the model'!r} cannot be changed: it {why}"
                )
            found[name] = part  # type: ignore[assignment]  # or there were a reason why not
        return found

    def check_order(self) -> None:
        """Raise InputError where the model sorts its rows, so that states are not in their order."""
        if self.sorts:
            raise InputError(
                f"{self.caller}: the model sorts its rows by length, so that no one can tell whose a "
                "state is; give them to it longest first, or pack them with enforce_sorted=False"
            )

    def batches(self, copies: int) -> Iterator[slice]:
        """Split `copies` runs of all rows into as many as one call of the model is to hold."""
        width = sum(sequence[0, 0].numel() for sequence in self.sequences) + sum(
            map(_width, self.parts.values())
        )
        size = max(1, NUMBERS // (self.rows * self.steps * width))
        for begin in range(0, copies, size):
            yield slice(begin, min(begin + size, copies))

    def times(self, at: int | Sequence[int] | None, default: int = -1) -> list[int]:
        """Return the steps at which answers are read, by default the last, as numbers from 0.

        Raises InputError for a step that does not exist, and for any where the model answers once.
        """
        if not self.per_step:
            if at is not None:
                raise InputError(
                    f"{self.caller}: at={at} asks for the answer at a step, but the model answers once "
                    "per sequence; leave it out"
                )
            return [self.steps - 1]
        wanted = [default] if at is None else [at] if isinstance(at, int) else list(at)
        if not wanted:
            raise InputError(f"{self.caller}: at is empty; name at least one step")
        for t in wanted:
            if not -self.steps <= t < self.steps:
                raise InputError(
                    f"{self.caller}: at={t} is outside the {self.steps} steps of the inputs; use 0 to "
                    f"{self.steps - 1}"
                )
        return [int(t) % self.steps for t in wanted]

    def places(
        self, at: int | Sequence[int] | None, default: int = -1
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the steps at which answers are read by row `[A, B]`, and which of them exist.

        By default the last step of each row. Raises as `times`.
        """
        times = np.array(self.times(at, default))
        if at is None and default == -1:
            return self.ends[None], np.ones((1, self.rows), dtype=bool)
        places = np.repeat(times[:, None], self.rows, axis=1)
        return places, places <= self.ends

    def boundary(self, at: int | None) -> int:
        """Return the step before which a state is changed, by default the middle of the shortest row.

        Raises InputError unless it lies between two steps of each row.
        """
        if self.steps < 2:
            raise InputError(
                f"{self.caller}: inputs have one step; a state is changed between two of them"
            )
        shortest = int(self.ends.min()) + 1
        at = max(shortest // 2, 1) if at is None else at
        if not isinstance(at, int) or not 1 <= at < self.steps:
            raise InputError(
                f"{self.caller}: at={at!r} must lie between 1 and {self.steps - 1}: the state is "
                f"changed after `at` of the {self.steps} steps"
            )
        if at >= shortest:
            raise InputError(
                f"{self.caller}: row {int(self.ends.argmin())} ends after {shortest} steps, so that its "
                f"state cannot be changed after {at}; give a smaller at, or leave such rows out"
            )
        return at

    def last(self, answers: Array) -> Array:
        """Return the answers at the last step, `[N, K]`."""
        return answers[:, -1] if self.per_step else answers

    def _cause(self) -> str:
        """Say where the inputs are not finite, if they are not."""
        for sequence in self.sequences:
            bad = (
                (~torch.isfinite(sequence)).nonzero()
                if sequence.is_floating_point()
                else sequence[:0]
            )
            if len(bad):
                row, step, *rest = bad[0].tolist()
                which = f", value {', '.join(map(str, rest))}" if rest else ""
                value = float(sequence[tuple(bad[0])])
                return (
                    f": the inputs hold {value} at row {row}, step {step}{which}; fill it in, or leave "
                    "the row out"
                )
        return ""

    def _read(self, raw: Any, count: int, steps: int) -> Tensor:
        """Bring what the model returns into `[N, K]` or `[N, T, K]`."""
        y = raw if self._output is None else self._output(raw)
        while self._output is None and isinstance(y, tuple | list) and y:
            y = y[0]
        if not isinstance(y, Tensor):
            source = "the model returns" if self._output is None else "output= returns"
            raise InputError(
                f"{self.caller}: {source} a {type(y).__name__}; give output=, a function that takes "
                "what the model returns to a tensor [B, K] or [B, T, K]"
            )
        shape = tuple(y.shape)
        if y.dim() > 2 and shape[:2] == (count, steps) and (self._output or self.time == 1):
            return y.flatten(2)
        if y.dim() > 2 and shape[:2] == (steps, count) and not self._output and self.time == 0:
            return y.transpose(0, 1).flatten(2)
        if y.dim() > 0 and shape[0] == count:
            return y.reshape(count, -1)
        if y.dim() > 1 and shape[1] == count and self._output is None:
            return y.transpose(0, 1).reshape(count, -1)
        raise InputError(
            f"{self.caller}: the answers have shape {list(shape)}, which has no place for {count} rows; "
            "give output=, a function that takes what the model returns to [B, K] or [B, T, K]"
        )

    def _time_of(self, inputs: Inputs) -> int:
        """Find the axis of time from what the recurrent modules are called with."""
        first = first_of(inputs, self.caller)
        with first_call(self.parts.values()) as seen, quiet(self.model):
            if isinstance(inputs, Mapping):
                self.model(**inputs)
            else:
                self.model(*(inputs if isinstance(inputs, tuple | list) else (inputs,)))
        if not seen:
            raise InputError(
                f"{self.caller}: the model has run without calling any of its recurrent modules, "
                f"{', '.join(map(repr, self.parts))}; give time=, the axis of time of the inputs"
            )
        module, x, _ = seen[0]
        if isinstance(x, Tensor) and isinstance(module, torch.nn.RNNBase) and x.dim() == 2:
            raise InputError(
                f"{self.caller}: the inputs {list(first.shape)} reach the recurrent module without a "
                "batch axis; add one with inputs.unsqueeze(...)"
            )
        return self._axis(first, module, x)

    def _axis(self, first: Tensor, module: torch.nn.Module, x: Any) -> int:
        """Compare the inputs with what a recurrent module was given."""
        batch_first = isinstance(module, torch.nn.RNNBase) and module.batch_first
        if isinstance(x, PackedSequence):
            batch, steps = int(x.batch_sizes[0]), None
        elif isinstance(module, torch.nn.RNNBase):
            batch, steps = (x.shape[0], x.shape[1]) if batch_first else (x.shape[1], x.shape[0])
        else:
            batch, steps = x.shape[0], None
        if x is first:
            return 1 if batch_first else 0
        fits = [
            axis
            for axis in (0, 1)
            if first.shape[1 - axis] == batch and (steps is None or first.shape[axis] == steps)
        ]
        fits = fits or [axis for axis in (0, 1) if first.shape[1 - axis] == batch]
        if len(fits) != 1:
            raise InputError(
                f"{self.caller}: cannot tell which axis of the inputs {list(first.shape)} is time: the "
                f"recurrent module works on {batch} rows; give time=0 or time=1"
            )
        return fits[0]

    def _floor(self) -> float:
        """Measure the rounding of the answers, and that the same question has the same answer."""
        largest = float(np.abs(self.answer).max(initial=0.0))
        again = float(np.abs(self.answers() - self.answer).max(initial=0.0))
        if again > 1e-4 * largest:
            raise InputError(
                f"{self.caller}: the same inputs get another answer the second time, by "
                f"{figure(again)}: the model draws numbers of its own or keeps a state between calls; "
                "reset it there"
            )
        order = (
            torch.arange(self.rows - 1, -2, -1, device="cpu") % self.rows
        )  # reversed, and one row twice
        turned = self.answers(
            [sequence.index_select(0, order.to(sequence.device)) for sequence in self.sequences],
            order,
        )
        noise = float(np.abs(turned - self.answer[order.numpy()]).max(initial=0.0))
        kind = next(
            (p.dtype for p in self.model.parameters() if p.is_floating_point()), torch.float32
        )
        return 4 * max(noise, again) + 16 * torch.finfo(kind).eps * largest


def _width(part: torch.nn.Module) -> int:
    """Return how many hidden values a module keeps for each step of a row."""
    if not isinstance(part, torch.nn.RNNBase):
        return int(part.hidden_size)  # type: ignore[arg-type]  # a cell
    return part.hidden_size * part.num_layers * (2 if part.bidirectional else 1)
