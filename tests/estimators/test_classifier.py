"""`Classifier`: it learns, leaves a run, is saved, resumed, continued and refitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.errors import DataError, FileError
from gatewise.estimators import base
from gatewise.typing import Array32

OPTIONS: dict[str, Any] = {"hidden_size": 6, "epochs": 12, "learning_rate": 0.03, "batch_size": 16}
OPTIONS |= {"baselines": ["majority", "features"]}
Rows = list[Array32]


@pytest.fixture(scope="module")
def rows() -> tuple[Rows, np.ndarray]:
    """Sequences of 2 to 9 steps, labelled by the sign of their first value."""
    rng = np.random.default_rng(0)
    drawn = [rng.standard_normal((rng.integers(2, 10), 2)).astype(np.float32) for _ in range(160)]
    return drawn, np.array(["above" if row[0, 0] > 0 else "below" for row in drawn])


@pytest.fixture(scope="module")
def whole(rows, tmp_path_factory: pytest.TempPathFactory) -> tuple[gw.Classifier, Path]:
    folder = tmp_path_factory.mktemp("classifier") / "run"
    model = gw.Classifier(**OPTIONS, members=2, dropout=0.1)
    return model.fit(*rows, out=folder, progress=False), folder


def test_it_learns_and_gives_probabilities(rows, whole) -> None:
    model, _ = whole
    x, labels = rows
    assert (model.predict(x) == labels).mean() > 0.9
    probabilities = model.predict_proba(x)
    assert probabilities.shape == (160, 2)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    turned = model.predict_proba(x[::-1])[::-1]
    assert turned == pytest.approx(probabilities, abs=1e-6)


def test_it_is_saved_and_loaded_with_the_same_answers(rows, whole, tmp_path: Path) -> None:
    model, folder = whole
    model.save(tmp_path / "model.safetensors")
    kept = (folder / "model.safetensors").read_bytes()
    assert (tmp_path / "model.safetensors").read_bytes() == kept
    for place in (folder, tmp_path / "model.safetensors"):
        again = gw.Classifier.load(place)
        assert repr(again) == repr(model)
        assert (again.predict_proba(rows[0]) == model.predict_proba(rows[0])).all()
    with pytest.raises(FileError, match="not a gatewise forecaster"):
        gw.Forecaster.load(tmp_path / "model.safetensors")
    with pytest.raises(FileError, match="that of a classifier, not of a forecaster"):
        gw.Forecaster.load(folder)


def test_a_fit_that_was_stopped_is_resumed_with_the_same_bits(
    rows, whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, folder = whole
    train, calls = base.train, []

    def stop_at_the_second(*given: object, **named: object) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(base, "train", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            gw.Classifier(**model.get_params()).fit(*rows, out=tmp_path / "run", progress=False)
    with pytest.raises(DataError, match="SHA-256"):
        gw.Classifier.resume(tmp_path / "run", rows[0], rows[1][::-1].copy(), progress=False)
    gw.Classifier.resume(tmp_path / "run", *rows, progress=False)
    kept = (folder / "model.safetensors").read_bytes()
    assert (tmp_path / "run/model.safetensors").read_bytes() == kept


def test_training_goes_on_with_new_data_and_refuses_what_the_model_does_not_know(
    rows, whole
) -> None:
    model, _ = whole
    x, labels = rows
    more = gw.Classifier(**model.get_params())
    more.fitted_, more.evaluation_ = model.fitted_, None
    more.epochs = 1
    more.continue_on(x[:100], labels[:100], progress=False)
    assert more.fitted_.form is model.fitted_.form
    assert (more.predict(x) == labels).mean() > 0.9
    strange = labels.astype(object)
    strange[7] = "between"
    with pytest.raises(DataError, match="not trained on: 'between'; it knows 'above', 'below'"):
        more.continue_on(x, strange, progress=False)


def test_what_predicts_may_be_trained_anew_on_all_data(rows) -> None:
    model = gw.Classifier(**{**OPTIONS, "epochs": 2}, refit=True).fit(*rows, progress=False)
    again = model.fitted_.refitted
    assert again is not None
    assert again.sequences == 160
    assert model.evaluation_ is not None
    assert model.evaluate(*rows, part="test").network == model.evaluation_.network
    assert "which flatters every model" in model.evaluate(*rows).notes[0]
    assert "which flatters every model" not in str(model.evaluate(*rows, part="test"))
    assert "nothing about new data" in str(model.evaluate(*rows, part="training"))
