"""A run of sequences or of a text that is loaded has the scores of its fit, to the last figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.errors import GatewiseWarning, NotFittedError

RNG = np.random.default_rng(1)
ROWS = [RNG.standard_normal((RNG.integers(2, 6), 2)).astype(np.float32) for _ in range(80)]
SMALL: dict[str, Any] = {"hidden_size": 3, "epochs": 1}
SIGNS = [int(row[0, 0] > 0) for row in ROWS]
FITS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "classifier": (gw.Classifier(**SMALL, members=2), (ROWS, SIGNS)),
    "regressor": (
        gw.Regressor(**SMALL, quantiles=[0.1, 0.9], baselines=["majority"]),
        (ROWS, np.array([[row[0, 0], row[-1, 1]] for row in ROWS])),
    ),
    "tagger": (
        gw.Tagger(**SMALL, baselines=["majority"]),
        (ROWS, [(row[:, 0] > 0).astype(int) for row in ROWS]),
    ),
    "language model": (
        gw.LanguageModel(**SMALL, window=8),
        ("the cat sat on the mat and ran.\n" * 20,),
    ),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path]]:
    """The fitted models and their runs."""
    folder = tmp_path_factory.mktemp("kept")
    return {
        kind: (model.fit(*data, out=folder / kind, progress=False), folder / kind)
        for kind, (model, data) in FITS.items()
    }


@pytest.mark.parametrize("kind", FITS)
def test_a_loaded_run_has_the_scores_of_its_fit(
    runs: dict[str, tuple[Any, Path]], kind: str
) -> None:
    model, run = runs[kind]
    again = type(model).load(run)
    assert again.evaluate() is again.evaluation_
    assert type(again.evaluation_) is type(model.evaluation_)
    np.testing.assert_equal(again.evaluation_.to_json(), model.evaluation_.to_json())
    assert str(again.evaluation_) == str(model.evaluation_)
    assert set(vars(again.evaluation_)) == set(vars(model.evaluation_))


def test_a_model_file_has_none_and_says_so(
    runs: dict[str, tuple[Any, Path]], tmp_path: Path
) -> None:
    model, _ = runs["classifier"]
    model.save(tmp_path / "model.safetensors")
    again = gw.Classifier.load(tmp_path / "model.safetensors")
    with pytest.raises(NotFittedError, match="pass the data to evaluate"):
        again.evaluate()


@pytest.mark.parametrize(
    "content",
    [None, "{", "[]", "{}", '{"model_sha256": "0"}', "another's", "no scores", "odd"],
)
def test_damaged_scores_are_told_and_leave_the_model(
    runs: dict[str, tuple[Any, Path]], content: str | None
) -> None:
    model, run = runs["classifier"]
    path = run / "metrics.json"
    kept = path.read_text()
    about = json.loads(kept)
    changed = {
        "another's": {**about, "model_sha256": "0" * 64},
        "no scores": {name: value for name, value in about.items() if name != "scores"},
        "odd": {**about, "scores": 3},
    }
    try:
        if content is None:
            path.unlink()
        else:
            path.write_text(json.dumps(changed[content]) if content in changed else content)
        with pytest.warns(GatewiseWarning, match=r"metrics\.json .*without its scores"):
            again = gw.Classifier.load(run)
    finally:
        path.write_text(kept)
    assert again.evaluation_ is None
    assert (again.predict(ROWS) == model.predict(ROWS)).all()
