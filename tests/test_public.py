"""The public names: few, each there, and none of them costs torch before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gatewise as gw

HEAVY = {"torch", "numpy", "polars", "narwhals", "pandas", "safetensors", "matplotlib", "asyncio"}
"""Packages that take longer to import than the help takes to print."""


def test_every_public_name_is_there_and_listed() -> None:
    for name in gw.__all__:
        assert getattr(gw, name) is not None
    assert set(gw.__all__) == set(dir(gw))
    assert len(gw.__all__) <= 37


def test_the_functions_are_not_hidden_by_rooms_of_their_name() -> None:
    code = (
        "import gatewise.tracing, gatewise.explaining, gatewise.nn, gatewise.report, gatewise as gw\n"
        "assert all(callable(f) for f in (gw.trace, gw.explain, gw.accelerate, gw.report.write_page))\n"
        "assert callable(gw.init.chrono)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_report_needs_no_torch() -> None:
    code = "import sys, gatewise.report; assert not {'torch', 'polars'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_importing_gatewise_imports_nothing_but_itself() -> None:
    code = (
        "import sys; before = set(sys.modules); import gatewise\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - {'gatewise'}\n"
        "assert new <= set(sys.stdlib_module_names), new - set(sys.stdlib_module_names)\n"
        "slow = {'tempfile', 'inspect', 'asyncio', 'email', 'importlib.resources', 'json'}\n"
        "assert not slow & (set(sys.modules) - before), slow & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["--version"]])
def test_help_imports_nothing_that_computes(words: list[str]) -> None:
    code = (
        "import sys; from gatewise.cli import run\n"
        f"assert run({words}) == 0\n"
        f"assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, stdout=subprocess.DEVNULL)
