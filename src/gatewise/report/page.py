"""The page of one run: one HTML file that opens offline and asks no network for anything."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import Any

from gatewise.data.files import atomic_write_text
from gatewise.report.curves import horizon_data, training_data, training_note
from gatewise.report.embed import asset, script_json
from gatewise.report.forecasts import forecast_data
from gatewise.report.gates import gate_data
from gatewise.report.tables import definitions, members_table, score_notes, score_table
from gatewise.report.timescales import timescales_html, timescales_sentence
from gatewise.report.verdict import verdict
from gatewise.report.wording import PART_NAMES, counted, time_text
from gatewise.results import RunSummary

CAVEAT = (
    "Gate path only. These times are read off the gate that keeps the state: how slowly a unit "
    "would fade if nothing else carried its content. Gates alone mislead: a network also remembers "
    "through its recurrent weights, and networks that solved a recall over 80 to 99 steps have "
    "shown gate timescales of only 6 to 12. Do not read the longest one as how far back the "
    "network remembers."
)


def write_page(summary: RunSummary, path: Path) -> None:
    """Write the page of `summary` to `path`; the file appears whole or not at all.

    Raises:
        FileError: when the file cannot be written.
    """
    atomic_write_text(path, render_page(summary))


def render_page(summary: RunSummary) -> str:
    """Return the page of `summary` as HTML text with styles, scripts and data inside."""
    said = verdict(summary.evaluation)
    payload: dict[str, Any] = {}
    sections = [
        section
        for section in (
            _scores(summary),
            _forecasts(summary, payload),
            _horizon(summary, payload),
            _gates(summary, payload),
            _timescales(summary),
            _training(summary, payload),
            _provenance(summary),
        )
        if section is not None
    ]
    return Template(asset("assets/page.html")).substitute(
        title=escape(summary.title),
        headline=escape(said.headline),
        tone=said.tone,
        sentences="".join(f"<p>{escape(sentence)}</p>" for sentence in said.sentences),
        facts=_facts(summary),
        links="".join(f'<li><a href="#{name}">{NAMES[name]}</a></li>' for name, _, _ in sections),
        sections="\n".join(_section(*section) for section in sections),
        data=script_json(payload),
        styles=asset("vendor/uplot/uPlot.min.css") + asset("assets/page.css"),
        uplot=asset("vendor/uplot/uPlot.iife.min.js"),
        scripts="\n".join(asset(f"assets/{name}.js") for name in ("common", "charts", "heatmaps")),
    )


NAMES = {
    "scores": "Scores",
    "forecast": "Truth and prediction",
    "horizon": "Horizon",
    "gates": "Gates",
    "timescales": "Timescales",
    "training": "Training",
    "provenance": "Provenance",
}

_Section = tuple[str, str, str]
"""Name in the address, heading, HTML."""


def _section(name: str, heading: str, body: str) -> str:
    return (
        f'<section id="{name}" aria-labelledby="{name}-heading">'
        f'<h2 id="{name}-heading">{escape(heading)}</h2>{body}</section>'
    )


def _facts(summary: RunSummary) -> str:
    """Return the line under the verdict: what the model is."""
    settings = summary.settings
    words = [
        str(settings.get("cell", "network")).upper(),
        counted(int(settings.get("num_layers", 1)), "layer"),
    ]
    if "hidden_size" in settings:
        words.append(counted(int(settings["hidden_size"]), "unit"))
    words.append(counted(summary.parameters, "weight"))
    words.append(counted(len(summary.evaluation.members), "member"))
    if "lookback" in settings:
        words.append(f"looks back {counted(int(settings['lookback']), 'step')}")
    horizon = settings.get("horizon", 0)
    words.append(f"predicts {counted(int(horizon), 'step')} ahead" if horizon else "predicts now")
    return "".join(f"<li>{escape(word)}</li>" for word in words)


def _scores(summary: RunSummary) -> _Section:
    evaluation = summary.evaluation
    members = len(evaluation.members)
    cell = str(summary.settings.get("cell", "network")).upper()
    note = f"{cell}, mean of {members} members" if members > 1 else f"{cell}, one member"
    body = (
        score_table(evaluation, note)
        + _notes(score_notes(evaluation))
        + members_table(evaluation, summary.histories)
    )
    part = PART_NAMES.get(evaluation.part, evaluation.part)
    return "scores", f"Scores on {part}, beside naive baselines", body


def _forecasts(summary: RunSummary, payload: dict[str, Any]) -> _Section | None:
    predictions = summary.evaluation.predictions
    if len(predictions.origin) == 0:
        return None
    data = forecast_data(predictions)
    payload["forecast"] = data.payload
    controls = (
        _select("forecast-target", "Target", [t["name"] for t in data.payload["targets"]])
        + _select(
            "forecast-series",
            "Series",
            [f"{s['name']} (RMSE {s['rmse']})" for s in data.payload["series"]],
        )
        + _select("forecast-step", "Step ahead", [s["name"] for s in data.payload["steps"]])
        + _select("forecast-range", "Range", data.payload["ranges"])
    )
    hint = "Drag to zoom, double-click to zoom out; arrow keys read the values."
    band = [data.band] if data.band else []
    body = (
        f'<div class="controls">{controls}</div>'
        + _chart("forecast-chart", "Truth and prediction over time")
        + _notes([*band, *data.notes, hint])
    )
    return "forecast", "Truth against prediction", body


def _horizon(summary: RunSummary, payload: dict[str, Any]) -> _Section | None:
    data = horizon_data(summary.evaluation)
    if data is None:
        return None
    payload["horizon"] = data
    controls = _select("horizon-target", "Target", data["targets"]) + _select(
        "horizon-metric", "Metric", [metric["name"] for metric in data["metrics"]]
    )
    body = (
        f'<div class="controls">{controls}</div>'
        + _chart("horizon-chart", "Error by step ahead, for the model and the baselines")
        + _notes(["Each line scores one predicted step at a time, on the same windows."])
    )
    return "horizon", "Error by horizon", body


def _gates(summary: RunSummary, payload: dict[str, Any]) -> _Section | None:
    window = summary.window
    if window is None or len(window.time) == 0:
        return None
    data = gate_data(window, summary.timescales, summary.settings)
    payload["gates"] = data.payload
    layers = [f"{layer + 1}" for layer in range(len(data.payload["layers"]))]
    series = f"series {window.series}, " if window.series else ""
    period = f"{time_text(window.time[0])} to {time_text(window.time[-1])}"
    body = (
        f"<p>One window as the first member saw it: {escape(series)}{escape(period)}, "
        f"{counted(len(window.time), 'step')}. The inputs stand on top, scaled as the network sees "
        "them; all panels share one time axis and one order of units.</p>"
        f'<div class="controls">{_select("gates-layer", "Layer", layers)}</div>'
        '<output id="gates-reading" class="reading" aria-live="polite">'
        "Point at a panel, or focus one and use the arrow keys, to read unit, time and value."
        '</output><div id="gates-panels" class="panels"></div>' + _notes(data.notes)
    )
    return "gates", "Gates of one window", body


def _timescales(summary: RunSummary) -> _Section | None:
    timescales = summary.timescales
    if timescales is None:
        return None
    lookback = summary.settings.get("lookback")
    body = (
        f'<p class="caveat">{escape(CAVEAT)}</p><p>{escape(timescales_sentence(timescales))}</p>'
        + timescales_html(timescales, lookback if isinstance(lookback, int) else None)
    )
    return "timescales", "Gate timescales (gate path only)", body


def _training(summary: RunSummary, payload: dict[str, Any]) -> _Section | None:
    if not summary.histories:
        return None
    payload["training"] = training_data(summary.histories)
    body = _chart("training-chart", "Loss by epoch of every member") + _notes(
        training_note(summary.histories)
    )
    return "training", "Training", body


def _provenance(summary: RunSummary) -> _Section:
    body = "".join(
        f"<details{' open' if place == 0 else ''}><summary>{head}</summary>"
        f"{definitions(values)}</details>"
        for place, (head, values) in enumerate(
            [
                ("Data", summary.data),
                ("Settings", summary.settings),
                ("Environment", dict(summary.environment)),
            ]
        )
    )
    return "provenance", "Settings and provenance", body


def _select(name: str, label: str, options: list[str]) -> str:
    """Return a labelled choice, hidden when there is nothing to choose."""
    choices = "".join(
        f'<option value="{place}">{escape(option)}</option>' for place, option in enumerate(options)
    )
    hidden = " hidden" if len(options) < 2 else ""
    return f'<label{hidden}>{label} <select id="{name}">{choices}</select></label>'


def _chart(name: str, label: str) -> str:
    return f'<div id="{name}" class="chart" tabindex="0" role="img" aria-label="{escape(label)}"></div>'


def _notes(notes: list[str] | tuple[str, ...]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>' if items else ""
