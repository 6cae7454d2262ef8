"""Gradient boosting on lags and rolling means: what trees make of the past that ridge regression sees.

scikit-learn's HistGradientBoostingRegressor (after Ke et al. 2017) fits one model a target on the
features of design.py and the number of the step: a model for each step would take `horizon` times as
long. Its trees are kept as arrays and gone through here, so that a file holds no pickle and a model that
was saved needs no scikit-learn.

Sizes: N rows, n origins, S predicted steps, K targets, F features, R rows of features, T trees, M nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.errors import DataError, OptionError, how_to_install
from gatewise.estimators.forecaster.baselines.design import Design, Layout
from gatewise.estimators.forecaster.baselines.ridge import scaling_of, scalings
from gatewise.estimators.forecaster.baselines.rows import FOLDS, column_block
from gatewise.typing import Array, Indices, Mask

TREES, DEPTH, LEAVES, RATE, FEWEST = 100, 6, 31, 0.1, 20
"""scikit-learn's defaults, but for a bound on the depth: rows take so many turns through each tree."""
MOST_VALUES = 4_000_000
"""Values of features that one model is fitted on: some two seconds on one processor."""
MOST_ERRORS = 20_000
"""Steps whose errors give the bands, of all blocks together."""
_BLOCK = 4096
"""Rows of features that go through the trees at a time."""


def why_not(layout: Layout | None, columns: int) -> str:
    """Say why boosting is left out; "" where it is not. OptionError where its extra is not installed."""
    if find_spec("sklearn") is None:
        raise OptionError(
            f"the baseline boosting needs scikit-learn: {how_to_install('baselines')}"
        )
    if layout is None:
        return f"Gradient boosting is left out: {columns} columns are too many for it."
    return ""


@dataclass(frozen=True)
class Trees:
    """The trees of every target as arrays; a leaf is its own child, so that every way is as long."""

    start: Array  # [K] what the trees add to
    feature: Indices  # [K, T, M]
    threshold: Array  # [K, T, M] a value up to it goes left
    left: Indices  # [K, T, M]
    right: Indices  # [K, T, M]
    value: Array  # [K, T, M] of leaves

    @classmethod
    def of(cls, models: list[Any]) -> Trees:
        """Return the trees of scikit-learn's models, one a target."""
        nodes = [[trees[0].nodes for trees in model._predictors] for model in models]
        most = max(len(tree) for trees in nodes for tree in trees)
        shape = (len(models), TREES, most)
        own = np.broadcast_to(np.arange(most), shape)
        made: dict[str, Any] = {
            "feature": np.zeros(shape, dtype=np.int64),
            "threshold": np.zeros(shape),
            "left": own.copy(),
            "right": own.copy(),
            "value": np.zeros(shape),
        }
        for k, trees in enumerate(nodes):
            for t, tree in enumerate(trees):
                inner = np.flatnonzero(tree["is_leaf"] == 0)
                made["value"][k, t, : len(tree)] = tree["value"]
                made["feature"][k, t, inner] = tree["feature_idx"][inner]
                made["threshold"][k, t, inner] = tree["num_threshold"][inner]
                made["left"][k, t, inner] = tree["left"][inner]
                made["right"][k, t, inner] = tree["right"][inner]
        start = [float(np.ravel(model._baseline_prediction)[0]) for model in models]
        return cls(np.array(start), **made)

    def answers(self, features: Array) -> Array:
        """Return scikit-learn's answers to the last bit, `[R, K]`, for the rows `features [R, F]`."""
        out = np.empty((len(features), len(self.start)))
        for begin in range(0, len(features), _BLOCK):
            rows = features[begin : begin + _BLOCK]
            for k in range(len(self.start)):
                out[begin : begin + _BLOCK, k] = self._answers(rows, k)
        return out

    def _answers(self, rows: Array, k: int) -> Array:
        trees, most = self.feature.shape[1:]
        base = np.arange(trees) * most
        feature, threshold = self.feature[k].ravel(), self.threshold[k].ravel()
        left, right = self.left[k].ravel(), self.right[k].ravel()
        at = np.broadcast_to(base, (len(rows), trees))
        number = np.arange(len(rows))[:, None]
        for _ in range(DEPTH):
            lower = rows[number, feature[at]] <= threshold[at]
            at = base + np.where(lower, left[at], right[at])
        values = self.value[k].ravel()[at]
        told = np.full(len(rows), self.start[k])
        for t in range(trees):  # in this order alone are the bits those of scikit-learn
            told += values[:, t]
        return told


