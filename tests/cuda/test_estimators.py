"""Every estimator on a GPU: fitted, scored, predicted with, explained, saved, loaded and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.training import loop
from tests.cuda.device import no_wait

pandas = pytest.importorskip("pandas", reason="the tables of these tests are pandas'")

SMALL: dict[str, Any] = {"hidden_size": 5, "epochs": 2, "batch_size": 16, "learning_rate": 0.02}
SEQUENCES = SMALL | {"dropout": 0.2, "baselines": ["majority"]}


def _table(rows: int = 150) -> Any:
    draw = np.random.default_rng(5)
    rain = draw.gamma(0.5, 4.0, rows)
    flow = np.convolve(rain, 0.5 ** np.arange(6))[:rows] + draw.normal(0, 0.1, rows)
    days = np.datetime64("2001-01-01") + np.arange(rows)
    return pandas.DataFrame({"ds": days, "rain": rain, "flow": flow})


def _rows(count: int = 60) -> list[Any]:
    draw = np.random.default_rng(0)
    return [draw.standard_normal((draw.integers(1, 9), 2)).astype(np.float32) for _ in range(count)]


def _texts(count: int = 40) -> list[str]:
    draw = np.random.default_rng(1)
    return ["".join(draw.choice(list("ACGT"), draws)) for draws in draw.integers(5, 20, count)]


def _classes() -> tuple[Any, Any]:
    rows = _rows()
    return rows, [("low", "high")[int(row[0, 0] > 0)] for row in rows]


def _numbers() -> tuple[Any, Any]:
    rows = _rows()
    return rows, np.array([float(row.sum()) for row in rows])


def _labels() -> tuple[Any, Any]:
    texts = _texts()
    return texts, [["G" if letter in "GC" else "other" for letter in text] for text in texts]


def _lines() -> tuple[Any, ...]:
    return ("".join(f"the key is {k % 7} and the cat is {k % 3}\n" for k in range(40)),)


KINDS: dict[str, tuple[Callable[[], tuple[Any, ...]], Any, dict[str, Any]]] = {
    "virtual sensor": (
        lambda: (_table(),),
        gw.Forecaster,
        SMALL
        | {"target": "flow", "inputs": ["rain"], "lookback": 8, "num_layers": 2, "dropout": 0.2}
        | {"write_cost": 0.1, "forget_cost": 0.1, "saturation_cost": 0.1, "noise": 0.05},
    ),
    "forecast": (
        lambda: (_table(),),
        gw.Forecaster,
        SMALL
        | {"target": "flow", "inputs": ["rain"], "lookback": 8, "horizon": 3, "members": 2}
        | {"quantiles": [0.1, 0.5, 0.9], "average": 0.9, "cell": "gru"},
    ),
    "likelihood": (
        lambda: (_table(),),
        gw.Forecaster,
        SMALL | {"target": "flow", "lookback": 8, "horizon": 2, "likelihood": "student-t"},
    ),
    "slstm": (
        lambda: (_table(),),
        gw.Forecaster,
        SMALL | {"target": "flow", "inputs": ["rain"], "lookback": 8, "cell": "slstm"},
    ),
    "classifier": (
        _classes,
        gw.Classifier,
        SEQUENCES | {"read": "attention", "num_layers": 2, "noise": 0.05},
    ),
    "both strands": (
        lambda: (_texts(), ["odd" if len(text) % 2 else "even" for text in _texts()]),
        gw.Classifier,
        SEQUENCES | {"rc": "share", "class_weights": "balanced"},
    ),
    "regressor": (_numbers, gw.Regressor, SEQUENCES | {"quantiles": [0.1, 0.9]}),
    "tagger": (_labels, gw.Tagger, SEQUENCES | {"piece": 12, "overlap": 3}),
    "chain": (_labels, gw.Tagger, SEQUENCES | {"crf": True, "bidirectional": False}),
    "language": (
        _lines,
        gw.LanguageModel,
        {"hidden_size": 8, "embedding": 4, "epochs": 2, "window": 16, "num_layers": 2}
        | {"dropout": 0.2, "weight_drop": 0.2, "slowness_cost": 0.1, "batch_size": 4},
    ),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def _predicted(model: Any, data: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    """Return a model's answers as one array of numbers."""
    if isinstance(model, gw.LanguageModel):
        return np.asarray(model.score(data[0]).bits)
    if hasattr(model, "predict_proba"):
        shares = model.predict_proba(data[0])
        return np.concatenate([np.asarray(each).reshape(-1) for each in shares])
    answers = model.predict(data[0])
    if isinstance(model, gw.Forecaster):
        answers = answers.select_dtypes("number").to_numpy()
    return np.asarray(answers, dtype=float).reshape(-1)


