"""A pre-trained forecaster as a baseline: its forecasts without any training on these data.

The model is read from a folder of the user's; nothing is ever downloaded. Each target of each series is
forecast by itself from its last known rows, nothing of the other columns. Its recurrence runs on
gatewise's engines (`gw.accelerate`). Sizes: n origins, S predicted steps, K targets, Q levels.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.errors import FileError, OptionError, how_to_install
from gatewise.estimators.forecaster.baselines.rows import series_bounds
from gatewise.typing import Array, Indices

CONTEXT = 2048
"""Rows up to the origin that are read, as TiRex does at most; TiRex-2 gets no more."""
BATCH = 64
"""Forecasts at a time."""


class Model(Protocol):
    """What a loader returns."""

    levels: Sequence[float]
    """The quantile levels of its forecasts, ascending, 0.5 among them."""
    most_steps: int | None
    """The steps that it forecasts at most; None: any number."""

    def forecast(self, context: Array, steps: int) -> Array:
        """Return quantiles `[n, steps, Q]` of what follows `context [n, T]`, NaN where not known."""


class Tirex:
    """TiRex (Auer et al. 2025) by the package tirex-ts."""

    most_steps: int | None = None

    def __init__(self, path: Path) -> None:
        found = _package("tirex", "tirex", "tirex-ts")
        kind = import_module("tirex.models.tirex").TiRexZero
        with (
            found.reading(path),
            contextlib.redirect_stdout(io.StringIO()),
        ):  # it prints that it loads
            self._model = kind.from_pretrained(str(path), backend="torch", device="cpu")
        found.accelerate(self._model)
        self.levels: Sequence[float] = tuple(self._model.config.quantiles)

    def forecast(self, context: Array, steps: int) -> Array:
        """Return quantiles `[n, steps, Q]` of what follows `context [n, T]`."""
        quantiles, _ = self._model.forecast(
            context.astype(np.float32),
            prediction_length=steps,
            output_type="numpy",
            batch_size=BATCH,
        )
        return np.asarray(quantiles, dtype=np.float64)


class Tirex2:
    """TiRex-2 by the package tirex-2. It could read the other columns too, which it is not given."""

    def __init__(self, path: Path) -> None:
        found = _package("tirex2", "tirex2", "tirex-2")
        self._series = found.module.TimeseriesType
        with found.reading(path):  # of a folder that is there it asks no network
            self._model = found.module.load_model(str(path.parent), device="cpu")
        inner = self._model.model
        found.accelerate(inner)
        self.levels: Sequence[float] = tuple(np.round(inner.quantiles.tolist(), 6).tolist())
        self.most_steps = int(inner.future_len)

    def forecast(self, context: Array, steps: int) -> Array:
        """Return quantiles `[n, steps, Q]` of what follows `context [n, T]`."""
        rows = import_module("torch").from_numpy(context.astype(np.float32))[:, None]
        series = [self._series(row, past_covariates=None, future_covariates=None) for row in rows]
        found = self._model.forecast(
            series, prediction_length=steps, output_type="numpy", batch_size=BATCH
        )
        # Of each series [1, Q, steps].
        return np.stack([np.asarray(one, dtype=np.float64)[0].T for one in found])


@dataclass(frozen=True)
class _Package:
    """A package that is installed, and what is done with a model of it."""

    title: str
    module: Any

    @contextlib.contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """Say of whatever goes wrong inside that what lies at `path` is no model of this package."""
        try:
            yield
        except Exception as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise FileError(f"{path} is no model of {self.title}: {first}"[:300]) from error

    def accelerate(self, model: Any) -> None:
        """Run its recurrence on gatewise's engines; what else it has (an mLSTM, say) stays."""
        # Only here: torch takes seconds to import.
        from gatewise.nn.accelerate import accelerate  # noqa: PLC0415

        accelerate(model.eval(), report=True)


def _package(name: str, module: str, title: str) -> _Package:
    """Return the package behind a baseline; raises OptionError where it is not installed."""
    if find_spec(module) is None:
        raise OptionError(f"the baseline {name} needs {title}: {how_to_install(name)}")
    return _Package(title, import_module(module))


