"""gatewise's forecasts, by default settings: fitted once on what is known at the first origin."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

import gatewise as gw
from benchmarks.forecasting.sets import Set
from gatewise.typing import AnyArray


def forecast(
    data: Set, levels: list[float] | None, seed: int, **options: Any
) -> tuple[AnyArray, float]:
    """Return the forecasts [origins, series, horizon, levels] and the seconds of fit and predictions.

    Without levels there is one, the point. The season is told, as it is told to everybody.
    """
    start = time.perf_counter()
    model = gw.Forecaster(
        target="y",
        time="ds",
        series="unique_id" if data.frame["unique_id"].nunique() > 1 else None,
        horizon=data.horizon,
        season=data.season,
        inputs=data.past,
        future=data.future,
        quantiles=levels,
        seed=seed,
        **{"baselines": ["persistence"], **options},
    )
    model.fit(data.frame[data.frame["ds"] <= data.ends[0]], progress=False)
    forecasts = np.array([_from(model, data, end, levels) for end in data.ends])
    return forecasts, time.perf_counter() - start


def _from(model: gw.Forecaster, data: Set, end: int, levels: list[float] | None) -> AnyArray:
    frame = data.frame
    known = frame[frame["ds"] <= end + (data.horizon if data.future else 0)].copy()
    known.loc[known["ds"] > end, ["y", *data.past]] = np.nan
    found: pd.DataFrame = model.predict(known)
    columns = [f"y_q{level:g}" for level in levels] if levels else ["y_predicted"]
    if "unique_id" not in found:
        return found.sort_values("ds")[columns].to_numpy()[None]
    rows = {key: part.sort_values("ds")[columns] for key, part in found.groupby("unique_id")}
    return np.array([rows[key].to_numpy() for key in frame["unique_id"].unique()])
