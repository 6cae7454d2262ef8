"""Options that are declared once: beside each field of a dataclass stand its group, help and rule.

The check and its messages, the parameters of the command line, the keys of a config file and the table
in docs/forecasting.md are made of these fields: a new option is a field, and what is done with it.
Neither this module nor those that declare options may import what is slow, because the help reads them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeVar, get_args

from gatewise.errors import OptionError, nearest

T = TypeVar("T")
Options = TypeVar("Options")

MANY = 1_000_000_000
"""More rows, epochs or windows than anybody has; what is beyond is a slip, and overflows."""

Group = Literal["Columns", "Reading", "Task and parts", "Network", "Training", "Limits"]
"""The panels of the help and the parts of the docs' table, in this order."""


@dataclass(frozen=True)
class Rule:
    """What the value of an option may be."""

    allowed: Callable[[Any], bool]
    wanted: str
    """Ends the sentence "NAME must be ..."."""
    typed: Any
    """The type that the command line reads, for the help and the conversion of words."""
    choices: tuple[str, ...] = ()
    """Words among which a wrong one may have a near one."""
    may_be_none: bool = False
    grows: bool = False
    """Whether users add to the choices, so that no page lists them."""


@dataclass(frozen=True)
class Option:
    """What is known of an option beside its name, type and default."""

    group: Group
    help: str
    """A sentence, in which {lookback} stands for that option and {none} for None, however spelt."""
    rule: Rule
    default_means: str | None
    """What the help tells in place of the default."""
    changeable: bool
    """Whether a run that is continued or retrained may have another value."""
    more: str
    """Markdown that the docs have beside the help."""


def option(
    default: T,
    group: Group,
    help: str,
    rule: Rule,
    *,
    default_means: str | None = None,
    changeable: bool = False,
    more: str = "",
) -> T:
    """Return the field of a dataclass that declares an option."""
    kept = Option(group, help, rule, default_means, changeable, more)
    return field(default=default, metadata={"option": kept})


def with_default(default: T, kind: Any, name: str, **changes: Any) -> T:
    """Return the field of an option that `kind` declares, with another default and what else differs."""
    declared = next(option for known, _, option in options_of(kind) if known == name)
    return field(default=default, metadata={"option": replace(declared, **changes)})


def options_of(kind: Any) -> Iterator[tuple[str, Any, Option]]:
    """Yield name, default and description of every option of a dataclass or of an instance of one."""
    for each in fields(kind):
        yield each.name, each.default, each.metadata["option"]


def values_of(kind: Any, settings: Any) -> dict[str, Any]:
    """Return, by name, the values in `settings` of the options that `kind`, a base of it, declares."""
    return {name: getattr(settings, name) for name, _, _ in options_of(kind)}


def part_of(kind: type[Options], settings: Any, **changes: Any) -> Options:
    """Return those of `settings` that `kind`, a base class of it, declares, with `changes`."""
    return kind(**(values_of(kind, settings) | changes))


def check(settings: Any) -> None:
    """Raise `OptionError` for the first option whose value is outside what it may be."""
    for name, _, option in options_of(settings):
        value, rule = getattr(settings, name), option.rule
        if not rule.allowed(value):
            close = nearest(value, rule.choices) if isinstance(value, str) else ""
            raise OptionError(f"{name} must be {rule.wanted}, not {_shown(value)}.{close}")


def can_be_off(default: Any, option: Option) -> bool:
    """Tell whether None turns an option off that is on by default."""
    return option.rule.may_be_none and default is not None


