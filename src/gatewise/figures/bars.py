"""Bars and lanes: effective dimension, transplant, ablation, probe, direction share, training drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gatewise.figures._canvas import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SOFT,
    band,
    begin,
    finish,
    grid,
    legend,
    literal,
    nothing,
)
from gatewise.figures._lanes import lanes, multiples
from gatewise.memory.drift import Drift
from gatewise.memory.interventions.ablation import Ablation
from gatewise.memory.interventions.direction import DirectionShare
from gatewise.memory.interventions.probe import Probe
from gatewise.memory.interventions.transplant import Transplant
from gatewise.memory.records.redundancy import Redundancy
from gatewise.wording import DIRECTIONS, figure, percent, place_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes


STATES = {"cell": "c", "hidden": "h", "both": "c and h"}


@dataclass(frozen=True)
class Bar:
    """One bar: its name, how long it is, its interval, and its colour."""

    name: str
    value: float
    low: float
    high: float
    colour: str
    text: str


def bars(ax: Axes, drawn: Sequence[Bar]) -> None:
    """Draw bars to the right, the first on top, with intervals and the figure behind each."""
    values, low, high = (
        np.array([getattr(bar, name) for bar in drawn], dtype=np.float64)
        for name in ("value", "low", "high")
    )
    places = np.arange(len(drawn))
    ax.barh(places, values, height=0.6, color=[bar.colour for bar in drawn])
    known = np.isfinite(low + high)
    ax.hlines(places[known], low[known], high[known], color=INK, lw=1.6)
    ax.set_yticks(places, [literal(bar.name) for bar in drawn])
    ax.set_ylim(len(drawn) - 0.4, -0.6)
    ax.axvline(0, color=SOFT, lw=0.8)
    # the text stands behind the interval, or behind zero where the bar points to the left
    ends = np.nan_to_num(np.fmax(np.fmax(values, high), 0.0))
    for place, end, bar in zip(places, ends, drawn, strict=True):
        ax.annotate(
            bar.text,
            (end, place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.margins(x=0.18)
    grid(ax, "x")


def redundancy(result: Redundancy, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw the effective dimension of each layer and direction, out of its units; returns the axes.

    Raises InputError for another result.
    """
    ax = begin(result, Redundancy, "redundancy", ax)
    values, units = result.dimension.ravel().tolist(), result.cluster.shape[-1]
    ends = zip(result.low.ravel(), result.high.ravel(), strict=True)
    found = [
        Bar(
            place_name(place, result.dimension.shape) or "state",
            value,
            *end,
            BLUE,
            f"{figure(value)} of {units}",
        )
        for place, value, end in zip(np.ndindex(*result.dimension.shape), values, ends, strict=True)
    ]
    ax.barh(np.arange(len(found)), [units] * len(found), height=0.6, color=FAINT, alpha=0.35)
    bars(ax, found)
    ax.set_xlabel("directions that the state moves in (participation ratio)")
    return finish(ax, "Effective dimension", result, caption)


