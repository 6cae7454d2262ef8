"""Bands of fitted forecasters: likelihoods, calibration, and what is told and kept of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gatewise as gw
from gatewise.errors import DataError, OptionError
from gatewise.estimators.forecaster.case import columns_of
from gatewise.estimators.forecaster.forecasting import prepared_for
from tests.damage import about_of, with_about

LIKELIHOODS = ("gaussian", "student-t", "mixture", "residuals")


def noise(count: int = 1500, seed: int = 0, targets: int = 1) -> pd.DataFrame:
    """Return white noise around a level: what comes next is exchangeable with what was."""
    rng = np.random.default_rng(seed)
    columns = {f"y{k}": 50.0 + (k + 1) * rng.standard_t(4, count) for k in range(targets)}
    return pd.DataFrame({"x": rng.normal(size=count), **columns})


def fitted(frame: pd.DataFrame, **options) -> gw.Forecaster:
    targets = [name for name in frame.columns if name.startswith("y")]
    settings = {
        "target": targets,
        "inputs": ["x"],
        "time": "none",
        "horizon": 2,
        "lookback": 4,
        "hidden_size": 4,
        "steps": 30,
        "validation": 0.3,
        "test": 0.4,
        "baselines": ["climatology"],
        "refit": False,
    }
    return gw.Forecaster(**{**settings, **options}).fit(frame, progress=False)


@pytest.mark.parametrize("likelihood", [None, *LIKELIHOODS])
@pytest.mark.parametrize("horizon", [0, 2])
def test_bands_hold_what_they_promise(likelihood, horizon):
    """With 600 test rows of noise: within three standard deviations of the two parts' sampling."""
    quantiles = (0.1, 0.9) if likelihood is None else None
    model = fitted(
        noise(), horizon=horizon, likelihood=likelihood, quantiles=quantiles, normalise="window"
    )
    held = model.evaluation_.scores["gatewise"]["y0"]["coverage"]
    assert held == pytest.approx(0.8, abs=3 * np.sqrt(0.8 * 0.2 * (1 / 450 + 1 / 600)))
    assert model.evaluation_.calibration.windows in range(440, 461)


def test_an_untrained_band_is_made_to_hold_what_it_promises():
    model = fitted(noise(), quantiles=(0.1, 0.9), steps=1, learning_rate=1e-6)
    found = model.evaluation_
    assert abs(found.calibration.before["y0"] - 0.8) > 0.05
    assert found.scores["gatewise"]["y0"]["coverage"] == pytest.approx(0.8, abs=0.05)
    plain = fitted(noise(), quantiles=(0.1, 0.9), steps=1, learning_rate=1e-6, calibrate=False)
    assert plain.evaluation_.calibration is None
    held = plain.evaluation_.scores["gatewise"]["y0"]["coverage"]
    assert held == found.calibration.before["y0"]
    # The median, and with it the score of the prediction, is none of calibration's business.
    for metric in ("rmse", "nse"):
        one, other = (e.scores["gatewise"]["y0"][metric] for e in (found, plain.evaluation_))
        assert one == other


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_columns_order_members_and_several_targets(likelihood, tmp_path: Path):
    frame = noise(400, targets=2)
    frame.loc[::7, "y1"] = np.nan
    model = fitted(frame, likelihood=likelihood, members=2, missing="mask")
    predicted = model.predict()
    for target in ("y0", "y1"):
        names = [
            f"{target}_predicted",
            f"{target}_spread",
            *(f"{target}_q{a}" for a in (0.1, 0.5, 0.9)),
        ]
        assert set(names) <= set(predicted.columns)
        low, middle, high = (predicted[name].to_numpy() for name in names[2:])
        assert (low < middle).all()
        assert (middle < high).all()
        assert (middle == predicted[f"{target}_predicted"].to_numpy()).all()
    assert set(model.evaluation_.scores["gatewise"]) == {"y0", "y1"}
    model.save(tmp_path / "model")
    again = gw.Forecaster.load(tmp_path / "model")
    assert again.predict().equals(predicted)
    assert again.fitted_.calibration.about() == model.fitted_.calibration.about()


