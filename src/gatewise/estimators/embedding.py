"""What stands before the layers where some features are codes of categories: an embedding for each.

Sizes: T steps, B sequences, F features of which the last G are codes, W features that the layers read.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gatewise.estimators.widths import width_of

UNKNOWN_SHARE = 0.05
"""Share of sequences in which training takes a category for unknown, so that "unknown" is learnt."""


class CategoryEmbedding(nn.Module):
    """Puts figures in the place of the last features, which are codes: 0 unknown, 1 … labels.

    Code 0 begins as the mean of all labels, which is what nobody knows anything of, and is trained by
    sequences that `draw` picks out.
    """

    def __init__(self, sizes: Sequence[int], size: int | None) -> None:
        super().__init__()
        self.tables = nn.ModuleList(
            nn.Embedding(labels + 1, width_of(labels, size), device="cpu", dtype=torch.float32)
            for labels in sizes
        )
        for table in self.tables:
            assert isinstance(table, nn.Embedding)
            with torch.no_grad():
                table.weight[0] = 0.0

    def forward(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Return what the layers read, [T, B, W], of `x` [T, B, F].

        `known` [B, G] is 0 where a sequence is to see "unknown" and 1 elsewhere.
        """
        parts = [self.numbers(x)]
        codes = x[..., parts[0].shape[-1] :]
        if known is not None:
            codes = codes * known
        for place, table in enumerate(self.tables):
            assert isinstance(table, nn.Embedding)
            # whoever meddles with x, such as an intervention, may leave what is no code
            code = codes[..., place].round().clamp(0, table.num_embeddings - 1).long()
            parts.append(table(code))
        return torch.cat(parts, dim=-1)

    def numbers(self, x: Tensor) -> Tensor:
        """Return the features of `x` [..., F] that are no codes, [..., F - G]."""
        return x[..., : x.shape[-1] - len(self.tables)]

    def draw(self, generator: torch.Generator, batch: int, rows: slice) -> Tensor:
        """Draw for a whole batch which categories are known, and return its `rows`, [B, G]."""
        known = torch.empty(batch, len(self.tables), dtype=torch.float32, device=generator.device)
        return known.bernoulli_(1 - UNKNOWN_SHARE, generator=generator)[rows]
