"""Checks that a tensor is on the device where it has to be, and that its memory is there.

A tensor's device and shape are promises. A parameter may be left on another device, and the storage
under one may have been freed (as sharded training does between its steps) or cut: whoever reads
such memory by its address crashes, or reads something else.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from gatewise.engines.onlookers import PLAIN
from gatewise.errors import InputError


def is_held(tensor: Tensor) -> bool:
    """Tell whether the storage of `tensor` reaches as far as its offset, shape and strides."""
    if (
        tensor.data_ptr() == 0
    ):  # also a tensor of zeros without memory, whose storage claims to be there
        return tensor.numel() == 0
    held, first = tensor.untyped_storage().nbytes(), tensor.storage_offset()
    if tensor.is_contiguous():
        return first * tensor.itemsize + tensor.nbytes <= held or tensor.numel() == 0
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    last = first + sum((size - 1) * stride for size, stride in pairs)
    return (last + 1) * tensor.itemsize <= held or tensor.numel() == 0


def are_whole(tensors: Iterable[Tensor]) -> bool:
    """Tell, at half the price of `is_held`, whether each tensor is contiguous and all of its storage.

    That is what most tensors are; others may be held all the same.
    """
    try:
        for tensor in tensors:
            if (
                tensor.untyped_storage().nbytes() != tensor.nbytes
                or tensor.storage_offset() != 0
                or not tensor.is_contiguous()
            ):
                return False
    except NotImplementedError:  # a sparse tensor has no storage
        return False
    return True


def check_place(name: str, tensor: Tensor, x: Tensor) -> None:
    """Raise InputError unless `tensor`, called `name`, is on the device of the input `x`."""
    if tensor.device != x.device:
        raise InputError(
            f"{name} is on {tensor.device}, the input on {x.device}: move the module, the input and "
            "its states to one device"
        )


def check_held(name: str, tensor: Tensor) -> None:
    """Raise InputError if the memory of `tensor`, called `name`, is not there."""
    if not is_held(tensor):
        raise InputError(
            f"{name} has the shape {list(tensor.shape)} and memory of "
            f"{tensor.untyped_storage().nbytes()} bytes that is not all there: it was freed or cut; "
            "give it values again before the call"
        )


def has_memory(tensor: Tensor) -> bool:
    """Tell whether `tensor` is one whose memory can be looked at: no wrapper, no fake, not on meta."""
    return type(tensor) in PLAIN and not tensor.is_meta
