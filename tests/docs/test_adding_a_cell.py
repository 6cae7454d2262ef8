"""The example of docs/adding-a-cell.md, done as it says: two files of the package."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-cell.md").read_text("utf-8")

BEGIN = """
import sys
# Where the package is installed to be edited in place, a finder of its own would go first.
sys.meta_path[:] = [finder for finder in sys.meta_path if isinstance(finder, type)]
sys.path.insert(0, sys.argv[1])
import gatewise
assert gatewise.__file__.startswith(sys.argv[1]), gatewise.__file__
"""

DESCRIBED = """
from gatewise.cells import CELLS
assert "torch" not in sys.modules
assert CELLS["ugrnn"].recorded == ("update", "candidate", "hidden")
"""

USED = """
import copy
import numpy as np
import torch
import gatewise as gw
from gatewise.errors import EngineError

torch.manual_seed(0)
x = torch.randn(12, 4, 3)
module = gw.nn.Recurrent("ugrnn", 3, 5, num_layers=2, bidirectional=True)
output, h, gates = module(x, lengths=[12, 0, 5, 9], return_gates=True)
assert tuple(gates) == ("update", "candidate", "hidden") and gates.kind == "ugrnn"
assert torch.equal(copy.deepcopy(module)(x)[0], module(x)[0])

model = torch.nn.Sequential()
model.rnn = module
with gw.trace(module) as trace:
    module(x)
assert trace.cell("") == "ugrnn"
gw.nn.init.open_forget_gate(module, bias=2.0)
start = gw.penalties.forget_cost(gates) + gw.penalties.write_cost(gates)
assert torch.isfinite(start + gw.penalties.saturation_cost(gates))

record = module(x, return_gates=True)[2].detach()
memory = gw.memory
for figure in (
    memory.gate_timescale, memory.ledger, memory.retention_curve, memory.saturation,
    memory.redundancy, memory.state_health, memory.still_units, memory.traffic,
):
    assert figure(record).reading
assert memory.highway(module, x).cell == "ugrnn"
assert memory.highway(module, x).reading

quantities = {name: value[0, 0, :, 0].numpy() for name, value in record.items()}
page = gw.report.Record("rnn", "ugrnn", quantities)
assert page.size == 5

try:
    gw.Stream(gw.nn.Recurrent("ugrnn", 3, 5))
except EngineError as error:
    assert "does not have the cell 'ugrnn'" in str(error), error
else:
    raise AssertionError("a stream of a cell that the core does not have")
module.engine = "native"
try:
    module(x)
except EngineError as error:
    assert "does not have the cell 'ugrnn'" in str(error), error
else:
    raise AssertionError("the native engine ran a cell that it does not have")
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the package, save the page's first example as the file that it names, and register it."""
    path = tmp_path_factory.mktemp("copy")
    source = ROOT / "src" / "gatewise"
    shutil.copytree(source, path / "gatewise", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    core = importlib.util.find_spec("gatewise._native")
    assert core is not None and core.origin is not None  # noqa: PT018
    shutil.copy(core.origin, path / "gatewise")
    named = re.search(r"^## 1\. The file: `src/(.*)`$", PAGE, re.MULTILINE)
    example = re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert named and example  # noqa: PT018
    (path / named[1]).write_text(example[1], encoding="utf-8")
    registry = path / "gatewise" / "cells" / "__init__.py"
    text = registry.read_text("utf-8")
    text = text.replace(
        "from gatewise.cells.spec",
        "from gatewise.cells.ugrnn import UGRNN\nfrom gatewise.cells.spec",
    )
    registry.write_text(text.replace("        MGU,\n", "        MGU,\n        UGRNN,\n"), "utf-8")
    return path


def run(package: Path, script: str, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + script, str(package), *args],
        check=False,
        capture_output=True,
        text=True,
        cwd=package,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_file_is_described_without_torch(package: Path) -> None:
    run(package, DESCRIBED)


def test_everything_that_the_page_promises_works(package: Path) -> None:
    run(package, USED)
