"""Functions that NumPy does not have, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from gatewise.answers.special import incomplete_beta, log_gamma, normal_cdf


def test_incomplete_beta_is_that_of_scipy():
    rng = np.random.default_rng(0)
    a, b, x = 10 ** rng.uniform(-3, 4, 500), 10 ** rng.uniform(-3, 4, 500), rng.uniform(0, 1, 500)
    x[:3] = 0.0, 1.0, 0.5
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=0, abs=1e-10)


def test_normal_distribution_keeps_its_tails():
    z = np.concatenate([np.linspace(-37, 9, 4001), [0.0, np.inf, -np.inf]])
    assert normal_cdf(z) == pytest.approx(special.ndtr(z), rel=1e-12, abs=0)
    assert np.isnan(normal_cdf(np.array([np.nan])))


def test_log_gamma_from_tiny_to_large():
    x = np.geomspace(1e-9, 1e9, 4001)
    assert log_gamma(x) == pytest.approx(special.gammaln(x), rel=1e-13, abs=1e-14)
