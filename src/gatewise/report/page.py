"""The page: one HTML file that opens offline and asks no network for anything."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

from gatewise.errors import InputError
from gatewise.files import atomic_write_text
from gatewise.report.blobs import Blobs
from gatewise.report.contents import Contents, HasPage
from gatewise.report.embed import asset, script_json
from gatewise.report.sections import Section, sections_of, verdict_html

MEGABYTES = 30.0
"""Of raw steps in the page. Beyond, the units that are not leading are there as an overview."""

STYLES = ("base", "inside", "tables")
SCRIPTS = (
    "common",
    "format",
    "colours",
    "pyramid",
    "record",
    "state",
    "ticks",
    "panels",
    "heatmap",
    "lanes",
    "ledger",
    "ledger-panel",
    "units",
    "charts",
    "forecast",
    "controls",
    "app",
)


def write_page(
    contents: Contents | HasPage, path: Path | str, *, megabytes: float = MEGABYTES
) -> None:
    """Write the page of `contents` to `path`; the file appears whole or not at all.

    `megabytes` bounds the raw steps of gates and states in it: see `render_page`.

    Raises:
        FileError: when the file cannot be written.
        InputError: for a negative size.
    """
    text = render_page(contents, megabytes=megabytes)
    atomic_write_text(Path(path), text)


def render_page(contents: Contents | HasPage, *, megabytes: float = MEGABYTES) -> str:
    """Return the page of `contents` as HTML text with its styles, scripts and data inside.

    The page always holds overviews of all units. It holds raw steps too, of the slowest units first,
    until they take `megabytes`, and names the units that were left out; the trace still has them.
    Raises InputError for a negative size.
    """
    if not megabytes >= 0:
        raise InputError(f"megabytes must be 0 or more; got {megabytes}")
    if not isinstance(contents, Contents):
        contents = contents.contents()
    # The sections fill `blobs` as they are made, so they come before the template that holds both.
    blobs = Blobs()
    sections, payload = sections_of(contents, blobs, int(megabytes * 1e6))
    return Template(asset("assets/page.html")).substitute(
        title=escape(contents.title),
        subtitle=f'<p class="subtitle">{escape(contents.subtitle)}</p>'
        if contents.subtitle
        else "",
        verdict=verdict_html(contents.findings),
        facts="".join(f"<li>{escape(word)}</li>" for word in contents.facts),
        links="".join(_link(section) for section in sections if section.link),
        sections="\n".join(_section(section) for section in sections),
        data=script_json(payload),
        early=blobs.early_html(),
        late=blobs.late_html(),
        styles=asset("vendor/uplot/uPlot.min.css") + _assets(STYLES, "css"),
        uplot=asset("vendor/uplot/uPlot.iife.min.js"),
        scripts=_assets(SCRIPTS, "js"),
    )


def _assets(names: tuple[str, ...], ending: str) -> str:
    return "\n".join(asset(f"assets/{name}.{ending}") for name in names)


def _link(section: Section) -> str:
    return f'<li><a href="#{section.name}">{escape(section.link)}</a></li>'


def _section(section: Section) -> str:
    name = section.name
    return (
        f'<section id="{name}" aria-labelledby="{name}-heading">'
        f'<h2 id="{name}-heading">{escape(section.heading)}</h2>{section.body}</section>'
    )
