"""The peers' forecasts: seasonal naive, ETS or Theta, and neuralforecast's LSTM and NHITS.

    PEERS/bin/python benchmarks/forecasting/peers.py FOLDER MODEL [--seeds N]

runs in an environment of its own (peers.txt lists what it needs), apart from gatewise's: FOLDER holds
the sets as `python -m benchmarks.forecasting` wrote them, and gets MODEL.npz, with forecasts
[seeds, origins, series, horizon, levels] and seconds [seeds] of each set. Networks are fitted once, on
what is known at the first origin, and forecast from every origin; ETS and Theta are fitted at each.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

STEPS = 1000
"""Training steps of a network: what neuralforecast takes by default."""


def main() -> None:
    """Forecast every set of the folder with one model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", choices=("naive", "classical", "lstm", "nhits"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    seeds = range(given.seeds if given.model in ("lstm", "nhits") else 1)
    for about in json.loads((given.folder / "sets.json").read_text()):
        if given.sets and about["name"] not in given.sets:
            continue
        frame = pd.read_csv(given.folder / f"{about['name']}.csv")
        results, seconds = [], []
        for seed in seeds:
            start = time.perf_counter()
            results.append(FORECASTS[given.model](frame, about, seed))
            seconds.append(time.perf_counter() - start)
        np.savez(
            given.folder / f"{about['name']}.{given.model}.npz",
            forecasts=np.array(results),
            seconds=seconds,
        )
        print(f"{about['name']} {given.model} {np.median(seconds):.1f} s a seed", flush=True)


def naive(frame: pd.DataFrame, about: dict[str, Any], seed: int) -> Any:
    """Return the seasonal naive forecasts, a point for every level: it has no band."""
    season, horizon = about["season"], about["horizon"]
    result = []
    for end in about["ends"]:
        past = _values(frame)[:, :end]
        ahead = np.arange(horizon) % season
        result.append(past[:, end - season + ahead])
    return np.repeat(np.array(result)[..., None], len(about["levels"]), axis=-1)


def classical(frame: pd.DataFrame, about: dict[str, Any], seed: int) -> Any:
    """Return the forecasts of ETS, or of Theta where the season is longer than ETS takes (24)."""
    season, horizon = about["season"], about["horizon"]
    short = season <= 24
    models = import_module("statsforecast.models")
    model = (models.AutoETS if short else models.AutoTheta)(season_length=season)
    levels = np.array(about["levels"])
    widths = sorted({round(100 * abs(2 * level - 1)) for level in levels if level != 0.5})
    result = []
    for end in about["ends"]:
        rows = []
        for past in _values(frame)[:, :end]:
            # an old past says little and takes minutes
            found = model.forecast(y=past[-about["classical_rows"] :], h=horizon, level=widths)
            rows.append([_level(found, level) for level in levels])
        result.append(np.array(rows).transpose(0, 2, 1))
    return np.array(result)


def _level(found: dict[str, Any], level: float) -> Any:
    if level == 0.5:
        return found["mean"]
    width = round(100 * abs(2 * level - 1))
    return found[f"{'lo' if level < 0.5 else 'hi'}-{width}"]


def network(name: str) -> Any:
    """Return what forecasts with one of neuralforecast's networks."""

    def forecast(frame: pd.DataFrame, about: dict[str, Any], seed: int) -> Any:
        import_module("torch").set_num_threads(1)
        models = import_module("neuralforecast.models")
        losses = import_module("neuralforecast.losses.pytorch")
        shared: dict[str, Any] = {
            "h": about["horizon"],
            "input_size": about["lookback"],
            "loss": losses.MQLoss(quantiles=about["levels"]),
            "max_steps": STEPS,
            "random_seed": seed + 1,
            "hist_exog_list": about["past"] or None,
            "futr_exog_list": about["future"] or None,
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "logger": False,
            "enable_checkpointing": False,
            "enable_model_summary": False,
        }
        model = (
            models.LSTM(
                encoder_n_layers=1, encoder_hidden_size=32, decoder_hidden_size=32, **shared
            )
            if name == "lstm"
            else models.NHITS(scaler_type="robust", **shared)
        )
        forecaster = import_module("neuralforecast").NeuralForecast(models=[model], freq=1)
        ends, keys = about["ends"], frame["unique_id"].unique()
        forecaster.fit(df=frame[frame["ds"] <= ends[0]])
        result = []
        for end in ends:
            ahead = frame[(frame["ds"] > end) & (frame["ds"] <= end + about["horizon"])]
            found = forecaster.predict(
                df=frame[frame["ds"] <= end],
                futr_df=ahead[["unique_id", "ds", *about["future"]]] if about["future"] else None,
            )
            found = found.reset_index() if "unique_id" not in found else found
            columns = [name for name in found.columns if name not in ("index", "unique_id", "ds")]
            assert len(columns) == len(about["levels"]), columns
            rows = [found[found["unique_id"] == key].sort_values("ds")[columns] for key in keys]
            result.append(np.array([row.to_numpy() for row in rows]))
        # levels that cross are put in order, which can only help
        return np.sort(np.array(result), axis=-1)

    return forecast


def _values(frame: pd.DataFrame) -> Any:
    """Return the series [G, N], in the order in which they come."""
    return np.array([rows["y"].to_numpy() for _, rows in frame.groupby("unique_id", sort=False)])


FORECASTS = {
    "naive": naive,
    "classical": classical,
    "lstm": network("lstm"),
    "nhits": network("nhits"),
}

if __name__ == "__main__":
    main()
