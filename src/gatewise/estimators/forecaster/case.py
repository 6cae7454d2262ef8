"""The case of a forecaster: its own windows and targets, its seasons and series, its members.

Sizes: B windows, T steps up to now, S steps ahead, F features, K targets, Q levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import AHEAD, MISSING_SUFFIX, RATE_SUFFIX, Windows
from gatewise.data.tables.zones import local
from gatewise.errors import InputError, OptionError, nearest
from gatewise.estimators.forecaster.fitted import Fitted, member_outputs, to_predictions
from gatewise.estimators.forecaster.forecasting import prepared_for
from gatewise.estimators.forecaster.page.run import RunSummary
from gatewise.estimators.network import RecurrentNetwork
from gatewise.explaining.affordable import Affordable, affordable, sizes
from gatewise.explaining.case import MOST_GROUPS, Case, Group, spread
from gatewise.explaining.skill import Skill, compared
from gatewise.memory import Sampling
from gatewise.memory.interventions.subject import Output
from gatewise.training.distributed import local_device
from gatewise.typing import Indices
from gatewise.unit import Unit
from gatewise.wording import layer_name

SEASONS = ["winter", "spring", "summer", "autumn"]
"""Of three months each, winter from December on: those of the northern hemisphere."""

MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
Summarised = Callable[[Any, Any], RunSummary]

LEVELS = {
    "window": "the mean of its past",
    "robust": "the median of its past",
    "last": "the last value of its past",
    "season": "the values of the season before",
}
"""What a forecast's network adds to, in each window."""

GROUPINGS = ("season", "month", "series")
FEWEST = 12


class AnswersFromPast(torch.nn.Module):
    """A forecaster's network as a function of what it sees up to now; what is known ahead stays apart.

    Lags then count from "now": steps ahead, where most features are hidden, are not taken for memory.
    """

    def __init__(self, network: RecurrentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, past: Tensor, ahead: Tensor | None = None) -> Tensor:
        """Return the point predictions `[B, S * K]` for `past [T, B, F]` and `ahead [B, S, F]`."""
        x = past if ahead is None else torch.cat([past, ahead.transpose(0, 1)])
        head: Any = self.network.head
        point: Tensor = head.point(self.network(x))
        return point.flatten(1)


@dataclass(frozen=True)
class OneTarget:
    """Reads the answers for one target of K."""

    place: int
    targets: int

    def __call__(self, answers: Tensor) -> Tensor:
        """Return `[B, S]` of `[B, S * K]`."""
        return answers[:, self.place :: self.targets]


def case_of_forecaster(
    fitted: Fitted,
    data: Any,
    summarised: Summarised,
    *,
    part: Any,
    by: Any,
    module: str | None,
    budget: float,
    sampling: Sampling,
) -> Case:
    """Return the case of a forecaster's first member on windows of a table.

    `summarised` returns the summary of a part of the table, for the page. Raises InputError and
    DataError for a table or part that cannot be used, and OptionError for groups that the table does
    not have.
    """
    prepared = prepared_for(fitted, data)
    if part is None and prepared.identity["sha256"] == fitted.data["sha256"]:
        part = fitted.split.scored
    joined, windows = prepared.table, prepared.windows(part)
    _check_lookback(windows)
    names = _checked_module(fitted, module)
    groups, left_out = _groups(joined, windows, by)
    answers = _answers_apart(
        fitted.columns.target, skill := _skill(fitted, joined, windows, sampling)
    )
    # Each group and target is asked for its horizon, which takes most of the time.
    chosen = _planned(fitted, windows, budget, len(groups) + len(answers))
    take = partial(_inputs, fitted, windows)
    picks = spread(len(windows), _odd_rows(chosen.rows, windows))
    return Case(
        model=_wrapped(fitted, 0),
        inputs=take(picks),
        targets=torch.from_numpy(windows.gather(picks)[1]).double().flatten(1),
        loss="mse",
        output=None,
        time=0,
        rows=len(picks),
        successive=len(windows),
        steps=windows.lookback,
        per_step=False,
        module=names,
        module_names={name: layer_name(place) for place, name in enumerate(_layers(fitted))},
        unit=Unit.of(fitted.step.text),
        scale="" if fitted.settings.scale == "none" else " (sd)",
        called="window",
        last=windows.lookback - 1 if windows.horizon else None,
        outputs=answers,
        others=tuple(_wrapped(fitted, place) for place in range(1, len(fitted.networks))),
        groups=_taken(groups, _odd_rows(chosen.rows, windows), take),
        grouped_by=by or "",
        chosen={
            "part": part or "all",
            **_counts(fitted, windows, len(picks)),
            "by": by,
            "by_left_out": left_out,
            "seconds_estimated": chosen.seconds,
            "units": sizes(fitted.networks[0])[1],
        },
        skill=skill,
        **_for_inputs(fitted, windows, picks),
        base=lambda: summarised(prepared, part).contents(),
    )


