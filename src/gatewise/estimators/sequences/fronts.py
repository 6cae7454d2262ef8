"""What stands before the layers: symbols as one-hot vectors or as embeddings.

Sizes: T steps, B sequences, W features that the layers read. Code 0 is "unknown", 1 ... are symbols.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

ONE_HOT_UP_TO = 32
"""Symbols up to which they are one-hot where nothing is said: letters of DNA and of proteins are."""


class OneHotFront(nn.Module):
    """Codes as one-hot vectors `[T, B, symbols]`; "unknown" is 0 everywhere, as is padding."""

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.width = symbols

    def forward(self, codes: Tensor) -> Tensor:
        """Return what the layers read, `[T, B, W]`, of codes `[T, B]`."""
        wide = functional.one_hot(codes, self.width + 1)
        return wide[..., 1:].to(torch.float32)


class EmbeddingFront(nn.Module):
    """Codes as trained vectors `[T, B, W]`; "unknown" starts at 0 and is trained where it occurs."""

    def __init__(self, symbols: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(symbols + 1, width, device="cpu", dtype=torch.float32)
        self.width = width
        with torch.no_grad():
            self.table.weight[0] = 0.0

    def forward(self, codes: Tensor) -> Tensor:
        """Return what the layers read, `[T, B, W]`, of codes `[T, B]`."""
        found: Tensor = self.table(codes)
        return found
