"""Permutation importance: what a model loses when one column of its inputs is that of other rows.

Sizes: B rows, C columns, G groups, U = C + G, L ranges of lags, R repeats, M networks, N resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.errors import InputError, OptionError
from gatewise.memory._base import Draws, Sampling, checked_options, draws_of
from gatewise.memory.interventions._columns import (
    FeaturesByColumn,
    Lags,
    flat,
    rank_correlations,
    together,
)
from gatewise.memory.interventions._swaps import Scored, Swap, donors_of, swaps_of
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.importance_result import NOTHING, Importance, counting_lags
from gatewise.memory.interventions.losses import (
    Loss,
    checked_targets,
    loss_name,
    targets_as_tensor,
)
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.typing import Array

__all__ = ["Importance", "importance"]

CALLER = "importance"

DETAILED = 6
"""Columns whose lags are measured, at most: those that cost most."""

LAG_PASSES = 240
"""Passes over the rows that their ranges of lags may take together; one of each is taken in any case."""

PAIRS = 2**22
"""Weights of pairs of rows that are held at once."""


@checked_options
def importance(
    model: torch.nn.Module,
    inputs: Inputs,
    targets: Any = None,
    *,
    columns: Any = None,
    loss: Loss | None = None,
    now: int | None = None,
    repeats: int = 8,
    correlated: float = 0.7,
    distance: int = 1,
    others: Sequence[torch.nn.Module] = (),
    apart: Mapping[str, Output] | None = None,
    time: int | None = None,
    output: Output | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Importance:
    """Return what each column of the inputs is worth, by the loss with that of other rows in its place.

    Permutation importance (Breiman 2001, "Random forests", section 10), as the mean over pairs of rows
    of Fisher, Rudin & Dominici 2019, "All models are wrong, but many are useful", equation 3.4: a row
    keeps all its columns but one, which it takes from another row, all its steps in their order. The
    same for the steps of one range of lags, and for columns that go together: each two of a group have
    a rank correlation of at least `correlated`, or of minus that. The interval draws rows, in
    blocks where neighbours resemble each other, both as those that take and as those that give; with
    `others` it draws the networks too.

    Args:
        model: Any module that holds recurrent modules, or one itself.
        inputs: The sequence `[B, T, I]` or `[T, B, I]`, or the call's arguments with it first.
        targets: As in `context_need`: those of the end of each row count. None: the model's own answers.
        columns: A name for each feature of the first sequence, or a mapping from names to the number of
            a feature or of several that belong together; what is in none is left alone. By default each
            feature is a column.
        loss: As in `context_need`.
        now: The step that lags count back from, by default the end of each row; later ones lie ahead.
        repeats: How many other rows each row takes a column from.
        correlated: The rank correlation from which on columns are also taken together.
        distance: Rows that are fewer than this apart share steps, as overlapping windows do, and take
            nothing from each other.
        others: Other networks that answer the same question, such as members with other seeds; figures
            are means over all, lags are those of the first.
        apart: Name to what reads the answers for one target, for a figure of each.
        time, output, sampling: As in `horizon`.

    Raises InputError for a model without recurrence, fewer than two rows, targets and columns that do
    not fit; OptionError for options out of range.
    """
    _check(repeats, correlated, distance)
    subject = Subject(model, inputs, caller=CALLER, time=time, output=output)
    if subject.rows < 2:
        raise InputError(f"{CALLER}: one row has no other to take a column from; give several rows")
    given, lags = FeaturesByColumn.of(subject, columns), Lags.of(subject, now)
    goal = _goal(subject, targets, loss)
    read = tuple((apart or {}).values())
    networks = [Scored(subject, goal, loss, read)]
    for other in others:
        theirs = subject.on(other)
        theirs.answer = theirs.answers()
        networks.append(Scored(theirs, goal, loss, read))
    correlation = rank_correlations(subject, given)
    groups = together(correlation, correlated)
    asked = _Asked(
        columns=given,
        lags=lags,
        groups=groups,
        donors=donors_of(subject.rows, repeats, distance, sampling.seed),
        networks=networks,
        sampling=sampling,
    )
    return Importance(
        columns=np.array(given.names),
        correlation=correlation,
        groups=tuple(map(tuple, groups)),
        targets=np.array(list(apart or {}), dtype=np.str_),
        **asked.figures(subject),
        settings={
            **subject.settings,
            "loss": loss_name("mse" if targets is None else loss, goal),
            "targets": targets is not None,
            "now": "the end of each row" if now is None else now,
            "repeats": repeats,
            "correlated": correlated,
            "distance": distance,
            "networks": len(networks),
            **asked.draws.settings(),
            **sampling.settings(),
        },
    )


def check_columns(subject: Subject, columns: Any) -> None:
    """Raise InputError for names of columns that do not fit the inputs of `subject`."""
    FeaturesByColumn.of(subject, columns)


def _check(repeats: int, correlated: float, distance: int) -> None:
    for name, value, least in (("repeats", repeats, 1), ("distance", distance, 1)):
        if value < least:
            raise OptionError(f"{CALLER}: {name} must be at least {least}; got {value!r}")
    if not 0 < correlated <= 1:
        raise OptionError(
            f"{CALLER}: correlated must lie between 0 and 1, as 0.7 does; got {correlated!r}"
        )


def _goal(subject: Subject, targets: Any, loss: Loss | None) -> Tensor:
    """Return the targets of the answers at the end of each row; without targets, those answers."""
    rows = np.arange(subject.rows)
    answer = subject.answer[rows, subject.ends] if subject.per_step else subject.answer
    if targets is None:
        if loss is not None:
            raise InputError(f"{CALLER}: loss= needs targets; give both or neither")
        return torch.from_numpy(np.array(answer))
    given = targets_as_tensor(targets, CALLER)
    if subject.per_step and given.dim() > 1 and tuple(given.shape[:2]) == subject.answer.shape[:2]:
        every = checked_targets(given, subject.answer, CALLER, loss)
        return every[torch.from_numpy(rows), torch.from_numpy(subject.ends)]
    return checked_targets(given, answer, CALLER, loss)


class _Asked:
    """All that is asked of the networks, and the figures that come of it."""

    def __init__(
        self,
        *,
        columns: FeaturesByColumn,
        lags: Lags,
        groups: list[list[int]],
        donors: NDArray[np.int64],
        networks: Sequence[Scored],
        sampling: Sampling,
    ) -> None:
        self._columns, self._lags, self._donors, self._networks = columns, lags, donors, networks
        joint = [np.concatenate([columns.features[n] for n in group]) for group in groups]
        swaps = swaps_of([*columns.features, *joint], lags)
        parts = bool(networks[0].parts)
        rises = [one.rises(swaps, donors, apart=parts) for one in networks]
        self._rises = np.stack([one[..., 0] if parts else one for one in rises])  # [M, U, R, B]
        self._of_parts = np.stack([one[..., 1:] for one in rises]) if parts else None
        self._scores = np.stack([one.score for one in networks])  # [M, B]
        by_row = self._rises.mean(axis=(0, 2))  # [U, B]
        self.draws = draws_of(np.column_stack([self._scores.mean(axis=0), by_row.T]), sampling)
        self._pairs = _Pairs(self.draws, donors)
        self._networks_drawn = _networks_drawn(
            len(networks), len(self.draws.weights), sampling.seed
        )

    def figures(self, subject: Subject) -> dict[str, Any]:
        """Return the fields of the result that are figures."""
        count = len(self._columns.names)
        score = float(self._scores.mean())
        skilled = self._networks[0].differs and self.draws.above_zero(self._scores.mean(axis=0))
        rise = self._rises.mean(axis=(0, 2, 3))
        relative = rise / score if skilled else np.full(len(rise), np.nan)
        low, high = self._interval(skilled)
        varies, steady = _changes(subject, self._columns)
        return {
            "rise": rise[:count],
            "relative": relative[:count],
            "low": low[:count],
            "high": high[:count],
            "varies": varies,
            "group_relative": relative[count:],
            "group_low": low[count:],
            "group_high": high[count:],
            "by_target": self._by_target(count),
            "full": float(np.mean([one.full.mean() for one in self._networks])),
            "score": score,
            **self._by_lag(relative[:count], varies & ~steady),
        }

    def _interval(self, skilled: bool) -> tuple[Array, Array]:
        """Return the interval of what each column and group is worth, `[U]` each."""
        count = self._rises.shape[1]
        if not skilled:
            return np.full(count, np.nan), np.full(count, np.nan)
        drawn = self._pairs.drawn(self._rises)  # [N, M, U]
        scores = _over_networks(self.draws.weights @ self._scores.T, self._networks_drawn)  # [N]
        # A small score may be next to nothing in some draws, which then would say nothing of shares.
        scores = np.maximum(scores, self._scores.mean() / 2)
        return self.draws.interval(_over_networks(drawn, self._networks_drawn) / scores[:, None])

    def _by_target(self, count: int) -> Array:
        """Return the share of each target's own score that each column is worth, `[K, C]`."""
        if self._of_parts is None:
            return np.zeros((0, count))
        rises = self._of_parts[:, :count].mean(axis=(0, 2, 3)).T
        by_row = [
            np.mean([one.parts[k][1] for one in self._networks], axis=0) for k in range(len(rises))
        ]
        # shares of a score that may be 0 would be of any size
        scores = np.array([
            one.mean() if self.draws.above_zero(one) else np.nan for one in by_row
        ])  # fmt: skip
        return np.asarray(rises / scores[:, None])

    def _by_lag(self, relative: Array, allowed: NDArray[np.bool_]) -> dict[str, Any]:
        """Return what ranges of lags are worth, of the columns that cost most, by the first network."""
        first, last = self._lags.first, self._lags.last
        shape = (len(relative), len(first))
        by_lag, low, high = (np.full(shape, np.nan) for _ in range(3))
        ends = np.full((4, len(relative)), np.nan)  # from, to, and the interval of to
        order = np.argsort(-np.nan_to_num(relative, nan=-1.0), kind="stable")
        picked = [n for n in order if allowed[n] and relative[n] >= NOTHING][:DETAILED]
        score = float(self._scores[0].mean())
        if picked and len(first) > 1 and self.draws.above_zero(self._scores[0]):
            donors = self._donors[: max(1, LAG_PASSES // (len(picked) * len(first)))]
            swaps = [
                Swap(self._columns.features[n], self._lags.steps(place))
                for n in picked
                for place in range(len(first))
            ]
            rises = self._networks[0].rises(swaps, donors).reshape(len(picked), len(first), -1)
            seen = np.isfinite(rises)
            with np.errstate(invalid="ignore"):
                by_lag[picked] = np.where(seen, rises, 0).sum(axis=-1) / seen.sum(axis=-1) / score
            pairs = rises.reshape(*rises.shape[:2], *donors.shape)
            drawn = _Pairs(self.draws, donors).drawn(pairs) / score
            low[picked], high[picked] = self.draws.interval(drawn)
            sure = _sure(by_lag, low)
            ends[0], ends[1] = counting_lags(np.where(sure, by_lag, 0), first, last)
            far = counting_lags(np.where(sure[picked], drawn, 0), first, last)[1]
            for n, each in zip(picked, far.T, strict=True):
                ends[2:, n] = self.draws.interval(each[np.isfinite(each)])
        return {
            "lag_first": first,
            "lag_last": last,
            "by_lag": by_lag,
            "by_lag_low": low,
            "by_lag_high": high,
            "lag_from": ends[0],
            "lag_to": ends[1],
            "lag_to_low": np.fmin(ends[2], ends[1]),
            "lag_to_high": np.fmax(ends[3], ends[1]),
        }


def _sure(by_lag: Array, low: Array) -> NDArray[np.bool_]:
    """Return which ranges of lags tell at which lags a column counts, `[C, L]`.

    Those that surely cost something: what others seem to cost is noise, and would add up over many. None
    of a column where these hold less than half of what all cost: it is spread too thin to say. Without
    intervals, all.
    """
    if np.isnan(low).all():
        return np.isfinite(by_lag)
    sure = low > 0
    gains = np.clip(np.nan_to_num(by_lag), 0, None)
    thin = np.where(sure, gains, 0).sum(axis=1) < 0.5 * gains.sum(axis=1)
    return np.asarray(sure & ~thin[:, None])


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Resampled means over pairs of rows, the one that takes and the one that gives.

    A pair counts as often as both of its rows are drawn: that the rows at hand are a sample matters
    for what is put in as for what is replaced.
    """

    draws: Draws
    donors: NDArray[np.int64]

    def drawn(self, rises: Array) -> Array:
        """Return the resampled means of `rises [..., R, B]`, `[N, ...]`."""
        lead = rises.shape[:-2]
        table = rises.reshape(-1, self.donors.size).T
        seen = np.isfinite(table)
        filled = np.where(seen, table, 0.0)
        weights = self.draws.weights
        found = np.zeros((len(weights), table.shape[1]))
        size = max(1, PAIRS // self.donors.size)
        for begin in range(0, len(weights), size):
            some = weights[begin : begin + size]
            both = (some[:, None] * some[:, self.donors]).reshape(len(some), -1)
            with np.errstate(divide="ignore", invalid="ignore"):
                found[begin : begin + size] = (both @ filled) / (both @ seen)
        return found.reshape(len(weights), *lead)


def _networks_drawn(networks: int, resamples: int, seed: int) -> Array:
    """Return how often each network is drawn, as shares `[N, M]`.

    Drawing M of M shows too little of how they differ, by (M - 1) / M: shares are moved away from
    the mean by as much (Efron & Tibshirani 1993, section 5.3).
    """
    if networks == 1:
        return np.ones((resamples, 1))
    picks = np.random.default_rng(seed).multinomial(
        networks, np.full(networks, 1 / networks), size=resamples
    )
    return np.asarray(1 / networks + (picks - 1) / networks * np.sqrt(networks / (networks - 1)))


def _over_networks(figures: Array, shares: Array) -> Array:
    """Return the mean of `figures [N, M, ...]` over the networks, drawn by `shares [N, M]`."""
    return np.asarray(np.einsum("nm...,nm->n...", figures, shares))


def _changes(
    subject: Subject, columns: FeaturesByColumn
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which columns change at all, and which are one value in each row, `[C]` each."""
    x = flat(subject.sequences[0]).detach().cpu()
    outside = torch.from_numpy(np.arange(subject.steps)[None] > subject.ends[:, None])
    x = torch.where(outside[..., None], x[:, :1], x)
    moves = (x != x[:, :1]).any(dim=1).any(dim=0).numpy()
    differs = (x != x[:1, :1]).any(dim=1).any(dim=0).numpy()
    varies = [bool(differs[one].any()) for one in columns.features]
    steady = [not moves[one].any() for one in columns.features]
    return np.array(varies), np.array(steady)
