"""`gatewise inspect`: what a run remembers, in sentences, in JSON, against limits, and on its page."""

from __future__ import annotations

import json
import math
import os
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from cyclopts import Parameter
from rich.console import Console

from gatewise.cli.opening import (
    ItsData,
    Model,
    Part,
    PartName,
    check_new_file,
    is_data_of_fit,
    opened,
    read_as,
    scored_part,
    title_of,
    writing_alone,
)
from gatewise.cli.options import Config, Device, NewTitle, Reading, class_of
from gatewise.cli.output import console, print_scores, print_timescales
from gatewise.cli.pictures import check_picture, pictured_beside
from gatewise.cli.sentences import names_of, print_comparison, print_explanation, with_comparison
from gatewise.errors import OptionError
from gatewise.explaining.limits import Limits

if TYPE_CHECKING:
    from gatewise import Forecaster
    from gatewise.estimators.forecaster.preparation import Prepared
    from gatewise.explaining import Comparison, Explanation

By = Literal["season", "month", "series"]
_Limits: Any = class_of("_Limits", Limits)


@Parameter(name="*")
class HeldTo(_Limits):  # type: ignore[misc]  # its fields are those of Limits
    """The limits that were typed."""

    def limits(self) -> Limits:
        """Return them as the library has them; OptionError for one that is out of range."""
        return Limits(**asdict(self))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the sentences and the page are about, and where they go."""

    part: Part = None
    out: Annotated[
        str | None,
        Parameter(
            help="The page, .html. [default: RUN/report.html, and none where --json - or a limit is "
            "asked for; other DATA or another part needs a name]"
        ),
    ] = None
    picture: Annotated[
        str | None,
        Parameter(
            help="The page's first screen as a picture, .png, .pdf or .svg. [default: RUN/report.png "
            "beside RUN/report.html]"
        ),
    ] = None
    overwrite: Annotated[
        bool, Parameter(help="Replace that file if it exists.", show_default=False, negative="")
    ] = False
    title: NewTitle = None
    at: Annotated[
        str | None,
        Parameter(help="The last time of the window whose gates are shown. [default: much to see]"),
    ] = None
    of: Annotated[str | None, Parameter(help="The series of that window, in a table of many.")] = (
        None
    )
    by: Annotated[
        By | None,
        Parameter(help="Also the memory of the windows that end in each season, month or series."),
    ] = None
    against: Annotated[
        str | None, Parameter(help="Another run, to compare with on the same DATA.")
    ] = None
    as_json: Annotated[
        str | None,
        Parameter(
            name="--json",
            help="File for everything as JSON; - prints it alone.",
            allow_leading_hyphen=True,  # "-" is a value
        ),
    ] = None
    budget: Annotated[
        float,
        Parameter(
            help="Seconds that the sentences may take, roughly; fewer windows are looked at for fewer.",
        ),
    ] = 30.0


class LimitsBroken(Exception):  # noqa: N818 - no error: the run is read, and is not what was asked
    """A run breaks a limit; the message says which, one sentence a line."""


def inspect(
    run: Model,
    data: ItsData = None,
    /,
    *,
    asked: Asked | None = None,
    reading: Reading | None = None,
    held_to: HeldTo | None = None,
    device: Device = "cpu",
    config: Config = None,
) -> None:
    """Say what a run remembers, for how long and where, and write its page anew.

    Asked for JSON on stdout or held to limits, it writes no page unless --out names one.

    Try:

      gatewise inspect runs/river --by season
      gatewise inspect runs/river --at 1988-01-05
      gatewise inspect runs/river newer.csv --out newer.html
      gatewise inspect runs/river --against runs/river-gru
      gatewise inspect runs/river --json - --min-horizon 30 --max-idle 0.25
    """
    from gatewise.estimators.run.folder import REPORT, Run  # noqa: PLC0415

    asked, limits = asked or Asked(), (held_to or HeldTo()).limits()
    if not 0 < asked.budget < math.inf:
        raise OptionError(f"--budget must be a number of seconds above 0, not {asked.budget}")
    # A job that asks for JSON or holds a run to limits reads it: the page that people look at stays.
    writes_anew = asked.out is None and asked.as_json != "-" and limits == Limits()
    if asked.out is not None:
        check_new_file(Path(asked.out), asked.overwrite, ending=".html")
    elif writes_anew and os.path.isfile(run):
        raise OptionError(f"{run} is a model file without a run folder: name the page with --out")
    if asked.picture is not None:
        check_picture(Path(asked.picture), asked.overwrite)
    if asked.as_json not in (None, "-"):
        check_new_file(Path(str(asked.as_json)), asked.overwrite)
    with ExitStack() as held:
        page = None if asked.out is None else Path(asked.out)
        if writes_anew:
            folder = Run.open(run).path
            held.enter_context(writing_alone(folder))
            page = folder / REPORT
        models = _opened(run, data, asked, reading, device)
        _inspect(run, models, asked, limits=limits, page=page, writes_anew=writes_anew)


@dataclass(frozen=True)
class _Models:
    """The run and the one to compare with, each with how it reads the data that both are shown on."""

    model: Forecaster
    other: Forecaster | None
    source: str
    part: PartName | None


def _opened(
    run: str, data: str | None, asked: Asked, reading: Reading | None, device: str
) -> _Models:
    """Open both runs before either is explained, which takes long: a wrong name ends it at once."""
    model, source, part = opened(run, data, asked.part, device)
    read_as(model, reading)
    other = None
    if asked.against is not None:
        other = opened(asked.against, source, part, device)[0]
        read_as(other, reading)
    return _Models(model, other, source, part)


def _inspect(
    run: str,
    models: _Models,
    asked: Asked,
    *,
    limits: Limits,
    page: Path | None,
    writes_anew: bool,
) -> None:
    """Explain the run, write the page and the JSON, print, and raise LimitsBroken where one is."""
    from gatewise.estimators.forecaster.forecasting import (  # noqa: PLC0415 - brings torch
        prepared_for,
    )
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415
    from gatewise.explaining import compare, explain  # noqa: PLC0415
    from gatewise.report import write_page  # noqa: PLC0415

    model, other, source, part = models.model, models.other, models.source, models.part
    prepared = prepared_for(model.fitted_, source)
    kept = Run.open(run) if os.path.isdir(run) else None
    by = asked.by
    if writes_anew:
        _check_page_of_run(model, prepared, source, part)
        if kept is not None:
            by = by or cast("By | None", kept.by)
    title = asked.title or (kept.title if kept is not None else None) or title_of(model)
    # Before the explanation, which takes long: a window that is not there ends it at once.
    summary = model.summary(
        prepared, title=title, part=part, source=source, at=asked.at, of=asked.of
    )
    explanation = explain(model, prepared, part=part, by=by, budget=asked.budget)
    comparison = None
    if asked.against is not None and other is not None:
        theirs = explain(other, source, part=part, by=by, budget=asked.budget)
        comparison = compare(explanation, theirs, names_of(run, asked.against))
    made = with_comparison(explanation.contents(replace(summary, run=run)), comparison)
    if page is not None:
        write_page(made, page)
    screen = console(quiet=asked.as_json == "-")
    pictured = pictured_beside(
        screen,
        made,
        page if writes_anew else None,
        None if asked.picture is None else Path(asked.picture),
    )
    broken = limits.broken(explanation)
    if asked.as_json is not None:
        _write_json(asked.as_json, explanation, comparison, limits, broken)
    _print_all(screen, summary, explanation, comparison, (page, pictured))
    if broken:
        raise LimitsBroken("\n".join(broken))


def _print_all(
    screen: Console,
    summary: Any,
    explanation: Explanation,
    comparison: Comparison | None,
    written: tuple[Path | None, Path | None],
) -> None:
    print_scores(screen, summary.evaluation)
    print_explanation(screen, explanation)
    if comparison is not None:
        print_comparison(screen, comparison)
    if explanation.figures.get("learnt") is not False:
        print_timescales(screen, summary.timescales)
    page, picture = written
    if page is not None or picture is not None:
        screen.print()
    if page is not None:
        screen.print(f"Page  {page}")
    if picture is not None:
        screen.print(f"Picture  {picture}")


def _write_json(
    where: str,
    explanation: Explanation,
    comparison: Comparison | None,
    limits: Any,
    broken: list[str],
) -> None:
    from gatewise.files import atomic_write_text  # noqa: PLC0415

    told = explanation.to_dict()
    told["limits"] = asdict(limits)
    told["broken"] = broken
    if comparison is not None:
        told["against"] = comparison.to_dict()
    text = json.dumps(told, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    if where == "-":
        sys.stdout.write(text)
    else:
        atomic_write_text(Path(where), text)


def _check_page_of_run(
    model: Forecaster, prepared: Prepared, source: str, part: PartName | None
) -> None:
    """Raise OptionError unless the page is about what the page of the run folder is about."""
    scored = scored_part(model)
    if part not in (None, scored):
        raise OptionError(
            f"the page of the run shows the {scored} part: name the page about --part {part} "
            "with --out PAGE.html"
        )
    if not is_data_of_fit(model, prepared):
        raise OptionError(
            f"{source} is not, or no longer, the data that the run was fitted on: name the page "
            "about it with --out PAGE.html"
        )
