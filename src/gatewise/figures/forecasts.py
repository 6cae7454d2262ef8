"""Truth against prediction over time: of a scored part, and of the folds of a backtest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import InputError, nearest
from gatewise.figures._canvas import BLUE, INK, SERIES, axes_of, band, grid, legend, literal, titled
from gatewise.typing import Array
from gatewise.wording import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Predicted(Protocol):
    """Truth and predictions, a row for each window: N windows, S steps, K targets, Q quantiles."""

    @property
    def targets(self) -> tuple[str, ...]:
        """K names."""

    @property
    def series(self) -> NDArray[np.str_]:
        """The series of each window, [N]."""

    @property
    def origin(self) -> NDArray[Any]:
        """The last time that was seen, [N]."""

    @property
    def time(self) -> NDArray[Any]:
        """The times that are predicted, [N, S]."""

    @property
    def truth(self) -> Array:
        """[N, S, K], NaN where unknown."""

    @property
    def point(self) -> Array:
        """[N, S, K]."""

    @property
    def quantiles(self) -> Array | None:
        """[N, S, K, Q]; None without levels."""

    @property
    def levels(self) -> tuple[float, ...]:
        """Q quantile levels, ascending."""

    @property
    def zone(self) -> str | None:
        """The zone of the clock; times are UTC then."""


def backtest(
    parts: Sequence[Predicted],
    series: str | None = None,
    target: str | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw truth and prediction over time, each part in a colour of its own; returns the axes.

    Of forecasts that overlap, the last one made is drawn at each time. `series` is one of a panel, by
    default the first, and `target` one of several. Raises InputError for a name that is not there.
    """
    first = parts[0]
    ax = axes_of(ax, "backtest")
    k = first.targets.index(_named("target", target, first.targets))
    names = sorted({str(name) for part in parts for name in np.unique(part.series)})
    chosen = _named("series", series, names)
    for place, part in enumerate(parts):
        colour = BLUE if len(parts) == 1 else SERIES[place % len(SERIES)]
        said = "prediction" if len(parts) == 1 else f"fold {place + 1}"
        _draw(ax, part, chosen, k, colour=colour, label=said, first=place == 0)
    title = first.targets[k] + (f", {chosen}" if len(names) > 1 else "")
    titled(ax, f"{title}: truth and prediction")
    ax.set_xlabel("time (UTC)" if first.zone else "time")
    ax.set_ylabel(literal(first.targets[k]))
    grid(ax)
    legend(ax)
    return ax


def forecast(
    part: Predicted,
    series: str | None = None,
    target: str | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw truth and prediction of a scored part over time; see `backtest`."""
    return backtest([part], series, target, ax=ax)


def _draw(
    ax: Axes, part: Predicted, series: str, k: int, *, colour: str, label: str, first: bool
) -> None:
    rows = np.flatnonzero(part.series == series)
    if not rows.size:
        return
    times = part.time[rows].ravel()
    made = np.repeat(part.origin[rows], part.time.shape[1])
    # In the order of time and, at one time, of the origin: the last of each is kept.
    order = np.lexsort((made, times))
    last = order[np.append(times[order][1:] != times[order][:-1], True)]
    at = times[last]
    ax.plot(
        at,
        part.truth[rows][:, :, k].ravel()[last],
        color=INK,
        linewidth=1.2,
        label="truth" if first else None,
    )
    ax.plot(at, part.point[rows][:, :, k].ravel()[last], color=colour, linewidth=1.4, label=label)
    if part.quantiles is not None and len(part.levels) > 1:
        bands = part.quantiles[rows][:, :, k].reshape(-1, len(part.levels))[last]
        held = f"{figure(part.levels[0])} to {figure(part.levels[-1])} quantile" if first else ""
        band(ax, at, (bands[:, 0], bands[:, -1]), colour, held or "_")


def _named(what: str, given: str | None, known: Sequence[str]) -> str:
    if given is None:
        return known[0]
    if given not in known:
        raise InputError(f"there is no {what} {given!r} here.{nearest(given, known)}")
    return given
