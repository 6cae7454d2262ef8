"""`Regressor`: numbers per sequence, in their own units, with bands, beside baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import is_regressor
from sklearn.model_selection import cross_val_score

import gatewise as gw
from gatewise.errors import DataError, NotFittedError, OptionError
from gatewise.estimators.bands import Calibration
from gatewise.estimators.regressor.estimator import numbers_of
from gatewise.typing import Array, Array32
from tests.damage import about_of, with_about

SMALL: dict[str, Any] = {"hidden_size": 8, "epochs": 15, "learning_rate": 0.03, "batch_size": 16}
SMALL |= {"baselines": ["majority", "features"]}
Rows = list[Array32]


@pytest.fixture(scope="module")
def sums() -> tuple[Rows, Array]:
    """Sequences of 2 to 6 steps, and a thousand and a hundred times their sum."""
    rng = np.random.default_rng(0)
    rows = [rng.standard_normal((rng.integers(2, 7), 1)).astype(np.float32) for _ in range(240)]
    return rows, np.array([1000 + 100 * float(row.sum()) for row in rows])


@pytest.fixture(scope="module")
def fitted(sums) -> gw.Regressor:
    rows, numbers = sums
    model = gw.Regressor(**SMALL, members=2, quantiles=[0.1, 0.9])
    return model.fit(rows, numbers, progress=False)


def test_it_learns_numbers_in_their_own_units(sums, fitted: gw.Regressor) -> None:
    rows, numbers = sums
    evaluation = fitted.evaluation_
    assert evaluation is not None
    assert evaluation.network["r2"] > 0.8
    assert "features" in evaluation.baselines
    predicted = fitted.predict(rows)
    assert predicted.shape == (240,)
    assert np.corrcoef(predicted, numbers)[0, 1] > 0.9
    assert fitted.score(rows, numbers) == pytest.approx(
        1 - ((predicted - numbers) ** 2).sum() / ((numbers - numbers.mean()) ** 2).sum()
    )


def test_quantiles_are_in_order_with_the_median_between(sums, fitted: gw.Regressor) -> None:
    rows, numbers = sums
    bands = fitted.predict_quantiles(rows)
    assert bands.shape == (240, 3)
    assert (np.diff(bands, axis=1) >= 0).all()
    assert (bands[:, 1] == fitted.predict(rows)).all()
    inside = ((numbers >= bands[:, 0]) & (numbers <= bands[:, 2])).mean()
    assert 0.6 < inside < 0.97
    plain = gw.Regressor(**{**SMALL, "epochs": 1}).fit(rows, numbers, progress=False)
    with pytest.raises(NotFittedError, match="predicts no quantiles"):
        plain.predict_quantiles(rows)


def test_it_is_saved_and_loaded_with_the_same_answers(
    sums, fitted: gw.Regressor, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    again = gw.Regressor.load(tmp_path / "model")
    assert (again.predict(sums[0]) == fitted.predict(sums[0])).all()
    assert fitted.evaluation_ is not None
    assert again.evaluate(*sums, part="test").models == fitted.evaluation_.models


def test_several_numbers_some_of_them_unknown(sums, tmp_path: Path) -> None:
    rows, numbers = sums
    both = np.stack([numbers, -0.01 * numbers], axis=1)
    both[::5, 1] = np.nan
    both[7] = np.nan
    model = gw.Regressor(**SMALL, target=["sum", "less"])
    model.fit(rows, both, out=tmp_path / "run", progress=False)
    assert model.predict(rows).shape == (240, 2)
    found = model.evaluation_
    assert found is not None
    assert found.targets == ("sum", "less")
    assert found.by_target["gatewise"]["less"]["r2"] > 0.7
    header = (tmp_path / "run/predictions.csv").read_text().splitlines()[0]
    assert header == "sequence,sum,sum_predicted,less,less_predicted"
    assert model.fitted_.data["sequences"] == 239


def test_letters_have_one_number_for_both_strands() -> None:
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACGT"), 9)) for _ in range(60)]
    turned = [text.translate(str.maketrans("ACGT", "TGCA"))[::-1] for text in texts]
    numbers = [text.count("A") + 0.5 for text in texts]
    for rc in ("average", "share"):
        model = gw.Regressor(hidden_size=4, epochs=1, rc=rc, baselines=["majority"]).fit(
            texts, numbers, progress=False
        )
        assert (model.predict(texts) == model.predict(turned)).all()


def test_scikit_learn_takes_it(sums) -> None:
    rows, numbers = sums
    model = gw.Regressor(hidden_size=2, epochs=1, baselines=["majority"])
    assert is_regressor(model)
    options: dict[str, Any] = {"cv": 2, "params": {"progress": False}}
    mine = cross_val_score(model, rows, numbers, **options)
    assert mine == pytest.approx(cross_val_score(model, rows, numbers, scoring="r2", **options))


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (None, "needs a number for each sequence, and there are no labels"),
        ([1.5] * 240, "all numbers of target 1 in the training part are one"),
        ([np.nan] * 240, "no label is known"),
        (["a"] * 240, "labels are to be numbers"),
        ([np.inf, *[1.0, 2.0] * 119, 1.0], "label 1 is infinite"),
    ],
)
def test_numbers_that_cannot_be_learnt_are_refused(
    sums, numbers: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=said):
        gw.Regressor().fit(sums[0], numbers, out=tmp_path / "run", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_bands_are_calibrated_by_the_validation_part(
    sums, fitted: gw.Regressor, tmp_path: Path
) -> None:
    rows, numbers = sums
    model = fitted.fitted_
    made, bands = model.learnt.calibration, fitted.evaluation_.bands
    assert made is not None
    assert bands is not None
    assert bands.after["y"] == fitted.evaluation_.network["coverage"]
    # by the members' mean on the test part, as it comes and as the validation part moves it
    prepared = fitted.prepare(fitted.given(rows, numbers), like=model)
    test = prepared.part("test")
    plain = numbers_of(model, test.sequences).mean(axis=0)
    inside = (plain[:, 0, 0] <= test.labels) & (test.labels <= plain[:, 0, 2])
    assert bands.before["y"] == inside.mean()
    held = prepared.part("validation")
    outputs = numbers_of(model, held.sequences).mean(axis=0)[:, None]
    again = Calibration.fit(held.labels[:, None, None].astype(float), outputs, (0.1, 0.5, 0.9))
    np.testing.assert_allclose(again.factors, made.factors)
    expected = again.applied(plain[:, None])[:, 0]
    found = fitted.predict_quantiles([rows[k] for k in prepared.parts["test"]])
    np.testing.assert_allclose(found, expected[:, 0], rtol=1e-6)
    assert "calibrated on the 36 sequences" in str(fitted.evaluation_)
    off = gw.Regressor(**{**SMALL, "epochs": 1}, quantiles=[0.1, 0.9], calibrate=False)
    off.fit(rows, numbers, progress=False)
    assert off.fitted_.learnt.calibration is None
    assert off.evaluation_.bands is None


def test_a_model_of_before_has_its_bands_as_they_were(
    sums, fitted: gw.Regressor, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    about = about_of(content)
    del about["learnt"]["calibration"]
    (tmp_path / "old").write_bytes(with_about(content, about))
    old = gw.Regressor.load(tmp_path / "old")
    bands = old.predict_quantiles(sums[0])
    assert (bands[:, 1] == fitted.predict(sums[0])).all()
    assert (bands != fitted.predict_quantiles(sums[0])).any()


def test_others_are_scored_on_the_same_sequences(sums, fitted: gw.Regressor) -> None:
    rows, numbers = sums
    frame = fitted.predict_frame(rows)
    other = gw.Regressor(**{**SMALL, "epochs": 1}, seed=4).fit(rows, numbers, progress=False)
    others = {"itself": frame, "another": other}
    found = fitted.evaluate_beside(rows, numbers, others=others, part="test")
    for name, each in found.models["itself"].items():  # in batches of another size
        assert each.value == pytest.approx(found.network[name], rel=1e-6)
    picks = fitted.prepare(fitted.given(rows, numbers), like=fitted.fitted_).parts["test"]
    off = other.predict([rows[k] for k in picks]) - numbers[picks]
    assert found.models["another"]["rmse"].value == pytest.approx(
        np.sqrt((off**2).mean()), rel=1e-5
    )
    assert "another was trained or chosen on" in str(found)  # its seed divides them otherwise
    assert found.gains["itself"]["r2"].value == pytest.approx(0, abs=1e-6)
    assert found.baselines == fitted.evaluation_.baselines
    told = str(found)
    assert "itself reaches R²" in told
    assert "another reaches R²" in told
    assert "on the same: gatewise is better by" in told
    with pytest.raises(DataError, match="theirs has no prediction of sequence '0'"):
        fitted.evaluate_beside(rows, numbers, others={"theirs": frame[1:]}, part="all")
    twice = pl.concat([frame, frame[3:4]])
    with pytest.raises(DataError, match="two predictions of sequence '3'"):
        fitted.evaluate_beside(rows, numbers, others={"theirs": twice}, part="test")
    wrong = gw.Classifier(**{**SMALL, "epochs": 1})
    with pytest.raises(OptionError, match="theirs is a classifier, and this is a regressor"):
        fitted.evaluate_beside(rows, numbers, others={"theirs": wrong}, part="test")
