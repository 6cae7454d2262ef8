"""Damaged files of sequence models: one line that names the file, never another prediction unsaid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.errors import FileError
from tests.damage import (
    about_of,
    damaged_bytes,
    damaged_json,
    damaged_tensors,
    refusal,
    with_about,
)

RNG = np.random.default_rng(0)
ROWS = [RNG.standard_normal((RNG.integers(1, 6), 2)).astype(np.float32) for _ in range(60)]
TEXTS = ["".join(RNG.choice(list("ACGT"), RNG.integers(2, 9))) for _ in range(60)]
SMALL: dict[str, Any] = {
    "hidden_size": 3,
    "epochs": 1,
    "baselines": ["majority", "features", "kmers"],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of a classifier of values and of a regressor of letters."""
    folder = tmp_path_factory.mktemp("models")
    classifier = gw.Classifier(**SMALL, num_layers=2, members=2, refit=True, read="attention")
    classifier.fit(ROWS, [int(row[0, 0] > 0) for row in ROWS], progress=False)
    regressor = gw.Regressor(**SMALL, quantiles=[0.1, 0.9], front="embedding", rc="share")
    regressor.fit(TEXTS, [0.5 + len(text) for text in TEXTS], progress=False)
    found = {}
    for model in (classifier, regressor):
        model.save(folder / model.kind)
        found[model.kind] = (folder / model.kind).read_bytes()
    return found


def predicted(kind: str, path: Path) -> None:
    """Load a model, predict and score with it."""
    if kind == "classifier":
        model = gw.Classifier.load(path)
        assert np.isfinite(model.predict_proba(ROWS[:3])).all()
        model.evaluate(ROWS[:20], [k % 2 for k in range(20)])
    else:
        numbers = gw.Regressor.load(path)
        assert np.isfinite(numbers.predict_quantiles(TEXTS[:3])).all()
        numbers.evaluate(TEXTS[:20], [k + 0.5 for k in range(20)])


KINDS = pytest.mark.parametrize("kind", ["classifier", "regressor"])


@KINDS
@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.full)])
def test_no_damage_to_the_bytes_goes_unseen(
    models: dict[str, bytes], tmp_path: Path, kind: str, count: int
) -> None:
    path = tmp_path / "model.safetensors"
    for what, content in damaged_bytes(models[kind], count, seed=count):
        path.write_bytes(content)
        said = refusal(lambda: predicted(kind, path), what)
        assert said is not None, what
        assert str(path) in said


@KINDS
@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.full)])
def test_any_change_of_the_description_is_told_or_does_no_harm(
    models: dict[str, bytes], tmp_path: Path, kind: str, count: int
) -> None:
    path = tmp_path / "model.safetensors"
    loaded = 0
    for what, about in damaged_json(about_of(models[kind]), count, seed=count):
        path.write_bytes(with_about(models[kind], about))
        said = refusal(lambda: predicted(kind, path), what)
        loaded += said is None
        # other names of columns are those of another model, which these rows do not fit
        assert said is None or str(path) in said or "columns (" in said, what
    assert loaded < count / 2


@KINDS
@pytest.mark.parametrize("count", [40, pytest.param(2000, marks=pytest.mark.full)])
def test_any_change_of_the_tensors_is_told_or_does_no_harm(
    models: dict[str, bytes], tmp_path: Path, kind: str, count: int
) -> None:
    path = tmp_path / "model.safetensors"
    for what, changed in damaged_tensors(models[kind], count, seed=count):
        path.write_bytes(changed)
        said = refusal(lambda: predicted(kind, path), what)
        assert said is None or str(path) in said, what


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("num_layers", 900, "weights of 2 layers"),
        ("members", 9_000, "2 members' weights"),
        ("hidden_size", 10**9, "for 3 units"),
        ("bidirectional", False, "size mismatch|Unexpected key"),
        ("missing", "mask", "for 2 inputs, not 4"),
        ("cell", "gru", "size mismatch"),
        ("read", "mean", "Unexpected key"),
        ("reed", "mean", "'reed'"),
        ("scale", "none", "scaling"),
    ],
)
def test_sizes_that_the_tensors_do_not_bear_out(
    models: dict[str, bytes], tmp_path: Path, name: str, value: object, words: str
) -> None:
    about = about_of(models["classifier"])
    about["settings"][name] = value
    path = tmp_path / "model.safetensors"
    path.write_bytes(with_about(models["classifier"], about))
    with pytest.raises(FileError, match=rf"model\.safetensors is a damaged .*({words})"):
        gw.Classifier.load(path)


def test_one_estimator_takes_no_model_of_another(models: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for kind, content in models.items():
        path.write_bytes(content)
        for other in (gw.Forecaster, gw.Classifier, gw.Regressor):
            if other.kind != kind:
                with pytest.raises(FileError, match=f"not a gatewise {other.kind}"):
                    other.load(path)
