"""Which task a command is about: what --task says, what the run is that of, or what the data is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from gatewise.cli.config import raw_config
from gatewise.cli.guessing import Given, guess
from gatewise.cli.tasks import FORECAST, NAMES, TASKS, Task, task_of_kind
from gatewise.errors import GatewiseError, OptionError, nearest

OF_DATA = ("fit", "tune", "backtest")
OF_RUN = ("predict", "evaluate", "inspect", "resume", "continue", "retrain")
FORECASTS_ALONE = ("tune", "backtest")
TAKES_TASK = ("fit", "demo")
"""Commands whose own option --task is; the others are told by their run, and only checked against it."""


class Chosen(NamedTuple):
    """The task of a command, the words that are left for it, and what to say where it was guessed."""

    task: Task
    words: list[str]
    note: str = ""


def choose(arguments: Sequence[str]) -> Chosen:
    """Return the task that a command line is about. Raises OptionError where that is not clear."""
    words = list(arguments)
    verb = words[0] if words else ""
    asked = _asked(words)
    left = words if verb in TAKES_TASK else _without_task(words)
    if asked is None:
        asked = _in_config(words, "task")
    named = None if asked is None else _named(asked)
    if verb in OF_RUN:
        return Chosen(_task_of_run(left, named), left)
    if named is None and verb in OF_DATA:
        found = guess(_given(words))
        if verb in FORECASTS_ALONE and found.task is not FORECAST:
            _refuse(verb, found.task, found.because)
        return Chosen(found.task, left, found.note)
    if named is not None and named is not FORECAST and verb in FORECASTS_ALONE:
        _refuse(verb, named, "")
    return Chosen(named or FORECAST, left)


def _refuse(verb: str, task: Task, because: str) -> None:
    told = f" ({because})" if because else ""
    raise OptionError(
        f"gatewise {verb} is for forecasts alone, and this is --task {task.name}{told}: "
        "compare settings by `gatewise fit` with each, and `gatewise evaluate RUN`"
    )


def _named(word: str) -> Task:
    if word not in TASKS:
        choices = ", ".join(NAMES)
        raise OptionError(f"--task must be one of {choices}, not {word!r}.{nearest(word, NAMES)}")
    return TASKS[word]


def _asked(words: list[str]) -> str | None:
    """Return the last value of --task; None where it is not there, or has none."""
    value = None
    for place, word in enumerate(words):
        if word.startswith("--task="):
            value = word.partition("=")[2]
        elif word == "--task" and place + 1 < len(words):
            value = words[place + 1]
    return value


def _without_task(words: list[str]) -> list[str]:
    kept, skip = [], False
    for word in words:
        if not skip and word != "--task" and not word.startswith("--task="):
            kept.append(word)
        skip = word == "--task"
    return kept


def _value_of(words: list[str], option: str) -> str | None:
    for place, word in enumerate(words):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and place + 1 < len(words):
            return words[place + 1]
    return None


def _config(words: list[str]) -> dict[str, Any]:
    """Return what the file after --config holds; {} where it cannot be read, which is told later."""
    path = _value_of(words, "--config")
    if path is None:
        return {}
    try:
        return raw_config(Path(path))
    except GatewiseError:
        return {}


def _in_config(words: list[str], key: str) -> str | None:
    """Return a text of the file after --config; of a run's config.json, its task."""
    values = _config(words)
    if key == "task" and "format" in values:
        task = task_of_kind(str(values.get("estimator") or FORECAST.kind))
        return None if task is None else task.name
    value = values.get(key)
    return value if isinstance(value, str) else None


def _given(words: list[str]) -> Given:
    """Return what a guess goes by: the data, and the options that were named."""
    values = {name.replace("-", "_"): value for name, value in _config(words).items()}
    typed = [word[2:].partition("=")[0].replace("-", "_") for word in words if word[:2] == "--"]
    data = _first_word(words) or _in_config(words, "data")
    named = {name for name in (*typed, *values) if name not in ("config", "data", "help")}
    target, labels = (
        _value_of(words, f"--{name}") or values.get(name) for name in ("target", "labels")
    )
    return Given(data, named, _text(target), _text(labels))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _first_word(words: list[str]) -> str | None:
    """Return the word that stands right after the verb, None for an option."""
    first = words[1] if len(words) > 1 else ""
    return first if first and not first.startswith("--") else None


def _task_of_run(words: list[str], named: Task | None) -> Task:
    """Return the task whose run or model file a command names; that asked for where it names none."""
    for place in _places(words):
        kind = _kind(place)
        task = None if kind is None else task_of_kind(kind)
        if task is None:
            continue
        if named is not None and named is not task:
            raise OptionError(
                f"{place} is that of a {task.kind}: leave --task {named.name} out, or name another run"
            )
        return task
    return named or FORECAST


def _places(words: list[str]) -> list[str]:
    """Return the words that may be the run: the one after the verb, then those that no option takes."""
    first = _first_word(words) or _in_config(words, "run")
    later = [
        word
        for before, word in pairwise(words[1:])
        if not word.startswith("--") and before not in ("--out", "--against", "--config", "--json")
    ]
    return [first] if first else later


def _kind(place: str) -> str | None:
    """Return what estimator a run folder or a model file is that of; None for neither."""
    from gatewise.estimators.run.config import read_config  # noqa: PLC0415 - not for the help
    from gatewise.estimators.run.known import FIRST  # noqa: PLC0415
    from gatewise.files import read_about  # noqa: PLC0415

    try:
        if os.path.isdir(place):
            config = read_config(Path(place))
            return None if config is None else str(config.get("estimator") or FIRST)
        if not place.endswith(".safetensors") or not os.path.isfile(place):
            return None
        with open(place, "rb") as file:
            return (
                str(read_about(file).get("format", "")).removeprefix("gatewise-").replace("-", " ")
            )
    except (OSError, ValueError):
        return None  # what is wrong with it is told by the command itself
