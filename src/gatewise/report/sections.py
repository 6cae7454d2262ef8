"""The sections beneath the first screen, in their order: HTML for the frame, JSON values for scripts."""

from __future__ import annotations

import re
from html import escape
from typing import Any, NamedTuple

import numpy as np

from gatewise.curve import Curve, Mark
from gatewise.report import ledger
from gatewise.report.blobs import Blobs
from gatewise.report.contents import AHEAD, TRAINING, Contents, Finding, Record
from gatewise.report.curves import curve_data
from gatewise.report.definitions import definitions
from gatewise.report.glossary import Glossary
from gatewise.report.inputs import panel_html
from gatewise.report.overview import finding_html, notes_html, pictures_html
from gatewise.report.records import records_data
from gatewise.report.series import strip_data, time_data
from gatewise.report.table import Table, table_html
from gatewise.report.timescales import CAVEAT, axis_bounds, spectrum
from gatewise.report.units import tau_of
from gatewise.unit import Unit
from gatewise.wording import DIRECTIONS, layer_name

ALL_PANELS = 6
"""More charts than this under one heading are shown one at a time."""


class Section(NamedTuple):
    """One section; `name` is its id, `link` its entry in the contents, "" for none."""

    name: str
    link: str
    heading: str
    body: str


def sections_of(
    contents: Contents, words: Glossary, blobs: Blobs, limit: int, payload: dict[str, Any]
) -> list[Section]:
    """Return the sections that have something to show; `payload` takes the values for the scripts."""
    inside = _inside(contents, blobs, limit, payload)
    curves = _curves(contents.curves, words, payload)
    of_scores = [section for section in curves if section.link in (AHEAD, TRAINING)]
    sections = [
        *_findings(contents.findings[1:], words),
        *(section for section in curves if section not in of_scores),
        *_inputs(contents),
        *_details(contents),
        *_tables(contents.tables),
        *inside,
        *_units(contents),
        *_timescales(contents, words),
        *of_scores,
        *_provenance(contents),
    ]
    if inside and contents.records:
        words.use("ledger")  # scripts write it
    return sections + _words(words)


def _findings(findings: tuple[Finding, ...], words: Glossary) -> list[Section]:
    """Return what stands behind the verdict, a line each."""
    if not findings:
        return []
    seen: set[str] = set()  # a word has its link where it comes first
    items = "".join(f"<li>{finding_html(finding, words, seen)}</li>" for finding in findings)
    opener = ""
    if any(finding.evidence or finding.caveat for finding in findings):
        opener = '<button type="button" id="open-findings" class="quiet">Open all</button>'
    body = f'{opener}<ol class="findings" aria-label="Findings">{items}</ol>'
    return [Section("findings", "Findings", "Findings", body)]


def _words(words: Glossary) -> list[Section]:
    html = words.html()
    return [Section("words", "Words", "Words of this page", html)] if html else []


def _inside(contents: Contents, blobs: Blobs, limit: int, payload: dict[str, Any]) -> list[Section]:
    if not contents.records and not contents.series:
        return []
    payload["time"] = time_data(contents, blobs)
    payload["marks"] = [{"at": mark.at, "text": mark.text} for mark in contents.marks]
    payload["strip"] = strip_data(contents, blobs)
    payload["records"] = records_data(contents.records, blobs, limit, contents.unit)
    notes = payload["strip"]["notes"] + [f"Dashed line = {mark.text}." for mark in contents.marks]
    heading = "Inside, step by step" if contents.records else "Series"
    link = "Gates" if contents.records else "Series"
    intro = f"<p>{escape(contents.records_note)}</p>" if contents.records_note else ""
    body = intro + _frame() + notes_html(notes)
    return [Section("inside", link, heading, body)]


def _frame() -> str:
    """Return the empty frame that the scripts fill with controls and panels."""
    return (
        '<div id="controls" class="controls"></div>'
        '<div class="bar"><output id="reading" class="reading" aria-live="polite"></output></div>'
        '<div id="panels" class="panels"></div>'
    )


def _curves(curves: tuple[Curve, ...], words: Glossary, payload: dict[str, Any]) -> list[Section]:
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        groups.setdefault(curve.group, []).append(curve)
    payload["curves"] = {}
    sections = []
    for title, members in groups.items():
        name = _slug(title)
        payload["curves"][name] = [curve_data(curve) for curve in members]
        # Many charts would make the page long before anything else is read: then one shows at a time.
        alone = len(members) > ALL_PANELS
        choices = "".join(
            f'<option value="{place}">{escape(curve.name)}</option>'
            for place, curve in enumerate(members)
        )
        picker = f'<label>Chart <select id="{name}-pick">{choices}</select></label>'
        frames = "".join(
            _curve(name, place, curve, words, hidden=alone and place > 0)
            for place, curve in enumerate(members)
        )
        single = " single" if alone or len(members) == 1 else ""
        body = f'<div class="controls">{picker}</div>' if alone else ""
        body += f'<div class="curves{single}">{frames}</div>'
        heading = {"Memory": "Memory curves"}.get(title, title)
        sections.append(Section(name, title, heading, body))
    return sections


