"""The gates by the kernels, in Triton's interpreter, against the equations in plain torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.engines.cuda.forced import interpreting, padding
from tests.nn.recurrent import B, H, I, as_hx, build, inputs, run, states_for, weighted
from tests.nn.recurrent import Call as Form
from tests.tolerances import assert_close64

from gatewise.cells import CELLS
from gatewise.engines.cuda import launch, record

# In Triton's interpreter, which takes arrays of one number for numbers.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Conversion of an array with ndim:DeprecationWarning"
)

T = 32 + 3
"""A whole tile and a part of one; of the longest, a part."""


def values(module: Any, lengths: Any, state: bool, names: Any) -> dict[str, torch.Tensor]:
    """Return every gate, and every gradient of a loss of the gates called `names`."""
    x = inputs(T, B, I).requires_grad_()
    states = tuple(s.requires_grad_() for s in states_for(module, B)) if state else None
    _, _, gates = module(x, as_hx(states), lengths=lengths, return_gates=True)
    assert tuple(gates) == CELLS[gates.kind].recorded
    loss = sum(weighted(gates[name], seed) for seed, name in enumerate(names or gates))
    sources = {"x": x, **dict(module.named_parameters())}
    sources |= {f"state {k}": one for k, one in enumerate(states or ())}
    found = torch.autograd.grad(loss, list(sources.values()), allow_unused=True)
    gradients = {f"d {k}": d for k, d in zip(sources, found, strict=True) if d is not None}
    return {name: value.detach() for name, value in {**dict(gates), **gradients}.items()}


@pytest.mark.parametrize(
    ("cell", "options", "lengths", "state", "names"),
    [
        ("lstm", {"bidirectional": True}, (T, 0, 20), True, None),
        ("lstm", {"num_layers": 2, "bidirectional": True, "proj_size": 2}, None, True, None),
        ("lstm", {"bias": False, "bidirectional": True}, (7, T, 1), False, ["cell"]),
        ("lstm", {}, None, False, ["forget"]),
        ("lstm", {"bidirectional": True}, None, True, ["input", "candidate"]),
        ("lstm", {"bidirectional": True}, (3, 2, T), True, ["output", "hidden"]),
        ("gru", {"bidirectional": True}, (T, 0, 9), True, None),
        ("gru", {"num_layers": 2, "bias": False}, None, False, ["reset"]),
        ("gru", {"bidirectional": True}, None, True, ["update", "hidden"]),
        ("gru", {"bidirectional": True}, (3, 2, T), False, ["candidate"]),
    ],
)
def test_values_and_gradients_from_any_gate(  # noqa: PLR0917
    cell, options, lengths, state, names, monkeypatch
) -> None:
    torch.manual_seed(0)
    module = build(cell, engine="reference", **options)
    wanted = values(module, lengths, state, names)
    interpreting(monkeypatch)
    module.engine = "torch"
    found = values(module, lengths, state, names)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert_close64(found[name], value, name)


def test_tiles_of_every_shape(monkeypatch) -> None:
    interpreting(monkeypatch)
    module = build("lstm", bidirectional=True, engine="torch")
    found = []
    for _, *tiles in launch.TILES:
        monkeypatch.setattr(launch, "TILES", ((launch.inf, *tiles),))
        found.append(values(module, (T, 5, 9), False, None))
    for other in found[1:]:
        for name, value in found[0].items():
            assert_close64(other[name], value, name)


def test_packed_rows_padded_with_their_gates(monkeypatch) -> None:
    torch.manual_seed(0)
    module = build("lstm", num_layers=2, bidirectional=True, engine="reference")
    wanted = run(module, Form("packed", state=True), gates=True, loss="gates")
    interpreting(monkeypatch)
    padding(monkeypatch)
    module.engine = "torch"
    found = run(module, Form("packed", state=True), gates=True, loss="gates")
    for name, value in wanted.items():
        assert_close64(found[name], value, name)


@pytest.mark.parametrize("size", [1e-4, 0.2, 3.0, 60.0, 1e4])
def test_activations_far_out_and_near_zero(size, monkeypatch) -> None:
    interpreting(monkeypatch)
    pre = (torch.linspace(-1, 1, 4 * H, dtype=torch.float32) * size).view(1, 4 * H)
    filled = [torch.empty(1, 1, H, dtype=torch.float32) for _ in range(5)]
    launch.lstm_forward(pre, (None, None), None, None, None, filled, reverse=False)
    i, f, g, o = pre[0].double().chunk(4)
    wanted = [i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid(), i.sigmoid() * g.tanh()]
    for mine, exact in zip(filled, wanted, strict=True):
        assert torch.allclose(mine[0, 0].double(), exact, rtol=1e-6, atol=1e-30)


def test_where_the_kernels_do_not_run_and_why(monkeypatch) -> None:
    x = inputs(2, B, I)
    assert launch.why_not(x) == "the kernels run on CUDA, not on 'cpu'"
    assert record.why_not(CELLS["mgu"], x) == "there is no kernel for the cell 'mgu'"
    launch.missing.cache_clear()
    monkeypatch.setattr(launch, "version", lambda _: "3.1.0")
    assert launch.missing() == "Triton 3.1.0 is older than 3.2"

    def absent(_: str) -> str:
        raise launch.PackageNotFoundError

    launch.missing.cache_clear()
    monkeypatch.setattr(launch, "version", absent)
    assert launch.missing() == "Triton is not installed"
    launch.missing.cache_clear()
