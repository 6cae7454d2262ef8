"""The tables in the docs that are made from the code: `python docs/tables.py` writes them anew.

A test compares them with what the code says.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from gatewise.cli.tasks import FORECAST, TASKS
from gatewise.estimators.baselines.collection import NAMES
from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.language.settings import LanguageSettings
from gatewise.estimators.options import EstimatorOptions, NetworkOptions
from gatewise.estimators.scores.measures import MEASURES, MODEL_TITLES
from gatewise.options import Group, Option, options_of
from gatewise.report.glossary import WORDS

PAGE = Path(__file__).parent / "forecasting.md"
SEQUENCES = Path(__file__).parent / "sequences.md"
COMMANDS = Path(__file__).parent / "command-line.md"
LONG = Path(__file__).parent / "long-sequences.md"
GLOSSARY = Path(__file__).parent / "glossary.md"
LANGUAGE = Path(__file__).parent / "language.md"
END = "<!-- end -->"
NEEDS = {0: "every model", 1: "quantiles", 2: "two quantiles or more"}


def options_table(settings: Any = ForecasterSettings, shared: Any = None) -> str:
    """Return an estimator's options as Markdown, a table for each group, without the `shared` ones."""
    left_out = [] if shared is None else list(options_of(shared))
    told = [one for one in options_of(settings) if one not in left_out]
    groups = list(dict.fromkeys(option.group for _, _, option in told))
    declared = sorted(told, key=lambda each: groups.index(each[2].group))
    parts = []
    for group, members in groupby(declared, key=lambda each: each[2].group):
        rows = [
            f"| `{name}` | {_default(*rest)} | {_meaning(rest[1])} |" for name, *rest in members
        ]
        head = [f"**{group}**", "", "| option | default | meaning |", "|---|---|---|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def metrics_table() -> str:
    """Return the forecaster's metrics as Markdown."""
    rows = [
        f"| `{name}` | {metric.meaning} | {NEEDS[metric.levels]} |"
        for name, metric in METRICS.items()
    ]
    return "\n".join(["| metric | meaning | with |", "|---|---|---|", *rows])


def measures_table() -> str:
    """Return the measures of sequences as Markdown."""
    rows = [
        f"| `{name}` | {measure.meaning} | {measure.better or '–'} |"
        for name, measure in MEASURES.items()
    ]
    return "\n".join(["| measure | meaning | better |", "|---|---|---|", *rows])


def baselines_table() -> str:
    """Return the baselines of sequences as Markdown."""
    rows = [f"| `{name}` | {MODEL_TITLES[name]} | {does} |" for name, does in NAMES.items()]
    return "\n".join(["| option | in tables | what it is |", "|---|---|---|", *rows])


def tasks_table() -> str:
    """Return what the command line learns as Markdown, with the estimator that does it in Python."""
    rows = [
        f"| `{task.name}` | {task.learns} | `gw.{task.estimator.rpartition(':')[2]}` |"
        for task in TASKS.values()
    ]
    return "\n".join(["| `--task` | what is learnt | in Python |", "|---|---|---|", *rows])


def sequence_options_table() -> str:
    """Return the options of the estimators of sequences as Markdown, each with whose it is."""
    found: dict[tuple[str, str], tuple[Any, Option, list[str]]] = {}
    of_sequences = [task for task in TASKS.values() if task is not FORECAST]
    for task in of_sequences:
        for name, default, option in options_of(task.options()):
            shown = (name, _default(default, option) + _meaning(option))
            found.setdefault(shown, (default, option, []))[2].append(task.name)
    groups = list(get_args(Group))
    lines = ["| option | default | meaning | of |", "|---|---|---|---|"]
    for (name, _), (default, option, tasks) in sorted(
        found.items(), key=lambda item: groups.index(item[1][1].group)
    ):
        whose = "all" if len(tasks) == len(of_sequences) else ", ".join(tasks)
        meaning = _meaning(option).replace("](#", "](forecasting.md#")
        lines.append(f"| `{name}` | {_default(default, option)} | {meaning} | {whose} |")
    return "\n".join(lines)


def words_table() -> str:
    """Return the page's words as Markdown."""
    rows = [f"| {word.name} | {word.meaning} |" for word in WORDS]
    return "\n".join(["| word | what it means here |", "|---|---|", *rows])


def long_memories() -> dict[str, str]:
    """Return the kept results of `python -m benchmarks.long_memory` as Markdown."""
    sys.path.insert(0, str(Path(__file__).parents[1]))  # the benchmarks lie beside the package
    from benchmarks.long_memory import table  # noqa: PLC0415 - found by the line above

    made = {"long memories": table.tables()}
    made |= {arms: table.arms_tables(arms) for arms in ("parts", "starts")}
    made |= {"DNA": table.dna_tables(), "short": table.short_tables()}
    return {name: "\n".join(lines).strip() for name, lines in made.items()}


def long_anew(page: str) -> str:
    """Return the page of long sequences with its tables of results made anew."""
    for name, table in long_memories().items():
        page = page_with(page, name, table)
    return page


def page_with(page: str, name: str, table: str) -> str:
    """Return the page with `table` between the marks of its name."""
    begin = f"<!-- made by docs/tables.py: {name} -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{table}\n\n{END}{rest.split(END, 1)[1]}"


def page_anew(page: str) -> str:
    """Return the page with every table as the code has it."""
    for name, table in (("metrics", metrics_table()), ("options", options_table())):
        page = page_with(page, name, table)
    return page


def sequences_anew(page: str) -> str:
    """Return the page of sequences with its tables as the code has them."""
    for name, table in (
        ("baselines", baselines_table()),
        ("measures", measures_table()),
        ("sequence options", sequence_options_table()),
    ):
        page = page_with(page, name, table)
    return page


def commands_anew(page: str) -> str:
    """Return the page of the command line with its tasks as the code has them."""
    return page_with(page, "tasks", tasks_table())


@dataclass
class _Shared(EstimatorOptions, NetworkOptions):
    """What every estimator can be told, which the guide to forecasting tells."""


def language_anew(page: str) -> str:
    """Return the page of language models with their options as the code has them."""
    return page_with(page, "options", options_table(LanguageSettings, _Shared))


def glossary_anew(page: str) -> str:
    """Return the glossary with the words as the report page explains them."""
    return page_with(page, "words", words_table())


class _Spelt(dict[str, str]):
    """The names of options as Python writes them."""

    def __missing__(self, name: str) -> str:
        return f"`{name}`"


def _default(default: Any, option: Option) -> str:
    if option.default_means is not None:
        return option.default_means
    if default is None:
        return "none"
    if isinstance(default, bool):
        return "on" if default else "off"
    return f'`"{default}"`' if isinstance(default, str) else f"{default:g}"


def _meaning(option: Option) -> str:
    words = () if option.rule.grows else option.rule.choices
    choices = ", ".join(f'`"{word}"`' for word in words)
    sentences = [
        option.help.format_map(_Spelt(none="`None`")),
        f"One of {choices}." if choices else "",
        option.more,
    ]
    return " ".join(filter(None, sentences))


if __name__ == "__main__":
    pages = (
        (PAGE, page_anew),
        (SEQUENCES, sequences_anew),
        (COMMANDS, commands_anew),
        (GLOSSARY, glossary_anew),
        (LANGUAGE, language_anew),
        (LONG, long_anew),
    )
    for path, anew in pages:
        path.write_text(anew(path.read_text(encoding="utf-8")), encoding="utf-8")