def _curve(group: str, place: int, curve: Curve, words: Glossary, *, hidden: bool) -> str:
    kinds = dict.fromkeys(line.kind for line in curve.lines if line.kind)
    chips = "".join(f'<span class="chip">{escape(kind)}</span>' for kind in kinds)
    return (
        f'<figure class="curve"{" hidden" if hidden else ""}>'
        f"<figcaption><b>{words.linked(curve.name)}</b> {chips}</figcaption>"
        f'<p class="sentence">{escape(curve.reading)}</p>'
        f'<div id="{group}-{place}" class="chart" tabindex="0" role="img" '
        f'aria-label="{escape(curve.name)}, over {escape(curve.x_label)}"></div>'
        f"<div>{notes_html([curve.note] if curve.note else [])}</div></figure>"
    )


def _inputs(contents: Contents) -> list[Section]:
    if contents.inputs is None:
        return []
    return [Section("inputs", "Inputs", "Which input matters", panel_html(contents.inputs))]


def _details(contents: Contents) -> list[Section]:
    if not contents.details:
        return []
    return [Section("details", "In detail", "In detail", pictures_html(contents.details))]


def _units(contents: Contents) -> list[Section]:
    if not contents.records:
        return []
    body = (
        '<p id="units-note" class="hint"></p>'
        '<div id="units-table" class="scroll tall" tabindex="0" role="region" '
        'aria-label="Table of units"></div>'
    )
    return [Section("units", "Units", "Units", body)]


def _timescales(contents: Contents, words: Glossary) -> list[Section]:
    if not contents.readable:
        return []
    found = [
        (record, tau, gate)
        for record in contents.records
        if (tau := tau_of(record)) is not None
        and (gate := ledger.keep_gate(record)) is not None
        and np.isfinite(tau).any()
    ]
    if not found:
        return []
    # One axis and one unit for all records, so that their pictures can be compared.
    every = np.concatenate([tau for _, tau, _ in found])
    each, counted = contents.unit.axis(float(every[np.isfinite(every)].max()))
    lag, at = None, None
    if contents.lag is not None:
        at = contents.lag * each
        lag = Mark(at, f"{contents.lag_name} {contents.unit.counted(contents.lag)}")
    bounds, unit = axis_bounds(every * each, at), Unit(counted.removesuffix("s"))
    figures = [
        spectrum(tau * each, gate, _place(record, contents.records), bounds, lag=lag, unit=unit)
        for record, tau, gate in found
    ]
    body = f'<p class="caveat">{words.linked(CAVEAT)}</p>{figures[0]}'
    if figures[1:]:
        body += (
            f"<details><summary>{len(figures) - 1} more of layers, directions and modules</summary>"
            f"{''.join(figures[1:])}</details>"
        )
    return [Section("timescales", "Timescales", "Gate timescales (gate path only)", body)]


def _place(record: Record, records: tuple[Record, ...]) -> str:
    """Return what tells a record from the others, in words; "" for a single one."""
    if len(records) < 2:
        return ""
    words = [record.module or "the model", layer_name(record.layer)]
    if any(other.direction for other in records):
        words.append(DIRECTIONS[record.direction])
    if len({other.row for other in records}) > 1:
        words.append(record.row_name or f"row {record.row}")
    return ", ".join(words)


def _tables(tables: tuple[Table, ...]) -> list[Section]:
    """Return a section for each table; a folded one goes into the section before it."""
    sections: list[Section] = []
    for place, table in enumerate(tables):
        html = table_html(table) + notes_html(table.notes)
        if table.folded and sections:
            html = f"<details><summary>{escape(table.title)}</summary>{html}</details>"
            sections[-1] = sections[-1]._replace(body=sections[-1].body + html)
        else:
            name = "scores" if table.title.startswith("Scores") else f"table-{place}"
            link = "Scores" if name == "scores" else table.title
            sections.append(Section(name, link, table.title, html))
    return sections


def _provenance(contents: Contents) -> list[Section]:
    if not contents.provenance:
        return []
    body = "".join(
        f"<details{' open' if place == 0 else ''}><summary>{escape(head)}</summary>"
        f"{definitions(values)}</details>"
        for place, (head, values) in enumerate(contents.provenance.items())
    )
    return [Section("provenance", "Provenance", "Settings and provenance", body)]


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "curves"