def _check_lookback(windows: Windows) -> None:
    if windows.lookback < 2:
        raise InputError(
            "explain: lookback=1 leaves one step, so there is nothing to remember; fit with more"
        )


def _planned(fitted: Fitted, windows: Windows, budget: float, apart: int) -> Affordable:
    """Return how many windows fit the budget; `apart` horizons are asked for besides those of members.

    Whole windows: a part of one would hide memory that the forecaster makes use of.
    """
    chosen = affordable(
        fitted.networks[0],
        len(windows),
        windows.lookback,
        budget,
        horizons=apart + len(fitted.networks) - 1,
    )
    if chosen.steps < windows.lookback:
        need = chosen.seconds * windows.lookback / chosen.steps
        raise InputError(
            f"explain: budget={budget:g} seconds is too little for windows of {windows.lookback} steps; "
            f"give budget={2 * need:.2g} or more"
        )
    return chosen


def _counts(fitted: Fitted, windows: Windows, picked: int) -> dict[str, int]:
    """Return how many windows, steps and members are looked at, and of how many."""
    return {
        "rows": picked,
        "rows_of": len(windows),
        "steps": windows.lookback,
        "steps_of": windows.lookback,
        "member": 1,
        "members": len(fitted.networks),
    }


def _taken(
    groups: Mapping[str, Indices], most: int, take: Callable[[Indices], tuple[Tensor, ...]]
) -> tuple[Group, ...]:
    """Return at most `most` windows of each group, at even distances; no group of too few."""
    fewer = {name: rows[spread(len(rows), most)] for name, rows in groups.items()}
    return tuple(
        Group(name, take(rows), len(rows)) for name, rows in fewer.items() if len(rows) >= FEWEST
    )


def _answers_apart(targets: tuple[str, ...], skill: Mapping[str, Skill]) -> dict[str, Output]:
    """Return what reads the answers for each target that was learnt; none where there is one target."""
    if len(targets) < 2:
        return {}
    return {
        name: OneTarget(place, len(targets))
        for place, name in enumerate(targets)
        if name not in skill or skill[name].shown
    }


def _skill(fitted: Fitted, table: Table, windows: Windows, sampling: Sampling) -> dict[str, Skill]:
    """Return the NSE of the first member by target, as the scores have it, with its interval."""
    alone = replace(fitted, networks=fitted.networks[:1])
    made = to_predictions(alone, table, windows, member_outputs(alone, table, windows))
    found = {}
    for place, name in enumerate(made.targets):
        truth = made.truth[:, :, place]
        if np.isnan(truth).all():
            continue
        own, one = (truth - made.point[:, :, place]) ** 2, (truth - np.nanmean(truth)) ** 2
        skill = compared(own, one, sampling)
        if skill is not None and math.isfinite(skill.value):
            found[name] = skill
    return found


def _wrapped(fitted: Fitted, member: int) -> AnswersFromPast:
    network = fitted.networks[member].to(local_device(fitted.settings.device))
    return AnswersFromPast(network)


def _layers(fitted: Fitted) -> list[str]:
    """Return the paths of the layers, each a module of its own."""
    return [f"network.layers.{place}" for place in range(len(fitted.networks[0].layers))]


def _checked_module(fitted: Fitted, module: str | None) -> str | None:
    names = _layers(fitted)
    if module is None or module in names:
        return module
    if f"network.{module}" in names:
        return f"network.{module}"
    raise InputError(
        f"explain: no recurrent module {module!r}; there are {', '.join(map(repr, names))}."
        f"{nearest(module, names)}"
    )


