"""Numbers that people read are written by `gatewise.wording`: a minus sign, no 1e+06, "12.5 %"."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gatewise
from gatewise.wording import figure

SOURCE = Path(gatewise.__file__).parent
MARKUP = {
    "report/pictures",  # places in pictures, and widths of bars
    "report/timescales.py",
    "report/inputs.py",
}
"""Where numbers are what a browser reads; what people read there goes through `figure` all the same."""
OTHERS = {
    "bound:g": "an argument, as it is given",
    "value:g": "an option or a setting, as it is typed",
    "value:.3g": "a setting, as it is typed; and one that a search rounds",
    "most:g": "an option, as it is typed",
    "self.low:g": "an option, as it is typed",
    "self.high:g": "an option, as it is typed",
    "level:g": "the name of a column, as tables have it",
    "low:g": "a bound of an option, as it is typed",
    "high:g": "a bound of an option, as it is typed",
    "options.clip:g": "an option, as it is typed",
    "getattr(options, name):g": "an option, as it is typed",
    "math.floor(value * 10 + 0.5) / 10:,.1f": "a count of a unit of time",
    "a:g": "the name of a column, as tables have it",
    "feature.score:.4g": "what a GFF3 file holds",
    "math.ceil(seconds / size) * size:g": "a value to type",
    "count:,.10g": "a count, of weights too",
    "scores.support[name]:,.10g": "a count, of weights too",
    "self.windows_per_second:,.0f": "a count",
    "work.minutes(names):.0f": "a count",
    "needed / 1000000000.0:,.0f": "whole gigabytes",
    "memory / 1000000000.0:,.0f": "whole gigabytes",
}
"""Numbers that no reader meets as prose, and those that cannot come out odd, with what they are."""
WHOLE_PERCENT = re.compile(r"^\s*\u00a0?%")
"""What follows a share in whole percent, which is never below 0."""
LATER = re.compile(r"\{\w*:[^{}]*[gef%]\}|%[-+]?\d*\.\d+[gef]")
"""A format that a text brings along for later."""
SPEC = re.compile(r"(?<!%)[gef%]$")


def formats(tree: ast.AST) -> Iterator[tuple[ast.FormattedValue, str, str, str]]:
    """Yield each number of an f-string with what stands before it, its format and what follows."""
    wrapped = {
        id(inner)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("with_minus", "float")  # written with a minus; read again as a number
        for inner in ast.walk(call)
    }
    for joined in ast.walk(tree):
        if not isinstance(joined, ast.JoinedStr):
            continue
        parts = [each.value if isinstance(each, ast.Constant) else "" for each in joined.values]
        for place, each in enumerate(joined.values):
            if not isinstance(each, ast.FormattedValue) or id(each) in wrapped:
                continue
            spec = ast.unparse(each.format_spec)[2:-1] if each.format_spec is not None else ""
            before = str(parts[place - 1]) if place else ""
            after = str(parts[place + 1]) if place + 1 < len(parts) else ""
            yield each, before, spec, after


def odd_formats(text: str, where: str) -> Iterator[tuple[str, str]]:
    """Yield each number that a file formats past the one place for that, and where it stands."""
    if not re.search(r"[gef%]\}|%[-+.\d]*[gef]", text):  # most files, and parsing takes its time
        return
    tree = ast.parse(text)
    for found, before, spec, after in formats(tree):
        if not SPEC.search(spec) or before.endswith("="):  # budget=3 is as it is typed
            continue
        if spec != ".0f" or not WHOLE_PERCENT.match(after):
            yield f"{ast.unparse(found.value)}:{spec}", f"{where}:{found.lineno}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and LATER.search(str(node.value)):
            yield repr(node.value)[:40], f"{where}:{node.lineno}"


def test_numbers_for_people_are_written_in_one_place() -> None:
    found = {
        told: place
        for path in sorted(SOURCE.rglob("*.py"))
        if not (where := path.relative_to(SOURCE).as_posix()).startswith(("wording.py", *MARKUP))
        for told, place in odd_formats(path.read_text(), where)
    }
    assert {told: place for told, place in found.items() if told not in OTHERS} == {}, (
        "write them with figure, number or percent (gatewise.wording)"
    )
    assert set(OTHERS) <= set(found), "an exception that is none any more"


@pytest.mark.parametrize(
    "source",
    ['f"it is {x:g} here"', 'f"{x:.3f}"', 'f"{x:.0%} of it"', '"{:.3g}".format', '"%.3g" % x'],
)
def test_the_sweep_finds_them(source: str) -> None:
    assert len(list(odd_formats(f"text = {source}", "one.py"))) == 1
    good = 'text = f"budget={x:g}", f"{with_minus(f\'{x:.2f}\')} {x}", f"{s:.0f}\u00a0% of it"'
    assert list(odd_formats(good, "one.py")) == []


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-3.0, 6, "−3"),
        (1234567.8, 6, "1,234,570"),
        (1234567.8, 3, "1,230,000"),
        (-0.00001234, 3, "−1.23e−05"),
        (0.5, 6, "0.5"),
        (2.0000001, 6, "2"),
        (1e300, 6, "1e+300"),
        (math.nan, 6, "no figure"),
    ],
)
def test_a_figure_has_a_minus_thousands_and_its_digits(
    value: float, digits: int, text: str
) -> None:
    assert figure(value, digits) == text
