"""Messages of the library as the command line prints them: in its options, not in Python's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import gatewise
from gatewise.cli.apps import COMMANDS, app_of
from gatewise.cli.as_typed import as_typed, options
from gatewise.cli.options import ForecasterOptions
from gatewise.cli.tasks import TASKS
from gatewise.errors import OptionError
from gatewise.estimators.forecaster.settings import ForecasterSettings
from tests.cli.python_syntax import in_python

ROOMS = ("estimators", "training", "data", "explaining", "engines")
ASSIGNED = re.compile(rf"(?<![\w.])(?:{'|'.join(options())})=(?!=)")


@pytest.mark.parametrize(
    ("library", "typed"),
    [
        ('mask them: missing="mask"', "mask them: --missing mask"),
        ("scale='per_series' needs it", "--scale per_series needs it"),
        ("lookback=40 and horizon=0 need", "--lookback 40 and --horizon 0 need"),
        ("choose one with time=...", "choose one with --time ..."),
        ("share with test=", "share with --test"),
        ("learning_rate=0.1.", "--learning-rate 0.1."),
        ("test=1986: use", "--test 1986: use"),
        ("series='my id'", "--series 'my id'"),
        ("future=['a', 'b c'] with", "--future a 'b c' with"),
        ("inputs=() is", "no --inputs is"),
        ("(horizon=0, season=None)", "(--horizon 0, no --season)"),
        ("clip=None", "--clip none"),
        ("season must be 1, or None (x), not 'y'", "--season must be 1, or left out (x), not 'y'"),
        ("error: test must be 1, or None (x)", "error: --test must be 1, or none (x)"),
        (
            "quantiles must be levels such as [0.1, 0.9], not (0.5, 9.0)",
            "--quantiles must be levels such as 0.1 0.9, not 0.5 9.0",
        ),
        ("a network of hidden_size=9", "a network of --hidden-size 9"),
        ("write_cost is a cost", "--write-cost is a cost"),
        ("error: explain: budget=3 seconds", "error: --budget 3 seconds"),
        ("engine='auto', or gw.restore(model) for torch's module", "--engine auto"),
        ("call fit(data) or model.predict()", "call gatewise fit or gatewise predict"),
        ("replace it with --overwrite (overwrite=True)", "replace it with --overwrite"),
        # what is the reader's stays as it is
        ("no column 'a=b'", "no column 'a=b'"),
        ("no column 'my time=x'", "no column 'my time=x'"),
        ("runs/lookback=30/hidden_size is no run", "runs/lookback=30/hidden_size is no run"),
        ("the series' first row, as the part's", "the series' first row, as the part's"),
        ("None of the 3 units (of 8) counts", "None of the 3 units (of 8) counts"),
    ],
)
def test_messages_speak_of_options_as_they_are_typed(library: str, typed: str) -> None:
    assert as_typed(library) == typed


def test_every_option_that_the_library_shares_is_known() -> None:
    settings = {field.name for field in fields(ForecasterSettings)}
    assert {field.name for field in fields(ForecasterOptions)} == settings
    typed = {
        argument.name
        for task in TASKS.values()
        for command in COMMANDS
        for argument in app_of(task)[command].assemble_argument_collection()
    }
    for name in options():
        told = as_typed(f"give {name}=3")
        assert told == f"give --{name.replace('_', '-')} 3"
        assert told.split()[1] in typed


def test_no_rule_of_a_setting_is_told_in_python() -> None:
    for field in fields(ForecasterSettings):
        with pytest.raises(OptionError) as caught:
            ForecasterSettings(**{field.name: (object, None)}).check_options()
        assert field.name in str(caught.value)
        told = as_typed(str(caught.value)).split(", not ")[0]  # the value is the caller's
        assert told.startswith(f"--{field.name.replace('_', '-')} ")
        assert not in_python(told)


def messages() -> Iterator[tuple[str, str]]:
    """Return every text of the library that names an option as Python does, and where it stands."""
    home = Path(gatewise.__file__).parent
    for path in sorted(path for room in ROOMS for path in (home / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        beside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        beside |= {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            if id(node) not in beside and (text := shown(node)) and ASSIGNED.search(text):
                yield f"{path.relative_to(home)}:{node.lineno}", text  # type: ignore[attr-defined]


def shown(node: ast.AST) -> str:
    """Return a text as the library could show it: a name before "=", "x" for a repr, else 7."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    told = ""
    for part, after in zip(node.values, [*node.values[1:], None], strict=True):
        if isinstance(part, ast.Constant):
            told += str(part.value)
        elif isinstance(after, ast.Constant) and str(after.value).startswith("="):
            told += "lookback"
        else:
            told += "'x'" if getattr(part, "conversion", -1) == ord("r") else "7"
            joined = isinstance(after, ast.Constant) and str(after.value)[:1].isalpha()
            told += " " if joined else ""  # what ends in a blank itself
    return told


def test_no_message_that_names_an_option_reaches_a_terminal_in_python() -> None:
    found = list(messages())
    assert len(found) > 40
    assert [each for each in found if in_python(as_typed(each[1]))] == []
