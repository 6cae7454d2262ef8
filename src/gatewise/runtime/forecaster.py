"""A forecaster that predicts without torch: NumPy and the native core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gatewise.errors import OptionError
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.estimators.forecaster.forecasting import predicted_frame, table_of
from gatewise.estimators.forecaster.output import output_names
from gatewise.estimators.forecaster.preparation import as_frame, rows_ahead
from gatewise.estimators.forecaster.score_names import MODEL_NAME
from gatewise.files import path_of
from gatewise.runtime._kept import kept
from gatewise.runtime.streaming import ForecastStream, Mode

KIND = "forecaster"


class ForecasterModel:
    """A model that `gw.Forecaster` fitted: it predicts and streams, and cannot be trained.

    Attributes:
        kind: "forecaster", as the run's config.json has it.
        horizon: Steps that it forecasts; 0 for a virtual sensor.
        lookback: Steps that it looks back.
        targets: The columns that it predicts.
        ahead: The columns that a forecast needs to know ahead, but for the calendar.
        sep: What stands between the cells of a line of text.
    """

    kind = KIND

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted
        self.horizon: int = fitted.settings.horizon
        self.lookback: int = fitted.settings.steps_back
        self.targets: tuple[str, ...] = fitted.columns.target
        made = fitted.columns.calendar
        self.ahead = tuple(name for name in fitted.columns.named("future") if name not in made)
        sep = fitted.settings.sep or ","
        self.sep = {"tab": "\t", "space": " "}.get(sep, sep)

    @property
    def output_columns(self) -> tuple[str, ...]:
        """The columns of predictions, in order."""
        settings = self._fitted.settings
        return output_names(
            self._fitted.columns,
            horizon=settings.horizon,
            members=settings.member_count,
            levels=settings.levels(),
        )

    def predict(self, data: Any = None, *, model: str = MODEL_NAME) -> Any:
        """Predict from new rows, in the form and by the rules of `Forecaster.predict`.

        `data` is a pandas or polars frame or a path; without it a forecast goes on from the fitted data.
        `model` names a baseline that predicts in place of the network. Raises DataError for unusable
        data and OptionError for a baseline that was not fitted.
        """
        return predicted_frame(self._fitted, data, model)

    def stream(
        self, history: Any = None, *, mode: Mode = "window", state: str | Path | None = None
    ) -> ForecastStream:
        """Open a stream, which takes rows one at a time: see `ForecastStream.step`.

        With mode "window" each answer is that of `predict`: the network starts at zeros and reads the
        last `lookback` rows. With "carry" its state is carried on from row to row, which is quicker for
        long windows and gives other numbers; `differs` and `told` say how far they are apart.

        Rows follow those of `history`, a table with known targets, before which come those of the fit
        where it directly continues them; without it, they follow the data of the fit.
        `state` is a file that `ForecastStream.save` wrote: the stream goes on from there.

        Raises OptionError for a model that cannot be streamed so, DataError for an unusable history,
        FileError for a file that is missing, damaged, or the state of another model.
        """
        fitted = self._fitted
        if state is not None:
            if history is not None:
                raise OptionError("give a history or a state to go on from, not both")
            kept_mode, held = kept(fitted, path_of(state, "state"))
            stream = ForecastStream(fitted, kept_mode)
            stream.take_over(held)
            return stream
        stream = ForecastStream(fitted, mode)
        table = fitted.context
        if history is not None:
            frame, horizon = as_frame(fitted.settings, history), fitted.settings.horizon
            given = table_of(fitted, frame, need_target=horizon > 0)
            # rows of which only what is known ahead is known are no history
            given, _ = given.parted(rows_ahead(fitted.settings, fitted.columns))
            table = table.before(given)
        stream.feed(table)
        return stream

    def __repr__(self) -> str:
        about = f"horizon={self.horizon}, lookback={self.lookback}"
        return f"ForecasterModel({', '.join(self.targets)}; {about})"
