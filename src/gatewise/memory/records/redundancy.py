"""Redundancy: the number of directions that a layer's state uses, and the units that say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import OptionError
from gatewise.memory._base import (
    Groups,
    Result,
    Sampling,
    checked_options,
    groups_of,
    jackknife_interval,
)
from gatewise.memory.records._recorded import Slice, recorded
from gatewise.memory.records._roles import Record
from gatewise.typing import Array
from gatewise.wording import between, counted, figure, percent, place_name

LEFT_OUT = 50
"""How often, at most, a jackknife leaves a part out; neighbouring groups are left out together."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Redundancy(Result):
    """The effective dimension of the state of each layer and direction, and its repeated units.

    Attributes:
        dimension: The participation ratio, `[...]`; NaN where no unit moves.
        low: Lower end of its interval, NaN where there are too few rows.
        high: Upper end.
        share: `dimension / H`.
        redundant: How many units could go because another of their cluster says the same, `[...]`.
        cluster: The first unit of each unit's cluster, `[..., H]`; its own number where it has none,
            -1 for a unit that never moves.
        pairs: The correlated pairs, int `[pairs, leading axes + 2]`: place, unit, unit.
        correlation: The correlation of each pair, negative where one mirrors the other.
    """

    dimension: Array
    low: Array
    high: Array
    share: Array
    redundant: NDArray[np.int64]
    cluster: NDArray[np.int64]
    pairs: NDArray[np.int64]
    correlation: Array

    @property
    def reading(self) -> str:
        """One sentence: the fullest and the emptiest layer."""
        units = self.cluster.shape[-1]
        if np.isnan(self.dimension).all():
            return f"None of the {counted(units, 'unit')} moves on these inputs."
        least = np.unravel_index(int(np.nanargmin(self.dimension)), self.dimension.shape)
        where = place_name(least, self.dimension.shape, " of ")
        return (
            f"The state{where} moves in about {figure(float(self.dimension[least]))} directions"
            f"{between(float(self.low[least]), float(self.high[least]))} of {units}, or "
            f"{percent(float(self.share[least]))}; {int(self.redundant[least])} of its units repeat "
            f"another at a correlation above {self.settings['threshold']}."
        )

    @property
    def caveat(self) -> str:
        """Variance, not use; few steps."""
        return (
            "directions are counted by variance: a small one may carry the answer; with few "
            "independent steps the count is too low"
        )


@checked_options
def redundancy(
    gates: Record | None = None,
    *,
    threshold: float = 0.95,
    state: ArrayLike | None = None,
    sampling: Sampling | None = None,
) -> Redundancy:
    """Return the participation ratio of the state and its clusters of correlated units.

    `(sum lambda)^2 / sum lambda^2` over the eigenvalues of the covariance of c over steps and rows
    (Abbott, Rajan & Sompolinsky 2011, "Interactions between intrinsic and stimulus-evoked activity
    in recurrent neural networks", equation 4; Gao et al. 2017, "A theory of multineuronal
    dimensionality, dynamics and measurement"), which is `trace(C)^2 / sum C_ij^2`. It is H for H
    independent units of one variance, 1 if all follow one. Clusters are the units that are linked
    by pairs with `abs(correlation) > threshold`; the interval is a jackknife's on the logarithm.

    Args:
        gates: A record of gates with the cell (LSTM) or the hidden state; NaN pads the ends of rows.
        threshold: From which correlation on two units count as one.
        state: The state as an array `[..., T, B, H]`, instead of the record's.
        sampling: How the interval is made.

    Raises InputError for shapes that do not fit.
    """
    if not 0 < threshold < 1:
        raise OptionError(f"threshold must lie between 0 and 1; got {threshold!r}")
    sampling = sampling or Sampling()
    found = recorded(gates, ["state"], given={"state": state})
    dimension, low, high = found.empty(), found.empty(), found.empty()
    cluster = np.full((*found.lead, found.units), -1, dtype=np.int64)
    pairs: list[NDArray[np.int64]] = []
    correlations: list[Array] = []
    intervals: list[dict[str, Any]] = []
    for part in found:
        covariance, left_out, groups = _covariances(part, sampling)
        ratio = participation_ratio(covariance)
        dimension[part.place] = ratio
        low[part.place], high[part.place] = jackknife_interval(ratio, left_out, sampling)
        first, second, r = correlated(covariance, threshold)
        cluster[part.place] = clusters(covariance, first, second)
        # pairs of all layers stand in one table, so each has to say where it is from
        place = np.broadcast_to(np.array(part.place, dtype=np.int64), (len(first), len(found.lead)))
        pairs.append(np.column_stack([place, first, second]))
        correlations.append(r)
        intervals.append(groups.settings())
    leads = cluster == np.arange(found.units)
    settings = {
        **found.settings(),
        "threshold": threshold,
        "level": sampling.level,
        "interval": intervals,
    }
    return Redundancy(
        dimension=dimension,
        low=low,
        high=high,
        share=dimension / found.units,
        redundant=((cluster >= 0) & ~leads).sum(axis=-1),
        cluster=cluster,
        pairs=np.concatenate(pairs),
        correlation=np.concatenate(correlations),
        settings=settings,
    )


def participation_ratio(covariance: Array) -> float:
    """Return `trace(C)^2 / sum C_ij^2` of a covariance `[H, H]`; NaN where it is zero."""
    power = float((covariance**2).sum())
    return float(np.trace(covariance)) ** 2 / power if power > 0 else float("nan")


def correlated(
    covariance: Array, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Return the pairs of units with `abs(correlation) > threshold`, and their correlations."""
    scale = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = covariance / scale[:, None] / scale
    first, second = np.nonzero(np.triu(np.abs(r) > threshold, 1))
    return first, second, np.clip(r[first, second], -1, 1)


def clusters(
    covariance: Array, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the first unit of each unit's cluster, linked by pairs; -1 for one that never moves."""
    label = np.arange(len(covariance))
    while True:  # the smallest label spreads over a cluster in as many rounds as it is long
        before = label.copy()
        np.minimum.at(label, first, before[second])
        np.minimum.at(label, second, before[first])
        label = label[label]
        if (label == before).all():
            return np.where(np.diag(covariance) > 0, label, -1)


def _covariances(part: Slice, sampling: Sampling) -> tuple[Array, Array, Groups]:
    """Return the covariance of a slice `[H, H]`, and the ratios with each group left out."""
    valid, values = part.valid, part["state"]
    groups = groups_of(valid, sampling, like=values)
    seen = np.where(valid[:, :, None], values, 0.0)
    count = max(int(valid.sum()), 1)
    units = seen.shape[-1]
    still = np.ptp(values[valid], axis=0) == 0 if valid.any() else np.ones(units, dtype=bool)
    # Centred once, so that the groups' moments below cancel little; a constant unit becomes zero.
    centred = np.where(valid[:, :, None] & ~still, values - seen.sum(axis=(0, 1)) / count, 0.0)
    flat = centred.reshape(-1, units)
    covariance = flat.T @ flat / count
    if not groups.enough:
        return covariance, np.zeros(0), groups
    members = np.array_split(np.arange(groups.count), min(groups.count, LEFT_OUT))
    label = np.where(valid, groups.labels(), -1).ravel()
    left_out = []
    for group in members:
        rows = flat[(label >= group[0]) & (label <= group[-1])]
        rest = count - len(rows)
        mean = -rows.sum(axis=0) / rest
        without = (covariance * count - rows.T @ rows) / rest - np.outer(mean, mean)
        left_out.append(participation_ratio(without))
    return covariance, np.array(left_out), groups
