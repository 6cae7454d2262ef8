"""Checks of a model file, before anything is built from it.

Every size that its description claims (layers, members, units, steps) must be that of its tensors, so
that a small file can neither claim terabytes nor loop for hours; every weight must be a number.
Sizes: K targets, S predicted steps, Q quantile levels, G series, C columns, A future columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args

import numpy as np

from gatewise.answers.families import family_named
from gatewise.choices import Role
from gatewise.data.tables.categories import MISSING, Labels
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.levels import Normaliser, check_lookback
from gatewise.data.tables.scaling import Scaler
from gatewise.data.tables.table import Table
from gatewise.estimators.bands import Calibration
from gatewise.estimators.forecaster.baselines import Baselines
from gatewise.estimators.forecaster.baselines.boosting import Boosting
from gatewise.estimators.forecaster.baselines.design import Layout
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.widths import width_of, width_with_embeddings
from gatewise.typing import Arrays

MOST_STEPS = 10_000_000
"""Steps of a window. No table that fits into memory has one of more."""
_NEEDED = (
    *("target", "inputs", "future", "static", "time", "series", "horizon", "lookback", "test"),
    *("missing", "frequency", "scale", "cell", "hidden_size", "num_layers", "quantiles", "members"),
)
"""Settings without which another default would give another prediction."""


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) in (int, float) for item in value)


def _is_history(value: Any) -> bool:
    if not isinstance(value, dict) or not _HISTORY <= set(value) <= _HISTORY | _HISTORY_SINCE:
        return False
    lists = all(_numbers(value[name]) for name in ("train", "validation", "learning_rate"))
    whole = (value.get(name, 0) for name in ("seed", "kept_epoch", "round_steps", "steps"))
    return lists and all(type(number) is int for number in whole)


_HISTORY = {"seed", "train", "validation", "learning_rate", "kept_epoch", "seconds"}
_HISTORY_SINCE = {"round_steps", "steps", "in_steps"}
"""Entries that models of before do not have."""


def _is_data(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("parts"), dict):
        return False
    counts = all(type(value.get(name)) is int for name in ("rows", "series"))
    texts = all(isinstance(value.get(name), str) for name in ("sha256", "first", "last", "step"))
    return counts and texts and all(isinstance(part, dict) for part in value["parts"].values())


_ENTRIES: dict[str, Callable[[Any], bool]] = {
    "settings": lambda value: isinstance(value, dict),
    "columns": lambda value: isinstance(value, dict),
    "split": lambda value: isinstance(value, dict),
    "features": _texts,
    "histories": lambda value: isinstance(value, list) and all(map(_is_history, value)),
    "baselines": lambda value: isinstance(value, dict),
    "data": _is_data,
}


def _is_refitted(value: Any) -> bool:
    if value is None:
        return True
    whole = isinstance(value, dict) and {*value, "baselines"} == {
        "histories",
        "windows",
        "baselines",
    }
    whole = whole and (value.get("baselines") is None or isinstance(value["baselines"], dict))
    histories = whole and isinstance(value["histories"], list)
    return histories and all(map(_is_history, value["histories"])) and type(value["windows"]) is int


def check_entries(about: dict[str, Any]) -> None:
    """Raise ValueError unless the description has every entry, each of the right type."""
    for name, allowed in _ENTRIES.items():
        _require(name in about and allowed(about[name]), f"its {name!r} are missing or of no use")
    _require(_is_refitted(about.get("refitted")), "its refit is of no use")
    columns = about["columns"]
    for role in ("target", "inputs", "future", "static"):
        _require(_texts(columns.get(role)), f"its {role} columns are no names")
    vocabulary, labels = about.get("vocabulary", []), columns.get("categories", [])
    roles = get_args(Role)
    named = isinstance(labels, list) and all(
        _texts(one) and len(one) == 2 and one[1] in roles for one in labels
    )
    known_labels = isinstance(vocabulary, list) and all(map(_texts, vocabulary))
    _require(named and known_labels, "its categories are no labels by their columns")
    _require(len(labels) == len(vocabulary), "its categories have other labels")
    made = columns.get("calendar", [])
    known = set(columns["inputs"] + columns["future"])
    _require(_texts(made) and set(made) <= known, "its calendar columns are no columns")
    for role in ("time", "series"):
        _require(isinstance(columns.get(role), str | None), f"its {role} column is no name")
    known = {field.name for field in fields(ForecasterSettings)}
    for name in (*_NEEDED, *about["settings"]):
        _require(name in about["settings"] and name in known, f"{name!r} among its settings")


def check_weights(settings: ForecasterSettings, about: dict[str, Any], arrays: Arrays) -> None:
    """Raise ValueError unless the tensors bear out the sizes of the network in `settings`."""
    for name in ("members", "lookback"):  # which a fit has settled
        _require(getattr(settings, name) is not None, f"its settings do not say its {name}")
    kinds = ("member-",) if about.get("refitted") is None else ("member-", "refit-")
    weights = {name: array for name, array in arrays.items() if name.startswith(kinds)}
    members = {name.split(".")[0] for name in weights}
    for kind in kinds:
        own = {name for name in members if name.startswith(kind)}
        _require(len(own) == settings.member_count, f"it has {len(own)} members' weights")
    for member in members:
        layers = [n for n in weights if n.startswith(f"{member}.layers.") and n.endswith("ih_l0")]
        count = sum("weight" in name for name in layers)
        _require(count == settings.num_layers, f"it has the weights of {count} layers")
        first = _shape(arrays, f"{member}.layers.0.weight_ih_l0", 2)
        sizes = tuple(map(len, about.get("vocabulary", [])))
        read = width_with_embeddings(len(about["features"]), sizes, settings.embedding)
        _require(first[1] == read, f"its weights are for {first[1]} features")
        for place, labels in enumerate(sizes):
            table = _shape(arrays, f"{member}.front.tables.{place}.weight", 2)
            wanted_shape = (labels + 1, width_of(labels, settings.embedding))
            _require(table == wanted_shape, f"its labels have weights of the shape {table}")
        units = _shape(arrays, f"{member}.layers.0.weight_hh_l0", 2)[1] * settings.heads
        _require(units == settings.hidden_size, f"its weights are for {units} units")
        wanted = len(about["columns"]["target"]) * _answers_of(settings)
        outputs = _shape(arrays, f"{member}.head.linear.weight", 2)[0]
        _require(outputs == wanted, f"its weights are for {outputs} outputs, not {wanted}")
    for name, array in weights.items():
        _require(array.dtype == np.float32, f"{name} is of the type {array.dtype}")
        _require(bool(np.isfinite(array).all()), f"{name} holds a value that is no number")


def _answers_of(settings: ForecasterSettings) -> int:
    """Return how many numbers the network answers for each predicted value."""
    family = family_named(settings.likelihood)
    if family is not None:
        return family.size
    return max(len(settings.levels()), 1) if settings.likelihood is None else 1


def check_calibration(
    settings: ForecasterSettings, columns: Columns, made: Calibration | None
) -> None:
    """Raise ValueError unless the calibration is one of this task's levels."""
    if made is None:
        return
    made.check(settings.levels(), (max(settings.horizon, 1), len(columns.target)))


