"""What scikit-learn's searches and cross-validation ask of a forecaster, beside `fit` and `score`.

They hand tables over as X, rows cut by position, and the target as y where the caller has it apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gatewise.data.tables.native import as_frame
from gatewise.data.tables.table import Table
from gatewise.errors import DataError, OptionError


def with_target(data: Any, y: Any, targets: Sequence[str]) -> Any:
    """Return a table with the target `y` as its column, or columns `[N, K]` in the order of `targets`.

    A table that has them already must agree with `y`, where both are known. Raises DataError for
    another number of rows or of columns and for a target that is not the table's.
    """
    if isinstance(data, Table) or not hasattr(data, "columns"):
        raise OptionError("y goes with a table in memory: leave it out where data is a file")
    values = np.asarray(y)
    values = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
    frame = as_frame(data)
    if values.shape != (len(frame), len(targets)):
        raise DataError(
            f"y is {list(np.shape(y))} for a table of {len(frame):,} rows and "
            f"{len(targets)} targets ({', '.join(targets)}): give a value for each row and target"
        )
    new = []
    for name, column in zip(targets, values.T, strict=True):
        if name in frame.columns:
            _check_same(frame, name, column)
        else:
            new.append(nw.new_series(name, column, backend=frame.implementation))
    return frame.with_columns(*new).to_native() if new else data


def _check_same(frame: nw.DataFrame[Any], name: str, column: Any) -> None:
    mine = frame[name].to_numpy()
    try:
        differ = ~np.isclose(mine.astype(float), column.astype(float), equal_nan=True)
    except (TypeError, ValueError):
        differ = mine != column
    if differ.any():
        raise DataError(
            f"y differs from the column {name!r} of the table in data row {int(differ.argmax()) + 1}: "
            "leave one of them out"
        )


def tags() -> Any:
    """Return what scikit-learn wants to know of an estimator; it alone asks."""
    from sklearn.utils import (  # type: ignore[import-untyped]  # noqa: PLC0415 - whoever asks has it
        InputTags,
        RegressorTags,
        Tags,
        TargetTags,
    )

    return Tags(
        estimator_type="regressor",
        target_tags=TargetTags(required=False, multi_output=True),
        transformer_tags=None,
        classifier_tags=None,
        regressor_tags=RegressorTags(),
        input_tags=InputTags(two_d_array=False, string=True, allow_nan=True),
        # Its rows are moments of series: scikit-learn's common checks shuffle and repeat them.
        no_validation=True,
        non_deterministic=False,
    )
