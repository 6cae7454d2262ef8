"""The first screen: what is forecast, how good that is, against what, and what is remembered."""

from __future__ import annotations

from html import escape
from typing import Any

from gatewise.curve import Curve
from gatewise.report.blobs import Blobs
from gatewise.report.contents import Charts, Contents, Finding
from gatewise.report.curves import curve_data
from gatewise.report.glossary import Glossary
from gatewise.report.pictures import Picture, Scatter
from gatewise.report.table import table_html

MEMORY = "Memory"
"""The group of curves whose first one stands on the first screen."""


def header_html(contents: Contents, words: Glossary) -> str:
    """Return the title, what the page is about, and the verdict in one line."""
    about = f'<p class="subtitle">{escape(contents.subtitle)}</p>' if contents.subtitle else ""
    said = contents.findings[:1]
    verdict = f'<div class="verdict">{finding_html(said[0], words, set())}</div>' if said else ""
    return f"<h1>{escape(contents.title)}</h1>{about}{verdict}"


def overview_html(
    contents: Contents, words: Glossary, blobs: Blobs, payload: dict[str, Any]
) -> str:
    """Return the first screen's plot, scores and memory curve, as far as there are any."""
    plot = _plot(contents, blobs, payload) + pictures_html(contents.pictures)
    curve = memory_curve(contents)
    scores = "" if contents.scores is None else _scores(contents, words)
    if curve is not None and len(contents.pictures) == 1 and _is_narrow(contents.pictures[0]):
        # half of the width is enough for it: what is remembered stands beside it and the scores
        plot, scores = "", f'<div class="column">{plot}{scores}</div>'
    beside = [
        *([scores] if scores else []),
        *([_memory(contents, curve, words, payload)] if curve is not None else []),
    ]
    pair = f'<div class="beside">{"".join(beside)}</div>' if beside else ""
    facts = "".join(f"<li>{escape(word)}</li>" for word in contents.facts)
    tags = f'<ul class="tags" aria-label="The model">{facts}</ul>' if facts else ""
    if not plot and not pair:
        return tags
    return (
        '<section id="overview" aria-labelledby="overview-heading">'
        f'<h2 id="overview-heading" class="unseen">Overview</h2>{plot}{pair}{tags}</section>'
    )


def _is_narrow(picture: Picture) -> bool:
    return isinstance(picture, Scatter)


def memory_curve(contents: Contents) -> Curve | None:
    """Return the curve that stands on the first screen; None where there is none."""
    return next((one for one in contents.curves if one.group == MEMORY), None)


def finding_html(finding: Finding, words: Glossary, seen: set[str]) -> str:
    """Return a finding as one line, which opens to its evidence and caveat where it has any."""
    chips = ['<span class="chip warn">warning</span>'] if finding.tone == "warn" else []
    if finding.confidence:
        chips.append(
            f'<span class="chip {finding.confidence}">{finding.confidence} confidence</span>'
        )
    sentence = (
        f'<span class="sentence">{words.linked(finding.sentence, seen)}</span>'
        f'<span class="chips">{"".join(chips)}</span>'
    )
    behind = ""
    if finding.evidence:
        behind += f'<p class="evidence">{words.linked(finding.evidence, seen)}</p>'
    if finding.caveat:
        behind += f'<p class="because"><b>Caveat.</b> {words.linked(finding.caveat, seen)}</p>'
    if not behind:
        return f'<div class="finding {finding.tone}"><p class="says">{sentence}</p></div>'
    return (
        f'<details class="finding {finding.tone}"><summary class="says">{sentence}</summary>'
        f'<div class="behind">{behind}</div></details>'
    )


def select_html(name: str, label: str, options: list[str]) -> str:
    """Return a labelled choice, hidden when there is nothing to choose."""
    choices = "".join(
        f'<option value="{place}">{escape(option)}</option>' for place, option in enumerate(options)
    )
    hidden = " hidden" if len(options) < 2 else ""
    return f'<label{hidden}>{label} <select id="{name}">{choices}</select></label>'


def notes_html(notes: list[str] | tuple[str, ...]) -> str:
    """Return notes as a list in small print."""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>' if items else ""


