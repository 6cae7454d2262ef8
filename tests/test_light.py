"""Modules, traces, memory and streams need torch, NumPy and safetensors alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
TABLES = {"polars", "narwhals", "pandas", "pyarrow", "cyclopts", "rich", "matplotlib", "xarray"}
NETWORK = """
import torch
import gatewise as gw

model = torch.nn.ModuleDict({"encoder": torch.nn.LSTM(3, 4)})
x = torch.randn(9, 2, 3)
with gw.trace(model) as trace:
    model["encoder"](x)
assert gw.memory.gate_timescale(trace["encoder"]).steps.shape
gw.accelerate(model)
gates = model["encoder"](x, return_gates=True)[2]
gw.penalties.write_cost(gates).backward()
gw.Stream(gw.LSTM(3, 4))
explanation = gw.explain(torch.nn.LSTM(3, 4), torch.randn(60, 32, 3), budget=1.0)
explanation.write_page(sys.argv[1])
assert not MISSING & set(sys.modules)
"""


def test_a_network_needs_no_tables_and_no_command_line(tmp_path: object) -> None:
    code = WITHOUT.format(missing=TABLES) + f"MISSING = {TABLES}\n" + NETWORK
    command = [sys.executable, "-c", code, f"{tmp_path}/page.html"]
    subprocess.run(command, check=True, timeout=300)


@pytest.mark.parametrize(
    ("missing", "words"),
    [("cyclopts", ["--help"]), ("polars", ["datasets", "fulda", "--out", "r.csv"])],
)
def test_the_command_line_says_which_package_is_missing(
    missing: str, words: list[str], tmp_path: object
) -> None:
    code = WITHOUT.format(missing={missing}) + "from gatewise.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"gatewise: error: the command line needs {missing}, which is not installed: "
        f"pip install {missing}\n"
    )
