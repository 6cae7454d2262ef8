"""Noticing that what a pass returned was changed in place before its backward pass.

The backward pass needs the output. Whoever called may work on it in place meanwhile (`y += x`, a
dropout with `inplace=True`), as on the output of torch's own kernels, which keep other tensors. So an
alias is kept that torch does not guard, and whoever finds the original changed runs forward again.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_NO_MEMORY = torch.empty(0, dtype=torch.float32, device="cpu")


class Watched:
    """Tensors that were handed out: tells whether one was changed since.

    Attributes:
        held: Of tensors that stand for others (in a graph that is being traced, or on the meta
            device): their aliases. Others are not kept alive here, and are for autograd to save:
            see `unguarded`.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        is_plain = True
        for tensor in tensors:
            is_plain = is_plain and type(tensor) is Tensor and not tensor.is_meta
        self.held: list[Tensor] = []
        self._unguarded: list[Tensor] = []
        self._counters: list[Tensor] = []
        self._versions: list[int] = []
        for tensor in tensors:
            alias = tensor.detach()
            self._versions.append(alias._version)
            self._counters.append(alias)
            if not is_plain:
                self.held.append(alias)
                continue
            self._unguarded.append(tensor.data)
            # Leave of the alias nothing but the version counter that it shares: with its memory, that
            # would outlive hooks that move what is saved for the backward pass elsewhere
            # (`save_on_cpu`, checkpoints).
            alias.data = _NO_MEMORY

    def unguarded(self) -> list[Tensor]:
        """Return, once, aliases that autograd gives back whatever happens to the tensors."""
        found, self._unguarded = self._unguarded, []
        return found

    def changed(self) -> list[bool]:
        """Tell of each tensor whether it, or a view of it, was changed in place."""
        pairs = zip(self._counters, self._versions, strict=True)
        return [counter._version != version for counter, version in pairs]
