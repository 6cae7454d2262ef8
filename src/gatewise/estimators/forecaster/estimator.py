"""`Forecaster`: from a table to a trained model with an honest score, in scikit-learn's manner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np

from gatewise.data.files import write_frame
from gatewise.data.tables.columns import TARGET
from gatewise.data.tables.split import Part
from gatewise.errors import NotFittedError
from gatewise.estimators.base import Estimator
from gatewise.estimators.forecaster import fitting, forecasting, inside
from gatewise.estimators.forecaster.against import SideBySide, side_by_side
from gatewise.estimators.forecaster.backtesting.result import Backtest
from gatewise.estimators.forecaster.backtesting.roll import roll
from gatewise.estimators.forecaster.building import build_network, engine_for, loaded, loss_of
from gatewise.estimators.forecaster.case import case_of_forecaster
from gatewise.estimators.forecaster.evaluation import evaluate_windows, spread_over_members
from gatewise.estimators.forecaster.fitted import ENGINE_BEFORE, Fitted, Refitted
from gatewise.estimators.forecaster.output import prediction_frame
from gatewise.estimators.forecaster.page.run import RunSummary
from gatewise.estimators.forecaster.preparation import Prepared
from gatewise.estimators.forecaster.results import GateTimescales, WindowGates
from gatewise.estimators.forecaster.saving import load_model, save_model
from gatewise.estimators.forecaster.score_names import MODEL_NAME
from gatewise.estimators.forecaster.searching import tags, with_target
from gatewise.estimators.forecaster.settings import ForecasterSettings, as_names
from gatewise.estimators.forecaster.showing import forecaster_html
from gatewise.estimators.forecaster.summary import summarise
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.estimators.hooks import FitArguments, Trained
from gatewise.estimators.run.config import SCORES_BY_SERIES
from gatewise.estimators.run.folder import Run
from gatewise.explaining.affordable import BUDGET
from gatewise.explaining.case import Case
from gatewise.explaining.inputs import importance_of
from gatewise.memory import Importance, Sampling
from gatewise.training.progress import Callback, say
from gatewise.training.task import Task, TrainableNetwork


class Forecaster(Estimator[Prepared, Fitted, Evaluation], ForecasterSettings):
    """A recurrent network for a table: a virtual sensor (`horizon=0`) or a direct forecast.

    With `horizon=0` the target at time t is estimated from the inputs up to t, and the target itself
    is never seen. With `horizon=H` the targets at t+1..t+H are forecast from inputs and targets up to
    t, and from the `future` columns up to t+H. Windows are `lookback` steps long.

    The constructor only keeps its arguments; every one is listed in `ForecasterSettings` and explained
    in docs/forecasting.md. After `fit`: `fitted_` (networks, scaling, baselines) and `evaluation_`
    (scores of the test part, or of the validation part where there is no test part).

    Data is a pandas or polars frame, or a path to a CSV or Parquet file, or "dataset:NAME".
    """

    kind = "forecaster"
    engine_before = ENGINE_BEFORE

    def fit(
        self,
        data: Any,
        y: Any = None,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        progress: bool | Callback = True,
        predictions: str = "csv",
        source: str | None = None,
        title: str | None = None,
    ) -> Self:
        """Fit afresh; with `out` leave a run folder that an interrupted fit can be resumed from.

        `y` is the target where `data` does not have it, as scikit-learn hands it over. `progress` shows
        a bar on a terminal and plain lines elsewhere; a function is called with every
        `Status` in place of that. `predictions` is the format of the table of predictions in the run
        folder: "csv" or "parquet". `source` tells `resume` where a table in memory came from: a file or
        "dataset:NAME". `title` is kept for the pages of the run.
        Raises OptionError for a bad option, DataError for unusable data, FileError for a folder that
        is in the way: all before anything is written.
        """
        return self._fit(
            data if y is None else with_target(data, y, self._targets()),
            out=out,
            overwrite=overwrite,
            progress=progress,
            predictions=predictions,
            source=source,
            title=title,
        )

    def retrain(self, data: Any, **kwargs: Any) -> Self:
        """Fit afresh with the same settings: new weights, new scaling. Same arguments as `fit`."""
        return self.fit(data, **kwargs)

    def continue_on(self, data: Any, **how: Unpack[FitArguments]) -> Self:
        """Train on with new data: the weights, columns and scaling stay, the rest starts anew.

        `validation` and `test` are taken of the new data: set them first if they were fixed times. Same
        arguments as `fit`.
        """
        return self._fit(data, start=self._fitted(), **how)

    def predict(self, data: Any = None, *, model: str = MODEL_NAME) -> Any:
        """Predict from new rows; the target's future is never needed.

        With `horizon=0`: one row per row of `data` that has a full window behind it. With `horizon=H`:
        H rows per series from the last row whose targets are known, `data` going on for H more rows if
        there are `future` columns; without `data`, from the end of the fitted data. Rows that directly
        follow the fitted data need no repeated history. Returns a frame of the caller's kind: the
        series, `origin` and `step` (forecasts), the time, NAME_predicted, NAME_spread (standard
        deviation over members), NAME_q0.9 and the like.

        `model` names a baseline that predicts in place of the network, such as "ridge": where it has the
        better score. Raises OptionError for one that was not fitted.
        """
        return forecasting.predicted_frame(self._fitted(), data, model)

    def evaluate(self, data: Any = None, *, part: Part | None = None) -> Evaluation:
        """Score the model beside the baselines; without `data`, return the evaluation of the fit.

        `part` is "test", "validation" or "training", cut at the times of the fit, or "all": the default.
        Scored are the networks that never saw the test part; on data that begins after that of the fit,
        those that predict.
        Warns of series that cannot be scored: without a known target, or with too few rows.
        """
        if data is None:
            self._fitted()
            evaluation = self.evaluation_
            if evaluation is None or part not in (None, evaluation.part):
                raise NotFittedError(
                    "the evaluation of that part is not at hand: pass the data to evaluate"
                )
            return evaluation
        fitted = self._fitted()
        prepared = forecasting.prepared_for(fitted, data)
        windows = prepared.windows(part)
        forecasting.warn_of_no_score(prepared)
        if part is None and forecasting.comes_after(fitted, prepared.given):
            fitted = fitted.for_new_data()
        return evaluate_windows(fitted, prepared.table, windows, part or "all")

    def compare(self, other: Forecaster, data: Any, *, part: Part | None = None) -> SideBySide:
        """Score this model and another on the same rows of `data`, with the difference and its interval.

        `part` is cut at the times of this model's fit, as `evaluate` has it. Raises DataError where the
        two predict no target or no window in common.
        """
        return side_by_side(self._fitted(), other._fitted(), data, part)

    def score(self, data: Any, y: Any = None) -> float:
        """Return the Nash-Sutcliffe efficiency (R^2) on `data`, the mean over the targets.

        Of a panel it is the median over the series. `y` is the target where `data` does not have it.
        """
        given = data if y is None else with_target(data, y, self._targets())
        scores = self.evaluate(given).shown[MODEL_NAME]
        return float(np.mean([metrics["nse"] for metrics in scores.values()]))

    def _repr_html_(self) -> str:
        return forecaster_html(self)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags, which its searches ask for."""
        return tags()

    def _targets(self) -> tuple[str, ...]:
        return as_names(self.target) or (TARGET,)

    def backtest(
        self, data: Any, *, folds: int = 3, size: int | None = None, progress: bool = False
    ) -> Backtest:
        """Fit anew before each of `folds` consecutive test blocks of `size` steps at the data's end.

        Without a size each block is a tenth of the times, and at least the horizon. `self` stays as it
        is. Raises OptionError where `validation` is a fixed time or a block is shorter than the
        horizon, DataError where the blocks leave too little to train on.
        """
        return roll(self, data, folds=folds, size=size, progress=progress)

    def gates(self, data: Any, at: Any = None) -> WindowGates:
        """Return every gate over the window that ends at time `at`, of the first member.

        Without `at`, the window whose target is furthest from the mean. In a panel the first series
        that has such a window is taken.
        """
        fitted = self._fitted()
        prepared = forecasting.prepared_for(fitted, data)
        table, windows = prepared.table, prepared.windows(None)
        pick = (
            inside.widest_change(table, windows)
            if at is None
            else forecasting.window_at(table, windows, at)
        )
        return inside.window_gates(fitted, table, windows, pick)

    def timescales(self, data: Any) -> GateTimescales | None:
        """Return -1 / mean(log keep) per unit: the gate path only. None for a simple RNN."""
        fitted = self._fitted()
        return inside.timescales(fitted, forecasting.prepared_for(fitted, data).windows(None))

    def summary(
        self,
        data: Any,
        *,
        title: str = "gatewise",
        part: Part | None = None,
        source: str | None = None,
        at: Any = None,
        of: str | None = None,
    ) -> RunSummary:
        """Return everything the report shows, with `part` of `data` scored.

        The default part is the one that the fit scored where this is the data of the fit, else "all".
        `source` is where a table in memory came from, for the page's words on provenance. `at` is the
        last time that the window sees whose gates are shown, `of` its series; by default it is one
        with much to see. Raises OptionError or DataError for a window that the part does not have.
        """
        known = getattr(self, "evaluation_", None)
        return summarise(
            self._fitted(), known, data, title=title, part=part, source=source, at=at, of=of
        )

    def explain_case(
        self,
        data: Any,
        *,
        part: Any,
        by: Any,
        module: str | None,
        budget: float,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    ) -> Case:
        """Return what `gw.explain` measures of the first member on windows of a table."""
        return case_of_forecaster(
            self._fitted(),
            data,
            lambda frame, scored: self.summary(frame, part=scored),
            part=part,
            by=by,
            module=module,
            budget=budget,
            sampling=sampling,
        )

    def importance(
        self,
        data: Any,
        *,
        part: Part | None = None,
        budget: float = BUDGET,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    ) -> Importance:
        """Return what each column is worth, by the score lost with that of other windows.

        `part` as in `summary`, `budget` as in `gw.explain`; figures are means over the members. Raises
        InputError for too small a budget and for windows of one step.
        """
        case = self.explain_case(
            data, part=part, by=None, module=None, budget=budget, sampling=sampling
        )
        return importance_of(case, sampling)

    # --- what `Estimator` asks for --------------------------------------------------------------------

    def _prepare(self, data: Any, start: Fitted | None, *, progress: bool) -> Prepared:
        if isinstance(data, Prepared):
            prepared = data
        else:
            prepared = fitting.prepared_to_fit(self, data, start)
            for line in prepared.told if progress else ():
                say(line)
        prepared.check()
        fitting.check_size(prepared)
        fitting.check_bands(prepared)
        return prepared

    def _engine(self, prepared: Prepared) -> str:
        return engine_for(prepared.settings, len(prepared.train.names), prepared.train.sizes)

    def _settled(self, prepared: Prepared) -> ForecasterSettings:
        return prepared.settings

    @classmethod
    def _asked(cls, fitted: Fitted) -> ForecasterSettings:
        return fitted.asked

    def _network(self, prepared: Prepared, engine: str) -> TrainableNetwork:
        features, targets = len(prepared.train.names), len(prepared.table.columns.target)
        return build_network(prepared.settings, features, targets, engine, prepared.train.sizes)

    def _task(self, prepared: Prepared, network: TrainableNetwork) -> Task:
        return Task(network, prepared.train, prepared.validation, loss_of(prepared.settings))

    def _whole_task(self, prepared: Prepared, network: TrainableNetwork) -> Task:
        return replace(
            self._task(prepared, network), training=prepared.windows(None), validation=None
        )

    def _with_refitted(self, prepared: Prepared, fitted: Fitted, refitted: Trained) -> Fitted:
        windows = len(prepared.windows(None))
        found = (refitted.networks, refitted.histories, windows, prepared.baselines_of_all)
        return replace(fitted, refitted=Refitted(*found))

    def _learnt(self, prepared: Prepared, trained: Trained) -> Fitted:
        return fitting.learnt(self, prepared, trained)

    def _evaluated(self, fitted: Fitted, prepared: Prepared) -> Evaluation:
        part = prepared.scored
        return evaluate_windows(fitted, prepared.table, prepared.windows(part), part)

    def _scored_again(self, data: Any) -> Evaluation:
        return self.evaluate(data, part=self._fitted().split.scored)

    def _write_scores(
        self, run: Run, prepared: Prepared, fitted: Fitted, evaluation: Evaluation
    ) -> Mapping[str, Any]:
        frame = prediction_frame(evaluation.predictions, fitted.columns, truth=True)
        write_frame(frame, run.path / f"predictions.{run.config['predictions']}")
        if evaluation.by_series is not None:
            write_frame(evaluation.by_series.frame(), run.path / SCORES_BY_SERIES)
        beyond = forecasting.beyond(fitted)
        if beyond is not None:
            frame = prediction_frame(beyond, fitted.columns, truth=False)
            write_frame(frame, run.path / f"forecast.{run.config['predictions']}")
        return {
            "part": evaluation.part,
            "scores": evaluation.scores,
            "members": evaluation.members,
            "spread": spread_over_members(evaluation),
            "by_horizon": evaluation.by_horizon,
            "notes": evaluation.notes,
            **_calibration_metrics(evaluation),
            **({"exact_crps": evaluation.exact_crps} if evaluation.exact_crps else {}),
            **evaluation.panel(),
            **({} if fitted.refitted is None else {"refit": fitted.refitted.about()}),
        }

    @classmethod
    def _load_model(cls, path: Path, device: str) -> Fitted:
        return load_model(path, loaded, device)

    def _save_model(self, fitted: Fitted, path: Path) -> None:
        save_model(fitted, path)

    def _advice(self) -> str:
        return " and scale='standard'" if self.scale == "none" else ""


def _calibration_metrics(evaluation: Evaluation) -> dict[str, Any]:
    """Return what metrics.json says of the calibration of the bands: the coverage before and after."""
    made = evaluation.calibration
    if made is None:
        return {}
    after = {
        target: metrics["coverage"]
        for target, metrics in evaluation.scores[MODEL_NAME].items()
        if "coverage" in metrics
    }
    about = {"part": "validation", "windows": made.windows, "pooled": made.pooled}
    return {
        "calibration": {**about, "too_few": made.too_few, "before": made.before, "after": after}
    }
