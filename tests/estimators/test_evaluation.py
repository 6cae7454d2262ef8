"""Scores beside every baseline's, and output columns that never overwrite one another."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.data.tables.columns import Columns
from gatewise.errors import DataError
from gatewise.estimators.forecaster import metrics
from gatewise.estimators.forecaster.output import check_output_names, prediction_columns
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.verdict import Evaluation
from tests.estimators.data import reservoir

SMALL = {"lookback": 20, "hidden_size": 4, "epochs": 1, "test": 0.2}


def fitted(**options: Any) -> gw.Forecaster:
    model = gw.Forecaster(**{"target": "level", "inputs": "rain", **SMALL, **options})
    return model.fit(reservoir(), progress=False)


def evaluation(model: gw.Forecaster) -> Evaluation:
    assert model.evaluation_ is not None
    return model.evaluation_


# --- scores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("horizon", [0, 3])
def test_with_quantiles_every_model_has_every_score(horizon: int) -> None:
    model = fitted(horizon=horizon, quantiles=[0.1, 0.9], members=2)
    found = evaluation(model)
    every = set(metrics.METRICS)
    assert {"nse", "rmse", "mae", "pinball", "coverage"} <= every
    assert {"gatewise", "climatology", "ridge"} <= set(found.scores)
    for name, by_target in found.scores.items():
        assert set(by_target["level"]) == every, name
        some = {metric: by_target["level"][metric] for metric in every - {"peak", "fhv"}}
        assert np.isfinite(list(some.values())).all(), name
    assert all(set(member["level"]) == every for member in found.members)
    assert set(found.by_horizon) == (set(found.scores) if horizon else set())
    for name, by_target in found.by_horizon.items():
        assert set(by_target["level"]) == every, name
        # Steps have equally many windows, so the mean over the steps is the pooled score.
        for metric in ("mae", "pinball", "coverage"):
            steps = by_target["level"][metric]
            assert len(steps) == horizon
            assert np.mean(steps) == pytest.approx(found.scores[name]["level"][metric])


def test_the_baselines_pinball_is_that_of_their_bands() -> None:
    frame = reservoir()
    model = fitted(horizon=2, quantiles=[0.1, 0.9])
    found = evaluation(model)
    truth = found.predictions.truth[..., 0]
    days = frame["ds"].to_numpy().astype("datetime64[us]")
    level = frame["level"].to_numpy()
    origins = np.searchsorted(days, found.predictions.origin)
    bands = model.fitted_.baselines.bands
    assert bands is not None
    around = level[origins, None, None] + bands.offsets["persistence"][0, :, 0]
    expected = metrics.pinball(truth, around, (0.1, 0.5, 0.9))
    assert found.scores["persistence"]["level"]["pinball"] == pytest.approx(expected)
    # The plain prediction is the point that the other scores are of.
    plain = np.repeat(level[origins, None], 2, axis=1)
    assert found.scores["persistence"]["level"]["rmse"] == pytest.approx(metrics.rmse(truth, plain))


def test_without_quantiles_no_model_has_a_band() -> None:
    without_levels = {name for name, metric in metrics.METRICS.items() if not metric.levels}
    assert without_levels.isdisjoint({"pinball", "coverage"})
    found = evaluation(fitted(horizon=2))
    for tables in (found.scores, found.by_horizon):
        for by_target in tables.values():
            assert set(by_target["level"]) == without_levels


def test_a_loaded_model_gives_the_baselines_the_same_scores(tmp_path: Any) -> None:
    model = fitted(horizon=2, quantiles=[0.1, 0.9])
    model.save(tmp_path / "model.safetensors")
    again = gw.Forecaster.load(tmp_path / "model.safetensors")
    frame = reservoir()
    assert again.evaluate(frame, part="test").scores == model.evaluate(frame, part="test").scores


# --- names of output columns ----------------------------------------------------------------------


def columns(
    *target: str, time: str | None = "ds", series: str | None = None, inputs: tuple[str, ...] = ()
) -> Columns:
    return Columns(target or ("y",), inputs, (), (), time, series)


BANDS = (0.1, 0.5, 0.9)


@pytest.mark.parametrize(
    ("roles", "options", "name"),
    [
        (columns(time="origin"), {"horizon": 2}, "origin"),
        (columns(time="step"), {"horizon": 2}, "step"),
        (columns(series="step"), {"horizon": 2}, "step"),
        (columns(series="origin"), {"horizon": 2}, "origin"),
        (columns("origin"), {"horizon": 2}, "origin"),
        (columns("y", "step"), {"horizon": 2}, "step"),
        (columns(series="row", time=None), {}, "row"),
        (columns("row", time=None), {}, "row"),
        (columns("y", "y_predicted"), {}, "y_predicted"),
        (columns("y_predicted", "y"), {}, "y_predicted"),
        (columns(time="y_predicted"), {}, "y_predicted"),
        (columns(series="y_predicted"), {}, "y_predicted"),
        (columns("y", "y_spread"), {"members": 2}, "y_spread"),
        (columns("y", "y_q0.1"), {"levels": BANDS}, "y_q0.1"),
        (columns(time="y_q0.5"), {"levels": BANDS}, "y_q0.5"),
    ],
)
def test_a_name_that_would_be_overwritten_is_refused(
    roles: Columns, options: dict[str, Any], name: str
) -> None:
    given = {"horizon": 0, "members": 1, "levels": (), **options}
    with pytest.raises(DataError, match=f"two columns '{name}'.*Rename the column '{name}'"):
        check_output_names(roles, **given)


def test_levels_that_would_share_a_name_are_refused() -> None:
    with pytest.raises(DataError, match=r"'y_q0\.1'.*levels"):
        check_output_names(columns(), horizon=0, members=1, levels=(0.1, 0.1000000001, 0.5))


@pytest.mark.parametrize(
    ("roles", "options"),
    [
        (columns(time="origin", series="step"), {}),  # a sensor's output has neither
        (columns(time="row"), {"horizon": 2}),
        (columns("y", "y_spread"), {"levels": BANDS}),
        (columns("y", "y_q0.1"), {"members": 3}),
        (columns(inputs=("y_predicted", "origin")), {"horizon": 2}),  # inputs are not given back
    ],
)
def test_a_name_that_nothing_else_has_is_welcome(roles: Columns, options: dict[str, Any]) -> None:
    check_output_names(roles, **{"horizon": 0, "members": 1, "levels": (), **options})


def made(roles: Columns, *, horizon: int = 0) -> Predictions:
    steps, targets = max(horizon, 1), len(roles.target)
    rows = np.arange(4)
    values = np.arange(4.0 * steps * targets).reshape(4, steps, targets)
    return Predictions(
        targets=roles.target,
        series=np.array(["a"] * 4),
        origin=rows,
        time=rows[:, None] + (np.arange(1, steps + 1) if horizon else 0),
        truth=values,
        point=values + 0.5,
        spread=values + 0.25,
        levels=BANDS,
        quantiles=values[..., None] + np.array(BANDS),
    )


def test_output_columns_hold_what_their_names_say() -> None:
    roles = columns("y", "z", series="unique_id")
    predictions = made(roles, horizon=2)
    found = prediction_columns(predictions, roles, truth=True)
    per_target = ["", "_predicted", "_spread", "_q0.1", "_q0.5", "_q0.9"]
    assert list(found) == [
        *("unique_id", "origin", "step", "ds"),
        *(f"{target}{suffix}" for target in "yz" for suffix in per_target),
    ]
    z = predictions.truth[:, :, 1].ravel()
    for suffix, more in zip(per_target, (0, 0.5, 0.25, *BANDS), strict=True):
        np.testing.assert_array_equal(found[f"z{suffix}"], z + more)
    np.testing.assert_array_equal(found["ds"], predictions.time.ravel())
    np.testing.assert_array_equal(found["origin"] + found["step"], found["ds"])


def test_output_columns_never_overwrite_one_another() -> None:
    roles = columns("y", "y_predicted")
    with pytest.raises(DataError, match="Rename the column 'y_predicted'"):
        prediction_columns(made(roles), roles, truth=True)
    # Without the truth beside them they differ.
    assert "y_predicted_predicted" in prediction_columns(made(roles), roles, truth=False)


def test_names_are_checked_before_training() -> None:
    frame = reservoir().rename({"ds": "origin"})
    model = gw.Forecaster(target="level", inputs="rain", horizon=2, **SMALL)
    with pytest.raises(DataError, match="Rename the column 'origin'"):
        model.fit(frame, progress=False)
    assert not hasattr(model, "fitted_")
    assert isinstance(frame, pl.DataFrame)
