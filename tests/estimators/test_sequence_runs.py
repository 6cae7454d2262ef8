"""Fits of sequences in processes of their own: killed and resumed, and shared by two under torchrun."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

import gatewise as gw
from tests.estimators.sequence_job import LANGUAGE, OPTIONS, data, text

ROOT = Path(__file__).parents[2]
# Gradients are sums in another order: 3e-6 is what was seen of weights of size 1.
TOLERANCE = 3e-5


def start(*words: str, processes: int = 1) -> subprocess.Popen[bytes]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [
            *(sys.executable, *(launcher if processes > 1 else ())),
            *(str(ROOT / "tests/estimators/sequence_job.py"), *words),
        ],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    gw.Classifier(**OPTIONS).fit(*data(), out=folder, progress=False)
    return folder / "model.safetensors"


def test_a_fit_that_was_killed_is_resumed_with_the_same_bits(
    tmp_path: Path, uninterrupted: Path
) -> None:
    process = start(str(tmp_path / "run"), "slowly")
    checkpoints = tmp_path / "run/checkpoints"
    while process.poll() is None and not (checkpoints.exists() and any(checkpoints.iterdir())):
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "run/model.safetensors").exists()
    gw.Classifier.resume(tmp_path / "run", *data(), progress=False)
    assert (tmp_path / "run/model.safetensors").read_bytes() == uninterrupted.read_bytes()


@pytest.mark.full
@pytest.mark.parametrize("how", ["", "language"])
def test_two_processes_give_the_result_of_one(
    tmp_path: Path, uninterrupted: Path, how: str
) -> None:
    if how:
        uninterrupted = tmp_path / "alone/model.safetensors"
        gw.LanguageModel(**LANGUAGE).fit(text(), out=uninterrupted.parent, progress=False)
    process = start(str(tmp_path / "run"), *([how] if how else []), processes=2)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors.decode()
    ours, theirs = load_file(tmp_path / "run/model.safetensors"), load_file(uninterrupted)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert abs(array - theirs[name]).max() <= TOLERANCE, name
