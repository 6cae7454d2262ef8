"""The output of the commands: plain text off a terminal, a little colour on one."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table as Grid

from gatewise.cli.as_typed import as_typed
from gatewise.launch import is_main_process
from gatewise.unit import Unit
from gatewise.wording import counted, layer_name, number

if TYPE_CHECKING:
    from gatewise.estimators.forecaster.against import SideBySide
    from gatewise.estimators.forecaster.preparation import Prepared
    from gatewise.estimators.forecaster.results import GateTimescales, ScoreTable
    from gatewise.estimators.forecaster.verdict import Evaluation

HELP_WIDTH = 110
PLAIN_WIDTH = 1000
"""Columns off a terminal: tables are as wide as their columns need."""


def console(*, quiet: bool = False, plain_width: int = PLAIN_WIDTH) -> Console:
    """Return the console of stdout; silent where asked and in all processes of torchrun but one."""
    return _console(quiet or not is_main_process(), plain_width)


def help_console() -> Console:
    """Return the console of stdout for help, which every process may print."""
    return _console(False, HELP_WIDTH)


def _console(silent: bool, plain_width: int) -> Console:
    width = None if _on_terminal() else plain_width
    return Console(width=width, highlight=False, markup=False, soft_wrap=True, quiet=silent)


def _on_terminal() -> bool:
    return sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty()


def print_data(out: Console, source: str, prepared: Prepared) -> None:
    """Print what was read: rows, series, step, time, columns left out, and the parts and their times."""
    from gatewise.data.tables.zones import time_text  # noqa: PLC0415 - brings narwhals

    table, split = prepared.given, prepared.split
    zone = table.zone
    names = [name for name in table.series if name]
    series = counted(len(table.series), "series", "series") if names else "one series"
    out.print(
        f"{source}: {counted(len(table.values), 'row')}, {series}, one step is {table.step.text}, "
        f"{time_text(table.time.min(), zone)} to {time_text(table.time.max(), zone)}"
    )
    time = table.columns.time
    told = "no time column: rows are counted" if time is None else time
    out.print(f"  time        {told}" + (f", on the clock of {zone}" if zone else ""))
    if prepared.unused:
        out.print(f"  not used    {', '.join(prepared.unused)}")
    for place, note in enumerate(table.notes):
        out.print(f"  {'' if place else 'repaired':<10}  {note}")
    for part in prepared.parts:
        times = table.time[split.part_rows(table, part)]
        if len(times):
            out.print(
                f"  {part:<10}  {time_text(times.min(), zone)} to {time_text(times.max(), zone)}, "
                f"{counted(len(times), 'row')}"
            )
    if prepared.ahead is not None:
        out.print(f"  ahead       {counted(len(prepared.ahead), 'row')} without a target")


def print_scores(
    out: Console, evaluation: Evaluation, *, beside: Mapping[str, ScoreTable] | None = None
) -> None:
    """Print the score table with the members' range, then the verdict.

    `beside` are the scores of other models on the same rows, by what they are called here.
    """
    from gatewise.estimators.forecaster.score_names import PART_NAMES  # noqa: PLC0415
    from gatewise.estimators.forecaster.verdict import verdict  # noqa: PLC0415 - brings torch

    many = len(evaluation.predictions.targets) > 1
    part = PART_NAMES.get(evaluation.part, evaluation.part)
    by_series = evaluation.by_series
    for target in evaluation.predictions.targets:
        out.print()
        head = f"Scores on {part}" + (f": {target}" if many else "")
        if by_series is not None:
            head += f", medians over {len(by_series.series)} series"
        out.print(head, style="bold")
        out.print(_score_grid(evaluation, target, beside or {}))
    said = verdict(evaluation)
    colours = {"better": "green", "unclear": "yellow", "worse": "red"}
    out.print(f"{said.headline}.", style=colours.get(said.tone, ""))
    for sentence in (*said.sentences, *evaluation.notes):
        # the page tells both ways of doing it, a terminal the one that is typed
        out.print(as_typed(re.sub(r",? or predict\(model=[^()]*\)", "", sentence)))


def print_beside(
    out: Console, evaluation: Evaluation, compared: SideBySide | None, names: tuple[str, str]
) -> None:
    """Print scores, those of another model on the same rows among them, and the difference in words."""
    if compared is None:
        print_scores(out, evaluation)
        return
    print_scores(out, evaluation, beside={names[1]: compared.other.shown})
    out.print()
    out.print(f"Against {names[1]}", style="bold")
    for sentence in compared.sentences(*names):
        out.print(sentence)


def print_timescales(out: Console, timescales: GateTimescales | None) -> None:
    """Print the gate timescales in a few numbers, labelled for what they are."""
    import numpy as np  # noqa: PLC0415

    from gatewise.estimators.forecaster.page.timescales import (  # noqa: PLC0415 - brings torch
        timescales_sentence,
    )
    from gatewise.report.units import time_scale  # noqa: PLC0415

    out.print()
    if timescales is None:
        out.print("Gate timescales: none, this cell has no gate that keeps its state.")
        return
    out.print(f"Gate timescales ({timescales.gate} gate, gate path only)", style="bold")
    out.print(timescales_sentence(timescales))
    each, many = time_scale(timescales.steps, Unit.of(timescales.step_text))
    for layer, steps in enumerate(timescales.steps):
        known = np.sort(steps[~np.isnan(steps)])[::-1] * each
        shown = ", ".join(number(float(value), 2) for value in known[:8])
        more = f" ... {number(float(known[-1]), 2)}" if len(known) > 8 else ""
        out.print(f"  {layer_name(layer)}: {shown}{more} {many}")
    out.print(
        "Gates alone mislead: the network also remembers through its recurrent weights, so the "
        "longest one is not how far back it remembers."
    )


def print_next(out: Console, lines: dict[str, str]) -> None:
    """Print what to type next, with what each command does."""
    out.print()
    out.print("Next:", style="bold")
    width = max(len(command) for command in lines)
    for command, purpose in lines.items():
        out.print(f"  {command:<{width}}   {purpose}")


def grid() -> Grid:
    """Return an empty table in the style of this terminal."""
    return Grid(box=box.SIMPLE_HEAD if _on_terminal() else None, pad_edge=False)


def _score_grid(evaluation: Evaluation, target: str, beside: Mapping[str, ScoreTable]) -> Grid:
    from gatewise.estimators.forecaster.score_names import (  # noqa: PLC0415 - brings torch
        metric_name,
        metric_text,
        model_name,
        shown_metrics,
    )

    rows: dict[str, dict[str, float]] = {
        model: by_target[target]
        for model, by_target in evaluation.shown.items()
        if target in by_target
    }
    metrics = shown_metrics(
        (metric for scores in rows.values() for metric in scores),
        forecast=evaluation.predictions.forecast,
    )
    by_series = evaluation.by_series
    made = grid()
    made.add_column("model")
    if by_series is not None:
        made.add_column("series beaten", justify="right")
    for metric in metrics:
        made.add_column(metric_name(metric), justify="right")

    def add(name: str, scores: dict[str, Any], style: str = "", beaten: str = "") -> None:
        values = [metric_text(m, scores.get(m)) for m in metrics]
        made.add_row(name, *([] if by_series is None else [beaten]), *values, style=style)

    for model, scores in rows.items():
        if model != "gatewise":
            won = None if by_series is None else by_series.beaten(target, model)
            add(model_name(model), scores, beaten="" if won is None else f"{won[0]} of {won[1]}")
            continue
        add(model_name(model), scores, "bold")
        if len(evaluation.members) > 1:
            for place, member in enumerate(evaluation.shown_members):
                add(f"  member {place + 1} alone", member[target], "dim")
        for other, table in beside.items():
            if target in table.get("gatewise", {}):
                add(other, table["gatewise"][target])
    return made