def _plot(contents: Contents, blobs: Blobs, payload: dict[str, Any]) -> str:
    if contents.predictions is None:
        return ""
    data = contents.predictions.charts()
    payload["forecast"] = _embedded(data, blobs)
    payload["forecast"]["inspect"] = contents.inspect
    controls = (
        select_html("forecast-target", "Target", [t["name"] for t in data.payload["targets"]])
        + _series_picker([str(s["name"]) for s in data.payload["series"]])
        + select_html("forecast-view", "Shown", [v["name"] for v in data.payload["views"]])
        + select_html("forecast-range", "Range", data.payload["ranges"])
        + _window_picker(bool(data.payload["calendar"]))
    )
    hint = "Drag to zoom, double-click to zoom out; arrow keys read the values."
    notes = [*([data.band] if data.band else []), *data.notes, hint]
    return (
        '<figure id="forecast" class="plot-of-all"><figcaption><b>Truth and prediction</b>'
        f'<div class="controls">{controls}</div></figcaption>'
        '<div id="forecast-chart" class="chart" tabindex="0" role="img" '
        'aria-label="Truth and prediction over time"></div>'
        '<p id="forecast-window-note" class="hint" aria-live="polite"></p>'
        f'<details class="reads"><summary>How to read this plot</summary>{notes_html(notes)}'
        "</details></figure>"
    )


def pictures_html(pictures: tuple[Picture, ...]) -> str:
    """Return the pictures side by side, each with how it is read."""
    wide = " class=wide" if len(pictures) == 1 else ""
    figures = "".join(
        f"<figure{wide}><figcaption><h3>{escape(each.title)}</h3></figcaption>{each.html()}"
        f"{_reads(each.notes)}</figure>"
        for each in pictures
    )
    return f'<div class="pictures">{figures}</div>' if figures else ""


def _reads(notes: tuple[str, ...]) -> str:
    if not notes:
        return ""
    return (
        f'<details class="reads"><summary>How to read this</summary>{notes_html(notes)}</details>'
    )


def _series_picker(names: list[str]) -> str:
    """Return the choice of a series: typing part of its name finds it among hundreds."""
    if len(names) < 2:
        return ""
    return (
        '<label class="series">Series <input id="forecast-series" type="search" '
        'list="forecast-names" autocomplete="off" spellcheck="false"></label>'
        '<span class="around"><button type="button" id="forecast-before" '
        'aria-label="Series before" title="Series before">‹</button>'
        '<button type="button" id="forecast-after" '
        'aria-label="Next series" title="Next series">›</button></span>'
        '<datalist id="forecast-names"></datalist>'
    )


def _window_picker(calendar: bool) -> str:
    kind = "date" if calendar else "number"
    return (
        f'<label>Go to <input id="forecast-at" type="{kind}"></label>'
        '<button type="button" id="forecast-whole">Whole</button>'
    )


def _embedded(data: Charts, blobs: Blobs) -> dict[str, Any]:
    """Return the payload with its arrays in elements of their own; those that are shown first, early."""
    first = f"{data.payload['first']}/"
    charts = {}
    for key, chart in data.payload["charts"].items():
        put = blobs.early if key.startswith(first) else blobs.late
        charts[key] = {
            **chart,
            "time": put(chart["time"], "f8"),
            "lines": put(chart["lines"], "f4"),
            "count": len(chart["lines"]),
        }
    return {**data.payload, "charts": charts}


def _scores(contents: Contents, words: Glossary) -> str:
    table = contents.scores
    assert table is not None
    notes = "".join(f"<p class=hint>{words.linked(note)}</p>" for note in table.notes)
    return f'<div class="glance"><h3>{escape(table.title)}</h3>{table_html(table)}{notes}</div>'


def _memory(contents: Contents, curve: Curve, words: Glossary, payload: dict[str, Any]) -> str:
    payload["glance"] = curve_data(curve)
    said = contents.memory or curve.reading
    return (
        '<figure class="glance"><figcaption><h3>What it remembers</h3>'
        f"<p>{words.linked(said)}</p></figcaption>"
        '<div id="glance-chart" class="chart" tabindex="0" role="img" '
        f'aria-label="{escape(curve.name)}, over {escape(curve.x_label)}"></div></figure>'
    )
