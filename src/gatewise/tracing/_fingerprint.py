"""The weights that a call was made with, as a digest: to tell whether a model has changed since."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import torch
from torch import Tensor

from gatewise.tracing._host import HostCopies, is_brought


def fingerprint(module: torch.nn.Module) -> str:
    """Return a digest of the parameters of `module`: names, types, shapes and every bit.

    Empty where there are no values to read (the meta device). Of a parametrized module these are the
    original parameters, not what was computed from them.
    """
    return _digest_of(module.named_parameters())


def _digest_of(weights: Iterable[tuple[str, Tensor]]) -> str:
    found = sha256()
    for name, parameter in weights:
        if parameter.device.type == "meta":
            return ""
        values = parameter.detach().cpu().contiguous()
        found.update(f"{name} {values.dtype} {list(values.shape)};".encode())
        found.update(values.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


class Weights:
    """The weights that a call was made with, for their digest.

    Those of a GPU are brought to the host beside the model, as records are: a digest that was taken at
    once would wait for the call to end. The one of other weights is.
    """

    def __init__(self, digest: str = "") -> None:
        self._digest = digest
        self._held: list[tuple[str, Tensor]] = []
        self._copies = HostCopies()

    @classmethod
    def of(cls, module: torch.nn.Module, copies: HostCopies) -> Weights:
        """Return the weights that a module has now."""
        named, host = list(module.named_parameters()), torch.device("cpu")
        if not all(is_brought(weight, host) for _, weight in named):
            return cls(fingerprint(module))
        made = cls()
        made._copies = copies
        made._held = [(name, copies.move(one.detach(), host, None)) for name, one in named]
        return made

    def digest(self) -> str:
        """Return what `fingerprint` said of them."""
        if self._held:
            self._copies.wait()
            self._digest, self._held = _digest_of(self._held), []
        return self._digest