def check_context(settings: ForecasterSettings, columns: Columns, context: Table) -> None:
    """Raise ValueError unless the last rows of the fitted data are a table for these settings."""
    check_rows(columns, context)
    gaps = settings.missing == "refuse" and bool(np.isnan(context.values).any())
    _require(not gaps, "its rows have gaps, which its settings refuse")
    longest = int(np.diff(context.starts).max())
    _require(
        settings.steps_back <= longest, f"its rows are too few for {settings.steps_back} steps"
    )
    _require(settings.horizon <= MOST_STEPS, f"horizon is {settings.horizon}")


def check_rows(columns: Columns, context: Table) -> None:
    """Raise ValueError unless rows that were saved are a table of these columns."""
    values, starts, time = context.values, context.starts, context.time
    _require(context.columns == columns, "its rows have other columns")
    _require(values.dtype == np.float64 and values.ndim == 2, "its rows are no table of numbers")
    _require(values.shape == (len(time), len(columns.values)), "its rows are not as long as wide")
    _require(starts.dtype == np.int64 and starts.ndim == 1, "its series have no bounds")
    bounded = len(starts) == len(context.series) + 1 > 1 and starts[0] == 0
    _require(bounded and starts[-1] == len(time), "its series do not make up its rows")
    _require(bool((np.diff(starts) > 0).all()), "a series of its rows is empty")
    _require(len(set(context.series)) == len(context.series), "a series of its rows is there twice")
    _require(not np.isinf(values).any(), "its rows hold an infinite value")
    # Only now: bounds that had not been checked could point outside the rows.
    inside = np.ones(max(len(time) - 1, 0), dtype=bool)
    inside[starts[1:-1] - 1] = False
    _require(bool((time[1:] > time[:-1])[inside].all()), "its times go back")
    step = context.step
    whole = type(step.size) is int and type(step.anchor) is int and type(step.clock) is bool
    _require(
        step.kind in ("fixed", "months", "rows") and whole and 0 < step.size < 1 << 53,
        f"its step is {step.kind!r} of {step.size!r}"[:80],
    )
    _check_labels(context.labels, (len(time), len(columns.categories)))


