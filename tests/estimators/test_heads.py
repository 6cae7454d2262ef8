import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from gatewise.estimators.heads import PointHead, QuantileHead
from gatewise.training.randomness import seeded


def test_point_head_is_the_linear_layer_with_windows_first():
    with seeded(0):
        head = PointHead(5, 3)
    hidden = torch.randn(4, 2, 5, generator=torch.Generator().manual_seed(0))
    result = head(hidden)
    assert result.shape == (2, 4, 3, 1)
    expected = functional.linear(hidden[3, 1], head.linear.weight, head.linear.bias)
    torch.testing.assert_close(result[1, 3, :, 0], expected)


LEVELS = st.lists(
    st.floats(0.001, 0.999).filter(lambda level: level != 0.5), min_size=1, max_size=8, unique=True
).map(lambda levels: sorted({*levels, 0.5}))


@settings(deadline=None, max_examples=100)
@given(
    levels=LEVELS,
    targets=st.integers(1, 3),
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([1e-6, 1.0, 1e3, 1e8]),
)
def test_quantiles_never_cross_whatever_the_weights(levels, targets, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    head = QuantileHead(6, targets, levels)
    with torch.no_grad():
        for weight in head.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * scale)
    quantiles = head(torch.randn(3, 7, 6, generator=generator))
    assert quantiles.shape == (7, 3, targets, len(levels))
    assert quantiles.isfinite().all()
    assert (quantiles.diff(dim=-1) >= 0).all()


def test_quantile_gradients_agree_with_finite_differences():
    with seeded(0):
        head = QuantileHead(4, 2, (0.05, 0.3, 0.5, 0.8)).double()
    hidden = torch.randn(
        2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    ).requires_grad_()
    assert torch.autograd.gradcheck(head, (hidden,))


def test_quantiles_start_at_the_gaps_of_the_standard_normal_distribution():
    levels = (0.025, 0.5, 0.841344746)
    head = QuantileHead(4, 2, levels)
    quantiles = head(torch.zeros(1, 1, 4))[0, 0]
    expected = torch.tensor([-1.959964, 0.0, 1.0]).expand(2, 3)
    torch.testing.assert_close(quantiles, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("levels", [(0.5,), (0.5, 0.9), (0.1, 0.5)])
def test_levels_may_lie_on_one_side_of_the_median_only(levels):
    assert QuantileHead(4, 2, levels)(torch.zeros(3, 2, 4)).shape == (2, 3, 2, len(levels))
