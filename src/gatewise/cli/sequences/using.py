"""The commands that use a finished run of sequences: predict, evaluate and inspect."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gatewise.cli.opening import check_new_file, writing_alone
from gatewise.cli.output import console, grid
from gatewise.cli.pictures import check_picture, pictured_beside
from gatewise.cli.sentences import names_of
from gatewise.cli.sequences.kinds import KINDS, PartName
from gatewise.cli.sequences.opening import Opened, opened, read_to_score
from gatewise.cli.sequences.printing import print_scores
from gatewise.cli.tasks import Task
from gatewise.cli.using import cell_text
from gatewise.errors import OptionError

HEAD = 10
MOST_COLUMNS = 12


def predict(
    task: Task,
    *,
    run: str,
    data: str | None = None,
    out: str | None = None,
    min_length: int | None = None,
    overwrite: bool = False,
    device: str = "cpu",
) -> None:
    """Predict of new sequences, or of those of the fit; print the first rows, or write a file."""
    from gatewise.data import write_frame  # noqa: PLC0415
    from gatewise.data.sequences.annotations import FORMATS  # noqa: PLC0415

    if out is not None:
        check_new_file(Path(out), overwrite, ending=KINDS[task.name].endings)
    marks = out is not None and out.lower().endswith(tuple(FORMATS))
    if min_length is not None and not marks:
        raise OptionError(
            "--min-length is for features, which --out FILE.bed or FILE.gff3 writes: leave it out"
        )
    model, source, *_ = opened(task, run, data, None, part="all", device=device)
    screen = console()
    if marks:
        model.annotate(source, out, min_length=1 if min_length is None else min_length)
        screen.print(f"{out}: written")
        return
    frame = model.predict_frame(source)
    if out is not None:
        write_frame(frame, out)
        screen.print(f"{out}: {len(frame):,} rows, columns {', '.join(frame.columns)}")
        return
    table = grid()
    for name in frame.columns[:MOST_COLUMNS]:
        table.add_column(name, justify="right", overflow="fold")
    for row in frame.head(HEAD).iter_rows():
        table.add_row(*(cell_text(value) for value in row[:MOST_COLUMNS]))
    screen.print(table)
    screen.print(
        f"The first {min(HEAD, len(frame))} of {len(frame):,} rows; --out FILE.csv or FILE.parquet "
        "writes them all."
    )


def evaluate(
    task: Task,
    *,
    run: str,
    data: str | None = None,
    labels: str | None = None,
    part: PartName | None = None,
    against: str | None = None,
    predictions: str | None = None,
    as_json: bool = False,
    device: str = "cpu",
) -> None:
    """Score a run beside the baselines, and what else was named, on its data or on new data."""
    from gatewise.data import read_frame  # noqa: PLC0415 - brings polars
    from gatewise.files import finite_json  # noqa: PLC0415

    model, source, labels, part = opened(task, run, data, labels, part=part, device=device)
    others: dict[str, Any] = {}
    if against is not None:
        other = opened(task, against, source, labels, part=part, device=device).model
        others[names_of(run, against)[1]] = other
    if predictions is not None:
        others[Path(predictions).name] = read_frame(predictions)
    prepared = read_to_score(model, run, source, labels)
    if others:
        scores = model.evaluate_beside(prepared, others=others, part=part)
    else:
        scores = model.evaluate(prepared, part=part)
    if as_json:
        print(json.dumps(finite_json(scores.to_json()), indent=2))
    else:
        print_scores(console(), scores)


def inspect(
    task: Task,
    *,
    run: str,
    data: str | None = None,
    labels: str | None = None,
    part: PartName | None = None,
    out: str | None = None,
    picture: str | None = None,
    overwrite: bool = False,
    title: str | None = None,
    as_json: str | None = None,
    device: str = "cpu",
) -> None:
    """Write the page of a run anew, or one about other data or another part."""
    from gatewise.estimators.run.folder import REPORT, Run  # noqa: PLC0415 - brings torch

    if out is not None:
        check_new_file(Path(out), overwrite, ending=".html")
    elif as_json != "-" and os.path.isfile(run):
        raise OptionError(f"{run} is a model file without a run folder: name the page with --out")
    if picture is not None:
        check_picture(Path(picture), overwrite)
    if as_json not in (None, "-"):
        check_new_file(Path(str(as_json)), overwrite)
    with ExitStack() as held:
        page = None if out is None else Path(out)
        if writes_anew := out is None and as_json != "-":
            folder = Run.open(run).path
            held.enter_context(writing_alone(folder))
            page = folder / REPORT
        found = opened(task, run, data, labels, part=part, device=device)
        drawn = None if picture is None else Path(picture)
        _inspect(run, found, title, as_json, page=page, picture=drawn, writes_anew=writes_anew)


def _inspect(
    run: str,
    found: Opened,
    title: str | None,
    as_json: str | None,
    *,
    page: Path | None,
    picture: Path | None,
    writes_anew: bool,
) -> None:
    """Score, write the page, its picture and the JSON, and print."""
    from gatewise.cli.sentences import explained, print_explanation  # noqa: PLC0415 - brings torch
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415
    from gatewise.explaining.case import HasCase  # noqa: PLC0415
    from gatewise.report import write_page  # noqa: PLC0415

    model, source, labels, part = found
    if writes_anew:  # of the data of the fit, which can be divided as it was
        prepared = model.prepare(model.given(source, labels), like=model.fitted_)
        _check_page_of_run(model, prepared, source, part)
    else:
        prepared = read_to_score(model, run, source, labels)
    kept = Run.open(run) if os.path.isdir(run) else None
    title = title or (None if kept is None else kept.title)
    summary = replace(model.summary(prepared, part=part, title=title, source=source), run=run)
    summary = replace(summary, labels=labels or "")
    screen = console(quiet=as_json == "-")
    explanation = explained(screen, model, prepared) if isinstance(model, HasCase) else None
    contents = summary.contents() if explanation is None else explanation.contents(summary)
    if page is not None:
        write_page(contents, page)
    pictured = pictured_beside(screen, contents, page if writes_anew else None, picture)
    if as_json is not None:
        _write_json(as_json, summary, explanation)
    print_scores(screen, summary.evaluation)
    if explanation is not None:
        print_explanation(screen, explanation)
    if page is not None or pictured is not None:
        screen.print()
    if page is not None:
        screen.print(f"Page  {page}")
    if pictured is not None:
        screen.print(f"Picture  {pictured}")


def _write_json(where: str, summary: Any, explanation: Any) -> None:
    from gatewise.files import atomic_write_text, finite_json  # noqa: PLC0415

    told = {
        "title": summary.title,
        "findings": [asdict(finding) for finding in summary.contents().findings],
        "scores": summary.evaluation.to_json(),
        **({} if explanation is None else {"memory": explanation.to_dict()}),
    }
    text = json.dumps(finite_json(told), indent=2, ensure_ascii=False) + "\n"
    if where == "-":
        print(text, end="")
    else:
        atomic_write_text(Path(where), text)


def _check_page_of_run(model: Any, prepared: Any, source: str, part: str | None) -> None:
    """Raise OptionError unless the page is about what the page of the run folder is about."""
    scored = model.fitted_.data["scored"]
    if part not in (None, scored):
        raise OptionError(
            f"the page of the run shows the {scored} part: name the page about --part {part} "
            "with --out PAGE.html"
        )
    if prepared.identity["sha256"] != model.fitted_.data["sha256"]:
        raise OptionError(
            f"{source} is not, or no longer, the data that the run was fitted on: name the page "
            "about it with --out PAGE.html"
        )