def _check_labels(labels: Labels, shape: tuple[int, int]) -> None:
    """Raise ValueError unless the labels of the last rows are numbers of labels."""
    if not shape[1]:
        return
    right = labels.codes.dtype == np.int64 and labels.codes.shape == shape
    _require(right and len(labels.names) == shape[1], "its labels are not those of its rows")
    most = np.array([len(names) for names in labels.names])
    _require(bool(((labels.codes >= MISSING) & (labels.codes < most)).all()), "a label has no name")


def check_scaler(settings: ForecasterSettings, columns: Columns, scaler: Scaler) -> None:
    """Raise ValueError unless the scaling is one of these columns."""
    groups, wide = max(len(scaler.series), 1), len(columns.values)
    _require(scaler.columns == columns and scaler.mode == settings.scale, "another table's scaling")
    for name, array in scaler.arrays().items():
        if name == "about":
            continue
        _require(array.shape == (groups, wide), f"its scaling has the shape {array.shape}")
        _require(bool(np.isfinite(array).all()), "its scaling holds a value that is no number")
    _require(bool((scaler.std > 0).all()), "its scaling divides by 0")


def check_normaliser(settings: ForecasterSettings, context: Table, normaliser: Normaliser) -> None:
    """Raise ValueError unless the levels of windows are those of this task and of the last rows."""
    mode, kind = normaliser.normalise, normaliser.transform.kind
    _require(mode == settings.normalise, f"its windows are normalised by {mode!r}"[:80])
    _require(kind == settings.transform, f"its targets are transformed by {kind!r}"[:80])
    if settings.horizon == 0:
        _require(mode == kind == "none", "a virtual sensor has levels of its target")
    targets = len(context.columns.target)
    wanted = 0 if kind == "none" else targets
    exponents = normaliser.transform.exponents
    _require(
        len(exponents) == wanted and all(0 <= p <= 1 for p in exponents), "its transform is none"
    )
    low = kind == "none" or not (context.values[:, :targets] <= 0).any()
    _require(low, f"its last rows hold values that have no {kind}")
    season = normaliser.season
    _require(season is None or (type(season) is int and season > 0), "its season is none")
    if mode == "none":
        return
    check_lookback(mode, season, settings.steps_back)
    typical = normaliser.typical
    texts = all(isinstance(name, str) for name in normaliser.series)
    _require(texts, "its spreads are of series without names")
    _require(typical.shape == (len(normaliser.series), targets), "its spreads have another shape")
    _require(not (np.isinf(typical) | (typical <= 0)).any(), "its spreads are none")


