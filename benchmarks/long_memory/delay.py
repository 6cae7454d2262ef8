"""A linear delay memory of an LSTM's size, to compare with: Legendre coefficients of what was written.

Voelker, Kajic & Eliasmith 2019, "Legendre memory units", equations 2 and 3, in the form without
recurrent weights of Chilkuri & Eliasmith 2021, "Parallelizing Legendre memory unit training": what is
written depends on the input alone, so that the memory at the last step is a weighted sum over all steps.

Sizes: T steps, B rows, I inputs, C channels, D coefficients of each.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CHANNELS = 4


class DelayMemory(nn.Module):
    """Writes `CHANNELS` values a step, of which `hidden_size` / `CHANNELS` coefficients each are kept.

    `window` is how many steps the memory is made for. As an RNN it is called with `x [T, B, I]` and a
    state `[1, B, H]`, and `(output, state)` comes back; but the output is that of the last step alone,
    `[1, B, H]`.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.order = hidden_size // CHANNELS
        self.write = nn.Linear(input_size, CHANNELS)
        self.mix = nn.Linear(CHANNELS * self.order, hidden_size)
        self.window = 100

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return what is made of the memory at the last step, and the memory."""
        kernel, kept = _kernel(self.order, self.window, len(x))
        written = self.write(x).relu()
        memory = torch.einsum("td,tbc->bcd", kernel.flip(0), written)
        if state is not None:
            memory = memory + state[0].view(-1, CHANNELS, self.order) @ kept.T
        flat = memory.flatten(1)
        return self.mix(flat).tanh()[None], flat[None]


def _kernel(order: int, window: int, steps: int) -> tuple[Tensor, Tensor]:
    """Return what a write is after 0, 1 ... steps `[T, D]`, and what all steps make of a state `[D, D]`.

    The system is discretised by zero-order hold; a write has the size 1 / `window` in the paper and 1
    here, since of thousands of steps one alone counts.
    """
    n = torch.arange(order, dtype=torch.float64)
    row, column = n[:, None], n[None]
    sign = torch.where(row < column, -1.0, (-1.0) ** (row - column + 1))
    a = (2 * row + 1) * sign / window
    step = torch.linalg.matrix_exp(a)
    first = torch.linalg.solve(a, (step - torch.eye(order)) @ ((2 * n + 1) * (-1.0) ** n))
    kernel, power = first[None], step
    while len(kernel) < steps:  # twice as many steps at a time
        kernel = torch.cat([kernel, kernel @ power.T])
        power = power @ power
    return kernel[:steps].float(), torch.linalg.matrix_power(step, steps).float()
