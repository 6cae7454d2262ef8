"""The memory figures of cells that nobody has written a closed form for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from tests.made_up import LEAKY, MADE_UP, OVERWRITE, PAIR, TRIO
from tests.nn.recurrent import as_hx, as_states, build
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.memory.gradients.highway import highway
from gatewise.nn.structure import network_of

T, B, I, H = 9, 3, 2, 4  # noqa: E741 - the sizes of the shape comments
LENGTHS = torch.tensor([T, 6, 8])
OTHERS = [name for name, spec in CELLS.items() if spec.saved is None]
EACH = pytest.mark.parametrize("cell", [*MADE_UP, LEAKY.name, *OTHERS])


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    for spec in (*MADE_UP.values(), LEAKY):
        monkeypatch.setitem(CELLS, spec.name, spec)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(T, B, I, dtype=torch.float64)


class Packing(nn.Module):
    """Gives its recurrent module packed rows."""

    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(pack_padded_sequence(x, LENGTHS, enforce_sorted=False))[0].data


class ReadsLast(nn.Module):
    """Reads the last step of its recurrent module."""

    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.rnn, self.head = rnn, nn.Linear(H, 1, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][-1])


def shown_by(
    module: nn.RNNBase, x: Tensor, output_gate: Tensor | None, c: Tensor, others: tuple[Tensor, ...]
) -> Callable[..., Tensor]:
    """Return h as a function of a cell's second state, all else of the last step of `x` as it was."""
    if module.mode == PAIR.name:
        return torch.tanh
    if module.mode == TRIO.name:
        return lambda total: total / (1 + others[0].abs())
    if module.mode == "layer_norm_lstm":
        gain, shift = module.gain_cell_l0, module.shift_cell_l0
        return lambda c: output_gate * torch.tanh(layer_norm(c, (H,), gain, shift))
    if module.mode == "peephole_lstm":
        assert output_gate is not None
        peephole = module.peephole_output_l0
        before = torch.logit(output_gate) - peephole * c
        return lambda c: torch.sigmoid(before + peephole * c) * torch.tanh(c)
    return shown_by_step(module, x)


def shown_by_step(module: nn.RNNBase, x: Tensor) -> Callable[..., Tensor]:
    """Return `shown_by` of a cell that is not known here: h near what it is, by its step's slope."""
    spec, parameters = CELLS[module.mode], network_of(module).parameters[0][0]
    with torch.no_grad():
        start = [x.new_zeros(1, 1, H)] * len(spec.states)
        before = as_states(module(x[:-1])[1]) if len(x) > 1 else start
    states = tuple(state[0] for state in before)
    b_ih, b_hh = spec.biases(parameters)
    wx = linear(x[-1], parameters.W_ih, b_ih)
    rh = linear(states[0], parameters.W_hh, b_hh)
    (h, c, *_), _ = spec.step(wx, rh, states, parameters)
    rows = [
        torch.autograd.grad(value, c, retain_graph=True, allow_unused=True)[0] for value in h[0]
    ]
    slope = torch.cat([torch.zeros_like(c) if row is None else row for row in rows])
    return lambda near: h.detach() + (near - c.detach()) @ slope.T


def norm_by_autograd(module: nn.RNNBase, x: Tensor, lag: int, state: str) -> float:
    """Return the norm of `ds_T/ds_(T-lag)`, the module run on from there."""
    cut = len(x) - lag
    with torch.no_grad():
        _, hx, gates = module(x[:cut], return_gates=True)
    start = as_states(hx)

    def after(*states: Tensor) -> tuple[Tensor, ...]:
        return as_states(module(x[cut:], as_hx(states))[1]) if lag else states

    def whole(both: Tensor) -> Tensor:
        return torch.cat(after(*both.split(H, dim=-1)), dim=-1)

    if state == "full" or len(start) == 1:
        where = torch.cat(start, dim=-1)
        return float(torch.autograd.functional.jacobian(whole, where).norm())
    gate = gates.output[0, 0, -1] if "output" in gates else None
    _, held, *others = start
    shown = shown_by(module, x[:cut], gate, held, tuple(others))
    total = torch.autograd.functional.jacobian(lambda c: after(shown(c), c, *others)[1], held)
    return float(total.norm())