LOADERS: dict[str, tuple[str, Callable[[Path], Model]]] = {
    "tirex": ("model.ckpt", Tirex),
    "tirex2": ("model.safetensors", Tirex2),
}
"""By the name of a baseline: the file of the model in its folder, and what loads it."""


def place_of(name: str, given: str) -> str:
    """Return where the model of a baseline lies, in full; FileError where nothing lies there."""
    path = Path(given).expanduser().resolve()
    file = LOADERS[name][0]
    found = path / file if path.is_dir() else path
    if not found.is_file():
        what = f"has no {file}" if path.is_dir() else "is not there"
        raise FileError(
            f"baselines: {path} {what}; {name}=FOLDER names the folder of a model that was downloaded "
            "before (nothing is downloaded here)"
        )
    return str(found)


@lru_cache(maxsize=len(LOADERS))
def load(name: str, place: str) -> Model:
    """Return the model that lies there, kept for the next call; raises OptionError and FileError."""
    return LOADERS[name][1](Path(place_of(name, place)))


@dataclass(frozen=True)
class Pretrained:
    """One pre-trained model, by where it lies."""

    name: str
    place: str
    last: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # see `_asked`

    def to_json(self) -> list[str]:
        """Return what makes it again."""
        return [self.name, self.place]

    def predict(self, table: Table, values: Array, origins: Indices, steps: Indices) -> Array:
        """Return the medians of `steps` rows after each origin, `[n, S, K]`."""
        levels = list(load(self.name, self.place).levels)
        quantiles = self._asked(table, values, origins, steps)
        median: Array = quantiles[..., int(np.argmin(np.abs(np.array(levels) - 0.5)))]
        return median

    def quantiles(
        self,
        table: Table,
        values: Array,
        origins: Indices,
        steps: Indices,
        wanted: Sequence[float],
    ) -> Array:
        """Return quantiles `[n, S, K, len(wanted)]`: on a line between its own, no wider than those."""
        levels = np.array(load(self.name, self.place).levels)
        quantiles = self._asked(table, values, origins, steps)
        right = np.clip(np.searchsorted(levels, wanted), 1, len(levels) - 1)
        share = np.clip((np.array(wanted) - levels[right - 1]) / np.diff(levels)[right - 1], 0, 1)
        low, high = quantiles[..., right - 1], quantiles[..., right]
        return np.asarray(low + share * (high - low))

    def _asked(self, table: Table, values: Array, origins: Indices, steps: Indices) -> Array:
        """Return all its quantiles `[n, S, K, Q]`; points and bands of one call are asked for once."""
        key = (id(table), origins.tobytes(), steps.tobytes())
        if self.last.get("key") != key:
            self.last.update(key=key, found=self._forecasts(table, values, origins, steps))
        found: Array = self.last["found"]
        return found

    def _forecasts(self, table: Table, values: Array, origins: Indices, steps: Indices) -> Array:
        model = load(self.name, self.place)
        first, _ = series_bounds(table)
        ahead, targets = int(steps.max()), values.shape[1]
        out = np.full((len(origins), len(steps), targets, len(model.levels)), np.nan)
        for k in range(targets):
            for begin in range(0, len(origins), BATCH):
                batch = origins[begin : begin + BATCH]
                found = model.forecast(_contexts(values[:, k], first, batch), ahead)
                out[begin : begin + BATCH, :, k] = found[:, steps - 1]
        return out


def _contexts(values: Array, first: Indices, origins: Indices) -> Array:
    """Return the last rows up to each origin, `[n, CONTEXT]`, NaN before its series begins."""
    rows = origins[:, None] + np.arange(1 - CONTEXT, 1)
    known = rows >= first[origins][:, None]
    return np.where(known, values[np.maximum(rows, 0)], np.nan)


def note_of(name: str) -> str:
    """Say what such a baseline sees, and what it may have seen."""
    return (
        f"{name} is not trained here: it forecasts each target by itself from up to {CONTEXT:,} rows. "
        "Whether it saw these data when it was made is not known."
    )
