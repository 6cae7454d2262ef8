"""`gatewise doctor`: what it tells of a sound installation, and of each thing that is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

import gatewise as gw
from gatewise.doctor import examination, examine, kernels, requirements

SECTIONS = ["gatewise", "machine", "packages", "extras", "core", "torch", "self-test"]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python after `code` with `gatewise doctor` as the command line."""
    words = textwrap.dedent(code) + "\nfrom gatewise.cli import run\nsys.exit(run(['doctor']))"
    return subprocess.run(
        [sys.executable, "-c", "import sys\n" + words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_sound_installation_has_no_problem_and_says_what_there_is() -> None:
    found = examine()
    assert found.problems == []
    assert [*found.found] == SECTIONS
    assert found.found["torch"]["threads"] == str(torch.get_num_threads())
    assert found.found["core"]["in use"] in found.found["core"]["runs here"].split(", ")
    assert "agree with the reference engine" in found.found["self-test"]["run"]
    assert json.loads(json.dumps(found.as_dict())) == found.as_dict()
    assert found.text.endswith("No problem was found.")


def test_show_versions_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    gw.show_versions()
    assert [line for line in capsys.readouterr().out.splitlines() if line in SECTIONS] == SECTIONS


def test_a_core_that_is_not_built_is_named() -> None:
    done = run("sys.modules['gatewise._native'] = None")
    assert done.returncode == 1
    assert "problem: the native core is not built (" in done.stdout
    assert "pip install -e" in done.stdout
    assert done.stderr == ""


def test_torch_that_is_broken_is_named(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    broken = "raise OSError('libtorch.so: cannot open shared object file')"
    (tmp_path / "torch" / "__init__.py").write_text(broken, "utf-8")
    done = run(f"sys.path.insert(0, {str(tmp_path)!r})")
    assert done.returncode == 1
    assert (
        "torch cannot be imported (OSError: libtorch.so: cannot open shared object file)"
        in done.stdout
    )
    assert "it takes the core and torch" in done.stdout


def test_an_instruction_set_that_is_not_there_is_named() -> None:
    done = run("", GATEWISE_ISA="sse9")
    assert done.returncode == 1
    assert "problem: GATEWISE_ISA is 'sse9'" in done.stdout
    assert "set         GATEWISE_ISA=sse9" in done.stdout


def test_a_kernel_that_computes_something_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = gw.GRU.forward

    def wrong(module: gw.GRU, *given: object, **options: object) -> object:
        output, state = forward(module, *given, **options)
        return output * (1.001 if module.engine == "native" else 1.0), state

    monkeypatch.setattr(gw.GRU, "forward", wrong)
    problems = examine().problems
    assert len(problems) == 1
    assert "(GRU in float32; GRU in float64): do not trust its results" in problems[0]


def test_a_core_that_raises_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises() -> None:
        raise RuntimeError("undefined symbol: forward\nand more")

    monkeypatch.setattr(kernels, "compare", raises)
    found = examine()
    assert found.found["self-test"] == {"run": "failed"}
    assert "(RuntimeError: undefined symbol: forward)" in found.problems[0]


@pytest.mark.parametrize(
    ("line", "name", "least", "extra"),
    [
        ("torch>=2.6", "torch", "2.6", ""),
        ("numpy", "numpy", "", ""),
        ('optuna>=4.2; extra == "tune"', "optuna", "4.2", "tune"),
        ("keras<4,>=3 ; extra == 'bench'", "keras", "3", "bench"),
        ("nan-such_package (>=1.2rc1)", "nan-such_package", "1.2rc1", ""),
        ("foo[bar]>=1; python_version > '3.8' and extra == 'x'", "foo", "1", "x"),
    ],
)
def test_a_line_of_the_metadata_is_read(line: str, name: str, least: str, extra: str) -> None:
    found = requirements.read(line)
    assert (found.name, found.least, found.extra) == (name, least, extra)


def test_a_package_that_is_missing_or_old_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["torch>=99", "such-a-package>=1", "polars>=1", 'brotli>=99; extra == "bench"']
    monkeypatch.setattr(requirements, "requires", lambda name: asked)
    found = examination.examine()
    there = requirements.version("torch")
    assert found.problems == [
        f"torch is {there}, older than 99. pip install 'torch>=99'",
        "such-a-package is not installed. pip install 'such-a-package>=1'",
    ]
    assert found.found["extras"] == {"bench": "without brotli"}


def test_a_version_is_compared_by_its_numbers() -> None:
    assert requirements.Requirement("torch", "2.6", "", "2.13.0+cpu").problem == ""
    assert requirements.Requirement("torch", "2.13", "", "2.6.0").problem
    assert requirements.Requirement("torch", "2.13", "", "2.13").problem == ""
