"""Where two correct parts meet: panels and stored context, devices and files, noise and flags."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import gatewise as gw
from gatewise.data.tables.windows import Windows
from gatewise.errors import DataError, GatewiseWarning, OptionError
from gatewise.estimators.forecaster.preparation import prepare, read_table
from tests.estimators.data import panel, reservoir

SMALL = {"lookback": 20, "hidden_size": 4, "epochs": 1, "batch_size": 64}


def sensor(**options: object) -> gw.Forecaster:
    return gw.Forecaster(**{"target": "level", "inputs": "rain", **SMALL, **options})


def after(frame: pl.DataFrame, rows: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cut a panel in its first days and the last `rows` days of each series."""
    bound = frame["ds"].unique().sort()[-rows]
    return frame.filter(pl.col("ds") < bound), frame.filter(pl.col("ds") >= bound)


def test_a_series_that_follows_is_predicted_beside_one_that_does_not() -> None:
    past, new = after(panel(), 5)
    model = sensor().fit(past, progress=False)
    late = pl.col("unique_id") != "south"
    with pytest.warns(GatewiseWarning, match="1 of 2 series.*'south'"):
        got = model.predict(new.filter(late | (pl.col("ds") > new["ds"].min())))
    assert got["unique_id"].to_list() == ["north"] * 5


def test_a_short_series_does_not_keep_the_others_from_their_forecast() -> None:
    frame = panel()
    short = frame.filter((pl.col("unique_id") == "north") | (pl.col("ds") > pl.date(2001, 6, 1)))
    model = sensor(horizon=2)
    with pytest.warns(GatewiseWarning, match="no training and no score for 1 of 2 series: 'south'"):
        model.fit(short, progress=False)
    with pytest.warns(GatewiseWarning, match="no prediction for 1 of 2 series: 'south'"):
        assert model.predict()["unique_id"].to_list() == ["north"] * 2
    with pytest.raises(DataError, match="lookback=20 rows up to there; there are 5"):
        model.predict(frame.filter(pl.col("unique_id") == "north").head(5))


def test_a_forecast_starts_from_the_last_known_target_of_the_fitted_data() -> None:
    frame = reservoir().with_columns(
        level=pl.when(pl.int_range(240) >= 237).then(None).otherwise("level")
    )
    model = sensor(horizon=2, missing="mask").fit(frame, progress=False)
    got = model.predict()
    assert got["origin"].to_list() == [frame["ds"][236]] * 2
    assert got.equals(model.predict(frame))


def test_a_sensor_does_not_look_at_the_target_column_at_all() -> None:
    frame = reservoir()
    model = sensor().fit(frame, progress=False)
    wild = frame.with_columns(level=pl.lit("?"))
    assert model.predict(wild).equals(model.predict(frame))


def test_rows_that_lie_ahead_need_only_what_is_known_ahead() -> None:
    frame = reservoir().with_columns(plan=pl.col("rain") * 2)
    model = sensor(horizon=3, future="plan").fit(frame[:200], progress=False)
    whole = model.predict(
        pl.concat([frame[:200], frame[200:203].with_columns(level=None, rain=None)])
    )
    assert whole.equals(model.predict(frame[200:203].select("ds", "plan")))


def test_training_on_holds_new_data_to_the_time_step() -> None:
    model = sensor(test=None).fit(reservoir(), progress=False)
    hours = pl.Series(
        np.datetime64("2002-01-01T00", "us") + np.arange(240) * np.timedelta64(1, "h")
    )
    with pytest.raises(DataError, match="1 hour apart, where 1 day is expected"):
        model.continue_on(reservoir().with_columns(ds=hours), progress=False)


@pytest.mark.parametrize("bound", [date(2001, 6, 1), np.datetime64("2001-06-01"), "2001-06-01"])
def test_dates_of_any_kind_bound_the_parts(bound: object) -> None:
    model = sensor(validation=bound, test=date(2001, 7, 15)).fit(reservoir(), progress=False)
    assert str(model.fitted_.split.train_end)[:10] == "2001-06-01"
    assert gw.Forecaster(**model.to_json()).to_json() == model.to_json()


def test_integers_bound_the_parts_of_integer_times() -> None:
    frame = reservoir().with_columns(ds=pl.int_range(1000, 1240))
    model = sensor(validation=1150, test=1200).fit(frame, progress=False)
    assert (model.fitted_.split.train_end, model.fitted_.split.validation_end) == (1150, 1200)
    with pytest.raises(OptionError, match="share between 0 and 1"):
        sensor(validation=1.5).fit(frame, progress=False)


def test_a_model_is_used_where_it_is_loaded_wherever_it_was_fitted(tmp_path: Path) -> None:
    frame = reservoir()
    model = sensor().fit(frame, progress=False)
    expected = model.predict(frame)
    model.fitted_.settings.device = "cuda"  # as a fit on a GPU leaves it
    model.save(tmp_path / "model.safetensors")
    assert gw.Forecaster.load(tmp_path / "model.safetensors").predict(frame).equals(expected)
    with pytest.raises(OptionError, match="device='cud'"):
        gw.Forecaster.load(tmp_path / "model.safetensors", device="cud")


def test_a_complete_run_that_is_resumed_is_scored(tmp_path: Path) -> None:
    frame = reservoir()
    frame.write_csv(tmp_path / "data.csv")
    model = sensor().fit(tmp_path / "data.csv", out=tmp_path / "run", progress=False)
    again = gw.Forecaster.resume(tmp_path / "run")
    assert again.evaluate().scores == model.evaluate().scores


def test_noise_is_for_measured_values_that_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    from gatewise.estimators.network import RecurrentNetwork  # noqa: PLC0415

    forward = RecurrentNetwork.forward
    monkeypatch.setattr(
        RecurrentNetwork,
        "forward",
        lambda self, x, masks=None: (seen.append(x), forward(self, x, masks))[1],
    )
    frame = reservoir().with_columns(plan=pl.col("rain") * 2)
    model = sensor(horizon=3, future="plan", missing="mask", noise=0.5)
    windows: Windows = prepare(model, read_table(model, frame)).train
    model.fit(frame, progress=False)
    x = seen[0]
    blind = x[20:, :, ~torch.from_numpy(windows.known_ahead)]
    assert (blind == 0).all()
    ahead = x[:, :, windows.names.index("ahead")]
    assert (ahead[:20] == 0).all()
    assert (ahead[20:] == 1).all()
    assert set(x[:, :, windows.names.index("rain:missing")].unique().tolist()) == {0.0}
    clean = set(windows.features[:, :2].ravel().tolist())
    assert not clean & set(x[:20, :, :2].ravel().tolist())  # everything measured is shaken


def test_a_stop_between_folder_and_start_leaves_nothing_that_cannot_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gatewise.estimators.forecaster import estimator  # noqa: PLC0415

    model = sensor(test=None).fit(reservoir(), out=tmp_path / "run", progress=False)
    before = (tmp_path / "run/model.safetensors").read_bytes()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(estimator, "save_model", stop)
    with pytest.raises(KeyboardInterrupt):
        model.continue_on(reservoir(), out=tmp_path / "run", overwrite=True, progress=False)
    assert gw.Forecaster.load(tmp_path / "run").predict(reservoir()) is not None
    assert (tmp_path / "run/model.safetensors").read_bytes() == before
