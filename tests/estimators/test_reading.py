"""How a table is read is said once: fit, resume, predict and evaluate read files in the same way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.errors import DataError, FileError, OptionError
from tests.estimators.data import reservoir

OPTIONS = {
    "target": "level",
    "inputs": "rain",
    "lookback": 5,
    "hidden_size": 3,
    "epochs": 1,
    "decimal": ",",
    "comment": "#",
    "date_format": "%d.%m.%Y",
    "sort": True,
    "drop_duplicates": "last",
    "fill": "forward",
    "fill_limit": 3,
}


def text_of(frame: pl.DataFrame) -> str:
    """Return a table as a German spreadsheet leaves it: shuffled, with a repeat, a hole, a comment."""
    frame = pl.concat([frame.with_columns(rain=pl.lit(99.0)).head(20).tail(1), frame])
    kept = [row for row in range(len(frame)) if row not in (30, 31)]
    order = [kept[0], *reversed(kept[1:40]), *kept[40:]]
    lines = ["# gauge 7", "day;rain;level;remark"]
    for day, rain, level in frame[order].select("ds", "rain", "level").iter_rows():
        cells = (f"{day:%d.%m.%Y}", f"{rain!r}".replace(".", ","), f"{level!r}".replace(".", ","))
        lines.append(";".join((*cells, "ok")))
    return "\n".join(lines) + "\n"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "pegel.csv"
    path.write_text(text_of(reservoir(150)))
    return path


def test_a_run_reads_every_file_as_the_fit_did(written: Path, tmp_path: Path, capsys) -> None:
    run = tmp_path / "run"
    model = gw.Forecaster(**OPTIONS).fit(written, out=run)
    said = capsys.readouterr().err
    assert "columns not used: remark" in said
    assert "repeated times: 1 row left out, the last of each kept" in said
    assert "2 missing rows added" in said
    assert "2 of level and 2 of rain; no filled target is trained on or scored" in said
    assert model.fitted_.data["not_used"] == ["remark"]
    assert len(model.fitted_.data["repairs"]) == 4
    scored = model.evaluation_.predictions
    assert np.isfinite(scored.truth).all()

    loaded = gw.Forecaster.load(run)
    assert json.loads((run / "config.json").read_text())["settings"]["comment"] == "#"
    again = loaded.predict(written)
    assert again["level_predicted"].to_list() == model.predict(written)["level_predicted"].to_list()
    assert len(again) == 150 - 4  # the hole is filled, the repeat is gone
    assert loaded.evaluate(written, part="test").scores == model.evaluation_.scores
    with pytest.raises(FileError, match="separated by ','"):
        loaded.predict(str(_plain(tmp_path)))
    # a frame in memory needs no word on how it is written
    assert len(loaded.predict(reservoir(150).rename({"ds": "day"}))) == 146


def _plain(folder: Path) -> Path:
    path = folder / "plain.csv"
    reservoir(20).write_csv(path)
    return path


def test_nothing_is_repaired_unasked(written: Path) -> None:
    plain = {**OPTIONS, "sort": False, "drop_duplicates": None, "fill": None}
    with pytest.raises(DataError, match=r"goes back .*sort=True"):
        gw.Forecaster(**plain).fit(written, progress=False)
    with pytest.raises(DataError, match=r"repeats .*drop_duplicates="):
        gw.Forecaster(**{**plain, "sort": True}).fit(written, progress=False)
    with pytest.raises(DataError, match=r"irregular.*fill=\"forward\""):
        gw.Forecaster(**{**plain, "sort": True, "drop_duplicates": "first"}).fit(
            written, progress=False
        )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sep": ",", "decimal": ","}, "decimal=',' needs another mark"),
        ({"sep": "#", "comment": "#"}, "comment='#' is also what stands between cells"),
        ({"fill": "mean"}, "fill must be one of"),
        ({"fill_limit": 0}, "fill_limit must be a whole number of at least 1"),
        ({"sep": ";;"}, "sep must be one character"),
        ({"decimal": "·"}, "decimal must be"),
        ({"comment": "REM"}, "comment must be"),
        ({"date_format": "%H:%M"}, "date_format must be"),
        ({"date_format": "YYYY-MM-DD"}, "date_format must be"),
        ({"sort": "time"}, "sort must be a switch"),
        ({"drop_duplicates": True}, "drop_duplicates must be"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], told: str) -> None:
    model = gw.Forecaster(target="level", inputs="rain", **options)
    with pytest.raises(OptionError, match=told):
        model.fit(reservoir(60), progress=False)


@pytest.mark.parametrize("season", [7, None])
def test_a_season_fills_gaps_with_that_of_before(season: int | None) -> None:
    frame = reservoir(150).with_columns(
        rain=pl.when(pl.int_range(150) == 100).then(None).otherwise(pl.col("rain"))
    )
    model = gw.Forecaster(
        target="level",
        inputs="rain",
        lookback=5,
        hidden_size=3,
        epochs=1,
        fill="season",
        season=season,
    )
    fitted = model.fit(frame, progress=False).fitted_
    assert fitted.data["repairs"] == [
        *([] if season else ["a season of 7 steps found"]),
        "values filled in (season, gaps of up to 10 steps): 1 of rain",
    ]
    # Fewer new rows than tell a season are filled by that of the fit.
    later = reservoir(170)[148:].with_columns(
        rain=pl.when(pl.int_range(22) == 15).then(None).otherwise(pl.col("rain"))
    )
    assert model.predict(later)["level_predicted"].is_finite().all()
