"""The parameters of the commands: those of a fit are made from the forecaster's options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, make_dataclass
from functools import cache
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter, Token

from gatewise.cli.tasks import TASKS, TaskName
from gatewise.errors import is_line
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.reading import ReadingOptions
from gatewise.options import Option, can_be_off, options_of

GROUPS = {
    title: Group(title, sort_key=place)
    for place, title in enumerate(
        ("Columns", "Reading", "Task and parts", "Network", "Training", "Run"), 1
    )
}
GROUPS["Limits"] = Group(
    "Limits", help="What a job holds the run to: exit code 1 where one is broken."
)
RUN = GROUPS["Run"]

Words = tuple[str, ...]
Reader = Callable[[Any, Sequence[Token]], Any]
OFF, AUTO = "none", "auto"
"""The words that turn an option off that is on by default, and that leave it to the data."""


def read_whole(_: Any, tokens: Sequence[Token]) -> int | str:
    """Read a whole number, "none" or "auto"; 1.5 is refused where `int` would make it 2."""
    text = tokens[0].value
    if text in (OFF, AUTO):
        return text
    if not text.removeprefix("-").removeprefix("+").isdecimal():
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def read_line(_: Any, tokens: Sequence[Token]) -> str:
    """Read text that can stand on a page: one line, and not blank."""
    text = tokens[0].value
    if not is_line(text):
        raise ValueError(f"{text!r} is blank or has control characters")
    return text


def read_bound(_: Any, tokens: Sequence[Token]) -> float | str:
    """Return a share as a number; anything else is a time (1985-01-01, 400) and stays text."""
    text = tokens[0].value
    try:
        share = float(text)
    except ValueError:
        return text
    return share if 0 < share < 1 else text


WHOLE_OR_AUTO = int | Literal["auto"]
READERS: dict[Any, Reader] = {
    int: read_whole,
    WHOLE_OR_AUTO: read_whole,
    float | str: read_bound,
}
"""How words become values where the conversion that a type brings would take or refuse too much."""

Whole = Annotated[int, Parameter(converter=read_whole)]


@cache
def can_be_off_in(declaring: Any) -> frozenset[str]:
    """Return the options of a dataclass with a default that the word "none" turns off."""
    return frozenset(
        name for name, default, option in options_of(declaring) if can_be_off(default, option)
    )


def _parameter(
    group: Group,
    text: str,
    *,
    shown: bool | None = None,
    reader: Reader | None = None,
    negative: str = "",
) -> Parameter:
    """Return the parameter's description; `shown=False` where the text itself says the default.

    `negative` is what turns a switch off that is on by default.
    """
    # Said here and not once for the whole app: cyclopts 4 does not pass it on to dataclass fields.
    # An absent reader must stay absent: None would undo the one that the type brings.
    reading: dict[str, Any] = {} if reader is None else {"converter": reader}
    return Parameter(
        group=group,
        help=text,
        show_default=shown,
        consume_multiple=True,
        negative=negative,
        **reading,
    )


def _typed(name: str, default: Any, option: Option, *, kept: bool) -> tuple[str, Any, Any]:
    """Return an option as the field of a class that cyclopts reads: name, type and default.

    With `kept`, what is left open stays as it is in a run: None stands for that.
    """
    rule = option.rule
    means = "as in RUN" if kept else option.default_means
    names = _Spelt(none=OFF)
    text = option.help.format_map(names) + (f" [default: {means}]" if means else "")
    described = _parameter(
        GROUPS[option.group],
        text,
        shown=False if means else None,
        reader=READERS.get(rule.typed),
        negative=f"--no-{name.replace('_', '-')}" if rule.typed is bool else "",
    )
    typed = rule.typed
    if can_be_off(default, option) and typed in (int, float, WHOLE_OR_AUTO):
        typed = typed | Literal["none"]
    if kept or default is None:
        typed = typed | None
    return name, Annotated[typed, described], None if kept else default


class _Spelt(dict[str, str]):
    """The names of options as they are typed."""

    def __missing__(self, name: str) -> str:
        return f"--{name.replace('_', '-')}"


def class_of(name: str, declaring: Any, *, kept: bool = False) -> Any:
    """Return a dataclass that cyclopts reads, with the options that another one declares.

    With `kept`, only those that a run which kept them may change.
    """
    return make_dataclass(
        name,
        [
            _typed(name, default, option, kept=kept)
            for name, default, option in options_of(declaring)
            if option.changeable or not kept
        ],
        kw_only=True,
        eq=False,  # every method that a dataclass makes is compiled, which the help would wait for
        repr=False,
    )


_All: Any = class_of("_All", ForecasterSettings)
_Reading: Any = class_of("_Reading", ReadingOptions, kept=True)
_Changeable: Any = class_of("_Changeable", ForecasterSettings, kept=True)


@Parameter(name="*")
class ForecasterOptions(_All):  # type: ignore[misc]  # its fields are those of ForecasterSettings
    """What a forecaster is made of; steps are rows of the table."""

    def settings(self) -> dict[str, Any]:
        """Return the forecaster's arguments; "none" becomes None where an option can be off."""
        return settings_in(self, ForecasterSettings)


