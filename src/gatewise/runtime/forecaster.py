"""A forecaster that predicts without torch: NumPy and the native core."""

from __future__ import annotations

from typing import Any

from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.estimators.forecaster.forecasting import predicted_frame
from gatewise.estimators.forecaster.score_names import MODEL_NAME

KIND = "forecaster"


class ForecasterModel:
    """A model that `gw.Forecaster` fitted: it predicts and streams, and cannot be trained.

    Attributes:
        kind: "forecaster", as the run's config.json has it.
        horizon: Steps that it forecasts; 0 for a virtual sensor.
        lookback: Steps that it looks back.
        targets: The columns that it predicts.
    """

    kind = KIND

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted
        self.horizon: int = fitted.settings.horizon
        self.lookback: int = fitted.settings.steps_back
        self.targets: tuple[str, ...] = fitted.columns.target

    def predict(self, data: Any = None, *, model: str = MODEL_NAME) -> Any:
        """Predict from new rows, in the form and by the rules of `Forecaster.predict`.

        `data` is a pandas or polars frame or a path; without it a forecast goes on from the fitted data.
        `model` names a baseline that predicts in place of the network. Raises DataError for unusable
        data and OptionError for a baseline that was not fitted.
        """
        return predicted_frame(self._fitted, data, model)

    def __repr__(self) -> str:
        about = f"horizon={self.horizon}, lookback={self.lookback}"
        return f"ForecasterModel({', '.join(self.targets)}; {about})"
