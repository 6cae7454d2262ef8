"""Costs on gates: values by hand, gradients by finite differences, padding inert, less written."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import gatewise as gw
from gatewise import penalties
from gatewise.engines import Gates
from gatewise.errors import InputError, OptionError

T, B, I, H = 6, 3, 2, 4  # noqa: E741 - the sizes of the shape comments
COSTS = {
    "write gate": penalties.write_cost,
    "write content": lambda gates: penalties.write_cost(gates, on="content"),
    "open": penalties.forget_cost,
    "timescale": lambda gates: penalties.forget_cost(gates, timescale=3.0),
    "timescales": lambda gates: penalties.forget_cost(
        gates, timescale=torch.tensor([1.0, 2.0, 10.0, 50.0])
    ),
    "saturation": lambda gates: penalties.saturation_cost(gates, margin=0.4),
}


def record(kind: str, **gates: list[float]) -> Gates:
    """Return a record `[1, 1, T, 1, 1]` of one row and one unit."""
    tensors = {name: torch.tensor(own).view(1, 1, -1, 1, 1) for name, own in gates.items()}
    return Gates(tensors, torch.tensor([len(next(iter(gates.values())))]), kind)


LSTM = record(
    "lstm",
    forget=[0.9, 0.5],
    input=[0.2, 0.6],
    candidate=[-0.5, 1.0],
    output=[0.05, 0.5],
    cell=[0.0, 0.0],
)
GRU = record("gru", reset=[0.5, 1.0], update=[0.8, 0.3], candidate=[-0.5, 1.0], hidden=[0.0, 0.0])


def test_values_by_hand():
    assert float(penalties.write_cost(LSTM)) == pytest.approx((0.2 + 0.6) / 2)
    assert float(penalties.write_cost(GRU)) == pytest.approx((0.2 + 0.7) / 2)
    assert float(penalties.write_cost(LSTM, on="content")) == pytest.approx((0.1 + 0.6) / 2)
    assert float(penalties.write_cost(GRU, on="content")) == pytest.approx((0.1 + 0.7) / 2)
    assert float(penalties.forget_cost(LSTM)) == pytest.approx((0.1 + 0.5) / 2)
    assert float(penalties.forget_cost(GRU)) == pytest.approx((0.2 + 0.7) / 2)
    kept = math.exp(-1 / 5)
    by_hand = ((0.9 - kept) ** 2 + (0.5 - kept) ** 2) / 2
    assert float(penalties.forget_cost(LSTM, timescale=5)) == pytest.approx(by_hand)
    # Of six values of the LSTM's gates one lies outside 0.1 to 0.9, half a margin deep; the GRU's
    # reset gate is fully open once.
    assert float(penalties.saturation_cost(LSTM)) == pytest.approx(0.25 / 6, rel=1e-5)
    assert float(penalties.saturation_cost(GRU)) == pytest.approx(1 / 4, rel=1e-5)


def test_each_unit_may_have_its_own_timescale():
    gates = {name: torch.full((B, 2), 0.5) for name in ("forget", "input", "candidate", "output")}
    gates["kind"] = "lstm"
    found = penalties.forget_cost(gates, timescale=torch.tensor([1 / math.log(2), 1e9]))
    assert float(found) == pytest.approx((0.0 + 0.25) / 2)


@pytest.mark.parametrize("engine", ["reference", "native", "torch"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("cost", COSTS)
def test_gradients_are_those_of_finite_differences_with_padding(cost, kind, engine):
    torch.manual_seed(0)
    module = getattr(gw, kind)(I, H, bidirectional=True, engine=engine, dtype=torch.float64)
    names, weights = zip(*module.named_parameters(), strict=True)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)

    def of(x: Tensor, *own: Tensor) -> Tensor:
        with torch.no_grad():
            for name, value in zip(names, own, strict=True):
                getattr(module, name).copy_(value)
        gates = module(x, lengths=[T, 0, 2], return_gates=True)[2]
        return COSTS[cost](gates)

    grads = torch.autograd.grad(of(x, *weights), (x, *weights))
    assert all(grad.isfinite().all() for grad in grads)
    assert (grads[0][:, 1] == 0).all()
    assert (grads[0][2:, 2] == 0).all()
    assert grads[0][:, 0].abs().sum() > 0
    values = [x.detach().clone(), *(w.detach().clone() for w in weights)]
    for place, grad in enumerate(grads):
        direction = torch.randn(grad.shape, dtype=torch.float64)
        ends = []
        for step in (1e-6, -1e-6):
            moved = list(values)
            moved[place] = values[place] + step * direction
            ends.append(of(*moved).item())
        expected = float((grad * direction).sum())
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("cost", COSTS)
def test_gradcheck_on_the_gates_themselves(cost):
    torch.manual_seed(1)
    names = ("forget", "input", "candidate", "output")
    shape = (1, 2, T, B, H)
    values = [torch.rand(shape, dtype=torch.float64, requires_grad=True) for _ in names]
    lengths = torch.tensor([T, 1, 4])
    assert torch.autograd.gradcheck(
        lambda *own: COSTS[cost](Gates(dict(zip(names, own, strict=True)), lengths, "lstm")), values
    )


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("cost", COSTS)
def test_padding_changes_nothing(cost, kind):
    """A ragged batch costs the mean over all its valid steps, as its rows alone do."""
    torch.manual_seed(2)
    module = getattr(gw, kind)(I, H, num_layers=2, dtype=torch.float64)
    x, lengths = torch.randn(T, B, I, dtype=torch.float64), [T, 2, 5]
    together = COSTS[cost](module(x, lengths=lengths, return_gates=True)[2])
    alone = [COSTS[cost](module(x[:n, row], return_gates=True)[2]) for row, n in enumerate(lengths)]
    weighted = sum(n * own.item() for n, own in zip(lengths, alone, strict=True)) / sum(lengths)
    assert together.item() == pytest.approx(weighted, rel=1e-12)


def test_a_cell_s_step_is_taken_too_and_no_step_costs_nothing():
    cell = gw.LSTMCell(I, H)
    gates = cell(torch.randn(B, I), return_gates=True)[1]
    assert penalties.write_cost(gates).item() == pytest.approx(gates.input.mean().item())
    module = gw.LSTM(I, H)
    nothing = module(torch.randn(T, B, I), lengths=[0, 0, 0], return_gates=True)[2]
    for cost in COSTS.values():
        assert cost(nothing).item() == 0


def test_a_network_that_has_diverged_is_seen():
    module = gw.LSTM(I, H)
    with torch.no_grad():
        module.weight_hh_l0[0, 0] = math.nan
    gates = module(torch.randn(T, B, I), lengths=[T, 2, 3], return_gates=True)[2]
    assert penalties.write_cost(gates).isnan()


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("on", ["gate", "content"])
def test_training_with_a_write_cost_writes_less(kind, on):
    """The same start, data and steps: recall the first of twelve inputs; the others are noise."""

    def written(weight: float) -> tuple[float, float]:
        torch.manual_seed(3)
        module = getattr(gw, kind)(1, 8)
        head = torch.nn.Linear(8, 1)
        optimizer = torch.optim.Adam([*module.parameters(), *head.parameters()], lr=0.02)
        x = torch.randn(12, 64, 1)
        for _ in range(150):
            output, _, gates = module(x, return_gates=True)
            loss = (head(output[-1]) - x[0]).square().mean()
            optimizer.zero_grad()
            (loss + weight * penalties.write_cost(gates, on=on)).backward()
            optimizer.step()
        return penalties.write_cost(gates, on=on).item(), loss.item()

    plain, costly = written(0.0), written(0.1)
    assert costly[0] < 0.6 * plain[0]
    assert costly[1] < 0.5  # of a variance of 1: it has learnt all the same


def test_the_other_costs_move_what_they_are_for():
    def trained(cost: object) -> Gates:
        torch.manual_seed(4)
        module = gw.LSTM(1, 8)
        optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
        x = torch.randn(12, 16, 1)
        for _ in range(200):
            gates = module(x, return_gates=True)[2]
            optimizer.zero_grad()
            cost(gates).backward()
            optimizer.step()
        return gates.detach()

    assert trained(penalties.forget_cost).forget.mean() > 0.95
    slow = trained(lambda gates: penalties.forget_cost(gates, timescale=20.0)).forget
    assert -1 / float(slow.log().mean()) == pytest.approx(20, rel=0.1)
    wide = trained(lambda gates: penalties.saturation_cost(gates, margin=0.45))
    assert all(((wide[name] > 0.4) & (wide[name] < 0.6)).all() for name in ("input", "forget"))


def test_what_cannot_be_charged_is_said():
    rnn = gw.RNN(I, H)(torch.randn(T, B, I), return_gates=True)[2]
    for cost in COSTS.values():
        with pytest.raises(InputError, match="the record of the cell 'rnn_tanh' has no gates"):
            cost(rnn)
    with pytest.raises(InputError, match=r"got tuple. Call output, states, gates ="):
        penalties.write_cost((1, 2))  # type: ignore[arg-type]
    with pytest.raises(
        InputError, match=r"forget_cost: a record with forget does not say of which cell it is"
    ):
        penalties.forget_cost({"forget": torch.ones(1)})
    with pytest.raises(OptionError, match=r"on must be 'gate' or 'content'; got 'gat'"):
        penalties.write_cost(LSTM, on="gat")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"timescale must be above 0, in steps; got 0"):
        penalties.forget_cost(LSTM, timescale=0)
    with pytest.raises(InputError, match=r"shape \[3\]; give one number, or one for each of the 1"):
        penalties.forget_cost(LSTM, timescale=torch.ones(3))
    for margin in (0, 0.6, True, "0.1"):
        with pytest.raises(OptionError, match=r"margin must be a number above 0 and at most 0\.5"):
            penalties.saturation_cost(LSTM, margin=margin)  # type: ignore[arg-type]


@pytest.mark.parametrize("block", [1, 2 * B * H, 2**22])
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"bias": False}])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_pass_that_kept_no_gates_costs_the_same(kind, options, started, block, monkeypatch):
    monkeypatch.setattr(penalties, "_BLOCK", block)
    torch.manual_seed(0)
    module = getattr(gw, kind)(I, H, dtype=torch.float64, **options)
    x = torch.randn(T, B, I, dtype=torch.float64)
    x = x.transpose(0, 1) if options.get("batch_first") else x
    h, c = torch.randn(2, 1, B, H, dtype=torch.float64)
    hx = ((h, c) if kind == "LSTM" else h) if started else None
    found = []
    for max_memory in (None, "sqrt"):
        module.zero_grad()
        module.max_memory = max_memory
        inputs = x.clone().requires_grad_()
        if max_memory is None:
            output, _, gates = module(inputs, hx, return_gates=True)
            cost = penalties.write_cost(gates)
        else:
            output, _ = module(inputs, hx)
            cost = penalties.write_cost_of(module, inputs, output, hx)
        (output.square().sum() + 50 * cost).backward()
        found.append([cost.detach(), inputs.grad, *(one.grad for one in module.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
        assert one.any()


def test_a_projected_unbatched_and_an_empty_pass():
    torch.manual_seed(0)
    module = gw.LSTM(I, H, proj_size=2)
    x = torch.randn(T, I)
    output, _, gates = module(x, return_gates=True)
    cost = penalties.write_cost_of(module, x, output)
    torch.testing.assert_close(cost, penalties.write_cost(gates))
    nothing = penalties.write_cost_of(gw.GRU(I, H), torch.zeros(0, B, I), torch.zeros(0, B, H))
    assert float(nothing.detach()) == 0


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (torch.nn.LSTM(I, H, 2), "got LSTM.2, 4, num_layers=2"),
        (torch.nn.GRU(I, H, bidirectional=True), "one layer and one direction"),
        (torch.nn.RNN(I, H), "must be an LSTM or GRU"),
        (torch.nn.Linear(I, H), "got Linear"),
    ],
)
def test_a_pass_whose_gates_do_not_follow_from_its_output(module, words):
    with pytest.raises(InputError, match=words):
        penalties.write_cost_of(module, torch.zeros(T, B, I), torch.zeros(T, B, H))


def test_an_output_of_something_else():
    with pytest.raises(InputError, match=r"got input \[6, 3, 2\] and output \[5, 3, 4\]"):
        penalties.write_cost_of(gw.LSTM(I, H), torch.zeros(T, B, I), torch.zeros(T - 1, B, H))
    with pytest.raises(InputError, match="output tuple"):
        penalties.write_cost_of(
            gw.LSTM(I, H), torch.zeros(T, B, I), gw.LSTM(I, H)(torch.zeros(T, B, I))
        )
