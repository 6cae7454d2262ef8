"""The gallery: a page for each claim, an index, and beside each page its notebook and figure files."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from gatewise.errors import FileError
from gatewise.files import atomic_write_text
from gatewise.report.curves import curve_data
from gatewise.wording import counted
from studies.catalog import NAMES, find, folder_of
from studies.common.kept import Told, corrected, kept
from studies.common.study import Study
from studies.gallery.drawing import write_figures
from studies.gallery.notebook import notebook
from studies.gallery.page import (
    ASSETS,
    SLIDERS,
    Around,
    clock,
    curves_of,
    in_shell,
    study_page,
    verdict_html,
)

INDEX = "index.html"
TITLE = "The textbook's claims, measured"

Claim = tuple[Study, Told | None]


def write_gallery(folder: Path, names: Sequence[str] = NAMES) -> list[str]:
    """Write the gallery into `folder`, over one that is there; return the studies without a full run.

    All results are read before anything is written. Raises FileError for a damaged result, and for a
    folder that holds something else.
    """
    _check_folder(folder)
    claims = [(find(name), kept(name)) for name in names]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder} cannot be made: {error.strerror}") from None
    for place, claim in enumerate(claims):
        before = claims[place - 1][0] if place else None
        after = claims[place + 1][0] if place + 1 < len(claims) else None
        _write_claim(folder, claim, before, after)
    atomic_write_text(folder / INDEX, index_page(claims))
    return [study.name for study, told in claims if told is None]


def _check_folder(folder: Path) -> None:
    """Raise FileError unless the folder is new, empty or a gallery."""
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder} is a file: name a folder with --out")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    index = folder / INDEX
    if not index.is_file() or TITLE not in index.read_text("utf-8", errors="replace"):
        raise FileError(f"{folder} holds no gallery, and is not empty: name another folder")


def _write_claim(folder: Path, claim: Claim, before: Study | None, after: Study | None) -> None:
    """Write one page and its notebook and, where there was a full run, its figure."""
    study, told = claim
    files = {"Notebook": f"{study.name}.ipynb"}
    atomic_write_text(folder / files["Notebook"], notebook(study, told))
    if told is not None:
        drawn = write_figures(study.title, curves_of(study, told), folder / study.name)
        files |= {f"Figure, {path.suffix[1:].upper()}": path.name for path in drawn}
    around = Around(files, INDEX, _link(before), _link(after))
    atomic_write_text(folder / f"{study.name}.html", study_page(study, told, around))


def _link(study: Study | None) -> tuple[str, str] | None:
    return None if study is None else (f"{study.name}.html", study.title)


def index_page(claims: Sequence[Claim]) -> str:
    """Return the index as HTML text: every claim with its verdict and its correction."""
    measured = [told for _, told in claims if told is not None]
    spent = clock(sum(told["seconds"] for told in measured))
    subtitle = (
        f"{counted(len(claims), 'claim')}, each predicted beforehand; {len(measured)} measured by full "
        f"runs, which took {spent} together"
    )
    items = "".join(_item(study, told) for study, told in claims)
    body = (
        f'<header id="top"><h1>{TITLE}</h1><p class="subtitle">{subtitle}</p>'
        f'</header><main><ol class="claims" aria-label="Claims">{items}</ol></main>'
    )
    first = {study.name: curve_data(curves_of(study, told)[0]) for study, told in claims if told}
    scripts = (ASSETS / "gallery.js").read_text("utf-8")
    return in_shell(f"{TITLE}: gatewise", body, {"small": first}, scripts)


def _item(study: Study, told: Told | None) -> str:
    slides = " With sliders." if (folder_of(study.name) / SLIDERS).exists() else ""
    # The page that the link leads to has the same curve, with words for those who do not see it.
    curve = f'<div id="small-{study.name}" class="small" aria-hidden="true"></div>' if told else ""
    correction = f"<p>{corrected(told)}: {escape(study.correction)}</p>" if study.correction else ""
    return (
        f'<li><div><h2><a href="{study.name}.html">{escape(study.title)}</a></h2>'
        f"<p>{escape(study.claim)}{slides}</p>{curve}</div><div>{verdict_html(told)}{correction}</div></li>"
    )
