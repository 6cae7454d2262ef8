"""What stands beside the cells of these packages and stays as it is: named, so that nobody is misled."""

from __future__ import annotations

import torch

PACKAGES = ("xlstm.", "tirex.", "tirex2.", "mlstm_kernels.")

STAYS = {
    "mLSTMLayer": "is an mLSTM, which gatewise does not have",
    "sLSTMCell_cuda": "runs on a GPU only: build it with the backend 'vanilla' to have it taken",
}
"""By the name of a class of these packages: why it is left."""


def why_it_stays(module: torch.nn.Module) -> str:
    """Return why a module of these packages is left as it is; an empty string for any other."""
    kind = type(module)
    return STAYS.get(kind.__name__, "") if kind.__module__.startswith(PACKAGES) else ""
