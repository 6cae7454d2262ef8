"""What carries an answer over the steps: gates, gradient and intervention on one axis, and the account.

Of an LSTM. Sizes: T steps, B rows, H units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import gatewise as gw
from studies.enhancer.task import MARK, Reader, batch, bits

PARTS = 20
"""Parts of equal length that the account tells the sequence in; the mark is in the first."""
LAGS = 9
"""How far back the three views look, in so many places of a logarithmic axis."""


def lags_of(steps: int) -> list[int]:
    """Return the distances from the end that are looked at: from 1 to just after the mark's part."""
    return sorted({int(lag) for lag in np.geomspace(1, steps - steps // PARTS - 1, LAGS)})


def three_views(model: Reader, steps: int, seed: int, rows: int = 16) -> dict[str, list[float]]:
    """Return what is left of c from each of `lags_of(steps)` steps before the end, seen in three ways.

    "gates" what the forget gates leave of it; "gradient" the gradient of the answer with respect to c
    there, by that at the last step; both weighted by what each unit of c is worth to the answer.
    "intervention" the share that gives the answer of the sequence whose c is put in there.
    """
    x, symbols = batch(steps, rows, torch.Generator().manual_seed(seed + 5_000_000))
    lags = lags_of(steps)
    gradients, given, at, state = [], [], 0, None
    for lag in reversed(lags):  # from the mark on
        with torch.no_grad():
            state = model.layer(x[at : steps - lag], state)[1]
        at, rest = steps - lag, x[steps - lag :]
        gradients.append(_worth(model, rest, state, symbols))
        h, c = state
        with torch.no_grad():
            answers = model.answers(model.layer(rest, (h, c.roll(1, dims=1)))[0][-1])
        given.append(float((answers == symbols.roll(1)).float().mean()))
    worth = gradients[-1]  # [B, H], of c one step before the end
    with torch.no_grad():
        gates = model.layer(x, return_gates=True)[2]
    left = gates["forget"][0, 0].double().log().flip(0).cumsum(0).exp()  # of c so many steps before
    weights = worth / worth.sum()
    kept = [float((left[lag - 1] * weights).sum()) for lag in lags]
    return {
        "gates": kept,
        "gradient": [float(one.sum() / worth.sum()) for one in reversed(gradients)],
        "intervention": given[::-1],
    }


def _worth(
    model: Reader, rest: torch.Tensor, state: tuple[torch.Tensor, ...], symbols: torch.Tensor
) -> torch.Tensor:
    """Return the size of gradient times c, `[B, H]`: what each unit adds to the answer's margin."""
    h, c = state
    c = c.detach().requires_grad_()
    margin = model.head(model.layer(rest, (h, c))[0][-1]) * (2 * bits(symbols) - 1)
    (found,) = torch.autograd.grad(margin.sum(), c)
    return (found * c.detach()).abs()[0].double()


@torch.no_grad()
def account(model: Reader, steps: int, seed: int, rows: int = 8) -> dict[str, object]:
    """Return when what c holds at the end was written, and when it is let out.

    Of the unit that the mark opens furthest: "at the mark" is the size of what was written there and is
    left at the end; "by part" the size of what all other steps of each of `PARTS` parts of the sequence
    have left together; "held" and "shown" the mean size of c and the mean output gate in each part. All
    are means over rows.
    """
    x, _ = batch(steps, rows, torch.Generator().manual_seed(seed + 6_000_000))
    gates = model.layer(x, return_gates=True)[2]
    place, number = x[..., MARK].argmax(0), torch.arange(rows)
    unit = int(gates["input"][0, 0][place, number].mean(0).argmax())
    one = {name: value[..., unit : unit + 1] for name, value in gates.items()}
    written = gw.memory.ledger(
        keep=one["forget"], write=one["input"] * one["candidate"], state=one["cell"]
    ).written.reshape(steps, rows)
    at_mark = np.abs(written[place.numpy(), number.numpy()]).mean()
    written[place.numpy(), number.numpy()] = 0.0

    def by_part(values: NDArray[np.floating[Any]]) -> list[float]:
        return [float(np.abs(part).mean()) for part in np.array_split(values, PARTS)]

    sums = np.stack([part.sum(axis=0) for part in np.array_split(written, PARTS)])
    return {
        "at the mark": float(at_mark),
        "by part": by_part(sums),
        "held": by_part(one["cell"].numpy().reshape(steps, rows)),
        "shown": by_part(one["output"].numpy().reshape(steps, rows)),
    }
