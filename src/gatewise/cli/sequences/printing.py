"""What the commands on sequences print: the data that was read, and scores beside baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from gatewise.cli.as_typed import as_typed
from gatewise.cli.output import grid
from gatewise.wording import counted

if TYPE_CHECKING:
    from gatewise.estimators.scores.evaluation import SequenceScores
    from gatewise.estimators.sequences.preparation import PreparedSequences

MOST_CLASSES = 8


def print_data(screen: Console, source: str, prepared: Any) -> None:
    """Print what was read: sequences or a text, what is to be learnt, and the parts."""
    of_sequences = hasattr(prepared, "labelled")
    (_print_sequences if of_sequences else _print_text)(screen, source, prepared)


def _print_text(screen: Console, source: str, prepared: Any) -> None:
    tokens, size = prepared.tokens, prepared.identity["characters"]
    symbols = counted(len(tokens.vocabulary.symbols), f"different {tokens.unit}")
    screen.print(f"{source}: {counted(size, 'character')}, {symbols}")
    for part, stretches in prepared.parts.items():
        if stretches:
            count = sum(len(one.codes) for one in stretches)
            screen.print(f"  {part:<10}  {counted(count, tokens.unit)}")


def _print_sequences(screen: Console, source: str, prepared: PreparedSequences[Any]) -> None:
    sequences, form = prepared.labelled.sequences, prepared.form
    low, high = int(sequences.lengths.min()), int(sequences.lengths.max())
    long = counted(low, "step") if low == high else f"{low:,} to {high:,} steps"
    read = (
        f"{counted(len(form.columns), 'value')} a step"
        if form.vocabulary is None
        else f"{len(form.vocabulary.symbols)} symbols"
    )
    screen.print(f"{source}: {counted(len(sequences), 'sequence')} of {long}, {read}")
    if form.classes:
        counts = prepared.labelled.counts.tolist()
        told = [f"{name} ({count:,})" for name, count in zip(form.classes, counts, strict=True)]
        more = f", … ({len(told)} in all)" if len(told) > MOST_CLASSES else ""
        screen.print(f"  {'classes':<10}  {', '.join(told[:MOST_CLASSES])}{more}")
    elif form.targets:
        screen.print(f"  {'numbers':<10}  {', '.join(form.targets)}")
    for part, picks in prepared.parts.items():
        if len(picks):
            screen.print(f"  {part:<10}  {counted(len(picks), 'sequence')}")


def print_scores(screen: Console, scores: SequenceScores) -> None:
    """Print the score table with intervals, that of the classes, then the verdict."""
    from gatewise.estimators.scores.measures import PART_NAMES  # noqa: PLC0415
    from gatewise.estimators.scores.showing import class_table, table  # noqa: PLC0415

    part = PART_NAMES.get(scores.part, scores.part)
    screen.print()
    screen.print(f"Scores on {part}, {counted(scores.count, scores.unit)}", style="bold")
    _print_table(screen, *table(scores))
    head, rows = class_table(scores)
    if rows and len(rows) <= MOST_CLASSES:
        screen.print()
        _print_table(screen, head, rows)
    said = scores.verdict()
    colours = {"better": "green", "unclear": "yellow", "worse": "red"}
    screen.print(f"{said.headline}.", style=colours.get(said.tone, ""))
    for sentence in said.sentences:
        screen.print(as_typed(sentence))


def _print_table(screen: Console, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    made = grid()
    for place, name in enumerate(head):
        made.add_column(name, justify="right" if place else "left")
    for row in rows:
        made.add_row(*row, style="bold" if row[0] == "gatewise" else "")
    screen.print(made)
