"""Another estimator stands on the base: fit, save, load, resume, replace, all without a table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gatewise as gw
from gatewise.errors import DataError, FileError, InputError, NotFittedError
from gatewise.estimators import base
from gatewise.estimators.run.folder import Run
from tests.estimators.classifier import Classifier, Sequences
from tests.estimators.data import reservoir

OPTIONS = {"epochs": 25, "members": 2, "learning_rate": 0.03, "patience": None, "batch_size": 16}


@pytest.fixture(scope="module")
def data() -> Sequences:
    """Sequences whose label says whether their third value from the end is above 0."""
    x = np.random.default_rng(0).standard_normal((200, 6, 1)).astype(np.float32)
    return Sequences(x, (x[:, -3, 0] > 0).astype(np.int64))


@pytest.fixture(scope="module")
def whole(data: Sequences, tmp_path_factory: pytest.TempPathFactory) -> tuple[Classifier, Path]:
    folder = tmp_path_factory.mktemp("classifier") / "run"
    return Classifier(**OPTIONS).fit(data, out=folder), folder


def test_it_learns_and_leaves_a_run(whole: tuple[Classifier, Path]) -> None:
    model, folder = whole
    assert model.evaluation_ is not None
    assert model.evaluation_ > 0.75  # chance is one half
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["accuracy"] == model.evaluation_
    assert [member["seed"] for member in metrics["training"]] == [0, 1]
    config = Run.open(folder).config
    assert (config["estimator"], config["status"]) == ("classifier", "complete")


def test_it_is_saved_and_loaded_with_the_same_answers(
    data: Sequences, whole: tuple[Classifier, Path], tmp_path: Path
) -> None:
    model, folder = whole
    model.save(tmp_path / "model.safetensors")
    assert (tmp_path / "model.safetensors").read_bytes() == (
        folder / "model.safetensors"
    ).read_bytes()
    for place in (folder, tmp_path / "model.safetensors"):
        again = Classifier.load(place)
        assert again.epochs == 25
        assert (again.predict(data.x) == model.predict(data.x)).all()
    with pytest.raises(NotFittedError, match="this Classifier is not fitted yet"):
        Classifier().predict(data.x)


@pytest.mark.parametrize("name", [None, 3, b"model", ["model"]])
def test_what_is_no_name_of_a_file_is_refused(whole: tuple[Classifier, Path], name: object) -> None:
    for call in (whole[0].save, Classifier.load):
        with pytest.raises(InputError, match="path must be the name of a file; got"):
            call(name)  # type: ignore[operator]


def test_a_fit_that_was_stopped_is_resumed_with_the_same_bits(
    data: Sequences,
    whole: tuple[Classifier, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, calls = base.train, []

    def stop_at_the_second(*given: object, **named: object) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(base, "train", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            Classifier(**OPTIONS).fit(data, out=tmp_path / "run")
    with pytest.raises(FileError, match="not finished"):
        Classifier.load(tmp_path / "run")
    with pytest.raises(DataError, match="SHA-256"):
        Classifier.resume(tmp_path / "run", Sequences(data.x + 1, data.labels))
    resumed = Classifier.resume(tmp_path / "run", data, progress=False)
    model, folder = whole
    assert (resumed.predict(data.x) == model.predict(data.x)).all()
    assert (tmp_path / "run/model.safetensors").read_bytes() == (
        folder / "model.safetensors"
    ).read_bytes()
    assert Classifier.resume(tmp_path / "run", data).evaluation_ == model.evaluation_


def test_a_run_is_replaced_and_one_estimator_takes_none_of_another(
    data: Sequences, whole: tuple[Classifier, Path], tmp_path: Path
) -> None:
    options = {**OPTIONS, "epochs": 1, "members": 1}
    Classifier(**options).fit(data, out=tmp_path / "run")
    first = (tmp_path / "run/model.safetensors").read_bytes()
    with pytest.raises(FileError, match="exists"):
        Classifier(**options).fit(data, out=tmp_path / "run")
    Classifier(**options, seed=5).fit(data, out=tmp_path / "run", overwrite=True)
    assert (tmp_path / "run/model.safetensors").read_bytes() != first
    with pytest.raises(FileError, match="that of a classifier, not of a forecaster"):
        gw.Forecaster.load(tmp_path / "run")
    with pytest.raises(FileError, match="not a gatewise forecaster"):
        gw.Forecaster.load(tmp_path / "run/model.safetensors")
    model = gw.Forecaster(target="level", inputs="rain", lookback=5, hidden_size=2, epochs=1)
    model.fit(reservoir(100), out=tmp_path / "other", progress=False)
    with pytest.raises(FileError, match="that of a forecaster, not of a classifier"):
        Classifier.load(tmp_path / "other")
