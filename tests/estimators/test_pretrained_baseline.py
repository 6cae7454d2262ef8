"""A pre-trained model among a forecast's baselines: a stand-in, and TiRex with random weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import gatewise as gw
from benchmarks.descendants import packages
from gatewise.cli.main import run as gatewise
from gatewise.errors import FileError, OptionError
from gatewise.estimators.forecaster.baselines import pretrained
from gatewise.estimators.forecaster.score_names import MODEL_NAME
from gatewise.estimators.forecaster.untrained import untrained
from gatewise.typing import Array
from tests.estimators.data import reservoir

OPTIONS = {
    "target": "level",
    "inputs": "rain",
    "horizon": 3,
    "lookback": 5,
    "hidden_size": 2,
    "steps": 2,
    "members": 1,
    "quantiles": [0.05, 0.3, 0.5],
}


class StandIn:
    """Forecasts the last value, less or more by level; keeps what it was asked."""

    levels = (0.1, 0.5, 0.9)
    most_steps: int | None = None
    asked: list[Array]

    def __init__(self, path: Path) -> None:
        if path.read_text() != "a model":
            raise FileError(f"{path} is no model")
        type(self).asked = []

    def forecast(self, context: Array, steps: int) -> Array:
        self.asked.append(context)
        return context[:, -1, None, None] + np.arange(-1.0, 2.0) + np.zeros((steps, 1))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setitem(pretrained.LOADERS, "tirex", ("model.ckpt", StandIn))
    pretrained.load.cache_clear()
    (tmp_path / "model.ckpt").write_text("a model")
    yield tmp_path
    pretrained.load.cache_clear()


def test_it_stands_beside_all_others_and_is_asked_again_after_loading(folder: Path) -> None:
    run = folder / "run"
    model = gw.Forecaster(**OPTIONS, baselines=[f"tirex={folder}"])
    model.fit(reservoir(), out=run, progress=False)
    evaluation = model.evaluation_
    plain = ["persistence", "seasonal_naive", "climatology", "ridge"]
    assert list(evaluation.scores) == [MODEL_NAME, *plain, "tirex"]
    scores = {name: evaluation.scores[name]["level"] for name in ("tirex", "persistence")}
    assert scores["tirex"]["rmse"] == pytest.approx(scores["persistence"]["rmse"])
    assert any("is not trained here" in note for note in evaluation.notes)
    context = StandIn.asked[-1]
    assert context.shape[1] == pretrained.CONTEXT
    assert np.isnan(context[:, 0]).all()  # before the series began
    again = gw.Forecaster.load(run)
    ahead = again.predict(model="tirex")
    last = float(reservoir()["level"][-1])
    np.testing.assert_allclose(ahead["level_predicted"], last)
    # Below its own outermost level there is nothing further, and between two it is on a line.
    np.testing.assert_allclose(ahead["level_q0.05"], last - 1)
    np.testing.assert_allclose(ahead["level_q0.3"], last - 0.5)


def test_it_may_stand_beside_chosen_ones(folder: Path) -> None:
    model = gw.Forecaster(**OPTIONS, baselines=["ridge", f"tirex={folder / 'model.ckpt'}"])
    model.fit(reservoir(), progress=False)
    assert list(model.evaluation_.scores) == [MODEL_NAME, "ridge", "tirex"]


def test_two_may_stand_beside_each_other_in_every_fold(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pretrained.LOADERS, "tirex2", ("model.ckpt", StandIn))
    named = [f"tirex={folder}", f"tirex2={folder}"]
    model = gw.Forecaster(**OPTIONS, baselines=["ridge", *named])
    model.fit(reservoir(), out=folder / "run", progress=False)
    wanted = [MODEL_NAME, "ridge", "tirex", "tirex2"]
    assert list(model.evaluation_.scores) == wanted
    again = gw.Forecaster.load(folder / "run")
    both = [again.predict(model=name)["level_predicted"].to_numpy() for name in wanted[2:]]
    np.testing.assert_array_equal(*both)
    result = gw.Forecaster(**OPTIONS, baselines=named[1:]).backtest(reservoir(), folds=2)
    assert "tirex2" in result.scores
    assert all("tirex2" in fold.evaluation.scores for fold in result.folds)
    with pytest.raises(OptionError, match="'tirex' is named twice"):
        gw.Forecaster(**OPTIONS, baselines=[named[0]] * 2).fit(reservoir(), progress=False)
    monkeypatch.setattr(StandIn, "most_steps", 2)
    with pytest.raises(OptionError, match="tirex2 forecasts 2 steps at most, and horizon=3"):
        gw.Forecaster(**OPTIONS, baselines=named[1:]).fit(reservoir(), progress=False)


def test_a_run_of_before_with_one_of_them_still_opens(folder: Path) -> None:
    model = gw.Forecaster(**OPTIONS, baselines=[f"tirex={folder}"])
    model.fit(reservoir(), progress=False)
    kept = model.fitted_.baselines
    saved = {**kept.settings(), "pretrained": kept.settings()["pretrained"][0]}
    assert type(kept).from_arrays(kept.arrays(), saved).pretrained == kept.pretrained


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere", "nowhere is not there; tirex=FOLDER names the folder"),
        ("", "has no model.ckpt; tirex=FOLDER"),
        ("other", "is no model"),
    ],
)
def test_what_is_no_model_is_refused_before_any_work(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, place: str, said: str
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    (empty / "other").write_text("a song")
    model = gw.Forecaster(**OPTIONS, baselines=[f"tirex={empty / place}"])
    with pytest.raises(FileError, match=said):
        model.fit(reservoir(), out=empty / "run", progress=False)
    assert not (empty / "run" / "model.safetensors").exists()


def test_bad_names_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sensor = {**OPTIONS, "horizon": 0}
    with pytest.raises(OptionError, match="a virtual sensor has horizon 0"):
        gw.Forecaster(**sensor, baselines=[f"tirex={folder}"]).fit(reservoir(), progress=False)
    with pytest.raises(OptionError, match="tirex=FOLDER"):
        gw.Forecaster(**OPTIONS, baselines=["tirex="]).fit(reservoir(), progress=False)
    table = folder / "table.csv"
    reservoir().write_csv(table)
    given = ["--target", "level", "--horizon", "3", "--baselines", f"tirex={folder / 'nowhere'}"]
    assert gatewise(["fit", str(table), *given, "--out", str(folder / "run")]) == 2
    assert "is not there; tirex=FOLDER" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "package"), [("tirex", "tirex-ts"), ("tirex2", "tirex-2")])
def test_without_its_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setattr(pretrained, "find_spec", lambda _: None)
    pretrained.load.cache_clear()
    (tmp_path / pretrained.LOADERS[name][0]).write_text("anything")
    said = rf"{name} needs {package}: pip install -e '\.\[{name}\]'"
    with pytest.raises(OptionError, match=said):
        pretrained.load(name, str(tmp_path))


def test_the_verdict_says_where_no_training_beats_it() -> None:
    said = untrained([("tirex", "worse"), ("tirex", "unclear"), ("ridge", "worse")])
    assert said == [
        "Tirex was trained on none of these data here, and no training on them beats it clearly."
    ]
    assert untrained([("tirex", "better"), (None, "unknown")]) == []


def test_tirex_with_random_weights(tmp_path: Path) -> None:
    sizes = {"units": 32, "blocks": 2, "feed": 64, "context": 128}
    model = packages.tirex_model(**sizes)
    if model is None:
        pytest.skip("tirex-ts is not installed")
    pretrained.load.cache_clear()
    kept = {"hyper_parameters": packages.tirex_config(**sizes), "state_dict": model.state_dict()}
    torch.save(kept, tmp_path / "model.ckpt")
    walk = packages.contexts(1, 200)[0].double().numpy()[:, None]
    loaded = pretrained.load("tirex", str(tmp_path))
    quantiles = loaded.forecast(walk[None, :, 0], 3)
    expected = packages.forecast(model, torch.tensor(walk[None, :, 0]).float())
    np.testing.assert_allclose(quantiles, expected[:, :3], rtol=0, atol=0.05 * np.abs(walk).max())
    (tmp_path / "model.ckpt").write_bytes(b"no model")
    pretrained.load.cache_clear()
    with pytest.raises(FileError, match="is no model of tirex-ts"):
        pretrained.load("tirex", str(tmp_path))


def test_tirex2_with_random_weights(tmp_path: Path) -> None:
    model = packages.tirex2_model()
    if model is None:
        pytest.skip("tirex-2 is not installed")
    pretrained.load.cache_clear()
    (tmp_path / "config.json").write_text(json.dumps(packages.tirex2_config()))
    kept = model.state_dict()
    # As published: a tensor that has two names is stored under one.
    stored = {name: value for name, value in kept.items() if "rev_cell" not in name}
    stored = {name: value for name, value in stored.items() if ".recurrent_kernel" not in name}
    save_file(
        {name: value.clone() for name, value in stored.items()}, tmp_path / "model.safetensors"
    )
    walk = packages.contexts(2, 100).numpy().astype(np.float64)
    loaded = pretrained.load("tirex2", str(tmp_path))
    assert loaded.most_steps == 64
    quantiles = loaded.forecast(walk, 3)
    series = packages.find("tirex2").TimeseriesType
    rows = torch.tensor(walk).float()[:, None]
    given = [series(row, past_covariates=None, future_covariates=None) for row in rows]
    expected = torch.cat(model.predict(given, 3)).transpose(1, 2)
    np.testing.assert_allclose(quantiles, expected, rtol=0, atol=1e-4 * np.abs(walk).max())
    (tmp_path / "model.safetensors").write_bytes(b"no model")
    pretrained.load.cache_clear()
    with pytest.raises(FileError, match="is no model of tirex-2"):
        pretrained.load("tirex2", str(tmp_path))