@dataclass(frozen=True)
class Boosting:
    """One boosted model per target, on standardised columns."""

    layout: Layout
    mean: Array  # [G + 1, C] of layout.columns over the training part, as in ridge regression
    deviation: Array
    trees: Trees
    series: tuple[str, ...]  # G names

    @classmethod
    def fit(cls, table: Table, layout: Layout, rows: Mask, origins: Indices) -> Boosting:
        """Fit on the training part: its rows `[N]` scale the columns, its windows are fitted.

        Raises DataError for fewer than two windows with known targets.
        """
        columns = column_block(table, layout.columns)
        mean, deviation = scalings(table, columns, rows, layout)
        index = table.series_index()
        design = Design(layout, (columns - mean[index]) / deviation[index], table)
        known = design.complete(origins).size
        if known < 2:
            raise DataError(
                f"the training part has {known} windows with known targets, and boosting needs 2: give "
                "it more rows, or shorten lookback or horizon"
            )
        return cls(layout, mean, deviation, _fitted(design, origins), table.series)

    def left_out(self, table: Table, origins: Indices) -> Iterator[tuple[Indices, Array]]:
        """Yield blocks of time with the predictions of trees that did not see them, `[n, S, K]`.

        Of long blocks origins are left out evenly: predictions cost time, and quantiles need few.
        """
        design, target = self._design(table), self._targets(table)
        known = design.complete(origins[np.argsort(table.time[origins], kind="stable")])
        folds = np.array_split(known, min(FOLDS, known.size))
        most = max(MOST_ERRORS // (len(folds) * max(self.layout.horizon, 1)), 1)
        for number, fold in enumerate(folds):
            others = np.concatenate(folds[:number] + folds[number + 1 :])
            if not others.size:
                continue
            block = np.sort(fold[:: -(-fold.size // most)])
            yield block, _predictions(_fitted(design, others), design, block, *target)

    def predict(self, table: Table, origins: Indices) -> Array:
        """Return the predictions of every step in the targets' own units, `[n, S, K]`."""
        return _predictions(self.trees, self._design(table), origins, *self._targets(table))

    def _design(self, table: Table) -> Design:
        columns = column_block(table, self.layout.columns)
        mean, deviation = scaling_of(table, self.series, self.mean, self.deviation)
        index = table.series_index()
        return Design(self.layout, (columns - mean[index]) / deviation[index], table)

    def _targets(self, table: Table) -> tuple[Array, Array]:
        """Return mean and deviation of the targets in each row's series, `[N, K]` each."""
        target = self.layout.select(self.layout.targets)
        index = table.series_index()
        mean, deviation = scaling_of(table, self.series, self.mean, self.deviation)
        return mean[index][:, target], deviation[index][:, target]


def _features(design: Design, origins: Indices, steps: Indices) -> Array:
    """Return the features of one step from each origin, `[R, F]`; both are `[R]`."""
    layout = design.layout
    out = np.empty((len(origins), layout.shared + layout.beside + 1))
    for begin in range(0, len(origins), _BLOCK):  # what is ahead comes for every step
        block, step = origins[begin : begin + _BLOCK], steps[begin : begin + _BLOCK]
        beside = design.future(block)[np.arange(len(block)), step]
        found = np.concatenate([design.shared(block), beside, step[:, None]], axis=1)
        out[begin : begin + _BLOCK] = found
    return out


def _fitted(design: Design, origins: Indices) -> Trees:
    """Return the trees that are fitted on windows with known targets; of too many, on some of them."""
    from sklearn.ensemble import (  # type: ignore[import-untyped]  # noqa: PLC0415 - slow
        HistGradientBoostingRegressor,
    )

    known, count = design.complete(origins), len(design.ahead_steps)
    layout = design.layout
    most = MOST_VALUES // (layout.shared + layout.beside + 1)
    pairs = np.arange(known.size * count)
    if pairs.size > most:
        pairs = np.linspace(0, pairs.size - 1, most).astype(np.int64)
    rows, steps = known[pairs // count], pairs % count
    features = _features(design, rows, steps)
    targets = design.targets(rows)[np.arange(len(rows)), steps]
    models = [
        HistGradientBoostingRegressor(
            max_iter=TREES,
            learning_rate=RATE,
            max_depth=DEPTH,
            max_leaf_nodes=LEAVES,
            min_samples_leaf=FEWEST,
            early_stopping=False,
            random_state=0,
        ).fit(features, targets[:, k])
        for k in range(targets.shape[1])
    ]
    return Trees.of(models)


def _predictions(
    trees: Trees, design: Design, origins: Indices, mean: Array, deviation: Array
) -> Array:
    """Return predictions in the targets' own units, `[n, S, K]`; `mean` and `deviation` are `[N, K]`."""
    count = len(design.ahead_steps)
    out = np.empty((origins.size, count, len(trees.start)))
    size = max(_BLOCK // count, 1)
    for begin in range(0, origins.size, size):
        block = origins[begin : begin + size]
        rows, steps = np.repeat(block, count), np.tile(np.arange(count), block.size)
        told = trees.answers(_features(design, rows, steps)).reshape(block.size, count, -1)
        level = design.level(block)
        told += level[:, None] if level.size else 0.0
        out[begin : begin + size] = told * deviation[block][:, None] + mean[block][:, None]
    return out
