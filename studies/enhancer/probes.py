"""Where a network that answers right keeps the symbol: what changes when its states are changed.

Sizes: T steps, B rows, H units.
"""

from __future__ import annotations

import torch

from studies.enhancer.task import MARK, Drawn, Reader, batch
from studies.enhancer.training import accuracy, blocks

AROUND = 5
"""Steps to each side of the mark that the input gate is shown for."""


@torch.no_grad()
def probes(
    model: Reader, steps: int, rows: int, seed: int, drawn: Drawn = batch
) -> dict[str, float]:
    """Return shares of `rows` fresh sequences, by what was done to the state halfway.

    "accuracy" with nothing done and "no mark" without the mark; "zero cell" the share of right answers
    after c was set to 0; "zero hidden" the share that stays as it was after h was; "transplant" the
    share that gives the answer of the sequence that c was taken from. A GRU has "zero hidden" and
    "transplant" of h alone.
    """
    draws = torch.Generator().manual_seed(seed + 2_000_000)
    counts: dict[str, int] = {}
    for size in blocks(steps, rows):
        x, symbols = drawn(steps, size, draws)
        half = steps // 2
        state = model.layer(x[:half])[1]
        rest = x[half:]
        plain = _answers(model, rest, state)
        found = {"accuracy": plain == symbols}
        donor = symbols.roll(1)
        if isinstance(state, tuple):
            h, c, *level = state  # an sLSTM has a level beside the cell
            others = [one.roll(1, dims=1) for one in (c, *level)]
            found["zero cell"] = _answers(model, rest, (h, torch.zeros_like(c), *level)) == symbols
            found["zero hidden"] = _answers(model, rest, (torch.zeros_like(h), c, *level)) == plain
            found["transplant"] = _answers(model, rest, (h, *others)) == donor
        else:
            found["zero hidden"] = _answers(model, rest, torch.zeros_like(state)) == symbols
            found["transplant"] = _answers(model, rest, state.roll(1, dims=1)) == donor
        for name, hits in found.items():
            counts[name] = counts.get(name, 0) + int(hits.sum())
    shares = {name: count / rows for name, count in counts.items()}
    return {**shares, "no mark": accuracy(model, steps, rows, draws, marked=False, drawn=drawn)}


def _answers(
    model: Reader, rest: torch.Tensor, state: torch.Tensor | tuple[torch.Tensor, ...]
) -> torch.Tensor:
    return model.answers(model.layer(rest, state)[0][-1])


@torch.no_grad()
def inside(model: Reader, steps: int, seed: int, rows: int = 16) -> dict[str, object]:
    """Return what the gates do: writing around the mark and elsewhere, the leak, the largest cell.

    "written" has the mean input gate of the unit that the mark opens furthest, from `AROUND` steps
    before the mark to as many after it; "leak" the share of the state that is lost in a step, of the
    unit that keeps longest and of the one that is quickest to forget. Of a GRU what is written is 1 - z,
    and the cell its one state.
    """
    draws = torch.Generator().manual_seed(seed + 3_000_000)
    x, _ = batch(steps, rows, draws)
    x[:AROUND, :, MARK] = 0.0  # so that there are as many steps before the mark
    place = AROUND + torch.randint(0, max(1, steps // 20 - AROUND), (rows,), generator=draws)
    number = torch.arange(rows)
    x[..., MARK] = 0.0
    x[place, number, MARK] = 1.0
    gates = model.layer(x, return_gates=True)[2]
    opened = gates["input"][0, 0] if "input" in gates else 1 - gates["update"][0, 0]  # [T, B, H]
    unit = int(opened[place, number].mean(0).argmax())
    offsets = torch.arange(-AROUND, AROUND + 1)
    written = opened[place[:, None] + offsets, number[:, None], unit].mean(0)
    kept = gates["forget" if "forget" in gates else "update"][0, 0].double()
    leak = (1 - kept).mean(dim=(0, 1))
    return {
        "written": [round(float(one), 5) for one in written],
        "written elsewhere": float(opened[..., unit].double().mean()),
        "leak": [float(leak.min()), float(leak.max())],
        "largest cell": float(gates["cell" if "cell" in gates else "hidden"].abs().max()),
    }
