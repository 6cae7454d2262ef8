"""`Forecaster`: from a table to a trained model with an honest score, in scikit-learn's manner."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np

from gatewise.data.tables.output import frame_like
from gatewise.data.tables.split import Part
from gatewise.errors import FileError, NotFittedError
from gatewise.estimators.forecaster import fitting, forecasting, inside
from gatewise.estimators.forecaster.backtest import Backtest, Fold, rolling_origins
from gatewise.estimators.forecaster.case import case_of_forecaster
from gatewise.estimators.forecaster.evaluation import (
    evaluate_windows,
    prediction_columns,
    prediction_frame,
)
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.estimators.forecaster.page.run import RunSummary
from gatewise.estimators.forecaster.preparation import as_frame, read_table
from gatewise.estimators.forecaster.results import GateTimescales, WindowGates
from gatewise.estimators.forecaster.saving import load_model, save_model
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.forecaster.summary import summarise
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.estimators.run.folder import Run
from gatewise.estimators.run.replacement import writing
from gatewise.explaining.case import Case
from gatewise.training.distributed import is_main


class Forecaster(ForecasterSettings):
    """A recurrent network for a table: a virtual sensor (`horizon=0`) or a direct forecast.

    With `horizon=0` the target at time t is estimated from the inputs up to t, and the target itself
    is never seen. With `horizon=H` the targets at t+1..t+H are forecast from inputs and targets up to
    t, and from the `future` columns up to t+H. Windows are `lookback` steps long.

    The constructor only keeps its arguments; every one is listed in `ForecasterSettings` and explained
    in docs/forecasting.md. After `fit`: `fitted_` (networks, scaling, baselines) and `evaluation_`
    (scores of the test part, or of the validation part where there is no test part).

    Data is a pandas or polars frame, or a path to a CSV or Parquet file, or "dataset:NAME".
    """

    fitted_: Fitted
    evaluation_: Evaluation | None

    def fit(
        self,
        data: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        progress: bool = True,
        predictions: str = "csv",
        source: str | None = None,
        title: str | None = None,
    ) -> Self:
        """Fit afresh; with `out` leave a run folder that an interrupted fit can be resumed from.

        `predictions` is the format of the table of predictions in the run folder: "csv" or "parquet".
        `source` tells `resume` where a table in memory came from: a file or "dataset:NAME". `title` is
        kept for the pages of the run.
        Raises OptionError for a bad option, DataError for unusable data, FileError for a folder that
        is in the way: all before anything is written.
        """
        self.fitted_, self.evaluation_ = fitting.fit(
            self,
            data,
            out=out,
            overwrite=overwrite,
            progress=progress,
            table_format=predictions,
            source=source,
            title=title,
        )
        return self

    def retrain(self, data: Any, **kwargs: Any) -> Self:
        """Fit afresh with the same settings: new weights, new scaling. Same arguments as `fit`."""
        return self.fit(data, **kwargs)

    def continue_on(
        self,
        data: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        progress: bool = True,
        predictions: str = "csv",
        source: str | None = None,
        title: str | None = None,
    ) -> Self:
        """Train on with new data: the weights, columns and scaling stay, the rest starts anew.

        `validation` and `test` are taken of the new data: set them first if they were fixed times.
        """
        self.fitted_, self.evaluation_ = fitting.fit(
            self,
            data,
            out=out,
            overwrite=overwrite,
            progress=progress,
            table_format=predictions,
            source=source,
            title=title,
            start=self._fitted(),
        )
        return self

    @classmethod
    def resume(cls, run: str | Path, data: Any = None, *, progress: bool = True) -> Forecaster:
        """Finish an interrupted fit; the result is the uninterrupted one's, bit for bit.

        Without `data` it is read again from where the run says it was. Raises DataError if it is not
        the same data. A run that is complete is loaded, and scored where its data is at hand.
        """
        unfinished = Run.open(run).unfinished()
        if unfinished is None:
            model = cls.load(run)
            data = Run.open(run).config["source"] if data is None else data
            if data is not None:
                part: Part = "validation" if model.test is None else "test"
                model.evaluation_ = model.evaluate(data, part=part)
            return model
        with writing(unfinished.folder) if is_main() else nullcontext():
            found = Run.open(run).unfinished()  # another process may have finished it before us
            if found is None:
                return cls.resume(run, data, progress=progress)
            model = cls(**found.config["settings"])
            model.fitted_, model.evaluation_ = fitting.resume(model, found, data, progress=progress)
        return model

    def predict(self, data: Any = None) -> Any:
        """Predict from new rows; the target's future is never needed.

        With `horizon=0`: one row per row of `data` that has a full window behind it. With `horizon=H`:
        H rows per series from the last row whose targets are known, `data` going on for H more rows if
        there are `future` columns; without `data`, from the end of the fitted data. Rows that directly
        follow the fitted data need no repeated history. Returns a frame of the caller's kind: the
        series, `origin` and `step` (forecasts), the time, NAME_predicted, NAME_spread (standard
        deviation over members), NAME_q0.9 and the like.
        """
        fitted = self._fitted()
        frame = None if data is None else as_frame(data)
        result = forecasting.predict(fitted, frame)
        if frame is None:
            return prediction_frame(result, fitted.columns, truth=False)
        return frame_like(
            frame,
            prediction_columns(result, fitted.columns, truth=False),
            time=fitted.columns.time,
            series=fitted.columns.series,
            zone=result.zone,
            known=fitted.context.series,
        )

    def evaluate(self, data: Any = None, *, part: Part | None = None) -> Evaluation:
        """Score the model beside the baselines; without `data`, return the evaluation of the fit.

        `part` is "test", "validation" or "train", cut at the times of the fit, or "all": the default.
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
        table, windows = forecasting.scored_windows(fitted, as_frame(data), part)
        return evaluate_windows(fitted, table, windows, part or "all")

    def score(self, data: Any, y: None = None) -> float:
        """Return the Nash-Sutcliffe efficiency (R^2) on `data`, the mean over the targets."""
        scores = self.evaluate(data).scores["gatewise"]
        return float(np.mean([metrics["nse"] for metrics in scores.values()]))

    def backtest(
        self, data: Any, *, folds: int = 3, size: int | None = None, progress: bool = False
    ) -> Backtest:
        """Fit anew before each of `folds` consecutive test blocks of `size` steps at the data's end.

        `self` stays as it is. Raises OptionError where `validation` is a fixed time, DataError where
        the blocks leave too little to train on.
        """
        self.check_options()
        table = read_table(self, data)
        done = []
        for origin in rolling_origins(table, folds=folds, size=size, validation=self.validation):
            model = type(self)(**self.get_params())
            model.set_params(validation=origin.validation, test=origin.test)
            model.fit(origin.table, progress=progress)
            assert model.evaluation_ is not None
            done.append(Fold(origin.test, origin.test_until, model.evaluation_))
        return Backtest.from_folds(tuple(done))

    def gates(self, data: Any, at: Any = None) -> WindowGates:
        """Return every gate over the window that ends at time `at`, of the first member.

        Without `at`, the window whose target is furthest from the mean. In a panel the first series
        that has such a window is taken.
        """
        fitted = self._fitted()
        table, windows = forecasting.known_windows(fitted, as_frame(data), None)
        pick = (
            inside.widest_change(table, windows)
            if at is None
            else forecasting.window_at(table, windows, at)
        )
        return inside.window_gates(fitted, table, windows, pick)

    def timescales(self, data: Any) -> GateTimescales | None:
        """Return -1 / mean(log keep) per unit: the gate path only. None for a simple RNN."""
        fitted = self._fitted()
        _, windows = forecasting.known_windows(fitted, as_frame(data), None)
        return inside.timescales(fitted, windows)

    def summary(
        self,
        data: Any,
        *,
        title: str = "gatewise",
        part: Part | None = None,
        source: str | None = None,
    ) -> RunSummary:
        """Return everything the report shows, with `part` of `data` scored.

        The default part is the one that the fit scored where this is the data of the fit, else "all".
        `source` is where a table in memory came from, for the page's words on provenance.
        """
        known = getattr(self, "evaluation_", None)
        return summarise(self._fitted(), known, data, title=title, part=part, source=source)

    def explain_case(
        self, data: Any, *, part: Any, by: Any, module: str | None, budget: float
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
        )

    def save(self, path: str | Path) -> None:
        """Write the model to one safetensors file, whole or not at all."""
        fitted = self._fitted()
        target = Path(path)
        if not target.parent.is_dir():
            raise FileError(f"{target} cannot be written: there is no folder {target.parent}")
        save_model(fitted, target)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu") -> Forecaster:
        """Load a model from a run folder or from the file that `save` wrote.

        `device` is where it computes from now on, wherever it was fitted. Raises FileError for a folder
        that is not a finished run and a file that is missing, cut short or foreign, OptionError for a
        device that is not there.
        """
        fitting.check_device(device)
        place = Path(path)
        fitted = _load_run(place, device) if os.path.isdir(place) else load_model(place, device)
        model = cls(**fitted.settings.get_params())
        model.fitted_ = fitted
        model.evaluation_ = None
        return model

    def _fitted(self) -> Fitted:
        fitted: Fitted | None = getattr(self, "fitted_", None)
        if fitted is None:
            raise NotFittedError("this Forecaster is not fitted yet: call fit first")
        return fitted


def _load_run(folder: Path, device: str) -> Fitted:
    """Return the model of a run whose config.json names it, also while a new run takes its place."""
    for _ in range(3):
        run = Run.open(folder)
        fitted = load_model(run.model_file(), device)
        if run.holds_its_model():
            return fitted
    model = run.model_file()
    raise FileError(
        f"{model} is not the model that its run was fitted with, as config.json tells: fit again, or "
        f"name the file itself ({model}) in place of the run"
    )
