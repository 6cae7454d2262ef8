"""Connectivity: equal to autograd's, within memory, and right where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.memory.known import dead, delay_line, leaky
from torch import Tensor, nn

import gatewise as gw
from gatewise.errors import InputError, OptionError
from gatewise.memory.intervals import Sampling
from gatewise.memory.interventions.connectivity import Connectivity, connectivity

T, B, I, K = 7, 3, 2, 4  # noqa: E741 - the sizes of the shape comments
JACOBIAN = 1e-10


class Net(nn.Module):
    """A recurrent module, dropout and a read-out of every step, or of the last."""

    def __init__(self, rnn: nn.RNNBase, *, per_step: bool = True, answers: int = K) -> None:
        super().__init__()
        self.rnn = rnn
        self.per_step = per_step
        width = (2 if rnn.bidirectional else 1) * (rnn.proj_size or rnn.hidden_size)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(width, answers, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        h = self.drop(self.rnn(x)[0])
        if not self.per_step:
            h = h[:, -1] if self.rnn.batch_first else h[-1]
        y: Tensor = self.head(h)
        return y


def build(kind: str = "LSTM", home: object = gw, **options: object) -> Net:
    torch.manual_seed(0)
    per_step = bool(options.pop("per_step", True))
    return Net(getattr(home, kind)(I, 5, dtype=torch.float64, **options), per_step=per_step)


def inputs(*shape: int) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(*shape, dtype=torch.float64)


def jacobians(net: Net, x: Tensor) -> Tensor:
    """Return autograd's `dy_(b, t)/dx_(b, s)`, `[B, T, K, T, I]`, of `x [T, B, I]` row by row."""
    training, axis = net.training, int(not net.rnn.batch_first)
    net.eval()
    own = x if net.rnn.batch_first else x.transpose(0, 1)
    found = []
    for row in own:
        full = torch.autograd.functional.jacobian(
            lambda one: net(one.unsqueeze(axis)).squeeze(axis), row
        )
        found.append(full if net.per_step else full.squeeze(0)[None])
    net.train(training)
    return torch.stack(found)


CASES = {
    "lstm": {"kind": "LSTM"},
    "gru": {"kind": "GRU", "batch_first": True},
    "rnn": {"kind": "RNN", "engine": "reference"},
    "stock": {"kind": "LSTM", "home": nn, "num_layers": 2},
    "torch": {"kind": "GRU", "engine": "torch", "num_layers": 2, "dropout": 0.5},
    "bidirectional": {"kind": "LSTM", "bidirectional": True, "num_layers": 2, "proj_size": 2},
}


@pytest.mark.parametrize("copies", [None, 1, 3])
@pytest.mark.parametrize("case", CASES)
def test_it_equals_autograd_s_however_many_passes_are_batched(case, copies, monkeypatch):
    net = build(**CASES[case]).train()
    x = inputs(B, T, I) if net.rnn.batch_first else inputs(T, B, I)
    if copies is not None:
        monkeypatch.setattr(
            "gatewise.memory.interventions.subject.Subject.batches",
            lambda *_: iter([slice(0, 8 * copies)]),
        )
    found = connectivity(net, x, at=[1, 3, T - 1])
    exact = jacobians(net, x)[:, [1, 3, T - 1]]  # [B, A, K, T, I]
    for place in range(3):
        norms = exact[:, place].square().sum(dim=(1, 3)).sqrt()
        by_channel = exact[:, place].square().sum(dim=1).sqrt().mean(dim=0)
        assert np.abs(found.rows[place] - norms.numpy()).max() <= JACOBIAN
        assert np.abs(found.heat[place] - norms.mean(dim=0).numpy()).max() <= JACOBIAN
        assert np.abs(found.channels[place] - by_channel.numpy()).max() <= JACOBIAN
    assert (found.standard_error == 0).all()
    if not net.rnn.bidirectional:
        assert (found.rows[0][:, 2:] == 0).all()  # the future of step 1


