"""The sentences on what a run remembers, and on another run beside it: printed, and for the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from gatewise.cli.as_typed import as_typed
from gatewise.cli.output import grid
from gatewise.errors import InputError

if TYPE_CHECKING:
    from gatewise.explaining import Comparison, Explanation
    from gatewise.explaining.case import HasCase


def explained(
    screen: Console, model: HasCase, prepared: Any, *, by: str | None = None
) -> Explanation | None:
    """Return the explanation of a run that was just trained, or print why there is none.

    A run that took an hour to train is not to end without its page because it cannot be explained.
    """
    from gatewise.explaining import explain  # noqa: PLC0415 - brings torch

    try:
        return explain(model, prepared, by=by)
    except InputError as error:
        screen.print(f"No word on what it remembers: {as_typed(str(error))}", style="yellow")
        return None


def print_explanation(screen: Console, explanation: Explanation) -> None:
    """Print the sentences, each with its confidence, warnings in colour, and what was looked at."""
    settings = explanation.settings
    screen.print()
    screen.print("What it remembers", style="bold")
    for finding in explanation.findings:
        sure = f" [{finding.confidence} confidence]" if finding.confidence else ""
        colour = {"good": "green", "warn": "yellow"}.get(finding.tone, "")
        screen.print(f"{finding.sentence}{sure}", style=colour)
    if explanation.figures.get("learnt") is False:
        return
    screen.print(
        f"From {settings['rows']:,} of {settings['rows_of']:,} {settings.get('called', 'window')}s of "
        f"{settings['steps']:,} {explanation.unit.noun}s of the {settings['part']} part, "
        f"member {settings['member']} of {settings['members']}; the page has the evidence and the "
        "caveats.",
        style="dim",
    )


def names_of(run: str, against: str) -> tuple[str, str]:
    """Return what two runs are called: their folders, with more of the path where those are the same."""
    one, other = Path(run), Path(against)
    return (one.name, other.name) if one.name != other.name else (str(one), str(other))


def print_comparison(screen: Console, comparison: Comparison) -> None:
    """Print the table of two runs side by side, then its sentences."""
    screen.print()
    screen.print(f"Against {comparison.names[1]}", style="bold")
    table = grid()
    table.add_column("")
    for name in comparison.names:
        table.add_column(name, justify="right")
    for row in comparison.rows:
        table.add_row(*row)
    screen.print(table)
    for sentence in comparison.sentences:
        screen.print(sentence)


def with_comparison(contents: Any, comparison: Comparison | None) -> Any:
    """Return the page with the comparison: its sentences as a finding, its table among the tables."""
    if comparison is None:
        return contents
    from gatewise.report import Finding, Table  # noqa: PLC0415

    table = Table.of(
        f"Memory against {comparison.names[1]}", ["", *comparison.names], comparison.rows
    )
    finding = Finding(
        f"Against {comparison.names[1]}: {comparison.sentences[0]}",
        " ".join(comparison.sentences[1:]),
    )
    return replace(
        contents,
        findings=(*contents.findings, finding),
        tables=(*contents.tables, table),
    )
