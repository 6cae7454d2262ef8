"""Scores of sequences as text, as a notebook shows them, and as a picture."""

from __future__ import annotations

from typing import Any

from gatewise import notebook
from gatewise.estimators.scores.measures import (
    MEASURES,
    PART_NAMES,
    interval_text,
    measure_text,
    model_name,
)
from gatewise.estimators.scores.verdict import ranked
from gatewise.wording import counted


def shown_measures(scores: Any) -> list[str]:
    """Return the measures that a table shows, in their order: those that decide or are shown always."""
    found = {name for row in scores.models.values() for name in row}
    return [
        name
        for name, measure in MEASURES.items()
        if name in found and (measure.shown or name == scores.decides)
    ]


def table(scores: Any) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows of the table of scores: a row for each model, with its intervals."""
    names = shown_measures(scores)
    rows = [
        (model_name(model), *(interval_text(n, row[n]) if n in row else "–" for n in names))
        for model in ranked(scores)
        for row in (scores.models[model],)
    ]
    return ("model", *(MEASURES[name].title for name in names)), rows


def class_table(scores: Any) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows of the F1 of each class by each model; no rows where there are no classes."""
    found = getattr(scores, "by_class", {})
    models = [model for model in ranked(scores) if model in found]
    rows = [
        (
            name,
            f"{scores.support[name]:,.10g}",
            *(measure_text("macro_f1", scores.by_class[model][name]) for model in models),
        )
        for name in getattr(scores, "classes", ())
    ]
    return ("class", "labels", *(f"F1, {model_name(model)}" for model in models)), rows


def text(scores: Any) -> str:
    """Return verdict and tables as plain text."""
    found = scores.verdict()
    lines = [f"{found.headline}.", *found.sentences, "", *_columns(*table(scores))]
    head, rows = class_table(scores)
    return "\n".join([*lines, "", *_columns(head, rows)] if rows else lines)


def _columns(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return a table as lines: words on the left, figures on the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]


def html(scores: Any) -> str:
    """Return verdict, table and sentences as a notebook shows them."""
    said = scores.verdict()
    part = PART_NAMES.get(scores.part, scores.part)
    head, rows = class_table(scores)
    return notebook.shown(
        f"{said.headline}.",
        notebook.small(f"Scores on {part}, {counted(scores.count, scores.unit)}"),
        notebook.table(*table(scores)),
        notebook.table(head, rows) if rows else "",
        notebook.sentences(said.sentences),
    )


def picture(scores: Any, ax: Any = None) -> Any:
    """Draw the deciding measure of each model with its interval, and the members as dots."""
    from gatewise.figures.scores import score_dots  # noqa: PLC0415 - matplotlib

    name = scores.decides
    rows = {
        model_name(model): (row[name].value, row[name].low, row[name].high)
        for model in ranked(scores)
        if name in (row := scores.models[model])
    }
    members = [member[name] for member in scores.members if name in member]
    part = PART_NAMES.get(scores.part, scores.part)
    return score_dots(rows, members, MEASURES[name].title, f"Scores on {part}", ax=ax)
