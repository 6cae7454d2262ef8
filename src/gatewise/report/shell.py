"""The shell of every page: one HTML file that opens offline and asks no network for anything."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from gatewise.report.embed import asset, script_json

CHARTS = ("common", "format", "colours", "charts")
"""The scripts that a page of curves alone needs."""


def shell(
    title: str,
    body: str,
    payload: Mapping[str, Any],
    *,
    styles: str,
    scripts: str,
    early: str = "",
    late: str = "",
) -> str:
    """Return a page as HTML text with its styles, scripts and data inside.

    `payload` are the JSON values that scripts find in `gatewise.data`; `early` and `late` are elements
    that hold arrays, before and after the scripts. Only `title` is escaped here.
    """
    return Template(asset("assets/page.html")).substitute(
        title=escape(title),
        body=body,
        data=script_json(payload),
        early=early,
        late=late,
        styles=asset("vendor/uplot/uPlot.min.css") + styles,
        uplot=asset("vendor/uplot/uPlot.iife.min.js"),
        scripts=scripts,
    )


def assets(names: tuple[str, ...], ending: str) -> str:
    """Return several of the report's own styles or scripts, one after another."""
    return "\n".join(asset(f"assets/{name}.{ending}") for name in names)