def test_a_model_that_answers_once_is_read_at_its_last_step():
    net = build("GRU", per_step=False)
    x = inputs(T, B, I)
    found = connectivity(net, x)
    norms = jacobians(net, x)[:, 0].square().sum(dim=(1, 3)).sqrt()
    assert found.times.tolist() == [T - 1]
    np.testing.assert_allclose(found.rows[0], norms.numpy(), atol=JACOBIAN)
    np.testing.assert_allclose(found.curve, found.heat[0][::-1])  # lag 0 first
    assert found.lags.tolist() == list(range(T))


def test_the_curve_is_the_mean_at_each_lag_over_rows_and_steps():
    net = build("LSTM", bidirectional=True)
    found = connectivity(net, inputs(T, B, I), at=[2, 5])
    assert found.lags.tolist() == list(range(-4, 6))
    for lag, value in zip(found.lags, found.curve, strict=True):
        pairs = [(n, t - lag) for n, t in enumerate((2, 5)) if 0 <= t - lag < T]
        assert value == pytest.approx(np.mean([found.heat[n, s] for n, s in pairs]))
    assert 0 < found.future_share < 1
    assert "lies ahead" in found.reading
    assert connectivity(build(), inputs(T, B, I), at=[2, 5]).lags.tolist() == list(range(6))


def test_steps_are_spread_evenly_by_default():
    found = connectivity(build(), inputs(40, B, I))
    assert len(found.times) == 16
    assert found.times[-1] == 39
    assert set(np.diff(found.times)) <= {2, 3}
    assert connectivity(build(), inputs(T, B, I)).times.tolist() == list(range(T))


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_relu"])
def test_a_leaky_sum_has_the_sensitivity_of_its_leak(kind):
    """y_t = keep y_(t-1) + x_t in other units: dy_t/dx_(t-k) is keep^k times dy_t/dx_t."""
    known = leaky(kind, 0.9)
    found = connectivity(known.model, known.inputs)
    np.testing.assert_allclose(found.curve / found.curve[0], 0.9**found.lags, rtol=1e-3)
    assert found.reach == known.horizon
    assert found.reach_low <= found.reach <= found.reach_high
    assert (found.low <= found.curve).all()
    assert (found.high >= found.curve).all()
    assert f"inputs up to {known.horizon} steps back" in found.reading


def test_a_network_that_sees_its_own_step_alone():
    known = delay_line(0)
    found = connectivity(known.model, known.inputs)
    assert found.reach == 0
    assert "depends on no earlier input than that of its step" in found.reading


def test_a_dead_network_depends_on_nothing():
    known = dead("lstm")
    found = connectivity(known.model, known.inputs)
    assert not found.curve.any()
    assert found.reach == 0
    assert "does not depend on the inputs" in found.reading


def test_an_input_that_the_network_cannot_see_has_no_part():
    net = build("LSTM")
    with torch.no_grad():
        net.rnn.weight_ih_l0[:, 1] = 0.0
    found = connectivity(net, inputs(T, B, I))
    assert found.channel_share.tolist() == [1.0, 0.0]
    assert "input 0 counts most, 100 %" in found.reading


def test_the_estimate_is_right_within_its_standard_error():
    net = Net(gw.GRU(I, 12, dtype=torch.float64), answers=60)
    x = inputs(T, B, I)
    exact = connectivity(net, x, at=6, method="exact")
    assert connectivity(net, x, at=6).settings["method"] == "estimate"  # 60 answers, 32 probes
    scores = []
    for seed in range(40):
        found = connectivity(net, x, at=6, method="estimate", sampling=Sampling(seed=seed))
        scores.append(((found.rows - exact.rows) / found.standard_error)[0, :, [1, 4, 6]])
    scores = np.array(scores)
    assert (np.abs(scores.mean(axis=0)) < 0.8).all()  # 5 standard errors of a mean of 40
    assert ((scores.std(axis=0) > 0.5) & (scores.std(axis=0) < 2)).all()
    assert "estimated with 32 random probes" in found.caveat
    assert (exact.standard_error == 0).all()