@Parameter(name="*")
class Changes(_Changeable):  # type: ignore[misc]
    """Settings that a new fit may change; what is left open stays as in RUN."""

    def settings(self) -> dict[str, Any]:
        """Return what was given; "none" becomes None where an option can be off."""
        return given_in(self, ForecasterSettings)


@Parameter(name="*")
class Reading(_Reading):  # type: ignore[misc]
    """How new rows are read; what is left open is as in RUN."""

    def settings(self) -> dict[str, Any]:
        """Return what was given."""
        return given_in(self, ReadingOptions)


def settings_in(typed: Any, declaring: Any) -> dict[str, Any]:
    """Return typed options as the arguments of `declaring`; "none" becomes None where one can be off."""
    off = can_be_off_in(declaring)
    values = {field.name: getattr(typed, field.name) for field in fields(typed)}
    return {name: None if value == OFF and name in off else value for name, value in values.items()}


def given_in(typed: Any, declaring: Any) -> dict[str, Any]:
    """Return those that were given of options which are left as they are in a run."""
    values = {field.name: getattr(typed, field.name) for field in fields(typed)}
    given = {name for name, value in values.items() if value is not None}
    return {name: value for name, value in settings_in(typed, declaring).items() if name in given}


_default_device = {name: option for name, _, option in options_of(ForecasterSettings)}["device"]
Title = Annotated[
    str | None, _parameter(RUN, "Title of the page. [default: what is predicted]", reader=read_line)
]
NewTitle = Annotated[
    str | None,
    _parameter(
        RUN, "Title of the page. [default: that of the run, or what is predicted]", reader=read_line
    ),
]
TaskOption = Annotated[
    TaskName | None,
    _parameter(
        GROUPS["Task and parts"],
        "; ".join(f"{task.name}: {task.learns}" for task in TASKS.values())
        + ". `--task NAME --help` shows its options. [default: what DATA and the options say]",
        shown=False,
    ),
]
"""Read before the commands are made: see `choosing`."""
Quiet = Annotated[bool, _parameter(RUN, "Print nothing but errors.", shown=False)]
DeviceOfFit = Annotated[
    str | None, Parameter(help=f"{_default_device.help} [default: where the fit began]")
]
Device = Annotated[str, Parameter(help=_default_device.help)]
Config = Annotated[
    str | None, _parameter(RUN, "Read options from a .toml or .json file; the command line wins.")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class NewRun:
    """The run folder that a fit leaves, its page, and what is printed meanwhile."""

    out: Annotated[str, _parameter(RUN, "Run folder to make.")]
    title: Title = None
    predictions: Annotated[
        Literal["csv", "parquet"], _parameter(RUN, "Format of the predictions in the run folder.")
    ] = "csv"
    overwrite: Annotated[
        bool, _parameter(RUN, "Replace an earlier run in that folder.", shown=False)
    ] = False
    quiet: Quiet = False
