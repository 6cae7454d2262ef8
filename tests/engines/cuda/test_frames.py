"""Rows of unlike lengths into a dense pass and back: the kernels against torch's operators."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.engines.cuda.forced import interpreting
from tests.nn.recurrent import inputs, weighted
from torch.nn.utils.rnn import pack_padded_sequence

from gatewise.engines.cuda import frames
from gatewise.engines.layout import Rows

pytestmark = pytest.mark.filterwarnings(
    "ignore:Conversion of an array with ndim:DeprecationWarning"
)

CPU = torch.device("cpu")
T, C, P = 7, 3, 5
LENGTHS = {"unsorted": (3, 7, 1, 6), "sorted": (7, 5, 5, 2), "empty": (0, 7, 4, 0)}


def rows_of(form: str, kind: str) -> tuple[Rows, torch.Tensor]:
    """Return rows and data in their form."""
    lengths = torch.tensor(LENGTHS[kind])
    x = inputs(T, len(lengths), C)
    if form == "padded":
        for row, length in enumerate(lengths):
            x[length:, row] = torch.nan  # whatever stands there
        return Rows.from_lengths(lengths, T, CPU), x
    packed = pack_padded_sequence(x, lengths, enforce_sorted=kind == "sorted")
    data, batch_sizes, order, back = packed
    return Rows.from_batch_sizes(batch_sizes, order, CPU, back), data


def moved(frame: Any, x: torch.Tensor, form: str, *, directions: int, marks: int) -> Any:
    """Return what a frame makes of `x` and of outputs, and the gradients."""
    x = x.clone().requires_grad_()
    spread = [frame.spread(x, turned=bool(k), marks=marks) for k in range(directions)]
    steps, batch = spread[0].shape[:2]
    outs = [inputs(steps, batch, P, seed=k).requires_grad_() for k in range(directions)]
    h = inputs(directions, batch, P, seed=9).requires_grad_()
    output, last = frame.collect(outs, h, packs=form == "packed")
    found = [*spread, output, last]
    loss = sum(weighted(value, seed) for seed, value in enumerate(found))
    gradients = torch.autograd.grad(loss, [x, *outs, h], allow_unused=True)
    return [*found, *(g for g in gradients if g is not None and g.any())]


@pytest.mark.parametrize(
    ("form", "kind", "directions", "marks"),
    [
        ("packed", "unsorted", 2, 4),
        ("packed", "sorted", 1, 0),
        ("padded", "unsorted", 2, 4),
        ("padded", "empty", 2, 0),
    ],
)
def test_kernels_move_as_operators_do(form, kind, directions, marks, monkeypatch) -> None:
    rows, x = rows_of(form, kind)
    wanted = moved(frames.frame_of(rows, x), x, form, directions=directions, marks=marks)
    interpreting(monkeypatch)
    frame = frames.frame_of(rows, x)
    found = moved(frame, x, form, directions=directions, marks=marks)
    assert type(frame).__name__ == "_ByKernels"
    for mine, other in zip(found, wanted, strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("form", ["packed", "padded"])
def test_what_operators_make_of_rows(form) -> None:
    rows, x = rows_of(form, "unsorted")
    frame = frames.frame_of(rows, x)
    padded = inputs(T, 4, C)
    for row, length in enumerate(LENGTHS["unsorted"]):
        there = frame.spread(x, turned=False, marks=2)[:, row]
        turned = frame.spread(x, turned=True, marks=2)[:, row]
        assert torch.equal(there[:length, :C], padded[:length, row])
        assert torch.equal(turned[:length, :C], padded[:length, row].flip(0))
        assert not there[length:, :C].any()
        assert torch.equal(there[:, C], (torch.arange(T) >= length).double())
    out = inputs(T, 4, P)
    output, last = frame.collect([out], inputs(1, 4, P), packs=form == "packed")
    assert torch.equal(
        last[0], torch.stack([out[n - 1, b] for b, n in enumerate(LENGTHS["unsorted"])])
    )
    kept = rows.unpack(output) if form == "packed" else output
    assert all(torch.equal(kept[:n, b], out[:n, b]) for b, n in enumerate(LENGTHS["unsorted"]))
    assert not any(kept[n:, b].any() for b, n in enumerate(LENGTHS["unsorted"]))
