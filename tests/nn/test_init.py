"""Starting values: the sum of torch's two bias vectors is what counts."""

from __future__ import annotations

import math

import pytest
import torch

import gatewise.nn
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.nn.init import chrono, open_forget_gate

KEEP = {"LSTM": ("lstm", "forget"), "GRU": ("gru", "update")}
KINDS = [
    (namespace, kind, cell)
    for namespace in (torch.nn, gatewise.nn)
    for kind in KEEP
    for cell in (False, True)
]
ALL = pytest.mark.parametrize(
    ("namespace", "kind", "cell"), KINDS, ids=lambda v: getattr(v, "__name__", str(v))
)


def make(namespace, kind, cell):
    if cell:
        return getattr(namespace, f"{kind}Cell")(3, 5), [""]
    module = getattr(namespace, kind)(3, 5, num_layers=2, bidirectional=True)
    return module, ["_l0", "_l0_reverse", "_l1", "_l1_reverse"]


def total(module, suffix):
    return getattr(module, f"bias_ih{suffix}") + getattr(module, f"bias_hh{suffix}")


@ALL
def test_the_gate_that_keeps_is_open_by_exactly_the_bias(namespace, kind, cell) -> None:
    module, suffixes = make(namespace, kind, cell)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    open_forget_gate(module, bias=1.25)
    spec, gate = CELLS[KEEP[kind][0]], KEEP[kind][1]
    rows = spec.slice(gate, 5)
    for suffix in suffixes:
        assert (total(module, suffix)[rows] == 1.25).all()
    for name, value in module.state_dict().items():
        kept = torch.ones(len(value), dtype=torch.bool)
        if "bias" in name:
            kept[rows] = False
        assert torch.equal(value[kept], before[name][kept])  # nothing else has changed


@ALL
def test_an_open_gate_keeps(namespace, kind, cell) -> None:
    if cell:
        return
    module, _ = make(namespace, kind, cell)
    gatewise.nn.accelerate(module)
    open_forget_gate(module, bias=50.0)
    _, _, gates = module(torch.randn(4, 2, 3), return_gates=True)
    assert (gates[KEEP[kind][1]] > 1 - 1e-6).all()


@ALL
def test_chrono_spreads_the_timescales(namespace, kind, cell) -> None:
    module, suffixes = make(namespace, kind, cell)
    chrono(module, 50, generator=torch.Generator().manual_seed(0))
    spec, gate = CELLS[KEEP[kind][0]], KEEP[kind][1]
    draws = []
    for suffix in suffixes:
        keep = total(module, suffix)[spec.slice(gate, 5)]
        assert ((keep >= 0) & (keep <= math.log(49) + 1e-6)).all()
        if kind == "LSTM":
            assert torch.equal(total(module, suffix)[spec.slice("input", 5)], -keep)
        draws.append(keep)
    assert len(torch.cat(draws).unique()) == 5 * len(suffixes)


def test_chrono_draws_uniformly_and_repeatably() -> None:
    draws = []
    for _ in range(2):
        module = torch.nn.GRU(1, 4000)
        chrono(module, 11, generator=torch.Generator().manual_seed(3))
        draws.append(total(module, "_l0")[CELLS["gru"].slice("update", 4000)].exp())
    assert torch.equal(*draws)
    # U(1, 10): mean 5.5, deviation 9 / sqrt(12) = 2.6, so 4 standard errors are 0.16
    assert abs(draws[0].mean() - 5.5) < 0.16
    assert draws[0].min() >= 1 - 1e-6
    assert draws[0].max() <= 10 + 1e-5


def test_a_whole_model_at_once() -> None:
    model = torch.nn.ModuleDict(
        {"a": torch.nn.LSTM(3, 4), "b": gatewise.nn.GRUCell(3, 4), "c": torch.nn.RNN(3, 4)}
    )
    untouched = {name: value.clone() for name, value in model["c"].state_dict().items()}
    open_forget_gate(model)
    assert (total(model["a"], "_l0")[CELLS["lstm"].slice("forget", 4)] == 1).all()
    assert (total(model["b"], "")[CELLS["gru"].slice("update", 4)] == 1).all()
    assert all(torch.equal(model["c"].state_dict()[name], untouched[name]) for name in untouched)


@pytest.mark.parametrize("function", [open_forget_gate, lambda m: chrono(m, 10)])
def test_where_there_is_nothing_to_set(function) -> None:
    with pytest.raises(InputError, match="RNN contains no LSTM, GRU or other cell"):
        function(torch.nn.RNN(3, 4))
    with pytest.raises(InputError, match="Linear contains no LSTM"):
        function(torch.nn.Linear(3, 4))
    with pytest.raises(InputError, match="'1' has no biases to set; build it with bias=True"):
        function(torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LSTM(3, 4, bias=False)))


@pytest.mark.parametrize("lag", [1, 0, -5, math.nan])
def test_chrono_needs_a_lag(lag) -> None:
    with pytest.raises(InputError, match="max_lag must be at least 2"):
        chrono(torch.nn.LSTM(3, 4), lag)


def test_a_failed_call_changes_nothing() -> None:
    model = torch.nn.Sequential(torch.nn.LSTM(3, 4), torch.nn.GRU(4, 4, bias=False))
    before = model[0].bias_ih_l0.clone()
    with pytest.raises(InputError):
        open_forget_gate(model)
    assert torch.equal(model[0].bias_ih_l0, before)