def check_baselines(settings: ForecasterSettings, columns: Columns, fitted: Baselines) -> None:
    """Raise ValueError unless the baselines are of this task and have the sizes that they say."""
    steps, targets = max(settings.horizon, 1), len(columns.target)
    same = fitted.targets == columns.target and fitted.horizon == settings.horizon
    _require(same, "its baselines are of another task")
    levels = () if fitted.bands is None else fitted.bands.levels
    _require(levels == settings.levels(), "its baselines have other quantile levels")
    # `type`, here and below, not isinstance: JSON's `true` would pass for the number 1.
    season = fitted.season
    _require(
        season is None or (type(season) is int and season > 0), f"its season is {season!r}"[:80]
    )
    _require(fitted.mean.shape == (targets,), "its baselines are of another number of targets")
    if fitted.climatology is not None:
        shape = (len(fitted.climatology.series) + 1, fitted.climatology.slots + 1, targets)
        _require(fitted.climatology.table.shape == shape, "its climatology has another shape")
    if fitted.bands is not None:
        wanted = (len(fitted.bands.series) + 1, steps, targets, len(levels))
        held = all(offsets.shape == wanted for offsets in fitted.bands.offsets.values())
        _require(held, "its baselines' bands have another shape")
    _check_followers(fitted, targets)
    if fitted.naive is not None:
        sizes = (len(fitted.naive.series), targets)
        held = fitted.naive.absolute.shape == fitted.naive.squared.shape == sizes
        _require(held, "its naive errors have another shape")
    _check_indicators(columns, fitted)
    regressions = (("ridge regression", fitted.ridge), ("boosting", fitted.boosting))
    for name, regression in regressions:
        if regression is not None:
            known = {*columns.values, *fitted.indicators.columns}
            _check_layout(regression.layout, name, known, columns)
            scaled: tuple[int, ...] = (len(regression.layout.columns),)
            if regression.mean.ndim == 2 or name == "boosting":
                scaled = (len(regression.series) + 1, *scaled)
            same = regression.mean.shape == regression.deviation.shape == scaled
            _require(same, f"its {name} has another shape")
    if fitted.ridge is not None:
        layout = fitted.ridge.layout
        wide = 1 + layout.shared + layout.beside
        same = fitted.ridge.coefficients.shape == (steps, targets, wide)
        _require(same, "its ridge regression has another shape")
    if fitted.boosting is not None:
        _check_trees(fitted.boosting, targets)


def _check_followers(fitted: Baselines, targets: int) -> None:
    """Raise ValueError unless what follows series row by row has a model for each and its targets."""
    if fitted.ets is not None:
        groups, wide = len(fitted.ets.series), 2 + fitted.ets.season
        shapes = [
            getattr(fitted.ets, name).shape for name in ("began", "kinds", "weights", "initial")
        ]
        _require(
            fitted.ets.season > 0
            and shapes == [(groups,), *((groups, targets, size) for size in (2, 4, wide))],
            "its exponential smoothing has another shape",
        )
    if fitted.theta is not None:
        made = fitted.theta
        shapes = [getattr(made, name).shape for name in ("began", "kinds", "smoothing", "indices")]
        each = (len(made.series), targets)
        _require(
            made.season > 0
            and shapes == [each[:1], each, (*each, 4), (*each, made.season)]
            and bool((made.smoothing[..., 0] > 0).all()),
            "its theta models have another shape",
        )


def _check_indicators(columns: Columns, fitted: Baselines) -> None:
    """Raise ValueError unless what the baselines see of categories is of this table."""
    known = {one.name for one in columns.categories}
    of_text = all(
        isinstance(label, str) for _, labels in fitted.indicators.labels for label in labels
    )
    same = {name for name, _ in fitted.indicators.labels} <= known
    _require(of_text and same, "its baselines see other categories")


def _check_layout(layout: Layout, name: str, known: set[str], columns: Columns) -> None:
    """Raise ValueError unless a regression reads columns that there are."""
    whole = type(layout.lags) is int and layout.lags > 0
    spans = all(type(span) is int and span > 0 for span in layout.spans)
    same = set(layout.columns) <= known and layout.targets == columns.target
    _require(whole and spans and same, f"its {name} reads another table")
    season = layout.season
    _require(type(season) is int and 0 <= season < 1 << 31, f"its season is {season!r}"[:80])


def _check_trees(fitted: Boosting, targets: int) -> None:
    """Raise ValueError unless every way through the trees stays inside them and what they read."""
    trees, wide = fitted.trees, fitted.layout.shared + fitted.layout.beside + 1
    shape = trees.feature.shape
    parts = (trees.threshold, trees.left, trees.right, trees.value)
    held = len(shape) == 3 and shape[0] == targets and trees.start.shape == (targets,)
    _require(held and all(part.shape == shape for part in parts), "its trees have another shape")
    for name, part, end in (
        ("features", trees.feature, wide),
        ("nodes", trees.left, shape[2]),
        ("nodes", trees.right, shape[2]),
    ):
        whole = part.dtype.kind == "i" and bool(((part >= 0) & (part < end)).all())
        _require(whole, f"its trees have no such {name}")


def _shape(arrays: Arrays, name: str, axes: int) -> tuple[int, ...]:
    _require(name in arrays and arrays[name].ndim == axes, f"it has no {name}")
    shape: tuple[int, ...] = arrays[name].shape
    _require(math.prod(shape) > 0, f"its {name} is empty")
    return shape


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
