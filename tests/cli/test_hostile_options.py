"""Every option of every command with values that none can mean: refused in a line, before any work."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import gatewise.explaining
from benchmarks.against_peers import command, suite
from gatewise.cli.apps import app_of
from gatewise.cli.tasks import TASKS
from gatewise.estimators.base import Estimator
from gatewise.estimators.forecaster import estimator as forecaster
from tests.cli.sequences import write_all
from tests.cli.tables import QUICK, Outcome, files_under, table_text

Call = Callable[..., Outcome]

NUMBERS = [
    *("nan", "inf", "-inf", "1e400", "-1", "-0.5", "1e300", "9" * 25, "9" * 5000, "1" + "0" * 19),
    *("", " ", "ten", "0x10", "1,5", "½", "\t", "none of it"),
]
TEXTS = ["", " ", "\t", "\n", "\x1b[31m", "a\nb", "x" * 5000, "\udcff"]
PATHS = [
    *TEXTS,
    *("river.csv", "river.csv/under", "/proc/nowhere", "/dev/full", "/dev/full/x", "/", "."),
    *("/sys/x", "letters", "y" * 300, "no/" * 1500),
]
FITTING = ["river.csv", *QUICK]
BEFORE = {
    "fit": [*FITTING, "--out", "new"],
    "continue": ["run", "river.csv", "--out", "new"],
    "retrain": ["run", "river.csv", "--out", "new"],
    "resume": ["run", "river.csv"],
    "predict": ["run", "river.csv"],
    "evaluate": ["run", "river.csv"],
    "inspect": ["run", "river.csv", "--out", "page.html"],
    "demo": ["--out", "new"],
    "datasets": ["fulda", "--out", "new.csv"],
    "bench": ["--rows", "5,1,2,3"],
}
MEANT = {
    # what is odd and yet has a meaning: the gate may start shut, a bound so high never binds
    "--forget-bias": {"-1", "-0.5"},
    "--clip": {"1e300", "9" * 25, "1" + "0" * 19},
    "--seed": {"9" * 25, "1" + "0" * 19},
    "--title": {"x" * 5000},
    "--budget": {"1e300", "9" * 25, "1" + "0" * 19},
    "--min-horizon": {"9" * 25, "1" + "0" * 19},
    "--max-window": {"9" * 25, "1" + "0" * 19},
}


PLACES = {"RUN": 0, "NAME": 0, "DATA": 1}
"""Where a word without a name stands; DATA is the first of a fit's."""


class AcceptedError(Exception):
    """The command got past its checks."""


OF_TASKS = {
    "classify": ["sites.fa", "--labels", "labels.csv", "--task", "classify"],
    "language": ["story.txt", "--task", "language"],
}
"""Words of fits of other tasks, on letters and on a text, but for --out."""


def options_of(command: str, task: str = "forecast") -> Iterator[tuple[str, list[str]]]:
    """Return every option of a command that takes a value, with values that it cannot mean."""
    for argument in app_of(TASKS[task])[command].assemble_argument_collection():
        kinds = {argument.hint, *get_args(argument.hint)}
        if argument.name in PLACES:
            yield argument.name, [path for path in PATHS if path != "river.csv"]
        if not argument.name.startswith("--") or bool in kinds or not argument.parse:
            continue
        if argument.name in ("--out", "--config", "--json", "--plot", "--against", "--labels"):
            yield argument.name, PATHS
        elif kinds & {int, float} or "float" in str(argument.hint):
            yield argument.name, NUMBERS
        elif argument.name == "--device":
            yield argument.name, [*TEXTS, "meta", "toaster", "cuda:99", "cpu:x", "cuda:-1", "xla"]
        else:
            yield argument.name, TEXTS


@pytest.fixture
def refusing(here: Path, fitted: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, a run and somebody's letters, where nothing can begin to work."""

    def accepted(*_: object, **__: object) -> Any:
        raise AcceptedError

    (here / "river.csv").write_text(table_text())
    write_all(here)
    (here / "letters").mkdir()
    (here / "letters/letter.txt").write_text("dear")
    shutil.copytree(fitted, here / "run")
    monkeypatch.setattr(Estimator, "_begin", accepted)
    monkeypatch.setattr(Estimator, "_complete", accepted)
    monkeypatch.setattr(forecaster, "evaluate_windows", accepted)
    monkeypatch.setattr(gatewise.explaining, "explain", accepted)
    monkeypatch.setattr(suite, "run", accepted)
    monkeypatch.setattr(command, "run", accepted)
    return here


def refuse(call: Call, here: Path, given: list[str], option: str, value: str) -> str | None:
    """Return what is wrong with the refusal of a value, None where nothing is.

    `given` are the command and the words that it has otherwise.
    """
    before = files_under(here)
    command, *words = given
    if option in PLACES:
        words[PLACES[option] if command != "fit" else 0] = value
    else:
        at = words.index(option) if option in words else len(words)
        words[at : at + 2] = [option, value]
    shown = f"{command} {option} {value[:40]!r}"
    try:
        done = call(command, *words)
    except AcceptedError:
        return f"{shown}: accepted"
    except BaseException as error:
        return f"{shown}: {type(error).__name__}: {str(error)[:200]}"
    if done.code != 2 or done.err.count("\n") != 1:
        return f"{shown}: code {done.code}, {done.err[:300]!r}"
    if files_under(here) != before:
        return f"{shown}: left {sorted(set(files_under(here)) ^ set(before))}"
    return None


def check(call: Call, here: Path, command: str, every: int) -> None:
    """Try one value in `every` of each option, another one for each, and hold all to being refused.

    `command` may be a task on sequences: then it is its fit.
    """
    task, given = "forecast", BEFORE.get(command)
    if given is None:
        task, command, given = command, "fit", [*OF_TASKS[command], "--out", "new"]
    wrong = [
        refuse(call, here, [command, *given], option, value)
        for number, (option, values) in enumerate(options_of(command, task))
        for value in values[number % every :: every]
        if value not in MEANT.get(option, set())
    ]
    found = [each for each in wrong if each]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("command", list(BEFORE))
def test_values_that_an_option_cannot_mean_are_refused(
    refusing: Path, call: Call, command: str
) -> None:
    check(call, refusing, command, every=5)


@pytest.mark.full
@pytest.mark.parametrize("command", [*BEFORE, *OF_TASKS])
def test_no_value_that_an_option_cannot_mean_is_taken(
    refusing: Path, call: Call, command: str
) -> None:
    check(call, refusing, command, every=1)