def _odd_rows(rows: int, windows: Windows) -> int:
    """Return a number of rows that no axis of the windows could be mistaken for."""
    taken = {windows.lookback, windows.horizon, windows.steps}
    return next(count for count in range(rows, 0, -1) if count not in taken)


def _inputs(fitted: Fitted, windows: Windows, picks: Indices) -> tuple[Tensor, ...]:
    """Return what is seen up to now `[T, B, F]`, and of forecasts what is known ahead `[B, S, F]`."""
    x = torch.from_numpy(windows.gather(picks)[0]).to(local_device(fitted.settings.device))
    past = x[: windows.lookback].contiguous()
    if not windows.horizon:
        return (past,)
    return past, x[windows.lookback :].transpose(0, 1).contiguous()


def _for_inputs(fitted: Fitted, windows: Windows, picks: Indices) -> dict[str, Any]:
    """Return what a case tells of the columns of its windows, and of steps that windows share.

    The whole window is one sequence, so that a column goes with its values ahead.
    """
    x = torch.from_numpy(windows.gather(picks)[0]).to(local_device(fitted.settings.device))
    apart = max(len(windows) / len(picks), 1.0)  # steps from one window picked to the next
    return {
        "columns": columns_of(windows, fitted.columns.target),
        "labels": tuple(one.name for one in fitted.columns.categories),
        "whole": (x,),
        "now": windows.lookback - 1,
        "distance": math.ceil(windows.lookback / apart),
        "adds_to": LEVELS.get(fitted.normaliser.normalise, ""),
    }


def columns_of(windows: Windows, targets: tuple[str, ...]) -> dict[str, list[int]]:
    """Return the features of each column by its name: its values and their indicator of gaps.

    A forecast sees the past of its targets too, and the rate of counts is part of it; that of a virtual
    sensor never changes. The flag of steps ahead is no column.
    """
    found: dict[str, list[int]] = {}
    for place, feature in enumerate(windows.names):
        name = feature.removesuffix(MISSING_SUFFIX).removesuffix(RATE_SUFFIX)
        constant = feature.endswith(RATE_SUFFIX) and not windows.horizon
        if feature != AHEAD and not constant:
            called = f"{name} (its own past)" if name in targets else name
            found.setdefault(called, []).append(place)
    return found


def _groups(table: Table, windows: Windows, by: Any) -> tuple[dict[str, Indices], list[str]]:
    """Return the windows of each group, by the time or the series at which they end.

    Also return the names of the groups that are left out: of too few windows, or one too many.
    """
    if by is None:
        return {}, []
    if by not in GROUPINGS:
        known = ", ".join(map(repr, GROUPINGS))
        raise OptionError(
            f"explain: by must be one of {known}; got {by!r}.{nearest(str(by), GROUPINGS)}"
        )
    if by == "series":
        names = np.array(table.series)[table.series_index()[windows.origins]]
        # Of the windows, not of the table: a series that no window lies in is no group.
        order = list(dict.fromkeys(names.tolist()))
        if len(order) < 2:
            raise OptionError(
                "explain: by='series' needs a table of several series; this one has one"
            )
    else:
        names, order = _by_date(local(table.time[windows.origins], table.zone), by)
    picked = [(name, np.flatnonzero(names == name)) for name in order]
    enough = [(str(name), rows) for name, rows in picked if len(rows) >= FEWEST][:MOST_GROUPS]
    groups = dict(enough)
    return groups, [str(name) for name, _ in picked if str(name) not in groups]


def _by_date(time: NDArray[Any], by: str) -> tuple[NDArray[np.str_], list[str]]:
    if not np.issubdtype(time.dtype, np.datetime64):
        raise OptionError(
            f"explain: by={by!r} needs dates; the time column of this table has numbers"
        )
    months = time.astype("datetime64[M]").astype(np.int64) % 12 + 1
    if by == "month":
        return np.array(MONTHS)[months - 1], MONTHS
    return np.array(SEASONS)[months % 12 // 3], SEASONS
