"""The summary of a forecaster's run, and the page that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.zones import local, time_text
from gatewise.estimators.forecaster.page.charts import RunCharts
from gatewise.estimators.forecaster.page.curves import horizon_curves, training_curves
from gatewise.estimators.forecaster.page.glance import about, glance_table
from gatewise.estimators.forecaster.page.tables import members_table, score_table
from gatewise.estimators.forecaster.page.timescales import timescales_sentence
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.results import GateTimescales, MeasuredTargets, WindowGates
from gatewise.estimators.forecaster.score_names import PART_NAMES
from gatewise.estimators.forecaster.verdict import Evaluation, learnt, verdict
from gatewise.report import Contents, Finding, Mark, Record, Series
from gatewise.report.contents import Tone
from gatewise.report.timescales import CAVEAT
from gatewise.training.history import History
from gatewise.unit import Unit
from gatewise.wording import counted

PYTHON = 'window.gates["{quantity}"][{layer}][{time}, {units}]'
LOADED = """import gatewise as gw

model, data = gw.Forecaster.load({run!r}), {source!r}
"""
WINDOW = "window = model.summary(data, part={part!r}{asked}).window\n"
"""The window of the page again: it is the same for the same model, data and part."""
TONES: dict[str, Tone] = {"better": "good", "unclear": "warn", "worse": "warn", "unknown": "plain"}


@dataclass(frozen=True)
class RunSummary:
    """Everything that the page shows of one run."""

    title: str
    settings: dict[str, Any]  # the estimator's parameters, JSON values
    data: dict[str, Any]  # source, rows, series, first and last time, step, parts
    environment: dict[str, str]  # versions, threads, machine
    parameters: int
    histories: tuple[History, ...]
    evaluation: Evaluation
    window: WindowGates | None
    timescales: GateTimescales | None
    run: str = ""  # folder or file that the model can be loaded from, where it is known
    units: dict[str, str] = field(default_factory=dict)  # column name to unit, of bundled sets
    ahead: Predictions | None = None  # beyond the data, where the run forecasts
    measured: MeasuredTargets | None = (
        None  # the targets before the scored part, to draw forecasts with
    )
    window_asked: dict[str, str] = field(default_factory=dict)  # how the window was asked for

    def contents(self) -> Contents:
        """Return the page of the run."""
        return contents_of_run(self)


def contents_of_run(summary: RunSummary) -> Contents:
    """Return the page of the run that `summary` describes.

    What explains the network may be added with `dataclasses.replace`.
    """
    evaluation, unit = summary.evaluation, unit_of(summary)
    scored = Contents(
        title=summary.title,
        subtitle=about(summary.settings, summary.units, unit),
        unit=unit,
        facts=_facts(summary),
        findings=_findings(summary),
        readable=learnt(evaluation),
        curves=horizon_curves(evaluation, unit, summary.units) + training_curves(summary.histories),
        predictions=_charts(summary) if len(evaluation.predictions.origin) else None,
        scores=glance_table(evaluation, summary.units),
        inspect=_inspect(summary),
        tables=tuple(table for table in _tables(summary) if table is not None),
        provenance={
            "Data": summary.data,
            "Settings": summary.settings,
            "Environment": summary.environment,
        },
    )
    window = summary.window  # the page of scores alone is worth having too
    if window is None or len(window.time) == 0:
        return scored
    lookback = summary.settings.get("lookback")
    return replace(
        scored,
        time=local(window.time, window.zone),
        series=_series(window, evaluation.predictions, summary.units),
        series_note=_series_note(summary, window),
        marks=_now(summary, window),
        records=_records(summary, window),
        records_note=_window_note(summary, window),
        lag=float(lookback) if isinstance(lookback, int) else None,
        lag_name="the window:",
    )


def _charts(summary: RunSummary) -> RunCharts:
    lookback = summary.settings.get("lookback")
    return RunCharts(
        summary.evaluation.predictions,
        summary.ahead,
        summary.measured,
        summary.units,
        unit_of(summary),
        lookback if isinstance(lookback, int) else None,
        summary.evaluation.by_series,
    )


def _inspect(summary: RunSummary) -> str:
    """Return the command for the gates of a window chosen in the plot; "" where no run is known."""
    if not summary.run:
        return ""
    panel = len(np.unique(summary.evaluation.predictions.series)) > 1
    return f"gatewise inspect {quote(summary.run)} --at {{at}}" + (
        " --of {series}" if panel else ""
    )


def unit_of(summary: RunSummary) -> Unit:
    """Return what one step of a run's data is called."""
    return Unit.of(str(summary.data.get("step", "1 step")))


def _cell(settings: Mapping[str, Any]) -> str:
    """Return what a page calls the cell of a network."""
    return str(settings.get("cell", "network")).replace("_", " ").upper()


def _facts(summary: RunSummary) -> tuple[str, ...]:
    """Return in short words what the model is."""
    settings, unit = summary.settings, unit_of(summary)
    words = [
        _cell(settings),
        counted(int(settings.get("num_layers", 1)), "layer"),
    ]
    if "hidden_size" in settings:
        words.append(counted(int(settings["hidden_size"]), "unit"))
    words.append(counted(summary.parameters, "weight"))
    words.append(counted(len(summary.evaluation.members), "member"))
    if "lookback" in settings:
        words.append(f"looks back {unit.counted(int(settings['lookback']))}")
    horizon = settings.get("horizon", 0)
    words.append(f"predicts {unit.counted(int(horizon))} ahead" if horizon else "predicts now")
    return tuple(words)


