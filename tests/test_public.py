"""The public names: few, each there, and none of them costs torch before it is used."""

from __future__ import annotations

import subprocess
import sys

import gatewise as gw


def test_every_public_name_is_there_and_listed() -> None:
    for name in gw.__all__:
        assert getattr(gw, name) is not None
    assert set(gw.__all__) == set(dir(gw))
    assert len(gw.__all__) <= 24


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


def test_importing_gatewise_does_not_import_torch() -> None:
    code = "import sys, gatewise; assert not {'torch', 'polars', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
