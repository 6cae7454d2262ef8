"""Run notebooks: `python docs/notebooks.py NAME ...`, or all of them where none is named.

A notebook is written as `docs/notebooks/NAME.py`: plain Python whose cells begin with `# %%`
(jupytext's percent format), so that reviews, ruff and tests read code and not JSON. This command makes
`NAME.ipynb` of it, runs every cell in a new Jupyter kernel and an empty folder, and stores what the
cells show. With `--prose` it keeps the outputs that are there, as long as no code has changed.

A cell that begins with `# %% reduced={"epochs": 1}` sets `epochs` for a reader. The tests then set it
to 1, which makes their run short; what is stored always comes from the values in the cell.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent / "notebooks"
ONE_MACHINE = re.compile(r"0x[0-9a-f]{6,}|(?<![\w.:/])/(?:home|root|tmp|usr|var|work|Users)/")
"""Addresses in memory and paths of one machine, which would differ in every run."""


def sources() -> list[Path]:
    """Return the source of every notebook."""
    return sorted(FOLDER.glob("*.py"))


def stored(source: Path) -> Path:
    """Return where the notebook of a source is, with its outputs."""
    return source.with_suffix(".ipynb")


def read(source: Path) -> Any:
    """Return the notebook of a source, without outputs; the same source gives the same bytes."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat_minor = 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # jupytext draws them at random
        cell.metadata.pop("lines_to_next_cell", None)  # blank lines of the source
    return notebook


def run(source: Path) -> None:
    """Run a notebook and store it, unless it fails, warns or shows what differs from run to run."""
    notebook = read(source)
    about = dict(notebook.metadata)
    with TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        NotebookClient(
            notebook,
            timeout=None,
            kernel_name="python3",
            resources=where,
            record_timing=False,
            startup_timeout=300,
        ).execute()
    notebook.metadata = nbformat.from_dict(about)  # without the versions of one machine
    wrong = list(faults(notebook))
    if wrong:
        raise SystemExit("\n".join([f"{source.name} is not stored:", *wrong]))
    _store(notebook, source)


def rewrite(source: Path) -> None:
    """Store a notebook's prose anew beside the outputs that it has; refused where code has changed."""
    notebook = read(source)
    before = nbformat.read(stored(source), as_version=4)
    cells, ran = (
        [cell for cell in each.cells if cell.cell_type == "code"] for each in (notebook, before)
    )
    if [cell.source for cell in cells] != [cell.source for cell in ran]:
        raise SystemExit(
            f"{source.name} has other code than what is stored: run it without --prose"
        )
    for cell, earlier in zip(cells, ran, strict=True):
        cell.outputs, cell.execution_count = earlier.outputs, earlier.execution_count
    _store(notebook, source)


def _store(notebook: Any, source: Path) -> None:
    nbformat.validate(notebook)
    stored(source).write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def faults(notebook: Any) -> Iterator[str]:
    """Yield what a stored notebook must not hold: cells that were not run, warnings, errors, places."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        if cell.execution_count != number:
            yield f"code cell {number} was not run in its turn"
        for output in cell.outputs:
            said = "".join(
                [output.get("text", "")]
                + [str(text) for kind, text in output.get("data", {}).items() if "text" in kind]
            )
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"code cell {number} warns or fails: {said or output.get('evalue')}"
            for place in ONE_MACHINE.findall(said):
                yield f"code cell {number} shows {place!r}, which differs from run to run"


def main(words: list[str]) -> None:
    """Run the notebooks of these names, or all; with `--prose` store their prose alone."""
    names = [word for word in words if word != "--prose"]
    store = run if len(names) == len(words) else rewrite
    known = {source.stem: source for source in sources()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no notebook {unknown[0]!r}: there are {', '.join(known)}")
    # Sums of floating-point numbers depend on how they are shared out among threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for name in names or known:
        print(f"storing {name}", flush=True)
        store(known[name])


if __name__ == "__main__":
    main(sys.argv[1:])
