"""From the caller's data to scaled windows per part, every check of the data on the way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.files import read_frame
from gatewise.data.tables.columns import resolve_columns
from gatewise.data.tables.frames import table_from_frame
from gatewise.data.tables.scaling import Scaler
from gatewise.data.tables.split import Part, Split, split_times
from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows, make_windows
from gatewise.estimators.forecaster.baselines import Baselines, fit_baselines
from gatewise.estimators.forecaster.evaluation import check_output_names
from gatewise.estimators.forecaster.settings import ForecasterSettings, as_names
from gatewise.estimators.forecaster.silence import warn_of_unusable


@dataclass(frozen=True)
class Prepared:
    """A table, its split by time, the windows of each part, and the baselines to stand beside."""

    table: Table
    split: Split
    scaler: Scaler
    train: Windows
    validation: Windows
    test: Windows | None
    baselines: Baselines

    def part(self, name: str) -> Windows:
        """Return the windows of "train", "validation" or "test"."""
        windows = {"train": self.train, "validation": self.validation, "test": self.test}[name]
        assert windows is not None
        return windows


def as_frame(data: Any) -> Any:
    """Read `data` if it is a path; frames and tables pass through."""
    return read_frame(data) if isinstance(data, str | Path) else data


def read_table(settings: ForecasterSettings, data: Any) -> Table:
    """Return the checked table of `data` with the columns that the settings name."""
    if isinstance(data, Table):  # checked when it was made
        return data
    frame = as_frame(data)
    columns = resolve_columns(
        frame,
        target=settings.target,
        inputs=as_names(settings.inputs),
        future=as_names(settings.future),
        static=as_names(settings.static),
        time=settings.time,
        series=settings.series,
    )
    return table_from_frame(frame, columns, missing=settings.missing, frequency=settings.frequency)


def prepare(settings: ForecasterSettings, table: Table, scaler: Scaler | None = None) -> Prepared:
    """Split, scale and window a table, and fit the baselines; means come from the training part only.

    A `scaler` that is given is used as it is (training that continues on new data). Raises DataError
    where two columns of the predictions would have one name.
    """
    check_output_names(
        table.columns,
        horizon=settings.horizon,
        members=settings.members,
        levels=settings.levels(),
    )
    warn_of_unusable(
        table,
        np.diff(table.starts),
        lookback=settings.lookback,
        horizon=settings.horizon,
        lost="no training and no score",
    )
    split = split_times(table, settings.validation, settings.test)
    if scaler is None:
        scaler = Scaler.fit(table, split.part_rows(table, "train"), mode=settings.scale)
    scaled = scaler.transform(table)

    def windows(part: Part) -> Windows:
        return make_windows(
            table,
            scaled,
            split.part_rows(table, part),
            lookback=settings.lookback,
            horizon=settings.horizon,
            missing=settings.missing,
            part=part,
        )

    return Prepared(
        table=table,
        split=split,
        scaler=scaler,
        train=windows("train"),
        validation=windows("validation"),
        test=None if settings.test is None else windows("test"),
        baselines=fit_baselines(
            table,
            split,
            lookback=settings.lookback,
            horizon=settings.horizon,
            season=settings.season,
            levels=settings.levels(),
            names=settings.baselines,
        ),
    )


def fingerprint(table: Table) -> str:
    """Return the SHA-256 of a table's values, times and series, as hexadecimal digits."""
    digest = hashlib.sha256()
    digest.update("\x1f".join((*table.columns.values, *table.series)).encode())
    digest.update(np.ascontiguousarray(table.starts).tobytes())
    digest.update(np.ascontiguousarray(table.time.astype(np.int64)).tobytes())
    digest.update(np.ascontiguousarray(table.values).tobytes())
    return digest.hexdigest()
