"""The page of a study: claim, prediction, verdict and figure on the first screen, then all the rest.

Of a run or of the full run that the docs report; of a study without one it says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from gatewise.report import Cell, Curve, Row, RowGroup, Table
from gatewise.report.curves import curve_data
from gatewise.report.definitions import definitions
from gatewise.report.shell import CHARTS, assets, shell
from gatewise.report.table import table_html
from gatewise.wording import counted
from studies.catalog import folder_of
from studies.common.checks import CORRECTED, FAILS, HOLDS, Check, unmet
from studies.common.kept import Told, corrected
from studies.common.study import Study

TONES: Mapping[str, str] = {HOLDS: "good", CORRECTED: "good", FAILS: "warn"}
NO_RUN = "not measured yet: no full run"
STYLES = ("base", "overview", "tables")
ASSETS = Path(__file__).parent / "assets"
SLIDERS = "explore.js"
"""In a study's folder: its sliders, where it has some."""
NO_SCRIPTS = (
    '<noscript><p class="caveat">Charts and sliders need JavaScript; the verdict, the figures and the '
    "answers do not.</p></noscript>"
)


@dataclass(frozen=True)
class Around:
    """What lies beside a page: files by what their link says, and the pages before and after it."""

    files: Mapping[str, str]
    index: str = ""
    before: tuple[str, str] | None = None  # address and title
    after: tuple[str, str] | None = None


def study_page(study: Study, told: Told | None, around: Around) -> str:
    """Return the page of one study as HTML text; `told` is a result, or None without a full run."""
    curves = curves_of(study, told)
    sliders = folder_of(study.name) / SLIDERS
    parts = [
        _first(study, told, curves),
        *([_explore()] if sliders.exists() else []),
        *([_numbers(told)] if told else []),
        *([_more(curves[1:])] if curves[1:] else []),
        _questions(study),
        _made(study, told, around.files),
    ]
    links = [(name, text) for name, text in SECTIONS.items() if any(_opens(p, name) for p in parts)]
    body = (
        f'{navigation(links, around.index)}<header id="top"><h1>{escape(study.title)}</h1>'
        f"{verdict_html(told)}{NO_SCRIPTS}</header><main>{''.join(parts)}</main>{_pager(around)}"
    )
    drawn = [curve_data(curve) for curve in curves]
    payload = {"curves": {"figure": drawn[:1], "more": drawn[1:]}}
    scripts = ("maths.js", "sliders.js") if sliders.exists() else ()
    code = [(ASSETS / name).read_text("utf-8") for name in scripts]
    code += [path.read_text("utf-8") for path in (sliders, ASSETS / "gallery.js") if path.exists()]
    return in_shell(f"{study.title}: gatewise study", body, payload, "\n".join(code))


def in_shell(title: str, body: str, payload: Mapping[str, Any], scripts: str) -> str:
    """Return a page of the gallery, in the report's look."""
    return shell(
        title,
        body,
        payload,
        styles=assets(STYLES, "css") + (ASSETS / "gallery.css").read_text("utf-8"),
        scripts=assets(CHARTS, "js") + scripts,
    )


def curves_of(study: Study, told: Told | None) -> tuple[Curve, ...]:
    """Return the curves of a result; none without one."""
    return tuple(study.curves(told["seeds"], told["settings"])) if told else ()


def navigation(links: Sequence[tuple[str, str]], index: str) -> str:
    """Return the line of links that stays in sight."""
    items = "".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in links)
    back = f'<a href="{index}">All claims</a>' if index else '<span class="brand">gatewise</span>'
    return f'<nav id="sections" aria-label="Sections">{back}<ul>{items}</ul></nav>'


def verdict_html(told: Told | None) -> str:
    """Return the verdict in a line, and what it rests on."""
    if told is None:
        return f'<p class="outcome plain"><b>{NO_RUN}</b></p>'
    rests = ", ".join(
        part
        for part in (
            unmet([Check.from_json(check) for check in told["checks"]]),
            f"{told['form']} run",
            counted(len(told["seeds"]), "seed"),
            clock(told["seconds"]),
        )
        if part
    )
    return (
        f'<p class="outcome {TONES.get(told["verdict"], "plain")}"><b>{escape(told["verdict"])}</b> '
        f"<small>{rests}</small></p>"
    )


def table(told: Told) -> Table:
    """Return the checks as a table: what was predicted, what was measured, and what came of it."""
    rows = []
    for check in map(Check.from_json, told["checks"]):
        mark = check.outcome if check.predicted else ""
        outcome = Cell("", mark=mark, doubtful=mark != "met")
        cells = (Cell(check.bounds), Cell(check.measured), outcome)
        rows.append(Row(Cell(check.name), cells))
    columns = (Cell("predicted"), Cell("measured, 95 % interval"), Cell("outcome"))
    return Table("Prediction and measurement", "", columns, (RowGroup("", tuple(rows)),))


