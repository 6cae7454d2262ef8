"""The highway: total Jacobian and direct path over lags, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.memory import stepwise
from torch import Tensor, nn

import gatewise as gw
from gatewise.errors import InputError, OptionError
from gatewise.memory.gradients.highway import Highway, highway
from gatewise.memory.intervals import Sampling

T, B, I, H = 12, 8, 2, 4  # noqa: E741 - the sizes of the shape comments


class Model(nn.Module):
    """Two recurrent modules and a dropout, in train mode."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
        self.drop = nn.Dropout(0.5)
        self.decoder = nn.GRU(2 * H, 3, batch_first=False, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.decoder(self.drop(self.encoder(x)[0]))[0]
        return y


class Loop(nn.Module):
    """A cell in a loop of the model's own, which may change the state on the way."""

    def __init__(self, kind: str, factor: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.cell = getattr(nn, kind)(I, H, dtype=torch.float64)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for step in x:
            state = self.cell(step, state)
            if isinstance(state, tuple):
                state = (state[0], state[1] * self.factor)
            else:
                state = state * self.factor
        return state[0] if isinstance(state, tuple) else state


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model().train()


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(T, B, I, dtype=torch.float64)


@pytest.mark.parametrize("norm", ["frobenius", "spectral"])
@pytest.mark.parametrize("state", ["cell", "full"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_both_norms_equal_autograd_s_for_a_stock_module_at_every_lag(kind, state, norm, x):
    torch.manual_seed(2)
    module = getattr(nn, kind)(I, H, dtype=torch.float64)
    found = highway(module, x[:, :1], state=state, norm=norm)
    weights = stepwise.weights_of(module, 0, 0)
    order = 2 if norm == "spectral" else "fro"
    for lag in range(T):
        exact = stepwise.jacobian(module, weights, x[:, 0], T - 1, T - 1 - lag, state)
        norm_of_it = float(torch.linalg.matrix_norm(exact, ord=order))
        assert found.total[lag] == pytest.approx(norm_of_it, rel=1e-10)
    assert found.lags.tolist() == list(range(T))
    assert found.settings["method"] == "exact"
    assert (found.standard_error == 0).all()


def test_the_direct_path_and_the_ratio_are_those_of_the_forget_gates(x):
    torch.manual_seed(3)
    module = gw.LSTM(I, H, dtype=torch.float64)
    forget = module(x, return_gates=True)[2].forget[0, 0].detach()
    found = highway(module, x)
    for lag in range(T):
        direct = forget[T - lag :].prod(dim=0).square().sum(dim=-1).sqrt().numpy()  # [B]
        ratio = direct / np.exp(found.log_total[:, lag])
        assert found.direct[lag] == pytest.approx(np.exp(np.median(np.log(direct))))
        assert found.ratio[lag] == pytest.approx(np.exp(np.median(np.log(ratio))))


def test_the_curve_is_the_median_over_rows_and_the_interval_its_order_statistics(x):
    found = highway(gw.GRU(I, H, dtype=torch.float64), x)
    ordered = np.sort(np.exp(found.log_total), axis=0)
    np.testing.assert_allclose(found.total, np.sqrt(ordered[3] * ordered[4]))
    # Of 8 values, the smallest and the largest hold the median with 1 - 2/256 = 99.2 %.
    np.testing.assert_allclose(found.low, ordered[0])
    np.testing.assert_allclose(found.high, ordered[-1])
    few = highway(gw.GRU(I, H, dtype=torch.float64), x[:, :5])
    assert np.isnan(few.low).all()


def test_each_layer_and_direction_of_a_module_in_a_model_is_its_own(model, x):
    gates = model.eval().encoder(x)  # the model's own run, for the inputs of layer 1
    del gates
    seen = {}
    for layer in range(2):
        for direction in range(2):
            found = highway(model, x, module="encoder", layer=layer, direction=direction)
            alone = stepwise.weights_of(model.encoder, layer, direction)
            with gw.trace(model) as record, torch.no_grad():
                model(x)
            below = record["encoder"].hidden[0]
            into = x if layer == 0 else torch.cat([below[0], below[1]], dim=-1)
            into = into.flip(0) if direction else into
            logs = [
                stepwise.jacobian(model.encoder, alone, into[:, row], T - 1, 2, "cell").norm().log()
                for row in range(B)
            ]
            np.testing.assert_allclose(found.log_total[:, T - 3], logs, rtol=1e-9)
            seen[layer, direction] = found.total[-1]
    assert len(set(seen.values())) == 4


@pytest.mark.parametrize("carrier", [0, 1])
def test_the_layer_that_carries_is_found_and_named(carrier):
    rnn = gw.LSTM(1, 2, num_layers=2, dtype=torch.float64)
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.zero_()
        for layer, bias in enumerate((rnn.bias_ih_l0, rnn.bias_ih_l1)):
            keep = 0.9 if layer == carrier else 0.2
            bias[rnn.hidden_size : 2 * rnn.hidden_size] = math.log(keep / (1 - keep))
    inputs = torch.ones(60, 12, 1, dtype=torch.float64)
    found = highway(rnn, inputs)
    assert found.settings["layer"] == carrier
    assert found.settings["looked_at"] == [0, 1]
    assert found.reach == math.floor(math.log(0.05) / math.log(0.9)) == 28
    assert found.reading.startswith(
        f"In layer {carrier + 1} of 2, where it lasts longest, a change of c"
    )
    other = highway(rnn, inputs, layer=1 - carrier)
    assert other.reach == 1
    assert other.reading.startswith(f"In layer {2 - carrier} of 2, a change of c is 0.2 times")
    np.testing.assert_array_equal(highway(rnn, inputs, layer=carrier).total, found.total)


def test_layers_that_carry_alike_and_none_that_does():
    rnn = gw.GRU(1, 2, num_layers=3)
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.zero_()
    inputs = torch.ones(9, 12, 1)
    assert highway(rnn, inputs).settings["layer"] == 2  # the nearest to the answer
    with torch.no_grad():
        for layer in range(3):
            getattr(rnn, f"bias_ih_l{layer}")[2:4] = -9.0  # update gates shut
    assert highway(rnn, inputs).reading.startswith("In each of the 3 layers, a change of the state")
    both = gw.GRU(1, 2, bidirectional=True)
    assert highway(both, inputs, direction=1).reading.startswith("In the reverse direction, a ch")


def test_the_model_stays_as_it_was(model, x):
    model(x).sum().backward()
    model.drop.eval()  # a mode of its own
    before = {name: (p.detach().clone(), p.grad.clone()) for name, p in model.named_parameters()}
    modes = {name: part.training for name, part in model.named_modules()}
    state = torch.get_rng_state()
    highway(model, x, module="decoder", method="estimate")
    assert {name: part.training for name, part in model.named_modules()} == modes
    assert torch.equal(torch.get_rng_state(), state)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name][0])
        assert torch.equal(parameter.grad, before[name][1])
    assert not model.encoder._forward_hooks


def test_rows_of_different_lengths_are_followed_from_their_own_ends(x):
    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = gw.LSTM(I, H, bidirectional=True, dtype=torch.float64)

        def forward(self, x: Tensor, lengths: list[int]) -> Tensor:
            y: Tensor = self.lstm(x, lengths=lengths)[0]
            return y

    lengths = [12, 7, 1, 9, 12, 12, 12, 3]
    padded = Padded()
    for direction in (0, 1):
        whole = highway(padded, (x, lengths), direction=direction)
        assert whole.settings["rows"] == [0, 1, 3, 4, 5, 6, 7]  # one step has no lag
        alone = highway(padded, (x[:7, 1:2], [7]), direction=direction)
        np.testing.assert_allclose(whole.log_total[1, :7], alone.log_total[0], rtol=1e-12)
        assert np.isnan(whole.log_total[1, 7:]).all()
        assert not np.isnan(whole.total).any()


def test_cells_in_a_loop_are_as_the_module(x):
    for kind in ("LSTMCell", "GRUCell", "RNNCell"):
        loop = Loop(kind)
        module = getattr(nn, kind.removesuffix("Cell"))(I, H, dtype=torch.float64)
        with torch.no_grad():
            for name, weight in loop.cell.named_parameters():
                getattr(module, f"{name}_l0").copy_(weight)
        np.testing.assert_allclose(
            highway(loop, x).log_total, highway(module, x).log_total, rtol=1e-9
        )


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell"])
def test_a_cell_whose_state_the_model_changes_is_refused(kind, x):
    with pytest.raises(InputError, match=r"changes the state of the cell 'cell' between its steps"):
        highway(Loop(kind, factor=0.9), x)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_the_estimate_is_right_within_its_own_standard_error(kind):
    """Over 40 independent seeds the error in standard errors has mean 0 and spread 1, roughly.

    The norm at lag 0 is exact for any probe: signs have length sqrt(H) always.
    """
    torch.manual_seed(6)
    module = getattr(gw, kind)(I, 24, dtype=torch.float64)
    x = torch.randn(40, 1, I, dtype=torch.float64)
    exact = highway(module, x).log_total[0]
    scores = []
    for seed in range(40):
        found = highway(module, x, method="estimate", probes=24, sampling=Sampling(seed=seed))
        assert found.settings["method"] == "estimate"
        assert found.log_total[0, 0] == pytest.approx(exact[0])
        error = found.standard_error / found.total
        scores.append((found.log_total[0] - exact)[[5, 20, 39]] / error[[5, 20, 39]])
    scores = np.array(scores)
    assert (np.abs(scores.mean(axis=0)) < 0.8).all()  # 5 standard errors of a mean of 40
    assert ((scores.std(axis=0) > 0.5) & (scores.std(axis=0) < 2)).all()
    assert "estimated with 24 random probes" in found.caveat


def test_auto_estimates_only_where_the_whole_jacobian_is_much_work(monkeypatch):
    x = torch.randn(30, 2, I, dtype=torch.float64)
    module = gw.LSTM(I, 100, dtype=torch.float64)
    assert highway(module, x).settings["method"] == "exact"
    monkeypatch.setattr("gatewise.memory.gradients._highway_curves.EXACT_WORK", 1e6)
    found = highway(module, x)
    assert found.settings["method"] == "estimate"
    assert found.settings["probes"] == 64
    assert highway(module, x, method="exact").settings["method"] == "exact"
    assert (
        highway(gw.LSTM(I, 8).double(), x).settings["method"] == "exact"
    )  # fewer units than probes


def test_thousands_of_steps_keep_their_logarithms():
    torch.manual_seed(7)
    module = gw.LSTM(1, 4)
    with torch.no_grad():
        module.weight_hh_l0.mul_(0.1)
    found = highway(module, torch.randn(4000, 1, 1), max_lag=3999)
    assert found.total[-1] == 0  # beyond the range of float64 ...
    assert np.isfinite(found.log_total).all()  # ... and known all the same
    assert found.log_total[0, -1] < -1000
    assert found.rate_low < found.rate < found.rate_high < 0  # one row: from blocks of steps


def test_several_times_are_looked_at_within_each_row(x):
    module = gw.LSTM(I, H, dtype=torch.float64)
    found = highway(module, x, at=[4, 9])
    assert found.lags[-1] == 9
    one, other = (highway(module, x[: t + 1]) for t in (4, 9))
    both = np.stack([one.log_total[:, :5], other.log_total[:, :5]])
    np.testing.assert_allclose(found.log_total[:, :5], both.mean(axis=0))
    np.testing.assert_allclose(found.log_total[:, 5:], other.log_total[:, 5:])


def test_its_result_has_settings_a_reading_and_plain_values(x):
    found = highway(gw.LSTM(I, H), x.float(), max_lag=5)
    assert isinstance(found, Highway)
    assert found.settings["state"] == "c, with h a function of it"
    assert found.settings["max_lag"] == 5
    assert found.units == H
    assert found.total[0] == pytest.approx(math.sqrt(H))
    plain = found.to_dict()
    assert plain["reading"] == found.reading
    assert plain["kind"] == "Highway"
    assert "gradient only" in found.caveat
    full = highway(gw.LSTM(I, H), x.float(), state="full")
    assert full.units == 2 * H
    assert full.reading.startswith("A change of h and c is")


def test_what_cannot_be_asked_is_said(model, x):
    with pytest.raises(InputError, match=r"has 2 recurrent modules; name one with module=: 'enc"):
        highway(model, x)
    with pytest.raises(InputError, match=r"no recurrent module 'encodr'.*Did you mean 'encoder'"):
        highway(model, x, module="encodr")
    with pytest.raises(InputError, match=r"layer=2 is not among the 2 of 'encoder'"):
        highway(model, x, module="encoder", layer=2)
    with pytest.raises(InputError, match=r"direction=1 is not among the 1 of 'decoder'"):
        highway(model, x, module="decoder", direction=1)
    with pytest.raises(InputError, match=r"call=1 is not among the 1 calls"):
        highway(model, x, module="decoder", call=1)
    with pytest.raises(InputError, match=r"at must lie between 1 and 11"):
        highway(model, x, module="decoder", at=[12])
    with pytest.raises(InputError, match="every row has a single step"):
        highway(model, x[:1], module="decoder")
    with pytest.raises(InputError, match="highway: Linear contains no LSTM, GRU, RNN or cell"):
        highway(nn.Linear(2, 2), x)
    with pytest.raises(InputError, match=r"highway: inputs has shape \[0, .*no rows or no steps"):
        highway(model, x[:0], module="decoder")
    holed = x.clone()
    holed[3, 1] = torch.nan
    with pytest.raises(InputError, match=r"the hidden state is not finite at step 3 of row 1"):
        highway(model, holed, module="encoder", layer=0)
    with pytest.raises(InputError, match=r"model must be a torch.nn.Module; got function"):
        highway(lambda x: x, x)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"norm must be one of .* got 'spectra'. Did you mean"):
        highway(model, x, module="decoder", norm="spectra")
    with pytest.raises(OptionError, match="has no unbiased estimate"):
        highway(model, x, module="decoder", norm="spectral", method="estimate")
    with pytest.raises(OptionError, match="probes must be a whole number of at least 2"):
        highway(model, x, module="decoder", probes=1)
    with pytest.raises(OptionError, match="max_lag must be"):
        highway(model, x, module="decoder", max_lag=0)


def test_a_module_that_is_called_twice_needs_to_be_told_which_call(x):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(I, I, dtype=torch.float64)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.gru(self.gru(x)[0])[0]
            return y

    twice = Twice()
    with pytest.raises(InputError, match=r"calls 'gru' 2 times .* call=0 to 1"):
        highway(twice, x)
    first = highway(twice, x, call=0)
    np.testing.assert_allclose(first.log_total, highway(twice.gru, x).log_total)
