"""The library's messages as whoever types commands reads them: `--lookback 30` for `lookback=30`."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import fields
from functools import cache
from typing import Any

from gatewise.cli.options import NewRun, can_be_off_in
from gatewise.cli.tasks import TASKS
from gatewise.errors import is_line
from gatewise.options import options_of

OF_COMMANDS = (
    *(field.name for field in fields(NewRun)),
    *(
        "against",
        "at",
        "budget",
        "by",
        "labels",
        "model",
        "of",
        "part",
        "max_idle",
        "max_saturated",
        "max_window",
        "min_horizon",
        "min_length",
    ),
    *("folds", "jobs", "metric", "point", "seconds", "size", "space", "trials"),
)
"""Options by the same name here and in the library beside those of estimators."""

COMMAND_OF = {
    **{name: name for name in ("fit", "predict", "evaluate", "resume", "retrain")},
    **dict.fromkeys(("explain", "summary"), "inspect"),
}

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_LIST = rf"\[(?:{_QUOTED}|[^\[\]])*\]"  # a bracket in a text ends no list
_TUPLE = r"\([^()]*\)"
_ALONE = r"(?<![\w./=-])"
"""Before a word that is no part of a path, of a longer name, or of an option as it is typed."""


@cache
def options() -> tuple[str, ...]:
    """Return the options of every task and command; made on first use, as the help needs none."""
    kinds = [task.options() for task in TASKS.values()]
    settings = [name for kind in kinds for name, _, _ in options_of(kind)]
    return tuple(dict.fromkeys((*settings, *OF_COMMANDS)))


@cache
def _can_be_off() -> frozenset[str]:
    return frozenset().union(*(can_be_off_in(task.options()) for task in TASKS.values()))


@cache
def _syntax() -> re.Pattern[str]:
    """Return what is Python in a message; made on first use, as the help needs none."""
    names = "|".join(options())
    long_names = "|".join(name for name in options() if "_" in name)
    return re.compile(
        rf"(?P<kept>(?<![\w=])(?:{_QUOTED})(?!\w)|`[^`]*`)"
        rf"|{_ALONE}(?P<name>{names})=(?P<value>{_QUOTED}|{_LIST}|{_TUPLE}|\.\.\.|[\w.+:-]*\w|)"
        rf"|{_ALONE}(?:[A-Za-z]+\.)?(?P<call>{'|'.join(COMMAND_OF)})\([^()]*\)"
        rf"|(?:(?<=: )|^)(?P<subject>{names})(?= must be )"
        rf"|{_ALONE}(?P<long>{long_names})(?![\w/=-]|\.\w)"
        rf"|(?<![\w\]])(?P<list>{_LIST}|(?<=not ){_TUPLE})"
    )


def as_typed(text: str) -> str:
    """Rewrite what is Python in a message: settings, lists, calls and None; quoted text stays.

    `missing="mask"` becomes `--missing mask`, `[0.1, 0.9]` becomes `0.1 0.9`, `fit(...)` becomes
    `gatewise fit`, and `None` is the word none, or an option that is left out where none is no value.
    """
    text = re.sub(r"(^|: )explain: ", r"\1", text, count=1)
    text = text.replace("; use sys.set_int_max_str_digits() to increase the limit", "")
    text = re.sub(r", or gw\.\w+\([^()]*\)(?: for torch's module)?", "", text)
    text = _syntax().sub(_rewritten, text)
    text = re.sub(r"(--[\w-]+) \(\1\)", r"\1", text)
    first = re.search(r"--([a-z-]+)", text)
    can_be_off = first is not None and first[1].replace("-", "_") in _can_be_off()
    text = re.sub(r"\bor None\b", "or none" if can_be_off else "or left out", text)
    return re.sub(r"\bNone\b(?! of\b)", "none", text)


def _rewritten(found: re.Match[str]) -> str:
    if found["name"]:
        return _set(found["name"], found["value"])
    if found["call"]:
        return f"gatewise {COMMAND_OF[found['call']]}"
    if found["list"]:
        return _words(found["list"])
    name = found["subject"] or found["long"]
    return _option(name) if name else found["kept"]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _set(name: str, value: str) -> str:
    """Return an option and its value as they are typed; what is off or empty has no value."""
    off = value == "None" and name not in _can_be_off()
    if off or value in ("False", "[]", "()"):
        return f"no {_option(name)}"
    if value in ("", "True"):
        return _option(name)
    return f"{_option(name)} {'none' if value == 'None' else _words(value)}"


def _words(value: str) -> str:
    """Return a Python value as words of a shell; what is none (a bare word, a date) as it is."""
    try:
        read: Any = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
    if isinstance(read, (list, tuple)):
        return " ".join(_word(str(each)) for each in read) or "nothing"
    return _word(read) if isinstance(read, str) else value


def _word(text: str) -> str:
    """Return a text as a word of a shell; one that would break the line keeps Python's escapes."""
    if text == "...":
        return text
    return shlex.quote(text) if is_line(text) else repr(text)