def test_members_are_averaged_level_by_level_where_they_are_calibrated():
    model = fitted(noise(400), likelihood="gaussian", members=2, transform="log", normalise="last")
    both = model.predict()["y0_q0.9"].to_numpy()
    whole = model.fitted_
    each = []
    for network in whole.networks:
        model.fitted_ = replace(whole, networks=(network,))
        each.append(np.log(model.predict()["y0_q0.9"].to_numpy()))
    assert np.log(both) == pytest.approx(np.mean(each, axis=0), rel=1e-9)


def test_a_model_of_before_there_was_calibration_predicts_as_it_did(tmp_path: Path):
    model = fitted(noise(400), quantiles=(0.1, 0.9), calibrate=False)
    model.save(tmp_path / "new")
    whole = (tmp_path / "new").read_bytes()
    about = about_of(whole)
    assert "calibration" not in about
    for settings in (about["settings"], about["asked"]):
        for name in ("likelihood", "calibrate"):
            del settings[name]
    (tmp_path / "old").write_bytes(with_about(whole, about, seal=True))
    old = gw.Forecaster.load(tmp_path / "old")
    assert old.predict().equals(model.predict())
    assert not old.calibrate


def test_what_predicts_is_calibrated_by_the_errors_of_what_was_scored():
    model = fitted(noise(400), quantiles=(0.1, 0.9), refit=True)
    plain = fitted(noise(400), quantiles=(0.1, 0.9), refit=False)
    assert (model.fitted_.calibration.factors == plain.fitted_.calibration.factors).all()
    band = model.predict()["y0_q0.9"].to_numpy()
    model.fitted_ = replace(model.fitted_, calibration=None)
    assert (model.predict()["y0_q0.9"].to_numpy() != band).all()


def test_what_is_told_of_calibration(tmp_path: Path):
    model = fitted(noise(400), quantiles=(0.1, 0.9)).fit(
        noise(400), out=tmp_path / "run", progress=False
    )
    told = json.loads((tmp_path / "run/metrics.json").read_text())["calibration"]
    found = model.evaluation_
    assert told["before"] == found.calibration.before
    assert told["after"] == {"y0": found.scores["gatewise"]["y0"]["coverage"]}
    assert told["part"] == "validation"
    assert told["windows"] == found.calibration.windows
    said = " ".join(found.verdict().sentences)
    assert "calibrated on the" in said
    assert f"Before that they held {found.calibration.before['y0'] * 100:.0f}\xa0%" in said
    again = gw.Forecaster.load(tmp_path / "run").evaluate(noise(400), part="test")
    assert again.calibration == found.calibration


def test_the_part_that_calibrates_says_nothing_when_it_is_the_one_that_is_scored():
    model = fitted(noise(400), quantiles=(0.1, 0.9), test=None)
    assert "says nothing of new data" in " ".join(model.evaluation_.verdict().sentences)


def test_too_small_a_validation_part_is_told():
    frame = noise(80)
    model = fitted(frame, horizon=1, quantiles=(0.01, 0.99), validation=0.2, test=0.2)
    assert model.evaluation_.calibration.too_few
    assert "too few for levels of 0.01" in " ".join(model.evaluation_.verdict().sentences)
    with pytest.raises(DataError, match=r"residuals.* a level of 0.01 needs 99"):
        fitted(frame, likelihood="residuals", quantiles=(0.01, 0.99), validation=0.2, test=0.2)


def counts(rows: int = 200) -> pd.DataFrame:
    """Return two series of negative binomial counts, of means 2 and 400, with a season of 12."""
    rng = np.random.default_rng(0)
    season = 1 + 0.5 * np.sin(np.arange(rows) * np.pi / 6)
    made = []
    for name, mean in (("few", 2.0), ("many", 400.0)):
        values = rng.poisson(rng.gamma(4.0, mean * season / 4.0))
        times = pd.date_range("2000-01-01", periods=rows, freq="MS")
        made.append(pd.DataFrame({"unique_id": name, "ds": times, "x": season, "y0": values}))
    return pd.concat(made)


