"""The page: one HTML file that opens offline and asks no network for anything."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from gatewise.errors import InputError
from gatewise.files import atomic_write_text
from gatewise.report.blobs import Blobs
from gatewise.report.contents import Contents, HasPage
from gatewise.report.glossary import Glossary
from gatewise.report.overview import header_html, overview_html
from gatewise.report.sections import Section, sections_of
from gatewise.report.shell import assets, shell

MEGABYTES = 30.0
"""Of raw steps in the page. Beyond, the units that are not leading are there as an overview."""

STYLES = ("base", "overview", "pictures", "inside", "tables", "inputs")
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
    "words",
    "findings",
    "strand",
    "app",
)
NO_SCRIPTS = (
    '<noscript><p class="caveat">The panels and charts need JavaScript; the verdict, the findings, the '
    "score tables and the timescales do not.</p></noscript>"
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
    # The parts fill `words`, `blobs` and `payload` as they are made: before the shell that holds all.
    words, blobs = Glossary(), Blobs()
    payload: dict[str, Any] = {}
    header = header_html(contents, words)
    overview = overview_html(contents, words, blobs, payload)
    sections = sections_of(contents, words, blobs, int(megabytes * 1e6), payload)
    parts = "\n".join(_section(section) for section in sections)
    body = (
        f'{_navigation(sections, overview)}\n<header id="top">\n{header}\n{NO_SCRIPTS}</header>\n'
        f"<main>\n{overview}\n{parts}\n</main>"
    )
    return shell(
        f"{contents.title}: gatewise report",
        body,
        payload,
        styles=assets(STYLES, "css"),
        scripts=assets(SCRIPTS, "js"),
        early=blobs.early_html(),
        late=blobs.late_html(),
    )


def _navigation(sections: list[Section], overview: str) -> str:
    """Return the line of links that stays in sight; "" where there is nowhere to go."""
    links = [_link("top", "Overview")] if "<section" in overview else []
    links += [_link(section.name, section.link) for section in sections if section.link]
    if not links:
        return ""
    return (
        '<nav id="sections" aria-label="Sections"><span class="brand">gatewise</span>'
        f"<ul>{''.join(links)}</ul></nav>"
    )


def _link(name: str, text: str) -> str:
    return f'<li><a href="#{name}">{escape(text)}</a></li>'


def _section(section: Section) -> str:
    name = section.name
    return (
        f'<section id="{name}" aria-labelledby="{name}-heading">'
        f'<h2 id="{name}-heading">{escape(section.heading)}</h2>{section.body}</section>'
    )
