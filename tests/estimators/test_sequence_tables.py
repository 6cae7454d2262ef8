"""Sequence estimators on tables: rows to predict need no labels, nor do other columns matter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.errors import DataError


def test_a_table_to_predict_needs_no_labels() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat(np.arange(40), 4),
            "x": rng.normal(size=160),
            "kind": np.repeat(["a", "b"], 80),
        }
    )
    model = gw.Classifier(hidden_size=2, epochs=1, target="kind").fit(frame, progress=False)
    expected = model.predict_proba(frame)
    new = frame.drop("kind").with_columns(later=pl.lit(1.0))
    np.testing.assert_array_equal(model.predict_proba(new), expected)
    strange = frame.with_columns(kind=pl.lit("never seen"))
    np.testing.assert_array_equal(model.predict_proba(strange), expected)
    with pytest.raises(DataError, match="'never seen'"):
        model.evaluate(strange)
    with pytest.raises(DataError, match=r"no column 'kind' \(target\)"):
        model.evaluate(new)
    with pytest.raises(DataError, match=r"no column 'x' \(inputs\)"):
        model.predict(new.drop("x"))


def test_a_tagger_learns_the_features_it_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    names = [f"s{number}" for number in range(8)]
    (tmp_path / "x.fa").write_text(
        "".join(f">{name}\n{''.join(rng.choice(list('ACGT'), 30))}\n" for name in names)
    )
    line = "{0}\tx\t{1}\t{2}\t{3}\t.\t{4}\t.\tID=a\n"
    places = (("tRNA", 2, 9, "+"), ("tRNA", 12, 15, "-"), ("CDS", 1, 25, "+"))
    (tmp_path / "x.gff3").write_text(
        "".join(line.format(name, *place) for name in names for place in places)
    )
    options = {"hidden_size": 2, "epochs": 1, "baselines": None, "strands": True}
    model = gw.Tagger(**options, features="tRNA")
    model.fit(tmp_path / "x.fa", tmp_path / "x.gff3", progress=False)
    assert list(model.classes_) == ["other", "tRNA+", "tRNA-"]
    model.save(tmp_path / "model.safetensors")
    again = gw.Tagger.load(tmp_path / "model.safetensors")
    assert (again.features, again.strands) == ("tRNA", True)


def test_groups_and_parts_of_a_table_are_kept_and_found_again() -> None:
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACGT"), 14)) for _ in range(40)]
    texts += [text[2:] + "AC" for text in texts[:10]]  # relatives
    frame = pl.DataFrame(
        {
            "sequence": texts,
            "y": ["on" if "A" in text[:2] else "off" for text in texts],
            "family": [*range(30), *range(20)],
            "count": rng.integers(1, 5, 50),
        }
    )
    options = {"groups": "family", "weights": "count", "homology": 10}
    model = gw.Classifier(hidden_size=2, epochs=1, **options).fit(frame, progress=False)
    assert model.evaluation_ is not None
    again = model.evaluate(frame, part="test")
    assert again.network == model.evaluation_.network
    assert len(model.predict(frame.select("sequence"))) == 50
    part = ["training", "validation", "test", *["training"] * 47]
    parted = frame.with_columns(part=pl.Series(part))
    model = gw.Classifier(hidden_size=2, epochs=1, split="part").fit(parted, progress=False)
    assert model.evaluate(parted, part="test").count == 1


def test_predictions_keep_the_names_of_columns_and_the_times_of_steps(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    start, days = np.datetime64("2020-01-01"), np.arange(120)
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat(np.arange(20), 6),
            "ds": start + days,
            "x": rng.normal(size=120),
            "state": rng.choice(["on", "off"], 120),
        }
    )
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    options = {"hidden_size": 2, "epochs": 1, "baselines": None}
    tagger = gw.Tagger(**options, target="state").fit(shuffled, progress=False)
    found = tagger.predict_frame(shuffled)
    place = 6 * found["sequence"].cast(int).to_numpy() + found["step"].to_numpy() - 1
    np.testing.assert_array_equal(found["ds"].to_numpy(), start + place)
    rows = tagger.predict_frame(shuffled.filter(pl.col("unique_id") < 3))
    assert set(rows["ds"].to_list()) == set(frame["ds"].to_list()[:18])

    texts = ["".join(rng.choice(list("ACGT"), 9)) for _ in range(40)]
    (tmp_path / "x.fa").write_text("".join(f">s{k}\n{text}\n" for k, text in enumerate(texts)))
    (tmp_path / "y.csv").write_text(
        "name,strength\n" + "".join(f"s{k},{rng.normal()}\n" for k in range(40))
    )
    model = gw.Regressor(**options).fit(tmp_path / "x.fa", tmp_path / "y.csv", progress=False)
    assert model.predict_frame(tmp_path / "x.fa").columns == ["sequence", "strength_predicted"]
