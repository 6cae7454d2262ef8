"""Starting values: the sum of torch's two bias vectors is what counts."""

from __future__ import annotations

import math

import pytest
import torch

import gatewise as gw
import gatewise.nn
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.nn.init import chrono, long_memory, open_forget_gate, power_law

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


@ALL
def test_a_long_memory_has_exactly_these_weights(namespace, kind, cell) -> None:
    module, suffixes = make(namespace, kind, cell)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    long_memory(module, 4000, 250, generator=torch.Generator().manual_seed(2))
    spec, keep = CELLS[KEEP[kind][0]], KEEP[kind][1]
    draws = torch.Generator().manual_seed(2)
    shortest = 4000 if kind == "LSTM" else 250  # a GRU's one gate goes by the length at the start
    for suffix in suffixes:
        expected = torch.empty(5).uniform_(shortest, 10 * shortest, generator=draws).log()
        assert torch.equal(total(module, suffix)[spec.slice(keep, 5)], expected)
        set_rows = torch.zeros(5 * len(spec.packing), dtype=torch.bool)
        set_rows[spec.slice(keep, 5)] = True
        assert not getattr(module, f"weight_hh{suffix}").any()
        hears = getattr(module, f"weight_ih{suffix}")
        if kind == "LSTM":
            assert (total(module, suffix)[spec.slice("input", 5)] == math.log(2 / 250)).all()
            assert not hears[set_rows].any()
            assert torch.equal(hears[~set_rows], before[f"weight_ih{suffix}"][~set_rows])
            set_rows[spec.slice("input", 5)] = True
        else:
            assert torch.equal(hears, before[f"weight_ih{suffix}"])
        for name in (f"bias_ih{suffix}", f"bias_hh{suffix}"):
            left = getattr(module, name)[~set_rows]
            assert torch.equal(left, before[name][~set_rows])


def test_a_long_memory_keeps_what_is_written_and_writes_two_steps_worth() -> None:
    torch.manual_seed(0)
    lstm = gatewise.nn.LSTM(3, 64)
    long_memory(lstm, 500)
    with torch.no_grad():
        lstm.weight_ih_l0[CELLS["lstm"].slice("input", 64)] = 0  # the bias alone
        gates = lstm(torch.randn(500, 1, 3), return_gates=True)[2]
    left = gates["forget"][0, 0, :, 0].double().prod(dim=0)
    assert math.exp(-1) < float(left.min()) < 0.6
    assert 0.8 < float(left.max()) < math.exp(-0.1)
    assert gates["input"][0, 0, :, 0].sum(dim=0) == pytest.approx(2, rel=5e-3)


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ((1,), "final must be a whole number of steps, from 2 on; got 1"),
        ((100.0,), "final must be a whole number"),
        ((100, True), "length must be a whole number"),
        ((100, 200), "length must be at most final.*length=200 and final=100"),
    ],
)
def test_a_long_memory_needs_lengths(lengths, words) -> None:
    with pytest.raises(InputError, match=words):
        long_memory(torch.nn.LSTM(3, 4), *lengths)


def test_a_computed_weight_is_not_written_into() -> None:
    lstm = torch.nn.LSTM(3, 4)
    torch.nn.utils.parametrizations.weight_norm(lstm, "weight_hh_l0")
    before = {name: value.clone() for name, value in lstm.state_dict().items()}
    with pytest.raises(InputError, match="'the module' is computed by a parametrization"):
        long_memory(torch.nn.Sequential(torch.nn.LSTM(3, 3), lstm)[1], 100)
    with pytest.raises(InputError, match="a weight of '1' is computed"):
        long_memory(torch.nn.Sequential(torch.nn.LSTM(3, 3), lstm), 100)
    assert all(torch.equal(value, before[name]) for name, value in lstm.state_dict().items())


@pytest.mark.parametrize(
    "function", [open_forget_gate, lambda m: chrono(m, 10), lambda m: long_memory(m, 10)]
)
def test_where_there_is_nothing_to_set(function) -> None:
    with pytest.raises(InputError, match="RNN contains no LSTM, GRU or other cell"):
        function(torch.nn.RNN(3, 4))
    with pytest.raises(InputError, match="what slstm keeps follows from several gates"):
        function(gw.SLSTM(3, 4))
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


def test_power_law_is_xlstms() -> None:
    """5 - 12 (k / (D - 1)) ** p, p = .3 in the first layer, .95 in the second, 1.6 in the last."""
    model = torch.nn.Sequential(
        gw.SLSTM(3, 8, 2, heads=2, bidirectional=True),
        torch.nn.Linear(16, 4),
        gw.SLSTM(4, 3, heads=3),
    )
    before = {name: value.clone() for name, value in model.state_dict().items()}
    power_law(model)
    for layer, power in enumerate((0.3, 0.95)):
        expected = torch.tensor([5 - 12 * (k / 3) ** power for k in (0, 1, 2, 3)] * 2)
        for end in ("", "_reverse"):
            bias = getattr(model[0], f"bias_ih_l{layer}{end}")
            torch.testing.assert_close(bias[8:16], expected)
            assert torch.equal(bias[:8], before[f"0.bias_ih_l{layer}{end}"][:8])
            assert (getattr(model[0], f"bias_hh_l{layer}{end}")[8:16] == 0).all()
    assert model[2].bias_ih_l0[3:6].tolist() == [5, 5, 5]  # heads of one unit


def test_power_law_where_there_is_nothing_to_set() -> None:
    with pytest.raises(
        InputError, match=r"LSTM contains no sLSTM; for an LSTM .* gw\.init\.chrono"
    ):
        power_law(torch.nn.LSTM(3, 4))
    with pytest.raises(InputError, match="'the module' has no biases to set"):
        power_law(gw.SLSTM(3, 4, bias=False))
