"""The highway of one direction of one layer: its samples, exact or estimated, and its curves.

Sizes: N samples (a row and a time), B rows, L lags, K probes.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.errors import InputError, OptionError, nearest
from gatewise.memory._base import Method, Sampling
from gatewise.memory.gradients._gain import Gains, Norm, gains
from gatewise.memory.gradients._medians import by_row, median, median_interval, rate_of
from gatewise.memory.gradients._strand import Samples, StateChoice, Strand
from gatewise.memory.gradients.highway_result import Highway
from gatewise.typing import Array

EXACT_WORK = 2e11
"""Multiplications up to which `method="auto"` computes the whole Jacobian: some 20 s on one core."""

MAX_ROWS = 64
"""Rows looked at, evenly spaced, where the batch has more."""

SYMBOLS = {"hidden": "h", "cell": "c"}
"""How the papers write a state; one that is not here goes by its name."""


@dataclass(frozen=True)
class HighwayOptions:
    """What `highway` computes, checked; see there.

    Raises OptionError for a value that is none of those allowed.
    """

    at: Sequence[int] | None = None
    max_lag: int | None = None
    run_in: int = 0
    state: StateChoice = "cell"
    norm: Norm = "frobenius"
    method: Method = "auto"
    probes: int = 64
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        choices = {
            "state": ("cell", "full"),
            "norm": ("frobenius", "spectral"),
            "method": ("auto", "exact", "estimate"),
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in allowed:
                raise OptionError(
                    f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}."
                    f"{nearest(str(value), allowed)}"
                )
        if self.method == "estimate" and self.norm == "spectral":
            raise OptionError(
                "norm='spectral' has no unbiased estimate; use norm='frobenius' or method='exact'"
            )
        if isinstance(self.probes, bool) or not isinstance(self.probes, int) or self.probes < 2:
            raise OptionError(f"probes must be a whole number of at least 2; got {self.probes!r}")
        if self.max_lag is not None and (not isinstance(self.max_lag, int) or self.max_lag < 1):
            raise OptionError(f"max_lag must be a whole number of at least 1; got {self.max_lag!r}")
        if not isinstance(self.run_in, int) or self.run_in < 0:
            raise OptionError(f"run_in must be a whole number of at least 0; got {self.run_in!r}")


def highway_of(strand: Strand, options: HighwayOptions, settings: dict[str, Any]) -> Highway:
    """Return the highway of one direction of one layer; `settings` are added to the result's."""
    samples = _samples(strand, options)
    furthest = int(samples.times.max()) - options.run_in
    if furthest < 1:
        raise InputError(
            f"highway: run_in={options.run_in} leaves no step before the last; give longer rows"
        )
    max_lag = furthest if options.max_lag is None else min(options.max_lag, furthest)
    exact = _is_exact(strand, samples, max_lag, options)
    found = gains(
        strand,
        samples,
        max_lag,
        state=options.state,
        norm=options.norm,
        probes=None if exact else options.probes,
        generator=torch.Generator().manual_seed(options.sampling.seed),
        run_in=options.run_in,
    )
    rows = samples.rows.numpy()
    log_total, log_direct = by_row(found.total, rows), by_row(found.direct, rows)
    low, high = median_interval(log_total, options.sampling.level)
    total = median(log_total)
    with np.errstate(invalid="ignore"):  # nothing over nothing
        log_ratio = log_direct - log_total
    slope, slope_low, slope_high = rate_of(log_total, options.sampling.level)
    return Highway(
        cell=strand.spec.name,
        lags=np.arange(max_lag + 1),
        total=_exp(total),
        low=_exp(low),
        high=_exp(high),
        direct=_exp(median(log_direct)),
        ratio=_exp(median(log_ratio)),
        standard_error=_exp(total) * _probe_error(found, rows),
        log_total=log_total,
        log_direct=log_direct,
        rate=slope,
        rate_low=slope_low,
        rate_high=slope_high,
        units=strand.units(options.state),
        settings={
            **settings,
            **_in_words(strand, options.state),
            "norm": options.norm,
            "method": "exact" if exact else "estimate",
            "probes": None if exact else options.probes,
            "rows": sorted(set(rows.tolist())),
            "at": "last" if options.at is None else list(options.at),
            "max_lag": max_lag,
            "run_in": options.run_in,
            **options.sampling.settings(),
        },
    )


def _samples(strand: Strand, options: HighwayOptions) -> Samples:
    """Return the ends to look back from; raises InputError for times that no row has."""
    lengths = strand.lengths
    rows = (lengths > 1).nonzero().flatten()
    if len(rows) == 0:
        raise InputError(
            "highway: every row has a single step, and a Jacobian through time needs two; give "
            "longer sequences"
        )
    # evenly over the batch: neighbouring rows may be windows of the same weeks
    if len(rows) > MAX_ROWS:
        rows = rows[
            torch.linspace(0, len(rows) - 1, MAX_ROWS, dtype=torch.float32, device="cpu")
            .round()
            .long()
        ]
    if options.at is None:
        return Samples(rows, lengths[rows] - 1)
    try:
        times = torch.tensor([operator.index(at) for at in options.at], device="cpu").long()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            f"highway: at must be a list of steps; got {type(options.at).__name__}"
        ) from None
    if len(times) == 0 or int(times.min()) < 1 or int(times.max()) >= int(lengths.max()):
        raise InputError(
            f"highway: at must lie between 1 and {int(lengths.max()) - 1}, the last step; got "
            f"{list(options.at)}"
        )
    pairs = torch.cartesian_prod(rows, times)
    pairs = pairs[pairs[:, 1] < lengths[pairs[:, 0]]]
    return Samples(pairs[:, 0], pairs[:, 1])


def _is_exact(strand: Strand, samples: Samples, max_lag: int, options: HighwayOptions) -> bool:
    """Tell whether to compute every row of the Jacobians."""
    if options.norm == "spectral" or options.method == "exact":
        return True
    size = strand.units(options.state)
    work = len(samples.rows) * max_lag * size * strand.parameters.W_hh.numel()
    return options.method == "auto" and (size <= options.probes or work <= EXACT_WORK)


def _probe_error(found: Gains, rows: NDArray[np.int64]) -> Array:
    """Return the relative standard error of the curve by its probes: the jackknife of its logarithm."""
    if found.left_out is None:
        return np.zeros(found.total.shape[-1])
    curves = median(by_row(found.left_out, rows))  # [K, L + 1]
    count = len(curves)
    dead = np.isinf(curves).any(axis=0)
    curves = np.where(dead, 0.0, curves)
    spread = ((curves - curves.mean(axis=0)) ** 2).sum(axis=0)
    return np.where(dead, np.nan, np.sqrt((count - 1) / count * spread))


def _exp(values: Array) -> Array:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(values))


def _in_words(strand: Strand, state: StateChoice) -> dict[str, str | None]:
    """Return which state the Jacobian is of, and which gates its own path goes through."""
    symbols = [SYMBOLS.get(name, name) for name in strand.spec.states]
    carrier = symbols[strand.carrier]
    keep, write = strand.spec.keep_gate, strand.spec.write_gate
    symbol = carrier if state == "cell" or len(symbols) == 1 else f"({', '.join(symbols)})"
    follow = ", with h a function of it" if carrier != "h" else ""
    return {
        "symbol": symbol,
        "state": f"{carrier}{follow}" if state == "cell" else symbol,
        "gates": f"the {keep} gates" if keep else f"one minus the {write} gates" if write else None,
    }
