"""The reference that `make reference` writes: every public name is on it, and each says enough."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pdoc
import pytest

import gatewise as gw

ROOT = Path(__file__).parents[1]
ROOMS = (gw, gw.memory, gw.nn, gw.init, gw.penalties, gw.figures, gw.report, gw.datasets, gw.errors)
REFUSES_NOTHING = {"datasets.names", "report.contents_of_run", "report.verdict"}
"""Functions that check nothing, so that their docstring need not say what they raise."""


def called(room: ModuleType, name: str) -> str:
    return f"{room.__name__.rpartition('.')[2]}.{name}"


def public() -> Iterator[tuple[str, Any]]:
    for room in ROOMS:
        for name in room.__all__:
            found = getattr(room, name)
            if not isinstance(found, ModuleType | str):
                yield called(room, name), found


FUNCTIONS = {name: found for name, found in public() if not isinstance(found, type)}
CLASSES = {name: found for name, found in public() if isinstance(found, type)}


def described(function: Callable[..., Any]) -> str:
    """Return a function's docstring; what all panels share is told once, in that of their room."""
    shared = gw.figures.__doc__ if function.__module__.startswith("gatewise.figures") else ""
    return f"{inspect.getdoc(function)}\n{shared}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_gives_and_refuses(name: str) -> None:
    signature, text = inspect.signature(FUNCTIONS[name]), described(FUNCTIONS[name])
    missing = [key for key in signature.parameters if not re.search(rf"\b{key}\b", text)]
    assert not missing
    gives = signature.return_annotation not in ("None", None)
    assert not gives or re.search(r"\b[Rr]eturns?\b", text), "says nothing of what it returns"
    assert name in REFUSES_NOTHING or "Raises" in text, "says nothing of what it raises"


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_and_each_of_its_public_methods_has_a_docstring(name: str) -> None:
    assert CLASSES[name].__doc__
    described = (property, cached_property, classmethod, staticmethod)
    for key, member in vars(CLASSES[name]).items():
        if not key.startswith("_") and (
            inspect.isfunction(member) or isinstance(member, described)
        ):
            assert inspect.getdoc(member), f"{name}.{key}"


def specified() -> list[str]:
    """Return the modules that the Makefile gives to pdoc."""
    line = re.search(r"^REFERENCE := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert line is not None
    return shlex.split(line[1])


@pytest.mark.filterwarnings("ignore:Error parsing type annotation")  # those under TYPE_CHECKING
@pytest.mark.filterwarnings("ignore:Found '__version__' in gatewise.__all__")
def test_every_public_name_is_on_the_reference(tmp_path: Path) -> None:
    pdoc.render.configure(docformat="google", show_source=False)
    pdoc.pdoc(*specified(), output_directory=tmp_path)
    for room in ROOMS:
        page = (tmp_path / f"{room.__name__.replace('.', '/')}.html").read_text("utf-8")
        for name in room.__all__:
            if not isinstance(getattr(room, name), ModuleType):
                assert f'id="{name}"' in page, called(room, name)
