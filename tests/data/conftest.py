"""Frames of both libraries, and the way from a frame to a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gatewise.data import Table, resolve_columns, table_from_frame

Build = Callable[[dict[str, Any]], Any]


@pytest.fixture(params=["pandas", "polars"])
def build(request: pytest.FixtureRequest) -> Build:
    """Return the frame constructor of one library; a test that takes it runs for both."""
    return {"pandas": pd.DataFrame, "polars": pl.DataFrame}[request.param]


@pytest.fixture
def read() -> Callable[..., Table]:
    """Return a function that reads a frame (or dict of columns) into a table, all at once."""

    def to_table(data: Any, **options: Any) -> Table:
        frame = pl.DataFrame(data) if isinstance(data, dict) else data
        roles = ("target", "inputs", "future", "static", "time", "series")
        named = {role: options.pop(role) for role in roles if role in options}
        columns = resolve_columns(frame, **named, need_target=options.get("need_target", True))
        return table_from_frame(frame, columns, **options)

    return to_table


@pytest.fixture
def days() -> Callable[..., np.ndarray]:
    """Return a function that makes `count` days from a start, as datetime64[us]."""

    def make(count: int, start: str = "2020-01-01") -> np.ndarray:
        return np.datetime64(start, "us") + np.arange(count) * np.timedelta64(1, "D")

    return make
