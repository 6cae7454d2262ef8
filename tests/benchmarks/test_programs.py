"""Programs that people run: their results are the same under `gatewise run`, and what the table says."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks.programs.__main__ import NAMES, advice, python_of, table
from benchmarks.programs.measuring import Row, Setting, compared, measure, missing
from benchmarks.programs.program import Program
from benchmarks.programs.timing import ProgramError, run


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_a_program_returns_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program: Program = import_module(f"benchmarks.programs.{name}").PROGRAM
    lacks = missing(program, sys.executable)
    if lacks:
        pytest.skip(f"not installed: {lacks}")
    monkeypatch.setenv("MEDAKA_LETTERS", "20000")
    for variant in program.variants:
        (tmp_path / variant).mkdir(exist_ok=True)
        row = measure(name, variant, sys.executable, tmp_path / variant, Setting(1, 1))
        assert row.same == "the same bytes" or float(row.same.removeprefix("to ")) < 1e-4


def test_results_are_compared_by_bytes_or_by_numbers(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("ACGT")
    other.write_text("ACGA")
    assert (compared(one, one), compared(one, other)) == ("the same bytes", "NOT the same")
    one, other = tmp_path / "one.npy", tmp_path / "other.npy"
    np.save(one, np.array([1.0, -4.0]))
    np.save(other, np.array([1.0, -4.0004]))
    assert compared(one, other) == "to 1e-04"
    np.save(other, np.zeros(3))
    assert compared(one, other) == "NOT of one shape"


def test_what_is_missing_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    program = Program("about", ("nosuch==1.0",), ("json", "nosuch"))
    assert missing(program, sys.executable) == "nosuch"
    assert advice("it", program).endswith("ENVIRONMENTS/it/bin/pip install gatewise nosuch==1.0")
    assert missing(program, str(tmp_path / "python")).startswith(str(tmp_path))
    assert python_of("it", tmp_path) == sys.executable


def test_a_stage_is_timed_between_its_lines_and_a_failure_is_told() -> None:
    busy = "import time\nend = time.process_time() + 0.1\nwhile time.process_time() < end: pass\n"
    code = f"import sys\n{busy}print('go', file=sys.stderr)\n{busy}print('done', file=sys.stderr)"
    taken = run([sys.executable, "-c", code], ("go", "done"))
    assert 0.05 < taken.stage < taken.whole - 0.05
    with pytest.raises(ProgramError, match=r"why$"):
        run([sys.executable, "-c", "import sys; sys.exit('why')"])


def test_the_table_has_every_figure() -> None:
    row = Row("it", "small", "reads", "the same bytes", (4, 2), (3, 1), (2.0, 0.5), "50% left: so")
    told = table([row]).splitlines()[-1]
    assert told == (
        "| **it** small | reads | the same bytes | 2 → 0.5 s (4.00 ×) | 4 → 2 s (2.00 ×); its stage "
        "3 → 1 s (3.00 ×) | 50% left: so |"
    )
