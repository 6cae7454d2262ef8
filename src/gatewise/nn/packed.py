"""Checks that the parts of a PackedSequence agree: torch checks little of one made by hand.

An engine takes its numbers as places in memory. Sizes: B rows, N valid steps of all rows together.
"""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.errors import InputError

_CPU = torch.device("cpu")


def check_packed(packed: PackedSequence) -> list[int] | None:
    """Raise InputError unless the parts of `packed` fit each other; return its batch sizes.

    A graph that is being recorded cannot look at values: there the native operator does, when it runs,
    and None is returned.
    """
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return None
    # The engines take these numbers as places in memory.
    data, batch_sizes, order, back = packed
    _check_indices("batch_sizes", batch_sizes, _CPU)
    counts: list[int] = batch_sizes.tolist()
    if not counts:
        _refuse("batch_sizes is empty, and there must be at least one step")
    if counts[-1] < 0 or counts != sorted(counts, reverse=True):
        _refuse(
            f"batch_sizes must be the rows of each step, never more than before; got {_short(counts)}"
        )
    if data.dim() == 0 or sum(counts) != len(data):
        _refuse(
            f"batch_sizes counts {sum(counts)} steps of its rows and the data is {list(data.shape)}: "
            "lengths given to pack_padded_sequence must not exceed the steps of its input"
        )
    if order is not None:
        _check_orders(data, order, back, counts[0])
    elif back is not None:
        _refuse("there are unsorted_indices without sorted_indices; give both or neither")
    return counts


def _check_orders(data: Tensor, order: Tensor, back: Tensor | None, batch: int) -> None:
    """Check `sorted_indices` and `unsorted_indices` of B rows; their values on the CPU only."""
    _check_indices("sorted_indices", order, data.device)
    if len(order) != batch:
        _refuse(f"sorted_indices has {len(order)} rows and batch_sizes begins with {batch}")
    places = order.tolist() if order.is_cpu else None
    every = list(range(batch))
    if places is not None and sorted(places) != every:
        _refuse(f"sorted_indices must hold each of 0 to {batch - 1} once; got {_short(places)}")
    if back is None:
        _refuse("there are sorted_indices without unsorted_indices; give both or neither")
    _check_indices("unsorted_indices", back, data.device)
    if places is not None:
        rows = back.tolist()
        # Taken at the places, the rows count up: with a loop in Python, this took half of all checks.
        in_order = len(rows) == batch and list(map(rows.__getitem__, places)) == every
        if not in_order:
            _refuse(
                "unsorted_indices does not undo sorted_indices; leave it out, and torch makes it"
            )


def _check_indices(name: str, indices: Tensor, device: torch.device) -> None:
    if indices.dtype != torch.int64 or indices.dim() != 1:
        _refuse(f"{name} must be int64 of one dimension; got {indices.dtype} {list(indices.shape)}")
    if indices.device != device:
        _refuse(f"{name} is on {indices.device} and must be on {device}")


def _short(numbers: list[int]) -> str:
    return str(numbers) if len(numbers) <= 20 else f"{str(numbers[:20])[:-1]}, ...]"


def _refuse(message: str) -> NoReturn:
    raise InputError(f"PackedSequence: {message}")
