"""Rows after the last known target, with what is known ahead: forecast by a fit and never trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.cli import run as gatewise
from gatewise.errors import DataError, FileError, GatewiseWarning

TINY = {
    "target": "sold",
    "inputs": ["visits"],
    "future": ["promotion"],
    "horizon": 4,
    "lookback": 8,
    "hidden_size": 3,
    "steps": 3,
    "members": 1,
    "baselines": ["ridge"],
}
ROWS = 90


def sales(ahead: int = 4, rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """Return days of sales, and `ahead` more of which the promotions alone are known."""
    rng = np.random.default_rng(seed)
    promotion = rng.integers(0, 2, rows + ahead) * 1.0
    visits = 50 + rng.normal(size=rows + ahead)
    sold = 20 + 10 * promotion + 0.1 * visits + rng.normal(size=rows + ahead)
    known = np.arange(rows + ahead) < rows
    return pl.DataFrame(
        {
            "ds": np.datetime64("2001-01-01") + np.arange(rows + ahead),
            "sold": pl.Series(np.where(known, sold, np.nan)).fill_nan(None),
            "visits": pl.Series(np.where(known, visits, np.nan)).fill_nan(None),
            "promotion": promotion,
        }
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[gw.Forecaster, Path]:
    folder = tmp_path_factory.mktemp("ahead")
    sales().write_csv(folder / "sales.csv")
    model = gw.Forecaster(**TINY)
    return model.fit(folder / "sales.csv", out=folder / "run", progress=False), folder / "run"


def test_a_run_holds_the_forecast_of_the_rows_ahead(fitted: tuple[gw.Forecaster, Path]) -> None:
    model, run = fitted
    left = pl.read_csv(run / "forecast.csv")["sold_predicted"]
    assert len(left) == 4
    again = gw.Forecaster.load(run)
    for told in (model.predict(), again.predict(), again.predict(sales())):
        np.testing.assert_allclose(told["sold_predicted"], left, rtol=1e-9)
    # The promotions are those that were given, and not others.
    other = sales().with_columns(promotion=1 - pl.col("promotion"))
    assert np.abs(again.predict(other)["sold_predicted"].to_numpy() - left.to_numpy()).min() > 1e-6
    ridge = again.predict(model="ridge")["sold_predicted"].to_numpy()
    np.testing.assert_allclose(ridge, 25 + 10 * sales()["promotion"].to_numpy()[-4:], atol=3)


def test_nothing_is_trained_on_them_or_scored(fitted: tuple[gw.Forecaster, Path]) -> None:
    model, run = fitted
    plain = gw.Forecaster(**TINY).fit(sales()[:ROWS], progress=False)
    assert plain.evaluation_.scores == model.evaluation_.scores
    assert plain.fitted_.split == model.fitted_.split
    assert plain.fitted_.data["rows"] == model.fitted_.data["rows"] == ROWS
    scores = gw.Forecaster.load(run).evaluate(sales(), part="test").scores
    assert scores["gatewise"] == model.evaluation_.scores["gatewise"]
    assert plain.fitted_.context.time.max() == model.fitted_.context.time.max()
    # Later rows follow the last known target, whatever of them was given before.
    later = sales(4, ROWS + 10)[ROWS:]
    for each in (plain, model):
        assert len(each.predict(later)) == 4


def test_the_command_line_says_what_it_read(
    fitted: tuple[gw.Forecaster, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = fitted[1]
    options = ["--target", "sold", "--inputs", "visits", "--future", "promotion", "--horizon", "4"]
    quick = ["--steps", "1", "--lookback", "4", "--hidden-size", "2", "--baselines", "persistence"]
    again = ["fit", str(run.parent / "sales.csv"), *options, *quick, "--members", "1"]
    assert gatewise([*again, "--out", str(run.parent / "other")]) == 0
    said = capsys.readouterr().out
    assert "90 rows, one series" in said
    assert "ahead       4 rows without a target" in said
    assert f"Forecast  {run.parent / 'other' / 'forecast.csv'}" in said
    assert gatewise(["evaluate", str(run)]) == 0
    assert gatewise(["predict", str(run)]) == 0
    assert "The first 4 of 4 rows" in capsys.readouterr().out


def test_too_few_or_too_many_rows_ahead(tmp_path: Path) -> None:
    short = gw.Forecaster(**TINY).fit(sales(2), out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run/forecast.csv").exists()
    with pytest.raises(DataError, match="future column 'promotion' is not known at 2001-04-03"):
        short.predict()
    with pytest.raises(DataError, match=r"'sold' has 1 missing value.* give the first 4 at most"):
        gw.Forecaster(**TINY).fit(sales(5), progress=False)
    holed = sales().with_columns(
        promotion=pl.when(pl.int_range(ROWS + 4) == ROWS + 1).then(None).otherwise("promotion")
    )
    with pytest.raises(DataError, match="column 'promotion' has 1 missing value"):
        gw.Forecaster(**TINY).fit(holed, progress=False)


def test_a_panel_forecasts_the_series_that_go_on(tmp_path: Path) -> None:
    frame = pl.concat(
        [
            sales(ahead, seed=seed).with_columns(unique_id=pl.lit(name))
            for seed, (name, ahead) in enumerate({"a": 4, "b": 0, "c": 4}.items())
        ]
    )
    model = gw.Forecaster(**TINY).fit(frame, out=tmp_path / "run", progress=False)
    assert pl.read_csv(tmp_path / "run/forecast.csv")["unique_id"].unique().sort().to_list() == [
        *("a", "c")
    ]
    with pytest.warns(GatewiseWarning, match=r"no prediction for 1 of 3 series: 'b': the data"):
        assert len(model.predict()) == 8
    # A file whose rows ahead were tampered with is refused.
    model.fitted_.ahead.starts[-1] += 1
    model.save(tmp_path / "damaged")
    with pytest.raises(FileError, match="its series do not make up its rows"):
        gw.Forecaster.load(tmp_path / "damaged")
