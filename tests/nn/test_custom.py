"""A new cell is one function and one line: it gets its module, its gates, its trace, its tests."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from tests.made_up import GEARED, MADE_UP, OVERWRITE, PAIR
from tests.nn.laws import LAWS
from tests.nn.recurrent import B, H, I, T, build, inputs
from tests.tolerances import assert_close64
from torch.nn.utils import parametrize

import gatewise.nn
from gatewise.cells import CELLS
from gatewise.errors import EngineError, InputError, OptionError
from gatewise.tracing import trace
from gatewise.tracing._fingerprint import fingerprint

BOTH = pytest.mark.parametrize("cell", list(MADE_UP))


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, spec in MADE_UP.items():
        monkeypatch.setitem(CELLS, name, spec)


@BOTH
@pytest.mark.parametrize("law", LAWS)
def test_every_law_holds_for_a_registered_cell(cell: str, law: str) -> None:
    torch.manual_seed(0)
    LAWS[law](cell, "reference")


def test_values_by_the_equation() -> None:
    module = build(OVERWRITE.name)
    x = inputs(T, B, I)
    output, h, gates = module(x, return_gates=True)
    spec, before = CELLS[OVERWRITE.name], torch.zeros(B, H, dtype=torch.float64)
    for t in range(T):
        wx = x[t] @ module.weight_ih_l0.T + module.bias_ih_l0
        rh = before @ module.weight_hh_l0.T + module.bias_hh_l0
        f, n = spec.slice("fresh", H), spec.slice("candidate", H)
        fresh = torch.sigmoid(wx[:, f] + rh[:, f])
        candidate = torch.tanh(wx[:, n] + fresh * rh[:, n])
        before = (1 - fresh) * before + fresh * candidate
        assert_close64(output[t], before)
        assert_close64(gates.fresh[0, 0, t], fresh)
    assert_close64(h[0], before)


@BOTH
def test_it_trains_copies_and_names_itself(cell: str) -> None:
    module = gatewise.nn.Recurrent(cell, I, H, num_layers=2, dropout=0.5, bidirectional=True)
    assert repr(module) == (
        f"Recurrent({cell!r}, 3, 5, num_layers=2, dropout=0.5, bidirectional=True)"
    )
    assert module.weight_ih_l1.shape == (len(CELLS[cell].packing) * H, 2 * H)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    x = inputs(T, 8, I, dtype=torch.float32)
    losses = []
    module.eval()
    for _ in range(30):
        optimizer.zero_grad()
        loss = (module(x)[0] - 0.5).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    again = copy.deepcopy(module)
    assert torch.equal(again(x)[0], module(x)[0])
    other = gatewise.nn.Recurrent(cell, I, H, num_layers=2, bidirectional=True)
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(x)[0], module(x)[0])


def test_extra_parameters_stand_beside_torchs() -> None:
    module = build(GEARED.name, num_layers=2, bidirectional=True)
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "gain", "peephole")
    ends = ("l0", "l0_reverse", "l1", "l1_reverse")
    names = {f"{kind}_{end}" for kind in kinds for end in ends}
    assert set(module.state_dict()) == {name for name, _ in module.named_parameters()} == names
    assert (module.gain_l1_reverse == 1).all()
    assert (module.peephole_l0.abs() <= H**-0.5).all()
    assert module.peephole_l0.unique().numel() == H
    x = inputs(T, B, I)
    module(x)[0].square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in module.parameters())
    before = module(x)[0]
    with torch.no_grad():
        module.gain_l0.mul_(2)
    assert not torch.equal(module(x)[0], before)
    module.gain_l0 = torch.nn.Parameter(module.gain_l0 / 2)  # replaced, not changed in place
    assert torch.equal(module(x)[0], before)
    module.reset_parameters()
    assert (module.gain_l0 == 1).all()


def test_extra_parameters_are_parametrized_pickled_checked_and_fingerprinted() -> None:
    module = build(GEARED.name, num_layers=2, bidirectional=True)
    x = inputs(T, B, I)
    doubled = copy.deepcopy(module)
    with torch.no_grad():
        doubled.gain_l1_reverse.mul_(2)
    assert fingerprint(doubled) != fingerprint(module)
    assert torch.equal(pickle.loads(pickle.dumps(doubled))(x)[0], doubled(x)[0])

    class Twice(torch.nn.Module):
        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            return 2 * weight

    parametrize.register_parametrization(module, "gain_l1_reverse", Twice())
    assert torch.equal(module(x)[0], doubled(x)[0])
    freed = build(GEARED.name)
    freed.peephole_l0.data.untyped_storage().resize_(0)
    with pytest.raises(InputError, match=r"peephole_l0 has the shape \[5\] and memory of 0 bytes"):
        freed(x)


def test_extra_parameters_follow_the_equation() -> None:
    module = build(GEARED.name, bias=False)
    x, h = inputs(T, B, I), torch.zeros(B, H, dtype=torch.float64)
    for t in range(T):
        summed = x[t] @ module.weight_ih_l0.T + h @ module.weight_hh_l0.T
        h = torch.tanh(module.gain_l0 * summed + module.peephole_l0 * h)
    assert_close64(module(x)[1][0], h)


@BOTH
def test_it_is_traced(cell: str) -> None:
    module = build(cell, num_layers=2)
    with trace(module) as seen:
        output, _ = module(inputs(T, B, I))
    assert tuple(seen[""]) == CELLS[cell].recorded
    assert torch.equal(seen[""].hidden[-1, 0], output)


@BOTH
def test_it_runs_on_the_reference_engine_only(cell: str) -> None:
    module = build(cell)
    choice = module.engine_choice()
    assert choice.name == "reference"
    assert choice.reason == (
        f"torch has no fused pass for the cell {cell!r}, and the native core does not have the cell "
        f"{cell!r}"
    )
    for engine, match in (
        ("torch", "torch has no fused pass"),
        ("native", "does not have the cell"),
    ):
        module.engine = engine
        with pytest.raises(EngineError, match=match):
            module(inputs(T, B, I))


def test_initialisation_follows_the_spec() -> None:
    overwrite, pair = build(OVERWRITE.name), build(PAIR.name)
    for module in (overwrite, pair):
        gatewise.nn.init.open_forget_gate(module, bias=2.0)
    total = overwrite.bias_ih_l0 + overwrite.bias_hh_l0
    assert (total[OVERWRITE.slice("fresh", H)] == -2).all()
    total = pair.bias_ih_l0 + pair.bias_hh_l0
    assert (total[PAIR.slice("keep", H)] == 2).all()
    gatewise.nn.init.chrono(overwrite, 100)
    total = overwrite.bias_ih_l0 + overwrite.bias_hh_l0
    assert (total[OVERWRITE.slice("fresh", H)] < 0).all()


@BOTH
def test_malformed_calls_are_refused_in_torchs_words(cell: str) -> None:
    module = build(cell)
    with pytest.raises(RuntimeError, match=r"must be equal to input_size\. Expected 3, got 4"):
        module(inputs(T, B, I + 1))
    with pytest.raises(ValueError, match="Expected input to be 2D or 3D, got 1D"):
        module(inputs(I))
    states = tuple(inputs(2, B, H) for _ in CELLS[cell].states)
    with pytest.raises(RuntimeError, match=r"Expected hidden size \(1, 3, 5\)"):
        module(inputs(T, B, I), states if len(states) > 1 else states[0])


def test_unknown_cells_and_torchs_own_are_refused() -> None:
    with pytest.raises(
        OptionError, match=r"no cell 'made_up_pairs' is registered.*Did you mean 'made_up_pair'"
    ):
        gatewise.nn.Recurrent("made_up_pairs", I, H)
    with pytest.raises(OptionError, match=r"'lstm' has its own module: use gatewise\.nn\.LSTM"):
        gatewise.nn.Recurrent("lstm", I, H)


def test_torch_has_nothing_to_restore_it_to() -> None:
    model = torch.nn.Sequential(gatewise.nn.LSTM(I, H), build(OVERWRITE.name))
    with pytest.raises(InputError, match=r"'1' is a Recurrent, which torch\.nn does not have"):
        gatewise.nn.restore(model)
    assert type(model[0]) is gatewise.nn.LSTM


@BOTH
def test_a_state_of_another_type_is_named(cell: str) -> None:
    module = build(cell)
    _, states = module(inputs(3, B, I))
    first, *rest = states if isinstance(states, tuple) else (states,)
    wrong = (first.float(), *rest) if rest else first.float()
    with pytest.raises(
        InputError, match=r"the initial state h float32: give it as h\.to\(torch\.fl"
    ):
        module(inputs(3, B, I), wrong)
