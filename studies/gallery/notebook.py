"""A study as a notebook: claim, prediction, the quick form run cell by cell, verdict, what to try next.

All come from this one module and from what the studies say of themselves. Written as JSON (nbformat
4.5), without outputs: whoever opens one runs it.
"""

from __future__ import annotations

import json
from typing import Any

from studies.common.checks import Check
from studies.common.kept import Told, corrected
from studies.common.study import Study

IMPORTS = """\
import sys
from pathlib import Path

import gatewise

sys.path.insert(0, str(Path(gatewise.__file__).parents[2]))  # the checkout, which has the studies

from IPython.display import SVG

from studies.catalog import find
from studies.common.checks import verdict_of
from studies.gallery.drawing import write_figures"""

SETTINGS = """\
study = find("{name}")
settings = dict(study.quick)  # change them; study.full is the form that is reported
seeds = range(study.quick_seeds)
settings"""

MEASURE = """\
figures = [study.measure(seed, settings) for seed in seeds]"""

JUDGE = """\
checks = study.judge(figures, settings)
for check in checks:
    print(f"{check.word:<7}{check.name}: {check.measured} (predicted: {check.bounds})")
verdict_of(checks, corrected=bool(study.correction))"""

DRAW = """\
write_figures(study.title, study.curves(figures, settings), Path(study.name))
SVG(f"{study.name}.svg")"""


def notebook(study: Study, told: Told | None) -> str:
    """Return the notebook of a study as JSON text; `told` is the result of its full run, if any."""
    said = [
        f"# {study.title}\n\n**The claim.** {study.claim}\n\n"
        f"**Predicted beforehand.** {study.prediction}",
        *([f"**{corrected(told)}.** {study.correction}"] if study.correction else []),
        _full_run(study, told),
    ]
    cells = [
        *map(_prose, said),
        _prose(
            "## The quick form\n\nFewer seeds and shorter than the full run, so its intervals are wider."
        ),
        *map(_code, (IMPORTS, SETTINGS.replace("{name}", study.name), MEASURE)),
        _prose("What was predicted, what was measured, and what came of it:"),
        *map(_code, (JUDGE, DRAW)),
        _prose(_questions(study)),
        _prose(f"**Source.** {study.source}"),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    whole = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _prose(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {},
        "source": text,
        "execution_count": None,
        "outputs": [],
    }


def _full_run(study: Study, told: Told | None) -> str:
    """Return the verdict and the figures of the full run, or that there was none."""
    command = f"gatewise study {study.name} --full"
    if told is None:
        return (
            f"**The full run.** There has been none yet: `{command}` takes about {study.minutes:.0f} "
            "minutes on two cores."
        )
    rows = [
        f"| {_cell(check.name)} | {check.bounds} | {check.measured} | {check.word} |"
        for check in map(Check.from_json, told["checks"])
    ]
    head = ["| | predicted | measured, 95 % interval | |", "|---|---|---|---|"]
    return "\n".join(
        [
            f"**The full run** ({len(told['seeds'])} seeds, `{told['command']}`): "
            f"**{told['verdict']}**.",
            "",
            *head,
            *rows,
        ]
    )


def _cell(text: str) -> str:
    """Return text as a cell of a Markdown table has it."""
    return text.replace("|", r"\|")


def _questions(study: Study) -> str:
    asked = (
        f"<details><summary>{question.text}</summary>\n\n{question.answer}\n</details>"
        for question in study.questions
    )
    return "\n\n".join(["## Try next", *asked])
