"""The first call of a model's recurrent modules, and the length of its rows.

Sizes: B rows, T steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence


class FirstCall(NamedTuple):
    """The first call of a recurrent module: its input, and `lengths=` if it was given."""

    module: torch.nn.Module
    x: Any
    lengths: Any

    def row_lengths(self) -> NDArray[np.int64] | None:
        """Return the steps of each row `[B]`, in the order of the call; None where they are not told."""
        if isinstance(self.x, PackedSequence):
            sizes = self.x.batch_sizes
            lengths = (sizes > torch.arange(int(sizes[0]), device="cpu")[:, None]).sum(dim=1)
            order = self.x.unsorted_indices
            return (lengths if order is None else lengths[order.cpu()]).numpy()
        if self.lengths is None:
            return None
        return torch.as_tensor(self.lengths, device="cpu").numpy().astype(np.int64)


@contextmanager
def first_call(parts: Iterable[torch.nn.Module]) -> Iterator[list[FirstCall]]:
    """Watch `parts` until the end of the block; the list has the first call, if there was one."""
    seen: list[FirstCall] = []

    def watch(module: torch.nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        if not seen:
            seen.append(
                FirstCall(module, args[0] if args else named["input"], named.get("lengths"))
            )

    with ExitStack() as stack:
        for part in parts:
            handle = part.register_forward_pre_hook(watch, with_kwargs=True)
            stack.callback(handle.remove)
        yield seen


def ends_of(
    seen: Sequence[FirstCall], per_row: Sequence[Tensor], rows: int, steps: int
) -> tuple[NDArray[np.int64], bool]:
    """Return the last step of each row `[B]`: of `steps`, or as the first call has its lengths.

    A model may sort its rows before it packs them, so that an argument with the same lengths (one of
    `per_row`, those with a value for each row) says better which row they belong to. Also return whether
    it does so.
    """
    lengths = seen[0].row_lengths() if seen else None
    if lengths is None or lengths.shape != (rows,) or not 0 < lengths.max() <= steps:
        return np.full(rows, steps - 1), False
    called = lengths
    for argument in per_row:
        if argument.shape == (rows,) and not argument.is_floating_point():
            told = argument.detach().cpu().numpy().astype(np.int64)
            if (np.sort(told) == np.sort(lengths)).all():
                lengths = told
                break
    return np.maximum(lengths, 1) - 1, bool((called != lengths).any())