@EVERY
def test_it_is_fitted_there_and_answers_alike_on_the_cpu(
    kind: str, device: str, tmp_path: Path
) -> None:
    make, estimator, options = KINDS[kind]
    data = make()
    model = estimator(**options, device=device).fit(*data, out=tmp_path / "run", progress=False)
    assert model.evaluation_ is not None
    told = _predicted(model, data)
    assert np.isfinite(told).any()
    for where in ("cpu", device):
        loaded = estimator.load(tmp_path / "run", device=where)
        assert loaded.device == where
        np.testing.assert_allclose(_predicted(loaded, data), told, rtol=1e-3, atol=1e-4)
    loaded.save(tmp_path / "model")
    again = estimator.load(tmp_path / "model", device="cpu")
    np.testing.assert_allclose(_predicted(again, data), told, rtol=1e-3, atol=1e-4)
    str(model.summary(*([data[0]] if isinstance(model, gw.Forecaster) else data)))


@EVERY
def test_what_was_fitted_on_the_cpu_answers_there(kind: str, device: str, tmp_path: Path) -> None:
    make, estimator, options = KINDS[kind]
    data = make()
    model = estimator(**options).fit(*data, out=tmp_path / "run", progress=False)
    moved = estimator.load(tmp_path / "run", device=device)
    np.testing.assert_allclose(
        _predicted(moved, data), _predicted(model, data), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("kind", ["virtual sensor", "classifier", "language"])
def test_a_fit_that_was_stopped_goes_on_on_the_other_device(
    kind: str, device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, estimator, options = KINDS[kind]
    data = make()
    write, written = loop.files.write, []

    def stop_after_the_first(*given: Any) -> None:
        write(*given)
        written.append(given)
        raise KeyboardInterrupt

    for begun, ended in (("cpu", device), (device, "cpu")):
        run = tmp_path / begun
        with monkeypatch.context() as patched:
            patched.setattr(loop.files, "write", stop_after_the_first)
            with pytest.raises(KeyboardInterrupt):
                estimator(**options, device=begun).fit(*data, out=run, progress=False)
        model = estimator.resume(run, *data, progress=False, device=ended)
        assert model.device == ended
        assert model.evaluation_ is not None
        assert np.isfinite(_predicted(model, data)).any()
        loaded = estimator.load(run, device=begun)
        np.testing.assert_allclose(
            _predicted(loaded, data), _predicted(model, data), rtol=1e-3, atol=1e-4
        )
    assert len(written) == 2


@pytest.mark.parametrize("kind", ["virtual sensor", "forecast", "classifier", "tagger", "language"])
def test_it_is_explained_there(kind: str, device: str, tmp_path: Path) -> None:
    make, estimator, options = KINDS[kind]
    data = make()
    model = estimator(**options, device=device).fit(*data, progress=False)
    explanation = gw.explain(model, *data, part="all", budget=0.5)
    assert str(explanation)
    explanation.write_page(tmp_path / "page.html")


def test_a_language_model_speaks_there_as_on_the_cpu(device: str, tmp_path: Path) -> None:
    make, estimator, options = KINDS["language"]
    model = estimator(**options, device=device).fit(*make(), progress=False)
    model.save(tmp_path / "model")
    other = gw.LanguageModel.load(tmp_path / "model")
    assert model.sample(30, "the key", seed=3) == other.sample(30, "the key", seed=3)
    there, here = (each.suggest("the ", 5) for each in (model, other))
    assert list(there) == list(here)
    assert list(there.values()) == pytest.approx(list(here.values()), rel=1e-3)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "chain"])
def test_no_step_of_a_training_waits_for_the_device(
    kind: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first step of a round and its end nothing is read that the device computes.

    Of the chain one answer is: whether a label is missing, which saves half of its work.
    """
    make, estimator, options = KINDS[kind]
    step, steps = loop._Trainer._step, []

    def watched(*given: Any) -> Any:
        steps.append(given)
        with no_wait(device):
            return step(*given)

    monkeypatch.setattr(loop._Trainer, "_step", watched)
    estimator(**options | {"members": 1}, device=device).fit(*make(), progress=False)
    assert len(steps) > 2
