"""The package's names: functions, whatever was imported before, and no torch for arrays."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import gatewise.memory
from gatewise.memory.result import Result


@pytest.mark.parametrize("name", gatewise.memory.__all__)
def test_every_name_is_there(name: str) -> None:
    assert callable(getattr(gatewise.memory, name))
    assert name in dir(gatewise.memory)


def test_a_function_stands_before_the_module_of_its_name() -> None:
    module = importlib.import_module("gatewise.memory.records.ledger")
    assert gatewise.memory.ledger is module.ledger
    assert gatewise.memory.Result is Result


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match=r"'gatewise\.memory' has no attribute 'ledgre'"):
        gatewise.memory.ledgre  # type: ignore[attr-defined]  # noqa: B018


def test_arrays_need_no_torch() -> None:
    code = (
        "import sys, numpy as np, gatewise.memory as m; keep = np.full((3, 1, 1), .5);"
        "m.ledger(keep=keep, write=keep, state=keep); m.gate_timescale(keep=keep);"
        "m.state_health(state=keep); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
