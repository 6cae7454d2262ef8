"""A fitted model, and predictions from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewise.answers.families import family_named
from gatewise.data.tables.categories import Vocabulary
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.levels import Normaliser
from gatewise.data.tables.scaling import Scaler
from gatewise.data.tables.split import Split
from gatewise.data.tables.table import Step, Table
from gatewise.data.tables.windows import Windows
from gatewise.estimators.bands import Calibration
from gatewise.estimators.forecaster.baselines import Baselines
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.training.history import History
from gatewise.typing import Array

if TYPE_CHECKING:
    from gatewise.estimators.network import RecurrentNetwork

ENGINE_BEFORE = "native"
"""What every call of `auto` ran on before fits said which engine they were settled on."""


@dataclass(frozen=True)
class Refitted:
    """The networks that were trained anew on all data once those before them were scored."""

    networks: tuple[RecurrentNetwork, ...]
    histories: tuple[History, ...]
    windows: int  # that each was trained on
    baselines: Baselines | None = None  # on all data too; None in models of before

    def about(self) -> dict[str, Any]:
        """Return what metrics.json says of them."""
        return {
            "windows": self.windows,
            "steps": [history.steps for history in self.histories],
            "seconds": [round(history.seconds, 1) for history in self.histories],
        }


@dataclass(frozen=True)
class Fitted:
    """Networks of all members, scaling, baselines, and the last rows of the data they were fitted on."""

    settings: ForecasterSettings  # all that was left to the data is settled in them
    asked: ForecasterSettings  # a copy of the estimator's, as they were given
    columns: Columns
    step: Step
    split: Split
    scaler: Scaler
    normaliser: Normaliser
    vocabulary: Vocabulary
    features: tuple[str, ...]
    networks: tuple[RecurrentNetwork, ...]
    histories: tuple[History, ...]
    baselines: Baselines
    context: Table
    data: dict[str, Any]  # source, fingerprint, rows, series, first and last time, parts
    engine: str  # what `auto` is settled on in every call: see engine_for
    calibration: Calibration | None = None  # of the bands, by the validation part
    ahead: Table | None = None  # rows after the data, where those columns are known that are ahead
    refitted: Refitted | None = None  # what predicts; None: `networks`, which are what is scored

    @property
    def answering(self) -> tuple[RecurrentNetwork, ...]:
        """The networks that predict: those that were refitted on all data, where there are any."""
        return self.networks if self.refitted is None else self.refitted.networks

    def for_new_data(self) -> Fitted:
        """Return the model as it answers for rows that the scored networks' test part is not of."""
        return replace(
            self, networks=self.answering, baselines=self.answering_baselines, refitted=None
        )

    @property
    def answering_baselines(self) -> Baselines:
        """The baselines that predict: those that were refitted on all data, where there are any."""
        refitted = None if self.refitted is None else self.refitted.baselines
        return self.baselines if refitted is None else refitted

    def parameters(self) -> int:
        """Return the number of trained values of one member."""
        return sum(weight.numel() for weight in self.networks[0].parameters())


def member_outputs(fitted: Fitted, table: Table, windows: Windows) -> Array:
    """Return every member's output for every window, `[M, N, S, K, Q]`; see `in_target_units`."""
    return calibrated(fitted, uncalibrated_outputs(fitted, windows))


def uncalibrated_outputs(fitted: Fitted, windows: Windows) -> Array:
    """Return every member's output `[M, N, S, K, Q]` in its own units, its bands as it gave them."""
    return outputs_of(fitted, windows, member_answers(fitted, windows))


def member_answers(fitted: Fitted, windows: Windows) -> list[Array]:
    """Return what every member's network answers, `[N, S, K, ...]`: quantiles, parameters or a point."""
    return [
        network.answers(windows, fitted.settings.device).astype(np.float64)
        for network in fitted.networks
    ]