def test_other_arguments_go_along_with_their_rows():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = gw.LSTM(2 * I, 5, dtype=torch.float64)

        def forward(self, x: Tensor, other: Tensor, lengths: Tensor, scale: Tensor) -> Tensor:
            y: Tensor = self.lstm(torch.cat([x, other], dim=-1), lengths=lengths)[0]
            return y * scale[:, None]

    two = Two()
    x, other = inputs(T, B, I), inputs(T, B, I) + 1
    lengths, scale = torch.tensor([7, 4, 5]), torch.tensor([1.0, 10.0, 100.0]).double()
    found = connectivity(two, (x, other, lengths, scale), at=3)
    for row in range(B):
        one = slice(row, row + 1)
        alone = connectivity(
            two, (x[:, one], other[:, one], lengths[one], scale[one]), at=3, time=0
        )
        np.testing.assert_allclose(found.rows[0, row], alone.rows[0, 0], rtol=1e-9)


def test_the_model_stays_as_it_was():
    net = build("LSTM", num_layers=2, dropout=0.3).train()
    x = inputs(T, B, I)
    net(x).sum().backward()
    net.drop.eval()
    before = {name: (p.detach().clone(), p.grad.clone()) for name, p in net.named_parameters()}
    modes = {name: part.training for name, part in net.named_modules()}
    state = torch.get_rng_state()
    connectivity(net, x, method="estimate", probes=2)
    assert {name: part.training for name, part in net.named_modules()} == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert not x.requires_grad
    for name, parameter in net.named_parameters():
        assert torch.equal(parameter, before[name][0])
        assert torch.equal(parameter.grad, before[name][1])
        assert parameter.requires_grad


def test_it_works_under_no_grad_and_for_a_model_that_writes_into_its_input():
    class Writing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = gw.GRU(I, 3, dtype=torch.float64)

        def forward(self, x: Tensor) -> Tensor:
            x = x.clone() if not torch.is_grad_enabled() else x
            x *= 2
            y: Tensor = self.gru(x)[0]
            return y

    with torch.no_grad():
        found = connectivity(Writing(), inputs(T, B, I))
    assert found.curve[0] > 0


def test_the_result_has_settings_and_plain_values():
    found = connectivity(build(), inputs(T, B, I))
    assert isinstance(found, Connectivity)
    assert np.isnan(found.low).all()  # three rows have no interval
    plain = found.to_dict()
    assert plain["settings"]["answer_count"] == K
    assert plain["settings"]["method"] == "exact"
    assert plain["low"][0] is None
    assert "gradient only" in found.caveat


def test_what_cannot_be_asked_is_said():
    net, x = build(), inputs(T, B, I)

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.gru = nn.Embedding(5, I), gw.GRU(I, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.gru(self.embedding(x))[0]
            return y

    with pytest.raises(InputError, match=r"torch.int64, which has no gradient; .* embedding"):
        connectivity(Tokens(), torch.zeros(T, B, dtype=torch.int64), time=0)
    with pytest.raises(InputError, match="do not depend on the inputs differentiably"):
        connectivity(net, x, output=lambda y: y.detach().transpose(0, 1))

    class Cut(Net):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.detach())

    with pytest.raises(InputError, match="do not depend on the inputs differentiably"):
        connectivity(Cut(net.rnn), x)
    with pytest.raises(InputError, match="contains no LSTM, GRU, RNN or cell"):
        connectivity(nn.Linear(I, 1), x)
    with pytest.raises(InputError, match="at=7 is outside the 7 steps"):
        connectivity(net, x, at=7)
    with pytest.raises(OptionError, match=r"method must be one of .*Did you mean 'exact'"):
        connectivity(net, x, method="exakt")
    with pytest.raises(OptionError, match="probes must be a whole number of at least 2"):
        connectivity(net, x, probes=0)
