"""A run made up of arrays: a river-like truth, a model that follows it, baselines that follow less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gatewise.estimators.forecaster.page.run import RunSummary
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.results import GateTimescales, Metrics, WindowGates
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.training.history import History


def scores_of(truth: np.ndarray, point: np.ndarray) -> Metrics:
    """RMSE, MAE and NSE by their definitions."""
    known = np.isfinite(truth)
    error = (point - truth)[known]
    spread = truth[known] - truth[known].mean()
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "nse": float(1 - np.sum(error**2) / np.sum(spread**2)),
    }


def river(generator: np.random.Generator, count: int) -> np.ndarray:
    """A skewed, persistent, seasonal series: rain pulses through two leaky stores."""
    rain = generator.gamma(0.3, 6.0, count) * (1.4 + np.sin(np.arange(count) * 2 * np.pi / 365))
    fast = slow = 0.0
    flow = np.empty(count)
    for day, fallen in enumerate(rain):
        fast = 0.7 * fast + 0.3 * fallen
        slow = 0.98 * slow + 0.02 * fallen
        flow[day] = 0.6 * fast + 1.2 * slow
    return flow


def predictions_of(
    *,
    count: int,
    horizon: int,
    targets: tuple[str, ...],
    series: tuple[str, ...],
    members: int,
    levels: tuple[float, ...],
    noise: float,
    seed: int,
) -> Predictions:
    generator = np.random.default_rng(seed)
    steps = max(horizon, 1)
    names, origins, times, truths, points = [], [], [], [], []
    start = np.datetime64("1986-01-01", "us")
    day = np.timedelta64(1, "D")
    for name in series:
        flow = np.stack([river(generator, count + steps) for _ in targets], axis=1)
        where = np.arange(count)[:, None] + np.arange(steps)
        truth = flow[where]
        wobble = generator.normal(0, noise, truth.shape) * truth.std()
        names.append(np.full(count, name))
        origins.append(start + (np.arange(count) - (1 if horizon else 0)) * day)
        times.append(start + where * day)
        truths.append(truth)
        points.append(truth * 0.85 + 0.15 * truth.mean() + wobble * np.sqrt(1 + where[0])[:, None])
    point = np.concatenate(points)
    spread = np.abs(generator.normal(0, 0.3, point.shape)) + 0.2 if members > 1 else None
    quantiles = None
    if levels:
        offsets = np.linspace(-1.3, 1.3, len(levels)) * 2 * noise * point.std()
        quantiles = point[..., None] + offsets
    return Predictions(
        targets=targets,
        series=np.concatenate(names),
        origin=np.concatenate(origins),
        time=np.concatenate(times),
        truth=np.concatenate(truths),
        point=point,
        spread=spread,
        levels=levels,
        quantiles=quantiles,
    )


def evaluation_of(predictions: Predictions, members: int, steps: int) -> Evaluation:
    generator = np.random.default_rng(7)
    strengths = {"climatology": 0.05, "ridge": 0.7} | (
        {"persistence": 0.5, "seasonal_naive": 0.1} if steps > 1 else {}
    )
    models = {"gatewise": predictions.point}
    for name, share in strengths.items():
        mean = np.nanmean(predictions.truth)
        models[name] = share * predictions.truth + (1 - share) * mean
    scores = {
        model: {
            target: scores_of(predictions.truth[..., k], values[..., k])
            for k, target in enumerate(predictions.targets)
        }
        for model, values in models.items()
    }
    if predictions.quantiles is not None:
        for target in predictions.targets:
            for place, model in enumerate(models):
                scores[model][target] |= {"pinball": 0.41 + 0.1 * place, "coverage": 0.71}
    by_horizon = {
        model: {
            target: {
                metric: [
                    scores_of(predictions.truth[:, s, k], values[:, s, k])[metric]
                    for s in range(steps)
                ]
                for metric in ("rmse", "mae", "nse")
            }
            for k, target in enumerate(predictions.targets)
        }
        for model, values in models.items()
    }
    alone = []
    for _ in range(members):
        point = predictions.point + generator.normal(0, 0.3, predictions.point.shape)
        alone.append(
            {
                target: scores_of(predictions.truth[..., k], point[..., k])
                for k, target in enumerate(predictions.targets)
            }
        )
    return Evaluation("test", predictions, scores, tuple(alone), by_horizon)


def window_of(
    cell: str, steps: int, hidden: int, layers: int, inputs: dict[str, Any]
) -> WindowGates:
    generator = np.random.default_rng(11)
    shape = (layers, steps, hidden)
    slow = np.linspace(0.4, 0.999, hidden)[generator.permutation(hidden)]
    rain = inputs[next(iter(inputs))]
    drive = np.clip(rain[:, None] * generator.normal(0, 1, hidden), -3, 3)

    def squashed(level: np.ndarray | float, sway: float) -> np.ndarray:
        raw = level + sway * drive + generator.normal(0, 0.3, shape)
        return (1 / (1 + np.exp(-raw))).astype(np.float32)

    keep = squashed(np.log(slow / (1 - slow)), -0.8)
    candidate = np.tanh(drive + generator.normal(0, 0.3, shape)).astype(np.float32)
    if cell == "rnn":
        return WindowGates("", np.arange(steps), inputs, {"hidden": candidate}, None)
    write = squashed(-1.0, 1.0)
    state = np.zeros(shape, np.float32)
    for t in range(1, steps):
        state[:, t] = keep[:, t] * state[:, t - 1] + write[:, t] * candidate[:, t]
    time = np.datetime64("1987-11-01") + np.arange(steps)
    if cell == "gru":
        gates = {"reset": write, "update": keep, "candidate": candidate, "hidden": np.tanh(state)}
        return WindowGates("", time, inputs, gates, "update")
    gates = {
        "forget": keep,
        "input": write,
        "candidate": candidate,
        "output": squashed(0.5, 0.4),
        "cell": state,
        "hidden": np.tanh(state).astype(np.float32),
    }
    return WindowGates("", time, inputs, gates, "forget")


def build_summary(
    *,
    count: int = 1096,
    horizon: int = 0,
    targets: tuple[str, ...] = ("discharge",),
    series: tuple[str, ...] = ("",),
    members: int = 3,
    levels: tuple[float, ...] = (),
    noise: float = 0.2,
    cell: str = "lstm",
    hidden: int = 32,
    layers: int = 1,
    steps: int = 365,
    title: str = "The Fulda from its weather",
    seed: int = 3,
) -> RunSummary:
    """Return a whole run; every argument has a value that makes a plain river gauge."""
    generator = np.random.default_rng(seed)
    predictions = predictions_of(
        count=count,
        horizon=horizon,
        targets=targets,
        series=series,
        members=members,
        levels=levels,
        noise=noise,
        seed=seed,
    )
    inputs = {
        "rain": river(generator, steps) - 1.5,
        "tmax": np.sin(np.arange(steps) * 2 * np.pi / 365) + generator.normal(0, 0.2, steps),
        "tmin": np.sin(np.arange(steps) * 2 * np.pi / 365 - 0.2) + generator.normal(0, 0.2, steps),
    }
    window = window_of(cell, steps, hidden, layers, inputs)
    timescales = None
    if window.keep_gate is not None:
        keep = np.log(window.gates[window.keep_gate].astype(np.float64))
        timescales = GateTimescales(window.keep_gate, -1 / keep.mean(axis=1), "1 day")
    histories = tuple(
        History(
            seed=member,
            train=tuple(0.9 * np.exp(-np.arange(30 + member) / 9) + 0.15),
            validation=tuple(
                0.8 * np.exp(-np.arange(30 + member) / 6)
                + 0.25
                + 0.002 * np.arange(30 + member)
                + 0.02 * generator.random(30 + member)
            ),
            learning_rate=tuple(np.full(30 + member, 1e-3)),
            kept_epoch=22 + member,
            seconds=31.5,
        )
        for member in range(members)
    )
    return RunSummary(
        title=title,
        settings={
            "target": list(targets),
            "inputs": list(inputs),
            "cell": cell,
            "hidden_size": hidden,
            "num_layers": layers,
            "lookback": steps if horizon == 0 else steps - horizon,
            "horizon": horizon,
            "members": members,
            "quantiles": list(levels) or None,
            "learning_rate": 1e-3,
            "seed": 0,
        },
        data={
            "source": "dataset:fulda",
            "rows": 3653,
            "series": 1,
            "first": "1979-01-01",
            "last": "1988-12-31",
            "step": "1 day",
            "parts": {"training": "1979-01-01 to 1984-12-31", "test": "1986-01-01 to 1988-12-31"},
            "fingerprint": "sha256:4f0c",
        },
        environment={"gatewise": "0.1.0", "torch": "2.13.0", "threads": "2"},
        parameters=5153,
        histories=histories,
        evaluation=evaluation_of(predictions, members, max(horizon, 1)),
        window=window,
        timescales=timescales,
    )


def in_tokyo(summary: RunSummary) -> RunSummary:
    """Return the run with its days kept in UTC, where midnight in Tokyo is 15:00 of the day before."""
    predictions = summary.evaluation.predictions
    utc = predictions.time - np.timedelta64(9, "h")
    zoned = replace(predictions, time=utc, zone="Asia/Tokyo")
    return replace(summary, evaluation=replace(summary.evaluation, predictions=zoned))