def _findings(summary: RunSummary) -> tuple[Finding, ...]:
    said = verdict(summary.evaluation)
    found = [Finding(said.headline, " ".join(said.sentences), tone=TONES[said.tone])]
    if summary.timescales is not None and learnt(summary.evaluation):
        sentence = f"Gate timescales: {timescales_sentence(summary.timescales)}"
        found.append(Finding(sentence.replace(": Median", ": median"), caveat=CAVEAT))
    return tuple(found)


def _tables(summary: RunSummary) -> tuple[Any, ...]:
    evaluation = summary.evaluation
    members = len(evaluation.members)
    cell = _cell(summary.settings)
    note = f"{cell}, mean of {members} members" if members > 1 else f"{cell}, one member"
    part = PART_NAMES.get(evaluation.part, evaluation.part)
    return (
        score_table(evaluation, f"Scores on {part}, beside naive baselines", note),
        members_table(evaluation, summary.histories),
    )


def _records(summary: RunSummary, window: WindowGates) -> tuple[Record, ...]:
    layers = len(next(iter(window.gates.values())))
    tau = summary.timescales.steps if summary.timescales is not None else None
    setup = WINDOW.format(
        part=summary.evaluation.part,
        asked="".join(f", {name}={value!r}" for name, value in summary.window_asked.items()),
    )
    if summary.run and (source := summary.data.get("source")):
        setup = LOADED.format(run=summary.run, source=source) + setup
    return tuple(
        Record(
            module="network",
            cell=_cell(summary.settings),
            kind=str(summary.settings.get("cell", "")),
            quantities={name: values[layer] for name, values in window.gates.items()},
            layer=layer,
            tau=None if tau is None else tau[layer],
            row_name=window.series or "window",
            python=PYTHON,
            setup=setup,
        )
        for layer in range(layers)
    )


def _window_note(summary: RunSummary, window: WindowGates) -> str:
    series = f"series {window.series}, " if window.series else ""
    period = " to ".join(time_text(window.time[at], window.zone) for at in (0, -1))
    chosen = (
        "" if summary.window_asked else " It is one with much to see; any other is a command away:"
    )
    command = _inspect(summary).format(at="TIME", series="SERIES")
    more = f"{chosen} {command}." if chosen and command else ""
    return f"One window as the first member saw it: {series}{period}.{more}"


def _now(summary: RunSummary, window: WindowGates) -> tuple[Mark, ...]:
    horizon = summary.settings.get("horizon")
    if not isinstance(horizon, int) or not 0 < horizon < len(window.time):
        return ()
    text = "now: to the right lie the steps to predict, where inputs not known ahead are 0"
    return (Mark(len(window.time) - horizon, text),)


def _series(
    window: WindowGates, predictions: Predictions, units: Mapping[str, str]
) -> tuple[Series, ...]:
    """Return the inputs of the window, the targets, and predictions where the scored part has them."""
    targets = predictions.targets
    shown = window.measured or window.inputs
    lines = [
        Series(name, values, unit=units.get(name, ""))
        for name, values in shown.items()
        if not (window.measured and name in targets)
    ]
    rows = np.flatnonzero(predictions.series == window.series)
    ahead = predictions.time.shape[1]
    # Of a forecast the page shows the one that the window ends in, not others made before it.
    ending = rows if ahead == 1 else rows[predictions.time[rows, -1] == window.time[-1]]
    for k, name in enumerate(targets):
        unit = units.get(name, "")
        truth = window.measured.get(name)
        if truth is None:
            truth = _along(window, predictions.time[rows], predictions.truth[rows, :, k])
        point = _along(window, predictions.time[ending], predictions.point[ending, :, k])
        if np.isfinite(truth).any():
            lines.append(Series(name, truth, "target", unit))
        if np.isfinite(point).any():
            band = _band(window, predictions, ending, k)
            lines.append(Series(name, point, "prediction", unit, *band))
    return tuple(lines)


def _series_note(summary: RunSummary, window: WindowGates) -> str:
    if not window.measured:
        return "Inputs are scaled as the network sees them."
    part = PART_NAMES.get(summary.evaluation.part, summary.evaluation.part)
    unseen = "" if summary.settings.get("horizon") else " It never sees the target."
    return (
        "Columns are in the units of the data; the network sees them scaled."
        f"{unseen} Predictions are those of {part}."
    )


def _band(
    window: WindowGates, predictions: Predictions, rows: NDArray[np.intp], k: int
) -> tuple[Any, Any]:
    values = predictions.quantiles
    if values is None or len(predictions.levels) < 2:
        return None, None
    time = predictions.time[rows]
    return _along(window, time, values[rows, :, k, 0]), _along(window, time, values[rows, :, k, -1])


def _along(
    window: WindowGates, time: NDArray[Any], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return `values` at the window's times, NaN where there is none."""
    out = np.full(len(window.time), np.nan)
    if values.size == 0 or time.dtype.kind != window.time.dtype.kind:
        return out
    times, first = np.unique(time.ravel(), return_index=True)
    place = np.minimum(np.searchsorted(times, window.time), len(times) - 1)
    there = times[place] == window.time
    out[there] = values.ravel()[first[place[there]]]
    return out
