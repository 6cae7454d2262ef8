"""An option that is declared once: its check, its message and its value come from the declaration."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest

from gatewise.errors import OptionError
from gatewise.options import (
    Rule,
    between,
    can_be_off,
    check,
    encoding_name,
    names,
    number,
    one_of,
    option,
    options_of,
    or_none,
    part,
    part_of,
    share_below_one,
    text,
    values_of,
    whole,
)

Colour = Literal["red", "green"]


@dataclass(kw_only=True, eq=False)
class Shape:
    width: int = option(3, "Network", "Units, more than {height}.", whole(1, 9))
    height: float | None = option(1.5, "Network", "How high.", or_none(between(0, 2), "flat"))


@dataclass(kw_only=True, eq=False)
class Painted(Shape):
    colour: Colour = option("red", "Network", "What it is painted.", one_of(Colour))


def test_options_are_those_of_the_class_and_its_bases() -> None:
    assert [(name, default) for name, default, _ in options_of(Painted)] == [
        ("width", 3),
        ("height", 1.5),
        ("colour", "red"),
    ]
    assert [name for name, default, each in options_of(Painted) if can_be_off(default, each)] == [
        "height"
    ]
    shape = part_of(Shape, Painted(width=4), height=None)
    assert (type(shape), shape.width, shape.height) == (Shape, 4, None)
    assert values_of(Shape, Painted(width=4)) == {"width": 4, "height": 1.5}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"width": 10}, "width must be a whole number of at least 1 and at most 9, not 10."),
        ({"width": True}, "width must be a whole number of at least 1 and at most 9, not True."),
        ({"height": -1}, "height must be a number from 0 to 2, or None (flat), not -1."),
        ({"colour": "gren"}, "colour must be one of 'red', 'green', not 'gren'. Did you mean 'green'?"),
        ({"width": 10**50}, "not a number of more than 40 digits."),
        ({"colour": "x" * 200}, f"not '{'x' * 89}...."),
    ],
)  # fmt: skip
def test_what_an_option_cannot_be_is_told_in_one_line(given: Any, message: str) -> None:
    check(Painted())
    with pytest.raises(OptionError) as caught:
        check(Painted(**given))
    assert message in str(caught.value)


NUMBERS = [0.5, 1, np.float32(0.5), np.int64(1)]
NO_NUMBERS = [True, "1", None, float("nan"), float("inf"), 10**400, 1j, Fraction(1, 2), [1]]


@pytest.mark.parametrize(
    ("rule", "allowed", "refused"),
    [
        (number("a number", lambda _: True), NUMBERS, NO_NUMBERS),
        (whole(1), [1, np.int64(9)], [0, 0.5, 1.0, True, "1", None, 10**10]),
        (share_below_one(), [0, 0.99], [1, -0.1, "0.5"]),
        (part(), [0.5, np.float32(0.5), 800, "1985", np.datetime64("1985")], [0.0, 1.5, True, None]),
        (names(), ["rain", ["rain", "heat"], ()], [None, 3, ["rain", 3]]),
        (text("a name"), ["", "x"], [None, 3, ["x"]]),
        (or_none(text("a name"), "none"), [None, "x"], [3]),
    ],
)  # fmt: skip
def test_rules(rule: Rule, allowed: list[Any], refused: list[Any]) -> None:
    assert [value for value in allowed if not rule.allowed(value)] == []
    assert [value for value in refused if rule.allowed(value)] == []


def test_an_encoding_is_one_of_text() -> None:
    allowed = encoding_name().allowed
    assert all(allowed(name) for name in ("utf-8", "latin-1", "UTF-16"))
    assert not any(
        allowed(name) for name in ("", " ", "utf-9", "hex", "\x1b[31m", "\udcff", "a\0b")
    )
