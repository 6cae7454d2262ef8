"""The way from a module's call to its kernel is short: what one must read to follow it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
import torch
from tests.nn.recurrent import STOCK, build, inputs

import gatewise

T, B, I, H = 20, 2, 3, 4  # noqa: E741 - the papers' symbol
MOST_FUNCTIONS, MOST_FILES = 30, 8
ROOT = gatewise.__file__.removesuffix("__init__.py")


def passed_by(call: Callable[[], Any]) -> set[tuple[str, str]]:
    """Return the file and the name of each Python function of gatewise that a call passes."""
    found: set[tuple[str, str]] = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(ROOT):
            found.add((code.co_filename.removeprefix(ROOT), code.co_qualname))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        call()
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize("engine", ["native", "torch"])
@pytest.mark.parametrize("cell", STOCK)
@torch.no_grad()
def test_an_inference_call_passes_few_functions_and_files(cell, engine) -> None:
    module, x = build(cell, I, H), inputs(T, B, I)
    module.settle(engine)
    module(x)  # what is worked out once is known from here on
    functions = passed_by(lambda: module(x))
    kernel = {"native": "engines/native/core.py", "torch": "engines/fused.py"}[engine]
    assert kernel in {file for file, _ in functions}
    assert len(functions) <= MOST_FUNCTIONS, sorted(functions)
    assert len({file for file, _ in functions}) <= MOST_FILES, sorted(functions)
