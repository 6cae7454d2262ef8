"""The arguments of a model's call: which are sequences, which belong to rows, and others like them.

Sizes: B rows, T steps, N rows of a call that is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.errors import InputError

Inputs = Tensor | Sequence[Any] | Mapping[str, Any]
"""A model's input: the sequence, or its call arguments in order or by name, the sequence first."""


class Arguments:
    """The call arguments of a model, `rows` rows of `steps` steps, and calls built from them.

    Every tensor that has the rows and the steps where the first one has them is a sequence; of the
    others, what has an axis as long as there are rows is cut by row, and the rest is passed on as it
    is.

    Attributes:
        sequences: The sequences, `[B, T, ...]` each, the first argument first.
        per_row: What has an axis of rows, but none of steps.
    """

    def __init__(self, inputs: Inputs, time: int, *, caller: str) -> None:
        self._names, self._values = _listed(inputs, caller)
        self._time = time
        first = first_of(inputs, caller)
        self.steps, self.rows = int(first.shape[time]), int(first.shape[1 - time])
        self.sequences: list[Tensor] = []
        self.per_row: list[Tensor] = []
        for value in self._values:
            self._mapped(value, self._collect)

    def call(
        self, sequences: Sequence[Tensor] | None = None, index: Tensor | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and named arguments for N rows.

        `sequences`, `[N, T', ...]` each, replace those of the call, and `index` int64 `[N]` says to
        which of the rows the other arguments of each belong; None: as they are.
        """
        remaining = iter(self.sequences if sequences is None else sequences)

        def built(value: Tensor, kind: str) -> Tensor:
            if kind == "sequence":
                given = next(remaining)
                return given if self._time == 1 else given.transpose(0, 1)
            if kind == "rows" and index is not None:
                return value.index_select(self._row_axis(value), index.to(value.device))
            return value

        values = [self._mapped(value, built) for value in self._values]
        if self._names is None:
            return tuple(values), {}
        return (), dict(zip(self._names, values, strict=True))

    def _collect(self, value: Tensor, kind: str) -> Tensor:
        if kind == "sequence":
            self.sequences.append(value if self._time == 1 else value.transpose(0, 1))
        elif kind == "rows":
            self.per_row.append(value)
        return value

    def _mapped(self, value: Any, change: Callable[[Tensor, str], Tensor]) -> Any:
        """Return `value` with `change(tensor, kind)` for each tensor in it."""
        if isinstance(value, Tensor):
            return change(value, self._kind(value))
        if isinstance(value, tuple | list) and not isinstance(value, PackedSequence):
            if len(value) == self.rows and all(isinstance(item, int | float) for item in value):
                return change(torch.tensor(value, device="cpu"), "rows")
            return type(value)([self._mapped(item, change) for item in value])
        return value

    def _kind(self, value: Tensor) -> str:
        at = (self._time, 1 - self._time)
        if value.dim() > 1 and tuple(value.shape[axis] for axis in at) == (self.steps, self.rows):
            return "sequence"
        return "rows" if self.rows in value.shape[:2] else "fixed"

    def _row_axis(self, value: Tensor) -> int:
        # States are [layers, rows, units], and there may be as many layers as rows.
        states = value.dim() == 3 and value.shape[1] == self.rows
        return 1 if states or value.shape[0] != self.rows else 0


def first_of(inputs: Inputs, caller: str) -> Tensor:
    """Return the first argument, which has to be a sequence in a padded tensor."""
    _, values = _listed(inputs, caller)
    first = values[0] if values else None
    if isinstance(first, PackedSequence):
        raise InputError(
            f"{caller}: inputs is a PackedSequence; give rows of one length as a tensor [B, T, I]"
        )
    if not isinstance(first, Tensor):
        raise InputError(
            f"{caller}: inputs must be a tensor, or call arguments whose first is one; got "
            f"{type(first).__name__}; write torch.as_tensor(...) around an array"
        )
    if first.dim() < 2:
        raise InputError(
            f"{caller}: inputs has shape {list(first.shape)}; a batch of sequences is needed, "
            "[B, T, I] or [T, B, I]"
        )
    if 0 in first.shape[:2]:
        raise InputError(
            f"{caller}: inputs has shape {list(first.shape)}, so there are no rows or no steps; give at "
            "least one of each"
        )
    return first


def _listed(inputs: Inputs, caller: str) -> tuple[tuple[str, ...] | None, list[Any]]:
    """Return the names, if the arguments have some, and the arguments."""
    if isinstance(inputs, Mapping):
        return tuple(inputs), list(inputs.values())
    if isinstance(inputs, tuple | list) and not isinstance(inputs, PackedSequence):
        return None, list(inputs)
    return None, [inputs]