SECTIONS = {
    "claim": "Claim",
    "explore": "Try it",
    "numbers": "Numbers",
    "more": "More figures",
    "next": "Try next",
    "made": "How it was made",
}


def clock(seconds: float) -> str:
    """Return a time as people tell it, such as "45 s", "12 min" or "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _opens(part: str, name: str) -> bool:
    return part.startswith(f'<section id="{name}"')


def _section(
    name: str, heading: str, body: str, *, hidden: bool = False, quiet: bool = False
) -> str:
    """Return a section; of a `quiet` one only screen readers tell the heading."""
    unseen = ' class="unseen"' if quiet else ""
    return (
        f'<section id="{name}" aria-labelledby="{name}-heading"{" hidden" if hidden else ""}>'
        f'<h2 id="{name}-heading"{unseen}>{escape(heading)}</h2>{body}</section>'
    )


def _first(study: Study, told: Told | None, curves: Sequence[Curve]) -> str:
    """Return the first screen: what is claimed, predicted and corrected beside the figure."""

    def said(name: str, heading: str, text: str) -> str:
        return f'<div class="{name}"><h3>{heading}</h3><p>{escape(text)}</p></div>' if text else ""

    figure = _curve("figure", 0, curves[0]) if curves else _no_figure(study, told)
    told_ = (
        said("told", "The claim", study.claim),
        said("told", "Predicted beforehand", study.prediction),
        figure,
        said("told correction", corrected(told), study.correction),
    )
    body = f'<div class="first">{"".join(told_)}</div>'
    return _section("claim", "Claim, prediction and figure", body, quiet=True)


def _no_figure(study: Study, told: Told | None) -> str:
    if told is not None:
        return ""
    return (
        '<div class="curve missing"><p>There has been no full run of this study yet, so there is no '
        f"figure and no verdict. It takes about {study.minutes:.0f} minutes on two cores:</p>"
        f"<pre><code>gatewise study {escape(study.name)} --full</code></pre></div>"
    )


def _curve(group: str, place: int, curve: Curve) -> str:
    notes = f'<p class="hint">{escape(curve.note)}</p>' if curve.note else ""
    return (
        f'<figure class="curve"><figcaption><b>{escape(curve.name)}</b>'
        f"<p>{escape(curve.reading)}</p></figcaption>"
        f'<div id="{group}-{place}" class="chart" tabindex="0" role="img" '
        f'aria-label="{escape(curve.name)}, over {escape(curve.x_label)}. {escape(curve.reading)}">'
        f"</div>{notes}</figure>"
    )


def _explore() -> str:
    """Return the place that the study's sliders fill; hidden where no script runs."""
    return _section("explore", "Try it", '<div id="sliders"></div>', hidden=True)


def _numbers(told: Told) -> str:
    note = ""
    if told["form"] != "full":
        note = (
            '<p class="hint">A quick run: fewer seeds and shorter, so its intervals are wider.</p>'
        )
    return _section("numbers", "Prediction and measurement", table_html(table(told)) + note)


def _more(curves: Sequence[Curve]) -> str:
    frames = "".join(_curve("more", place, curve) for place, curve in enumerate(curves))
    single = " single" if len(curves) == 1 else ""
    return _section("more", "More figures", f'<div class="curves{single}">{frames}</div>')


def _questions(study: Study) -> str:
    asked = "".join(
        f"<details><summary>{escape(question.text)}</summary><p>{escape(question.answer)}</p></details>"
        for question in study.questions
    )
    hint = '<p class="hint">Think first; then open the answer.</p>'
    return _section("next", "Try next", hint + asked)


def _made(study: Study, told: Told | None, files: Mapping[str, str]) -> str:
    command = told["command"] if told else f"gatewise study {study.name} --full"
    links = "".join(f'<li><a href="{file}">{escape(text)}</a></li>' for text, file in files.items())
    about: dict[str, Any] = {"source": study.source}
    if told:
        known = ("form", "settings", "versions", "machine")
        about |= {name: told[name] for name in known if name in told}
        about |= {"seeds": len(told["seeds"]), "time": _time(told)}
    body = (
        f"<pre><code>{escape(command)}</code></pre>"
        + (f'<ul class="tags" aria-label="Files">{links}</ul>' if links else "")
        + definitions(about)
    )
    return _section("made", "How it was made", body)


def _time(told: Told) -> str:
    """Return how long a run took by the clock and, where its seeds tell, of the processor's time."""
    worked = [seed.get("cpu_seconds") for seed in told["seeds"]]
    took = clock(told["seconds"])
    return took if None in worked else f"{took} by the clock, {clock(sum(worked))} of CPU"


def _pager(around: Around) -> str:
    links = [
        f'<a href="{found[0]}" rel="{rel}">{before}{escape(found[1])}{after}</a>'
        for rel, before, found, after in (
            ("prev", "‹ ", around.before, ""),
            ("next", "", around.after, " ›"),
        )
        if found is not None
    ]
    return f'<nav class="pager" aria-label="Other claims">{"".join(links)}</nav>' if links else ""
