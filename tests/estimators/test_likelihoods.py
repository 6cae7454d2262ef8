"""Likelihoods against scipy's distributions, numeric integration and samples whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from gatewise.answers.families import COMPONENTS
from gatewise.estimators.likelihoods import LIKELIHOODS
from gatewise.training.losses import negative_log_likelihood

LEVELS = (0.001, 0.1, 0.25, 0.5, 0.9, 0.999)
NAMES = tuple(LIKELIHOODS)


def drawn(name: str, count: int, seed: int = 0, spread: float = 1.5) -> torch.Tensor:
    """Return parameters [count, P] of many shapes."""
    likelihood = LIKELIHOODS[name]
    raw = np.random.default_rng(seed).normal(size=(count, likelihood.size)) * spread
    return likelihood.parameters(torch.from_numpy(raw))


def of_scipy(name: str, parameters: torch.Tensor):
    """Return the distribution in scipy that parameters [P] stand for; not for a mixture."""
    first, second, *third = parameters.tolist()
    if name == "gaussian":
        return stats.norm(first, second)
    if name == "student-t":
        return stats.t(third[0], first, second)
    return stats.nbinom(1 / second, 1 / (1 + second * first))


def density_of_mixture(parameters: torch.Tensor, at: np.ndarray) -> np.ndarray:
    weight, loc, scale = parameters.view(3, COMPONENTS, 1).numpy()
    return (np.exp(weight) * stats.norm.pdf(at, loc, scale)).sum(0)


def truths(name: str, count: int) -> torch.Tensor:
    generator = np.random.default_rng(1)
    counts = name == "negative-binomial"
    drawn = generator.poisson(3, count) * 1.0 if counts else generator.normal(size=count) * 3
    return torch.from_numpy(drawn)


@pytest.mark.parametrize("name", ["gaussian", "student-t", "negative-binomial"])
def test_density_and_quantiles_are_those_of_scipy(name):
    likelihood, parameters, truth = LIKELIHOODS[name], drawn(name, 40), truths(name, 40)
    found = likelihood.log_density(parameters, truth)
    quantiles = likelihood.quantiles(parameters, LEVELS)
    for row in range(40):
        exact = of_scipy(name, parameters[row])
        density = exact.logpmf if name == "negative-binomial" else exact.logpdf
        assert float(found[row]) == pytest.approx(density(float(truth[row])), rel=1e-9)
        assert quantiles[row].numpy() == pytest.approx(exact.ppf(LEVELS), rel=1e-9)


def test_density_and_quantiles_of_a_mixture():
    likelihood, parameters = LIKELIHOODS["mixture"], drawn("mixture", 40)
    truth = truths("mixture", 40)
    found = likelihood.log_density(parameters, truth).exp()
    quantiles = likelihood.quantiles(parameters, LEVELS).numpy()
    for row in range(40):
        exact = density_of_mixture(parameters[row], truth[row].numpy())
        assert float(found[row]) == pytest.approx(float(exact[0]), rel=1e-9)
        weight, loc, scale = parameters[row].view(3, COMPONENTS, 1).numpy()
        below = (np.exp(weight) * stats.norm.cdf(quantiles[row], loc, scale)).sum(0)
        assert below == pytest.approx(LEVELS, rel=1e-9)


def test_large_counts_have_their_quantiles():
    rng = np.random.default_rng(0)
    mean, dispersion = 10 ** rng.uniform(-5, 4, 100), 10 ** rng.uniform(-3, 1, 100)
    parameters = torch.from_numpy(np.stack([mean, dispersion], -1))
    found = LIKELIHOODS["negative-binomial"].quantiles(parameters, LEVELS).numpy()
    exact = stats.nbinom.ppf(
        np.array(LEVELS), 1 / dispersion[:, None], 1 / (1 + dispersion * mean)[:, None]
    )
    assert (found == exact).all()


@pytest.mark.parametrize("degrees", [2.001, 2.5, 4.0, 30.0, 1e3, 1e8])
def test_quantiles_of_t_for_few_and_many_degrees_of_freedom(degrees):
    parameters = torch.tensor([[0.0, 1.0, degrees]], dtype=torch.float64)
    found = LIKELIHOODS["student-t"].quantiles(parameters, LEVELS)[0].numpy()
    assert found == pytest.approx(stats.t.ppf(LEVELS, degrees), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_crps_is_the_integral_that_defines_it(name):
    likelihood, parameters = LIKELIHOODS[name], drawn(name, 6, seed=2, spread=1.0)
    truth = truths(name, 6)
    found = likelihood.crps(parameters, truth).numpy()
    for row in range(6):
        if name == "negative-binomial":
            at, width = np.arange(3000.0), 1.0
        else:  # midpoints of steps that end where the truth is
            width = 0.02
            at = float(truth[row]) + (np.arange(-40_000, 40_000) + 0.5) * width
        if name == "mixture":
            weight, loc, scale = parameters[row].view(3, COMPONENTS, 1).numpy()
            below = (np.exp(weight) * stats.norm.cdf(at, loc, scale)).sum(0)
        else:
            below = of_scipy(name, parameters[row]).cdf(at)
        exact = ((below - (at >= float(truth[row]))) ** 2).sum() * width
        # Of a t with two degrees of freedom, 1e-6 of the integral lies beyond 800.
        assert found[row] == pytest.approx(exact, rel=2e-4)


@pytest.mark.parametrize("name", NAMES)
def test_quantiles_ascend_and_an_untrained_network_is_near_a_standard_normal(name):
    likelihood = LIKELIHOODS[name]
    quantiles = likelihood.quantiles(drawn(name, 200, spread=5.0), LEVELS)
    assert quantiles.isfinite().all()
    assert (quantiles.diff(dim=-1) >= 0).all()
    start = likelihood.parameters(torch.tensor([likelihood.start], dtype=torch.float64))
    if name == "negative-binomial":
        assert float(likelihood.centre(start)) == pytest.approx(1.0)
        return
    middle, high = likelihood.quantiles(start, (0.5, 0.841344746))[0].tolist()
    assert middle == pytest.approx(0.0, abs=1e-9)
    assert high == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0.0, 1.0, 40.0, 1e4])
def test_loss_and_gradient_are_finite_at_extremes(name, size):
    likelihood = LIKELIHOODS[name]
    signs = torch.tensor(np.random.default_rng(0).choice([-1.0, 1.0], (64, 1, 1, likelihood.size)))
    raw = (signs * size).float().requires_grad_()
    for truth in (0.0, 1.0, 1e6, *(() if name == "negative-binomial" else (-1e6,))):
        answer = torch.full((64, 1, 1), truth)
        losses = negative_log_likelihood(likelihood)(likelihood.parameters(raw), answer)
        (gradient,) = torch.autograd.grad(losses.sum(), raw)
        assert losses.isfinite().all()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_agree_with_finite_differences(name):
    likelihood = LIKELIHOODS[name]
    raw = torch.from_numpy(np.random.default_rng(3).normal(size=(5, likelihood.size)))
    truth = truths(name, 5)

    def loss(values: torch.Tensor) -> torch.Tensor:
        return likelihood.log_density(likelihood.parameters(values), truth)

    assert torch.autograd.gradcheck(loss, (raw.requires_grad_(),))


@pytest.mark.parametrize("name", NAMES)
def test_unknown_truth_counts_for_nothing(name):
    likelihood = LIKELIHOODS[name]
    raw = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 4, 2, likelihood.size)))
    raw.requires_grad_()
    truth = truths(name, 24).view(3, 4, 2).clone()
    truth[0, 1:] = torch.nan
    truth[1] = torch.nan
    loss = negative_log_likelihood(likelihood)
    losses = loss(likelihood.parameters(raw), truth)
    (gradient,) = torch.autograd.grad(losses.sum(), raw)
    losses = losses.detach()
    alone = loss(likelihood.parameters(raw[:1, :1]), truth[:1, :1])
    assert float(losses[0]) == pytest.approx(float(alone.detach()[0]))
    assert float(losses[1]) == 0
    assert (gradient[torch.isnan(truth)] == 0).all()
    assert (gradient[~torch.isnan(truth)] != 0).any(-1).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_likelihood_finds_the_distribution_that_the_data_come_from(name):
    """Fitted to 4,000 draws, the quantiles hold the shares that they promise, within sampling error."""
    likelihood, count = LIKELIHOODS[name], 4000
    rng = np.random.default_rng(0)
    data = {
        "gaussian": lambda: rng.normal(2.0, 0.5, count),
        "student-t": lambda: 1.0 + 0.7 * rng.standard_t(4.0, count),
        "negative-binomial": lambda: rng.negative_binomial(2.0, 2.0 / (2.0 + 6.0), count) * 1.0,
        "mixture": lambda: (
            np.where(rng.random(count) < 0.3, -2.0, 1.5) + rng.normal(size=count) / 2
        ),
    }[name]()
    truth = torch.from_numpy(data).view(count, 1, 1)
    raw = torch.tensor([likelihood.start], dtype=torch.float64).requires_grad_()
    optimizer = torch.optim.LBFGS([raw], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        parameters = likelihood.parameters(raw).expand(count, 1, 1, -1)
        loss = negative_log_likelihood(likelihood)(parameters, truth).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    levels = (0.1, 0.5, 0.9)
    quantiles = likelihood.quantiles(likelihood.parameters(raw.detach()), levels)[0]
    for level, quantile in zip(levels, quantiles.tolist(), strict=True):
        slack = 4 * np.sqrt(level * (1 - level) / count)
        # Of counts, some have the quantile's own value: the share up to it is at least the level.
        assert np.mean(data < quantile) <= level + slack
        assert np.mean(data <= quantile) >= level - slack