def outputs_of(fitted: Fitted, windows: Windows, answers: list[Array]) -> Array:
    """Return the quantiles (of no band, the point) that answers stand for, `[M, N, S, K, Q]`."""
    family = family_named(fitted.settings.likelihood)
    levels = fitted.settings.levels()
    if family is not None:
        read = [family.quantiles(each, levels) for each in answers]
        if windows.rates is not None:
            read = [windows.rates.over_rate(each, windows.origins) for each in read]
        return np.stack(read)
    outputs = np.stack(answers)
    return np.repeat(outputs, len(levels), axis=-1) if fitted.settings.likelihood else outputs


def calibrated(fitted: Fitted, outputs: Array) -> Array:
    """Return outputs `[M, N, S, K, Q]` with their bands calibrated, where the model is."""
    return outputs if fitted.calibration is None else fitted.calibration.applied(outputs)


def in_target_units(fitted: Fitted, table: Table, windows: Windows, answers: NDArray[Any]) -> Array:
    """Return a network's answers `[N, S, K, ...]` for windows in the targets' own units.

    That increases in the answers, so quantiles stay quantiles.
    """
    if windows.rates is not None:
        return windows.rates.restored(answers, windows.origins)
    if windows.levels is not None:
        values = windows.levels.restored(answers, windows.origins)
    else:
        scaled = fitted.scaler.inverse_targets(answers, table, windows.origins)
        values = fitted.normaliser.transform.inverse(scaled)
    return not_below_zero(values) if fitted.settings.positive else values


def not_below_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values with 0 for those below it: for a point and any quantile never a worse guess."""
    return np.asarray(np.maximum(values, 0.0))


def to_predictions(fitted: Fitted, table: Table, windows: Windows, outputs: Array) -> Predictions:
    """Average the members' outputs `[M, N, S, K, Q]` and put times and truth beside them.

    Level by level and in the units of the outputs, in which they were calibrated (Vincent 1912): the
    average of distributions of one shape has that shape, where their mixture would be wider.
    """
    levels = fitted.settings.levels()
    middle = levels.index(0.5) if levels else 0
    together = in_target_units(fitted, table, windows, outputs.mean(axis=0))
    return _with_times(
        table,
        windows,
        point=together[..., middle],
        spread=_spread(fitted, table, windows, outputs[..., middle]),
        levels=levels,
        quantiles=together if levels else None,
    )


def baseline_predictions(fitted: Fitted, table: Table, windows: Windows, name: str) -> Predictions:
    """Return what a baseline predicts for the windows, with its bands, times and truth beside."""
    points, bands = answers_of(fitted.answering_baselines, fitted.settings, table, windows, (name,))
    band = bands.get(name)
    return _with_times(
        table,
        windows,
        point=points[name],
        spread=None,
        levels=() if band is None else fitted.settings.levels(),
        quantiles=band,
    )


def answers_of(
    baselines: Baselines,
    settings: ForecasterSettings,
    table: Table,
    windows: Windows,
    names: tuple[str, ...] | None = None,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return points and bands of baselines, by name; None stands for all.

    Where the model may know that nothing lies below 0, they know it too.
    """
    points = baselines.predict(table, windows.origins, names)
    bands = baselines.quantiles(table, windows.origins, points)
    if settings.positive or settings.counts:
        points = {name: not_below_zero(point) for name, point in points.items()}
        bands = {name: not_below_zero(band) for name, band in bands.items()}
    return points, bands


def _with_times(table: Table, windows: Windows, **predicted: Any) -> Predictions:
    """Return what was predicted for the windows with series, times and truth beside."""
    targets = table.columns.target
    rows = windows.target_rows(np.arange(len(windows)))
    return Predictions(
        targets=targets,
        series=np.asarray(table.series, dtype=np.str_)[table.series_index()[windows.origins]],
        origin=table.time[windows.origins],
        time=table.time[rows],
        truth=table.values[rows, : len(targets)],
        zone=table.zone,
        ids=table.ids,
        **predicted,
    )


def _spread(fitted: Fitted, table: Table, windows: Windows, points: Array) -> Array | None:
    """Return the standard deviation of the members' points `[M, N, S, K]`; None for one member."""
    if len(points) < 2:
        return None
    each = [in_target_units(fitted, table, windows, member) for member in points]
    spread: Array = np.std(each, axis=0)
    return spread