@pytest.mark.parametrize("horizon", [0, 3])
def test_counts_of_unlike_size_share_a_network(horizon, tmp_path: Path):
    options = {"horizon": horizon, "time": "ds", "scale": "per_series", "steps": 60}
    model = fitted(
        counts(), likelihood="negative-binomial", series="unique_id", lookback=12, **options
    )
    found = model.evaluation_.predictions
    assert (found.quantiles >= 0).all()
    for name in ("few", "many"):
        rows = found.series == name
        truth, band = found.truth[rows, :, 0], found.quantiles[rows, :, 0]
        low, high = np.mean(truth < band[..., 0]), np.mean(truth > band[..., 2])
        # Some 80 rows each; below a quantile of counts lies its level at the most.
        assert low <= 0.1 + 0.12
        assert high <= 0.1 + 0.12
        assert np.mean(truth <= band[..., 1]) == pytest.approx(0.5, abs=0.25)
        assert band[..., 1].mean() == pytest.approx(truth.mean(), rel=0.4)
    if horizon:  # a baseline that predicts in its place knows as well that they are counts
        mean = model.predict(model="climatology")
        assert mean["y0_q0.1"].min() >= 0
    new = None if horizon else counts().drop(columns="y0")
    model.save(tmp_path / "model")
    assert gw.Forecaster.load(tmp_path / "model").predict(new).equals(model.predict(new))


@pytest.mark.parametrize(("horizon", "columns"), [(0, {"x"}), (2, {"x", "y0 (its own past)"})])
def test_the_rate_of_counts_is_no_input_of_its_own(horizon, columns):
    frame = noise(200).round().abs()
    frame["x"] = np.random.default_rng(1).normal(size=200)
    model = fitted(frame, likelihood="negative-binomial", horizon=horizon, steps=1)
    windows = prepared_for(model.fitted_, frame).windows("test")
    assert set(columns_of(windows, ("y0",))) == columns


@pytest.mark.parametrize(("wrong", "said"), [(-1.0, "−1"), (2.5, "2.5")])
def test_what_is_no_count_is_refused(wrong, said):
    frame = noise(200).round().abs()
    frame["x"] = np.arange(200.0)
    frame.loc[150, "y0"] = wrong
    with pytest.raises(DataError, match=rf"counts, but 'y0' is {said} at 150: give whole"):
        fitted(frame, likelihood="negative-binomial")


@pytest.mark.parametrize("option", [{"normalise": "last"}, {"transform": "log"}])
def test_counts_are_not_normalised_or_transformed(option):
    name = next(iter(option))
    with pytest.raises(OptionError, match=f"leave {name} at 'auto'"):
        fitted(noise(200), likelihood="negative-binomial", **option)


@pytest.mark.parametrize("likelihood", ["gaussian", "student-t", "mixture", "negative-binomial"])
def test_the_exact_crps_is_what_that_of_many_quantiles_comes_to(likelihood):
    frame = noise(300)
    frame["y0"] = frame["y0"].round().abs()
    levels = tuple(np.arange(1, 20) / 20)
    options = {"quantiles": levels, "transform": "none", "calibrate": False}
    found = fitted(frame, likelihood=likelihood, **options).evaluation_
    banded = found.scores["gatewise"]["y0"]["crps"]
    assert found.exact_crps["y0"] == pytest.approx(banded, rel=0.03)  # whose bias is 1.4 %
    assert fitted(frame, quantiles=(0.1, 0.9)).evaluation_.exact_crps == {}


def test_bad_options():
    with pytest.raises(OptionError, match="likelihood must be one of 'gaussian'"):
        gw.Forecaster(likelihood="gausian").check_options()
    with pytest.raises(OptionError, match="leave calibrate on"):
        gw.Forecaster(likelihood="residuals", calibrate=False, horizon=1).check_options()
    with pytest.raises(OptionError, match="calibrate must be"):
        gw.Forecaster(calibrate="yes").check_options()


def test_explaining_a_distribution_asks_for_its_mean():
    model = fitted(noise(400), likelihood="mixture")
    case = model.explain_case(noise(400), part="test", by=None, module=None, budget=5.0)
    assert case.model(*case.inputs).shape == (case.rows, 2)
