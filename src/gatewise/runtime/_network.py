"""A forecaster's network without torch: embeddings, recurrent layers on the native core, a head.

Sizes: T steps of a window, B windows, F features, G categories, H hidden units, S steps predicted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.answers.families import family_named
from gatewise.data.tables.windows import Windows
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.options import spec_named
from gatewise.runtime._heads import head_of
from gatewise.runtime._layers import Layer
from gatewise.runtime.stream import Stream
from gatewise.typing import AnyArray, Array32, Arrays

BATCH = 256
BATCH_VALUES = 1 << 24
"""Input values of a batch, 64 MiB: wide and long windows come in smaller batches."""


class ForecastNetwork:
    """What a model file says of one member, ready to answer.

    Attributes:
        layers: The recurrent layers, the lowest first.
        weights: All that is trained, by the names in a model file.
        steps: S.
    """

    def __init__(self, settings: ForecasterSettings, targets: int, weights: Arrays) -> None:
        cell = spec_named(settings.cell)
        found = [_under(f"layers.{n}", weights) for n in range(settings.num_layers)]
        self.layers = [Layer(cell.name, each, heads=settings.heads) for each in found]
        self.weights = weights
        self.cell, self.heads = cell.name, settings.heads
        front = _under("front.tables", weights)
        self.tables = [front[f"{place}.weight"] for place in range(len(front))]
        self.steps = max(settings.horizon, 1)
        levels = () if settings.likelihood else settings.levels()
        self.head = head_of(weights, levels, family_named(settings.likelihood))

    def answers(self, windows: Windows, device: str = "cpu") -> Array32:
        """Return the head's output `[N, S, K, ...]` for all windows."""
        size = max(1, min(BATCH, BATCH_VALUES // windows.measured.size))
        found = []
        for start in range(0, len(windows), size):
            picks = np.arange(start, min(start + size, len(windows)))
            found.append(self(windows.gather(picks)[0]))
        return np.concatenate(found).astype(np.float32, copy=False)

    def stream(self) -> Stream:
        """Return the recurrent layers a step at a time, for one series."""
        layers = [
            {
                name.removesuffix("_l0"): one
                for name, one in _under(f"layers.{n}", self.weights).items()
            }
            for n in range(len(self.layers))
        ]
        return Stream.from_weights(self.cell, layers, heads=self.heads)

    def __call__(self, x: AnyArray) -> AnyArray:
        """Return the head's output `[B, S, K, ...]` for windows `x [T, B, F]`."""
        first = x[0, :, : x.shape[-1] - len(self.tables)]
        x = self.embedded(x)
        for layer in self.layers:
            x = layer.run(x)
        return self.head(x[-self.steps :], first)

    def embedded(self, x: AnyArray) -> AnyArray:
        """Return what the first layer reads of `x [..., F]`: figures in the place of codes."""
        if not self.tables:
            return x
        numbers = x.shape[-1] - len(self.tables)
        parts = [x[..., :numbers]]
        for place, table in enumerate(self.tables):
            codes = np.rint(x[..., numbers + place]).clip(0, len(table) - 1).astype(np.int64)
            parts.append(table[codes])
        return np.concatenate(parts, axis=-1)


def built(
    settings: ForecasterSettings,
    features: int,
    targets: int,
    *,
    engine: str,
    sizes: tuple[int, ...],
    weights: Arrays,
) -> Any:
    """Return the network of a model file: what `estimators.forecaster.saving` asks of a `Builder`."""
    return ForecastNetwork(settings, targets, weights)


def _under(prefix: str, weights: Arrays) -> Arrays:
    start = f"{prefix}."
    return {name[len(start) :]: one for name, one in weights.items() if name.startswith(start)}
