"""What task a fit is about where nobody said: by its options, and by what its data is.

A guess is only made where it is safe; it is said, and anything else is an error that names the choices.
"""

from __future__ import annotations

import csv
import gzip
import itertools
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from gatewise.cli.options import NewRun
from gatewise.cli.tasks import FORECAST, TASKS, Task
from gatewise.errors import GatewiseError, OptionError
from gatewise.options import options_of

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
GENBANK = (".gb", ".gbk", ".genbank", ".gb.gz", ".gbk.gz")
LOOKED_AT = 200
"""Rows of a table that are looked at before it is read."""
LABEL_NAMES = ("y", "label", "class")


@dataclass(frozen=True)
class Given:
    """What a command line has: its data, the options that it names, and some of their values."""

    data: str | None
    named: set[str]
    target: str | None = None
    labels: str | None = None


class Guess(NamedTuple):
    """A task, and why it is that one; "" where it goes without saying."""

    task: Task
    because: str = ""

    @property
    def note(self) -> str:
        """Return the line that says what was guessed, "" where nothing has to be said."""
        if not self.because:
            return ""
        return (
            f"Task: {self.task.name}, {self.task.learns} ({self.because}); --task says otherwise."
        )


def guess(given: Given) -> Guess:
    """Return the task; OptionError, which names the choices, where several are possible."""
    if given.data is None:
        return Guess(FORECAST)
    fitting = [task for task in TASKS.values() if _strange(given, task) == []]
    if len(fitting) == 1:
        task = fitting[0]
        alone = _strange(given, FORECAST)
        told = " and ".join(f"--{name.replace('_', '-')}" for name in alone)
        return Guess(task, f"by {told}" if alone else "")
    found = _of_data(given, given.data)
    if found is not None and (found.task in fitting or not fitting):
        return found
    if FORECAST in fitting or not fitting:
        return Guess(FORECAST)
    raise _unclear(given.data, "its options fit several", [task.name for task in fitting])


def _strange(given: Given, task: Task) -> list[str]:
    """Return the named options that the fit of a task has not."""
    known = _options(task)
    return sorted(n for n in given.named if n not in known and n.removeprefix("no_") not in known)


def _options(task: Task) -> set[str]:
    """Return the options of a fit, without making its command."""
    own = {name for name, _, _ in options_of(task.options())}
    labels = {"labels"} if task.takes_labels else set()
    return own | labels | {"task"} | {field.name for field in fields(NewRun)}


def _unclear(data: str, why: str, names: list[str]) -> OptionError:
    return OptionError(f"{data}: {why}; say what to learn with --task {' or --task '.join(names)}")


def _of_data(given: Given, data: str) -> Guess | None:
    """Return what the data itself says; None where it says nothing."""
    from gatewise.data.catalog import dataset_name, find  # noqa: PLC0415 - not for the help
    from gatewise.data.sequences.fasta import ENDINGS as FASTA  # noqa: PLC0415 - brings NumPy
    from gatewise.data.sequences.texts import ENDINGS as TEXTS  # noqa: PLC0415

    name = data.lower()
    bundled = dataset_name(data)
    if bundled is not None:
        kind = find(bundled).kind
        if kind == "table":
            return None
        return _named("language", "a text") if kind == "text" else _by_labels(given, data)
    if name.endswith(GENBANK):
        return _named("tag", "GenBank has features of each base")
    plain = name.removesuffix(".gz")
    if plain.endswith(tuple(TEXTS)):
        return _named("language", "a text")
    if plain.endswith(tuple(FASTA)):
        if given.labels is None:
            raise _unclear(
                data, "FASTA has no labels: name them with --labels", ["classify", "regress", "tag"]
            )
        return _by_labels(given, data)
    return _of_table(given, data) if name.endswith(TABLES) else None


def _named(name: str, because: str) -> Guess | None:
    return Guess(TASKS[name], because) if name in TASKS else None


def _by_labels(given: Given, data: str) -> Guess | None:
    """Return the task that the labels are of: of steps, of sequences, or numbers."""
    from gatewise.data.sequences.features import BED_ENDINGS, GFF_ENDINGS  # noqa: PLC0415
    from gatewise.data.sequences.readers import read_labelled  # noqa: PLC0415 - brings NumPy

    features = (*BED_ENDINGS, *GFF_ENDINGS)
    if given.labels is not None and given.labels.lower().removesuffix(".gz").endswith(features):
        return _named("tag", "its labels are features")
    options: dict[str, Any] = {} if given.target is None else {"target": given.target}
    try:
        found = read_labelled(data, given.labels, **options)
    except GatewiseError:
        return _named("classify", "it has labels")  # what is wrong is told when it is read for good
    if found.per_step:
        return _named("tag", "each step has a label")
    if found.classes:
        return _named("classify", "each sequence has a label")
    return _named("regress", "each sequence has a number")


def _of_table(given: Given, data: str) -> Guess | None:
    """Return what a table's first rows say: text to predict is a label, letters are sequences."""
    try:
        head, *rows = _first_rows(Path(data))
    except (OSError, EOFError, ValueError, csv.Error):
        return None  # what is wrong with it is told when it is read for good
    targets = [given.target] if given.target else [name for name in LABEL_NAMES if name in head]
    if not targets or targets[0] not in head or not rows:
        return None
    column = head.index(targets[0])
    values = [row[column] for row in rows if len(row) == len(head)]
    if "sequence" not in head and not any(_is_text(value) for value in values):
        return None
    return _by_labels(given, data)


def _first_rows(path: Path) -> list[list[str]]:
    """Return the header and the first rows of a text table as words."""
    name = path.name.lower()
    opened = gzip.open if name.endswith(".gz") else open
    separator = "\t" if ".tsv" in name else ","
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        return list(itertools.islice(csv.reader(file, delimiter=separator), LOOKED_AT + 1))


def _is_text(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return bool(value.strip())
    return False
