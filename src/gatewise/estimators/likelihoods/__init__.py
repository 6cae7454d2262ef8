"""Families of distributions that a network can predict, by the name that the option has for them."""

from gatewise.estimators.likelihoods.gaussian import Gaussian
from gatewise.estimators.likelihoods.likelihood import Likelihood
from gatewise.estimators.likelihoods.mixture import Mixture
from gatewise.estimators.likelihoods.negative_binomial import NegativeBinomial
from gatewise.estimators.likelihoods.student_t import StudentT

LIKELIHOODS: dict[str, Likelihood] = {
    "gaussian": Gaussian(),
    "student-t": StudentT(),
    "negative-binomial": NegativeBinomial(),
    "mixture": Mixture(),
}

__all__ = ["LIKELIHOODS", "Likelihood", "NegativeBinomial"]
