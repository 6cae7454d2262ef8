"""The weights that a call was made with, as a digest: to tell whether a model has changed since."""

from __future__ import annotations

from hashlib import sha256

import torch


def fingerprint(module: torch.nn.Module) -> str:
    """Return a digest of the parameters of `module`: names, types, shapes and every bit.

    Empty where there are no values to read (the meta device). Of a parametrized module these are the
    original parameters, not what was computed from them.
    """
    found = sha256()
    for name, parameter in module.named_parameters():
        if parameter.device.type == "meta":
            return ""
        values = parameter.detach().cpu().contiguous()
        found.update(f"{name} {values.dtype} {list(values.shape)};".encode())
        found.update(values.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