def transplant(result: Transplant, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw how far each state, put into another run, takes the answer along: 0 not, 1 all the way.

    Raises InputError for another result.
    """
    ax = begin(result, Transplant, "transplant", ax)
    _by_state(ax, result.share, result.low, result.high, f"put in after {result.at} steps")
    ax.axvline(1, color=SOFT, lw=0.9, ls=":")
    ax.set_xlabel("share of the way to the other run's answer")
    return finish(ax, "State transplant (intervention)", result, caption)


def ablation(result: Ablation, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw how far the answer moves when each state is wiped; returns the axes.

    Raises InputError for another result.
    """
    ax = begin(result, Ablation, "ablation", ax)
    _by_state(ax, result.relative, result.low, result.high, f"wiped after {result.at} steps")
    ax.set_xlabel("change, as a share of the distance between two rows' answers")
    return finish(ax, "State ablation (intervention)", result, caption)


def _by_state(
    ax: Axes,
    shares: Mapping[str, float],
    low: Mapping[str, float],
    high: Mapping[str, float],
    what: str,
) -> None:
    colours = {"cell": BLUE, "hidden": ORANGE, "both": GREEN}
    found = [
        Bar(STATES[name], value, low[name], high[name], colours[name], percent(value))
        for name, value in shares.items()
    ]
    bars(ax, found)
    if not np.isfinite(list(shares.values())).any():
        nothing(ax, "the answers do not differ")
    ax.set_ylabel(what)


def probe(result: Probe, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw the R² of the read-out beside its controls; a figure below 0 is worse than the mean.

    Raises InputError for another result.
    """
    ax = begin(result, Probe, "probe", ax)
    interval, none = (result.low, result.high), (np.nan, np.nan)
    found = [Bar("the network's state", result.r2, *interval, BLUE, figure(result.r2))]
    if len(result.random):
        mean = float(result.random.mean())
        found.append(Bar("random weights, mean", mean, *none, FAINT, figure(mean)))
    if not np.isnan(result.lagged):
        name = f"the last {result.settings['lags'] + 1} inputs"
        found.append(Bar(name, result.lagged, *none, FAINT, figure(result.lagged)))
    bars(ax, found)
    if len(result.random):
        ax.plot(result.random, np.ones(len(result.random)), "|", color=INK, ms=10, mew=1.4)
    ax.set_xlabel("R² on blocks that the read-out has not seen")
    return finish(ax, "Probe", result, caption)


def direction_share(
    result: DirectionShare, ax: Axes | None = None, *, caption: bool = True
) -> Axes:
    """Draw what is lost without each direction: two lanes over the steps, or two bars for one answer.

    Raises InputError for another result.
    """
    ax = begin(result, DirectionShare, "direction_share", ax)
    title = "Directions (intervention)"
    if result.effect.shape[1] == 1:
        figures = (result.relative.tolist(), result.low.tolist(), result.high.tolist())
        each = zip(DIRECTIONS, *figures, (BLUE, ORANGE), strict=True)
        bars(ax, [Bar(f"without {bar[0]}", *bar[1:], percent(bar[1])) for bar in each])
        if not np.isfinite(result.relative).any():
            nothing(ax, "the answers have nothing to lose")
        ax.set_xlabel(f"share lost of {result.settings['against']}")
        return finish(ax, title, result, caption)
    steps = np.arange(result.effect.shape[1])
    parts = lanes(ax, 2)
    for n, (part, name, colour) in enumerate(zip(parts, DIRECTIONS, (BLUE, ORANGE), strict=True)):
        label = result.interval_name
        band(part, steps, (result.effect_low[n], result.effect_high[n]), colour, label)
        part.plot(steps, result.effect[n], color=colour, label=f"without {name}")
        part.axhline(0, color=SOFT, lw=0.8)
        part.set_ylabel("lost", fontsize="small")
        grid(part)
        legend(part)
    limits = [part.get_ylim() for part in parts]
    for part in parts:  # one scale, so that the two compare
        part.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    parts[-1].set_xlabel("step of the answer")
    return finish(ax, title, result, caption)


def training_drift(result: Drift, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw the saturation of each gate and the gradient norm by epoch, as small multiples.

    Raises InputError for another result.
    """
    ax = begin(result, Drift, "training_drift", ax)
    count = len(result.gates) + 1
    epochs = np.arange(1, len(result.gradient) + 1)
    parts = multiples(ax, count, columns=2 if count <= 4 else 3)
    for n, (part, gate) in enumerate(zip(parts, result.gates, strict=False)):
        part.plot(epochs, result.opened[:, n], color=ORANGE, marker=".", label="open")
        part.plot(epochs, result.closed[:, n], color=BLUE, marker=".", ls="--", label="closed")
        part.set_ylim(-0.03, 1.03)
        part.set_title(literal(str(gate)), fontsize="small", loc="left")
        if n == 0:
            legend(part)
    last = parts[-1]
    if np.isfinite(result.gradient).any():
        ends = (result.gradient_low, result.gradient_high)
        band(last, epochs, ends, PURPLE, "")
        last.plot(epochs, result.gradient, color=PURPLE, marker=".")
        last.set_ylim(bottom=0)
    else:
        nothing(last, "no backward pass")
    last.set_title("gradient norm (10 to 90 %)", fontsize="small", loc="left")
    # epochs are whole numbers, and small panels have no room for more ticks
    for part in parts:
        part.locator_params(axis="x", integer=True, nbins=5)
        grid(part)
        part.set_xlabel("epoch", fontsize="small")
    return finish(ax, "Saturation and gradient in training", result, caption)
