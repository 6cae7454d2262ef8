"""The CRPS of the distributions that a network predicts, in closed form.

That of quantiles (`crps`) stands for a band at some levels, with a bias; this one is exact. It is of the
distributions as the members gave them, before calibration and averaging. Sizes: N windows, S predicted
steps, K targets, P parameters.
"""

from __future__ import annotations

import numpy as np
import torch

from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows
from gatewise.estimators.forecaster.building import likelihood_of
from gatewise.estimators.forecaster.fitted import Fitted, in_target_units
from gatewise.typing import Array

MOST_COUNTS = 5_000_000
"""Probabilities of counts that are added up at the most; there is no closed form of theirs."""


def exact_crps(
    fitted: Fitted, table: Table, windows: Windows, answers: list[Array]
) -> dict[str, float]:
    """Return the CRPS of each target in its own units, the mean over windows, steps and members.

    `answers` are the members' parameters, `[N, S, K, P]` each. Empty without a likelihood, and where the
    target is not linear in the answer (a logarithm, a cut at 0), as the closed form does not hold then.
    """
    family = likelihood_of(fitted.settings)
    curved = fitted.normaliser.transform.kind != "none" or fitted.settings.positive
    if family is None or (curved and not fitted.settings.counts):
        return {}
    truth = windows.answers(np.arange(len(windows))).astype(np.float64)
    unit = np.ones_like(truth)
    if windows.rates is None:
        ends = (np.zeros_like(truth), unit)
        low, high = (in_target_units(fitted, table, windows, end) for end in ends)
        unit = high - low
    elif truth.size * (np.nanmax(truth, initial=0.0) + 1) > MOST_COUNTS:
        return {}
    known = ~np.isnan(truth)
    of_members = [
        family.crps(torch.from_numpy(each), torch.from_numpy(np.where(known, truth, 0.0))).numpy()
        for each in answers
    ]
    found = np.mean(of_members, axis=0) * unit
    return {
        target: float(found[..., k][known[..., k]].mean()) if known[..., k].any() else float("nan")
        for k, target in enumerate(table.columns.target)
    }
