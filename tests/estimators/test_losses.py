import numpy as np
import pytest
import torch

from gatewise.training.losses import pinball, squared_error

NAN = float("nan")


def test_squared_error_of_each_window():
    prediction = torch.tensor([[[1.0], [2.0]], [[0.0], [5.0]]]).unsqueeze(2)  # [B=2, S=2, K=1, 1]
    truth = torch.tensor([[[0.0], [4.0]], [[3.0], [5.0]]])
    assert squared_error(prediction, truth).tolist() == [2.5, 4.5]


def test_pinball_of_each_level():
    prediction = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 1, 3)
    truth = torch.tensor(2.5).view(1, 1, 1)
    # 0.1 * 1.5, 0.5 * 0.5, 0.1 * 0.5
    assert pinball((0.1, 0.5, 0.9))(prediction, truth).item() == pytest.approx(0.45 / 3)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.85])
def test_the_empirical_quantile_makes_pinball_least(level):
    truth = torch.tensor(np.random.default_rng(0).gamma(2.0, size=1001), dtype=torch.float64)
    candidates = truth.sort().values
    losses = [
        pinball((level,))(value.expand(1001, 1, 1, 1), truth.view(1001, 1, 1)).mean().item()
        for value in candidates
    ]
    assert np.argmin(losses) == pytest.approx(level * 1001, abs=1)


@pytest.mark.parametrize("loss", [squared_error, pinball((0.2,))])
def test_unknown_truth_counts_for_nothing(loss):
    generator = torch.Generator().manual_seed(0)
    prediction = torch.randn(3, 4, 2, 1, generator=generator).requires_grad_()
    truth = torch.randn(3, 4, 2, generator=generator)
    truth[0, 1:] = NAN
    truth[1] = NAN
    losses = loss(prediction, truth)
    losses.sum().backward()
    alone = loss(prediction[:1, :1], truth[:1, :1])
    assert losses[0].item() == pytest.approx(alone.item())
    assert losses[1].item() == 0
    assert prediction.grad.isfinite().all()
    assert (prediction.grad[torch.isnan(truth)] == 0).all()
    assert (prediction.grad[~torch.isnan(truth)] != 0).all()
