"""Sequence estimators on tables: rows to predict need no labels, nor do other columns matter."""

from __future__ import annotations

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
