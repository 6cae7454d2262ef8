"""Categories by embedding: learnt from, saved and resumed, unknown ones named; nothing leaks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import gatewise as gw
from gatewise.errors import DataError, FileError, GatewiseWarning, OptionError
from gatewise.estimators.embedding import CategoryEmbedding, width_of
from gatewise.estimators.forecaster import saving
from gatewise.estimators.forecaster.fitting import prepared_to_fit
from gatewise.training import loop
from gatewise.training.randomness import seeded

TINY = {"target": "y", "inputs": ["sky", "x"], "lookback": 4, "hidden_size": 4, "epochs": 2}
LEVELS = {"dry": 0.0, "wet": 3.0, "snow": -2.0}


def weather(rows: int = 160, seed: int = 0) -> pl.DataFrame:
    """Return days whose `y` follows from the label `sky` and hardly from `x`."""
    rng = np.random.default_rng(seed)
    sky = rng.choice(list(LEVELS), rows)
    level = np.array([LEVELS[label] for label in sky])
    days = np.datetime64("2001-01-01") + np.arange(rows)
    x = rng.normal(size=rows)
    return pl.DataFrame({"ds": days, "y": level + 0.1 * x, "sky": sky, "x": x})


def test_a_sensor_learns_from_a_category_alone() -> None:
    model = gw.Forecaster(**{**TINY, "inputs": "sky", "epochs": 25, "learning_rate": 0.1})
    model.fit(weather(), progress=False)
    scores = model.evaluation_.scores
    assert scores["gatewise"]["y"]["nse"] > 0.95
    assert model.fitted_.features == ("sky",)
    assert model.fitted_.data["categories"] == {"sky": "3 labels"}
    # ridge regression, told dry from wet from snow, is as good: what it reads is no secret of ours
    assert scores["ridge"]["y"]["nse"] > 0.95
    assert not [note for note in model.evaluation_.notes if "category" in note]


def test_numbers_that_are_labels_learn_what_they_cannot_say_as_numbers() -> None:
    code = {"dry": 7, "wet": 1, "snow": 4}
    frame = weather().with_columns(pl.col("sky").replace_strict(code))
    options = {**TINY, "inputs": "sky", "epochs": 25, "learning_rate": 0.1}
    labels = gw.Forecaster(**options, categories="sky").fit(frame, progress=False)
    assert labels.fitted_.vocabulary.labels == (("1", "4", "7"),)
    assert labels.evaluation_.scores["gatewise"]["y"]["nse"] > 0.95


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a category as input and one that is static."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    frame = panel()
    model = gw.Forecaster(**{**TINY, "static": "soil", "horizon": 2, "unseen": "unknown"})
    model.fit(frame, out=folder, progress=False)
    return folder


def panel() -> pl.DataFrame:
    parts = [
        weather(120, seed).with_columns(unique_id=pl.lit(name), soil=pl.lit(soil))
        for seed, (name, soil) in enumerate({"a": "clay", "b": "sand", "c": "clay"}.items())
    ]
    return pl.concat(parts)


def test_a_saved_model_predicts_the_same(run: Path) -> None:
    loaded = gw.Forecaster.load(run)
    again = gw.Forecaster.load(run / "model.safetensors")
    frame = panel()
    assert loaded.fitted_.features[-2:] == ("sky", "soil")
    one, other = (model.predict(frame)["y_predicted"] for model in (loaded, again))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        loaded.predict()["y_predicted"], one
    )  # from the rows that it keeps
    new = panel().group_by("unique_id", maintain_order=True).tail(10)
    np.testing.assert_array_equal(
        loaded.predict(new)["y_predicted"], one
    )  # labels in another order
    scores = json.loads((run / "metrics.json").read_text())["scores"]["gatewise"]
    now = loaded.evaluate(frame, part="test").scores["gatewise"]
    assert now["y"]["rmse"] == scores["y"]["rmse"]


def test_the_page_and_the_explanation_know_it_by_name(run: Path) -> None:
    model = gw.Forecaster.load(run)
    summary = model.summary(panel())
    assert {"sky", "soil"} <= set(summary.window.inputs)
    assert summary.data["categories"] == {"sky": "3 labels", "soil": "2 labels"}
    summary.contents()
    case = model.explain_case(panel(), part=None, by=None, module=None, budget=60)
    assert case.labels == ("sky", "soil")
    assert {"sky", "soil"} <= set(case.columns)


def test_baselines_tell_frequent_labels_apart_also_those_known_ahead(tmp_path: Path) -> None:
    many = weather().with_columns(
        station=pl.Series([f"s{row % 31}" if row % 2 else "usual" for row in range(160)])
    )
    options = {**TINY, "inputs": ["x", "station"], "future": "sky", "horizon": 2, "epochs": 1}
    model = gw.Forecaster(**options, baselines=["ridge", "boosting"]).fit(many, progress=False)
    scores = model.evaluation_.scores
    assert scores["ridge"]["y"]["nse"] > 0.9
    assert scores["boosting"]["y"]["nse"] > 0.9
    said = "The baselines tell 20 of the 32 labels of station apart, the most frequent."
    assert said in model.evaluation_.notes
    model.save(tmp_path / "model")
    ahead = weather(162).tail(2).with_columns(y=None, x=None, station=pl.lit("usual"))
    rows = pl.concat([many, ahead.select(many.columns)], how="vertical_relaxed")
    again = gw.Forecaster.load(tmp_path / "model")
    for name in ("ridge", "boosting"):
        told = again.predict(rows, model=name)["y_predicted"].to_numpy()
        now = model.predict(rows, model=name)["y_predicted"]
        np.testing.assert_allclose(told, now, rtol=1e-12)
        wanted = [LEVELS[label] for label in ahead["sky"]]
        np.testing.assert_allclose(told, wanted, atol=1.0)


def test_an_explanation_ranks_labels_and_has_no_gradient_along_them() -> None:
    model = gw.Forecaster(**{**TINY, "epochs": 20, "learning_rate": 0.1})
    model.fit(weather(), progress=False)
    explanation = gw.explain(model, weather(), budget=20)
    assert any(
        "sky of the current day counts most" in each.sentence for each in explanation.findings
    )
    assert "sky holds labels" in explanation.skipped["integrated_gradients"]


def test_a_label_that_training_did_not_have(run: Path) -> None:
    model = gw.Forecaster.load(run)
    hail = panel().with_columns(
        sky=pl.when(pl.col("unique_id") == "a").then(pl.lit("hail")).otherwise(pl.col("sky"))
    )
    with pytest.warns(
        GatewiseWarning, match=r"'hail' of 'sky' in 120 rows; they are taken for unknown"
    ):
        told = model.predict(hail)
    other = hail.with_columns(sky=pl.col("sky").replace("hail", "sleet"))
    with pytest.warns(GatewiseWarning, match="'sleet'"):
        np.testing.assert_array_equal(model.predict(other)["y_predicted"], told["y_predicted"])
    peat = panel().with_columns(soil=pl.lit("peat"))
    with pytest.warns(GatewiseWarning, match=rf"'peat' of 'soil' in {len(peat)} rows; they"):
        model.predict(peat)  # the rows that are predicted are none of those given
    strict = model.set_params(unseen="refuse")
    strict.fitted_.settings.unseen = "refuse"
    with pytest.raises(DataError, match=r"'hail' of 'sky' .*unseen='unknown'"):
        strict.predict(hail)


def test_labels_of_the_test_part_alone_are_unknown_and_told() -> None:
    frame = weather().with_columns(
        sky=pl.when(pl.int_range(160) > 150).then(pl.lit("hail")).otherwise(pl.col("sky"))
    )
    with pytest.warns(GatewiseWarning, match=r"'hail' of 'sky' in 9 rows; they are taken"):
        model = gw.Forecaster(**TINY).fit(frame, progress=False)
    assert model.fitted_.vocabulary.labels == (("dry", "snow", "wet"),)
    with pytest.raises(DataError, match="'hail' of 'sky' in 9 rows"):
        gw.Forecaster(**TINY, unseen="refuse").fit(frame, progress=False)


def test_no_label_after_now_reaches_a_forecast() -> None:
    frame = weather()
    later = frame.with_columns(
        sky=pl.when(pl.int_range(160) > 100).then(pl.lit("wet")).otherwise(pl.col("sky"))
    )
    settings = gw.Forecaster(**TINY, horizon=3, normalise="last")
    one, other = (prepared_to_fit(settings, each).windows(None) for each in (frame, later))
    at = int(np.flatnonzero(one.origins == 100)[0])
    np.testing.assert_array_equal(one.gather(np.array([at]))[0], other.gather(np.array([at]))[0])
    assert (one.gather(np.array([at]))[0][-3:, :, -1] == 0).all()


def test_a_category_that_is_known_ahead_has_to_be_given_ahead(tmp_path: Path) -> None:
    options = {**TINY, "inputs": "x", "future": "sky", "horizon": 2}
    model = gw.Forecaster(**options).fit(weather(), progress=False)
    with pytest.raises(DataError, match="future column 'sky' is not known at 2001-06-10"):
        model.predict()
    ahead = pl.concat(
        [weather(), weather(162).tail(2).with_columns(y=None, x=None)], how="vertical_relaxed"
    )
    wet, dry = (
        model.predict(
            ahead.with_columns(
                sky=pl.when(pl.int_range(162) < 160).then("sky").otherwise(pl.lit(label))
            )
        )["y_predicted"]
        for label in ("wet", "dry")
    )
    assert (wet != dry).all()


def test_a_resumed_fit_is_the_uninterrupted_one(tmp_path: Path, monkeypatch) -> None:
    options = {**TINY, "epochs": 4, "patience": None, "dropout": 0.2}
    whole = gw.Forecaster(**options).fit(weather(), out=tmp_path / "whole", progress=False)
    frame = tmp_path / "weather.csv"
    weather().write_csv(frame)
    real, calls = loop._Trainer._train_round, []

    def stop(self, *args):
        calls.append(self)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, *args)

    monkeypatch.setattr(loop._Trainer, "_train_round", stop)
    with pytest.raises(KeyboardInterrupt):
        gw.Forecaster(**options).fit(frame, out=tmp_path / "cut", progress=False)
    monkeypatch.setattr(loop._Trainer, "_train_round", real)
    resumed = gw.Forecaster.resume(tmp_path / "cut", progress=False)
    for one, other in zip(
        whole.fitted_.networks[0].parameters(),
        resumed.fitted_.networks[0].parameters(),
        strict=True,
    ):
        assert torch.equal(one, other)


def test_training_on_keeps_the_labels(run: Path) -> None:
    model = gw.Forecaster.load(run)
    frame = panel().with_columns(pl.col("sky").replace("snow", "wet"))
    on = model.continue_on(frame, progress=False)
    assert on.fitted_.vocabulary.labels == (("dry", "snow", "wet"), ("clay", "sand"))


def test_a_file_whose_labels_were_tampered_with_is_refused(run: Path, tmp_path: Path) -> None:
    fitted = gw.Forecaster.load(run).fitted_
    about = fitted.vocabulary.to_json()
    for wrong in ([], [["dry", "snow"], ["clay", "sand"]], [about[0], [1, 2]]):
        fitted = gw.Forecaster.load(run).fitted_
        object.__setattr__(fitted.vocabulary, "labels", tuple(map(tuple, wrong)))
        path = tmp_path / "model.safetensors"
        saving.save_model(fitted, path)
        with pytest.raises(FileError):
            gw.Forecaster.load(path)


def test_the_embedding() -> None:
    assert [width_of(labels, None) for labels in (2, 3, 10, 100, 1000)] == [2, 3, 6, 21, 32]
    assert width_of(1000, 5) == 5
    with seeded(3):
        front = CategoryEmbedding((3, 2), 2)
    x = torch.tensor([[[0.5, 2.0, 1.0]], [[0.1, 0.0, 2.0]]])  # [T=2, B=1, F=3]
    read = front(x)
    assert read.shape == (2, 1, 5)
    assert read[0, 0].tolist() == [
        0.5,
        *front.tables[0].weight[2].tolist(),
        *front.tables[1].weight[1].tolist(),
    ]
    assert read[1, 0, 1:3].tolist() == [0, 0]  # unknown begins in the middle
    blind = front(x, torch.zeros(1, 2))
    assert blind[..., 1:].abs().max() == 0
    generator = torch.Generator().manual_seed(0)
    known = front.draw(generator, 4000, slice(0, 4000))
    assert abs(float(known.mean()) - 0.95) < 0.01
    halves = [
        front.draw(torch.Generator().manual_seed(0), 4000, rows)
        for rows in (slice(0, 2000), slice(2000, 4000))
    ]
    assert torch.equal(torch.cat(halves), known)  # processes draw as one alone would


def test_options_that_do_not_fit() -> None:
    with pytest.raises(OptionError, match=r"categories=\['soil'\] are none of the inputs"):
        gw.Forecaster(**TINY, categories="soil").fit(weather(), progress=False)
    with pytest.raises(OptionError, match="unseen must be one of"):
        gw.Forecaster(**TINY, unseen="skip").fit(weather(), progress=False)
    with pytest.raises(OptionError, match="embedding must be a whole number"):
        gw.Forecaster(**TINY, embedding=0).fit(weather(), progress=False)
