"""What every gate costs: the stock module, the same with gates, and a loop of cells that collects them.

No time is reported where the gates differ from the loop's.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor

import gatewise as gw
from benchmarks.timing import alternate, machine, milliseconds, ratio

ROWS = (
    (100, 32, 16, 64),
    (200, 64, 16, 128),
    (1000, 16, 4, 32),
    (365, 256, 5, 64),
    (50_000, 1, 64, 256),
)
ROUNDS, LONG_ROUNDS = 7, 3
TOLERANCE = 1e-5


def main() -> int:
    print(machine())
    print("LSTM, float32; ms, median (range); T,B,I,H")
    for sizes in ROWS:
        print(measure(*sizes), flush=True)
    return 0


def measure(T: int, B: int, I: int, H: int) -> str:  # noqa: E741 - the field's symbol
    """Return one row of the table."""
    torch.manual_seed(0)
    rounds = ROUNDS if T < 10_000 else LONG_ROUNDS
    lstm = gw.LSTM(I, H)
    x = torch.randn(T, B, I)
    _check(lstm, x)

    def train(gates: bool) -> None:
        output = lstm(x, return_gates=gates)[0]
        output.sum().backward()

    with torch.no_grad():
        infer = alternate(
            {
                "plain": lambda: lstm(x),
                "gates": lambda: lstm(x, return_gates=True),
                "loop": lambda: _loop(lstm, x),
            },
            rounds,
        )
    both = alternate({"plain": lambda: train(False), "gates": lambda: train(True)}, rounds)
    return (
        f"{T},{B},{I},{H}: inference {milliseconds(infer['plain'])}, with gates "
        f"{milliseconds(infer['gates'])} = {ratio(infer['gates'], infer['plain']):.2f}x, loop of cells "
        f"{ratio(infer['loop'], infer['gates']):.1f}x slower than gates; training "
        f"{milliseconds(both['plain'])}, with gates {ratio(both['gates'], both['plain']):.2f}x"
    )


def _loop(lstm: gw.LSTM, x: Tensor) -> list[Tensor]:
    """Collect every cell state the way that stock torch offers: one step at a time."""
    cell = torch.nn.LSTMCell(lstm.input_size, lstm.hidden_size)
    cell.load_state_dict({n.removesuffix("_l0"): w for n, w in lstm.state_dict().items()})
    h = c = x.new_zeros(x.shape[1], lstm.hidden_size)
    cells = []
    for step in x:
        h, c = cell(step, (h, c))
        cells.append(c)
    return cells


def _check(lstm: gw.LSTM, x: Tensor) -> None:
    with torch.no_grad():
        error = (lstm(x, return_gates=True)[2].cell[0, 0] - torch.stack(_loop(lstm, x))).abs().max()
    if error > TOLERANCE:
        sys.exit(f"the cell states differ by {error:.1e}: no time is reported")


if __name__ == "__main__":
    sys.exit(main())