def _shown(value: Any) -> str:
    """Return a value as a message shows it: cut where it is long."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**40:
        return "a number of more than 40 digits"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:90]}..."


def or_none(rule: Rule, meaning: str) -> Rule:
    """Return a rule that allows None too, which means what `meaning` says."""
    return replace(
        rule,
        allowed=lambda value: value is None or rule.allowed(value),
        wanted=f"{rule.wanted}, or None ({meaning})",
        may_be_none=True,
    )


def or_auto(rule: Rule) -> Rule:
    """Return a rule that allows the word "auto" too: what suits the data."""
    return replace(
        rule,
        allowed=lambda value: value == "auto" or rule.allowed(value),
        wanted=f"'auto' or {rule.wanted}",
        typed=rule.typed | Literal["auto"],
    )


def whole(at_least: int, at_most: int | None = MANY) -> Rule:
    """Return the rule of whole numbers between two bounds."""

    def allowed(value: Any) -> bool:
        return (
            _is_whole(value)
            and bool(value >= at_least)
            and (at_most is None or bool(value <= at_most))
        )

    upper = "" if at_most is None else f" and at most {at_most:,}"
    return Rule(allowed, f"a whole number of at least {at_least}{upper}", int)


def number(wanted: str, allowed: Callable[[float], bool]) -> Rule:
    """Return the rule of finite numbers for which `allowed` holds, which `wanted` says in words."""
    return Rule(lambda value: _is_real(value) and allowed(float(value)), wanted, float)


def between(low: float, high: float) -> Rule:
    """Return the rule of numbers from `low` to `high`, both included."""
    return number(f"a number from {low:g} to {high:g}", lambda value: low <= value <= high)


def share_below_one() -> Rule:
    """Return the rule of shares that leave something: from 0 up to, but not, 1."""
    return number("a number from 0 up to, but not, 1", lambda share: 0 <= share < 1)


def one_of(words: Any) -> Rule:
    """Return the rule of a `Literal`: one of its words."""
    choices: tuple[str, ...] = get_args(words)
    wanted = "one of " + ", ".join(repr(choice) for choice in choices)
    return Rule(lambda value: value in choices, wanted, words, choices)


def registered(names: tuple[str, ...], allowed: Callable[[Any], bool], plural: str) -> Rule:
    """Return the rule of what is in a registry: its `names` now, and whatever is `allowed` by then."""
    listed = ", ".join(repr(name) for name in names)
    words: Any = Literal
    wanted = f"one of {listed}, or of the {plural} that you register"
    return Rule(allowed, wanted, words[names], names, grows=True)


def some_of(words: Any, other: str = "", is_other: Callable[[str], bool] | None = None) -> Rule:
    """Return the rule of a list of words of a `Literal`, one at least.

    With `is_other` also of words for which it holds, such as `other`.
    """
    choices: tuple[str, ...] = get_args(words)
    listed = f"a list of {', '.join(map(repr, choices))}"
    if is_other is None:
        return Rule(
            lambda value: _is_list(value) and all(each in choices for each in value),
            listed,
            tuple[words, ...],
        )

    def known(each: Any) -> bool:
        return isinstance(each, str) and (each in choices or is_other(each))

    return Rule(
        lambda value: _is_list(value) and all(map(known, value)),
        f"{listed}, or words such as {other!r}",
        tuple[str, ...],
    )


def any_of(words: Any, other: str, is_other: Callable[[str], bool]) -> Rule:
    """Return the rule of a list, which may be empty, of words that are there once.

    They are words of a `Literal`, or words for which `is_other` holds, such as `other`.
    """
    choices: tuple[str, ...] = get_args(words)

    def known(each: Any) -> bool:
        return isinstance(each, str) and (each in choices or is_other(each))

    def allowed(value: Any) -> bool:
        listed = isinstance(value, Sequence) and not isinstance(value, str)
        return listed and all(map(known, value)) and len(set(value)) == len(value)

    wanted = f"a list of {', '.join(map(repr, choices))}, or words such as {other!r}"
    return Rule(allowed, wanted, tuple[str, ...], choices)


def levels() -> Rule:
    """Return the rule of quantile levels."""
    return Rule(
        lambda value: _is_list(value) and all(_is_real(each) and 0 < each < 1 for each in value),
        "a list of levels between 0 and 1 such as [0.1, 0.5, 0.9]",
        tuple[float, ...],
    )


def text(wanted: str) -> Rule:
    """Return the rule of one text."""
    return Rule(lambda value: isinstance(value, str), wanted, str)


def on_or_off() -> Rule:
    """Return the rule of a switch."""
    return Rule(lambda value: isinstance(value, bool), "a switch, on or off", bool)


def text_that(wanted: str, allowed: Callable[[str], bool]) -> Rule:
    """Return the rule of one text for which `allowed` holds, which `wanted` says in words."""
    return Rule(lambda value: isinstance(value, str) and allowed(value), wanted, str)


def encoding_name() -> Rule:
    """Return the rule of the name of an encoding of text."""

    def allowed(value: str) -> bool:
        try:
            "".encode(value)  # of codecs that are no encodings of text too it raises
        except (LookupError, ValueError):
            return False
        return bool(value.strip())

    return text_that("the name of an encoding such as 'utf-8' or 'latin-1'", allowed)


def names() -> Rule:
    """Return the rule of one column or several."""

    def allowed(value: Any) -> bool:
        several = isinstance(value, Sequence) and all(isinstance(name, str) for name in value)
        return isinstance(value, str) or several

    return Rule(allowed, "a column name or a list of column names", tuple[str, ...])


def part() -> Rule:
    """Return the rule of a part of the time axis: its share, or its first time."""

    def allowed(value: Any) -> bool:
        if _is_real(value) and not _is_whole(value):
            return bool(0 < value < 1)
        return isinstance(value, str) or _is_whole(value) or _is_time(value)

    wanted = "a share between 0 and 1 or the part's first time such as '1985-01-01' or 800"
    return Rule(allowed, wanted, float | str)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0


def _is_whole(value: Any) -> bool:
    import numpy as np  # noqa: PLC0415 - slow, and not needed for the help

    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_real(value: Any) -> bool:
    import numpy as np  # noqa: PLC0415

    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _is_time(value: Any) -> bool:
    import numpy as np  # noqa: PLC0415

    return isinstance(value, np.datetime64) or hasattr(value, "isoformat")