@EACH
@pytest.mark.parametrize("state", ["cell", "full"])
def test_the_highway_is_autograd_s(cell, state, x):
    module = build(cell, I, H)
    found = highway(module, x[:, :1], state=state)
    for lag in range(T):
        exact = norm_by_autograd(module, x[:, :1], lag, state)
        assert found.total[lag] == pytest.approx(exact, rel=1e-10)
    assert found.cell == cell
    assert found.settings["method"] == "exact"


@EACH
@pytest.mark.parametrize("state", ["cell", "full"])
def test_forms_of_a_call_give_one_highway(cell, state, x):
    """Padded with lengths, packed and batch first: of each layer and direction."""
    module = build(cell, I, H, num_layers=2, bidirectional=True)
    first = build(cell, I, H, num_layers=2, bidirectional=True, batch_first=True)
    first.load_state_dict(module.state_dict())
    for layer in range(2):
        for direction in range(2):
            at = {"layer": layer, "direction": direction, "state": state}
            one = highway(module, {"input": x, "lengths": LENGTHS}, **at).log_total
            two = highway(Packing(module), x, **at).log_total
            three = highway(first, {"input": x.transpose(0, 1), "lengths": LENGTHS}, **at).log_total
            np.testing.assert_allclose(two, one, rtol=1e-12)
            np.testing.assert_allclose(three, one, rtol=1e-12)


@EACH
def test_an_estimate_agrees_within_its_error(cell, x):
    module = build(cell, I, 40)
    exact = highway(module, x)
    found = highway(module, x, method="estimate", probes=30)
    off = np.abs(found.log_total - exact.log_total)
    assert (off[:, 1:] < 6 * (found.standard_error / found.total)[1:] + 1e-9).all()


def test_the_path_of_a_cell_that_writes_is_one_minus_its_gate(x):
    module = build(OVERWRITE.name, I, H)
    with torch.no_grad():
        module.weight_hh_l0.zero_()
        fresh = module(x, return_gates=True)[2].fresh[0, 0]
    found = highway(module, x, run_in=0)
    for lag in range(T):
        alone = (1 - fresh[T - lag :]).prod(dim=0).square().sum(dim=-1).sqrt()
        np.testing.assert_allclose(np.exp(found.log_direct[:, lag]), alone)
    np.testing.assert_allclose(found.ratio, 1.0)
    assert found.path == "cell"
    assert "times through one minus the fresh gates alone" in found.reading
    assert found.reading.startswith("A change of h is")
    assert highway(build(PAIR.name, I, H), x).settings["state"] == "slow, with h a function of it"


@EACH
def test_every_figure_of_a_record_or_a_model_is_there(cell, x):
    module = build(cell, I, H)
    memory = gw.memory
    gates = module(x, return_gates=True)[2]
    of_gates = (
        memory.gate_timescale,
        memory.ledger,
        partial(memory.retention, start=2, stop=T - 1),
        memory.retention_curve,
        memory.saturation,
    )
    for figure in of_gates:
        if not CELLS[cell].terms("keep"):
            with pytest.raises(InputError, match="gate"):
                figure(gates)
        else:
            assert figure(gates).reading
    for figure in (memory.redundancy, memory.state_health, memory.still_units, memory.traffic):
        assert figure(gates).reading
    model = ReadsLast(module)
    targets = torch.randn(B, 1, dtype=torch.float64)
    for figure in (
        memory.ablation,
        memory.connectivity,
        partial(memory.context_need, targets=targets),
        memory.highway,
        memory.horizon,
        partial(memory.idle_units, targets=targets),
        memory.transplant,
    ):
        assert figure(model, x).reading


def test_a_share_that_is_a_parameter_is_read_as_the_gate_that_keeps() -> None:
    module = build(LEAKY.name, I, H)
    with torch.no_grad():
        module.leak_l0[:] = torch.tensor([0.0, 1.0, 2.0, 3.0])
    gates = module(torch.randn(T, B, I, dtype=torch.float64), return_gates=True)[2]
    expected = -1 / module.leak_l0.sigmoid().log()
    found = gw.memory.gate_timescale(gates).steps[0, 0]
    np.testing.assert_allclose(found, expected.detach(), rtol=1e-12)
    with pytest.raises(InputError, match="with a bias on the gate that keeps"):
        gw.init.open_forget_gate(module)  # no bias opens it
