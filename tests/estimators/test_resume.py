"""Runs in processes of their own, killed by SIGKILL: the resumed result is the uninterrupted one's."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch

from tests.estimators.toy import equal

ROOT = Path(__file__).parents[2]
# long enough that kills at random moments hit all parts of an epoch
JOB = {"windows": 129, "quantiles": True, "options": {"epochs": 30, "patience": 30}}


def start(folder: Path, **job: object) -> subprocess.Popen[bytes]:
    settings = {**JOB, "checkpoint": str(folder / "state"), "out": str(folder / "out"), **job}
    command = [sys.executable, str(ROOT / "tests/estimators/toy.py"), json.dumps(settings)]
    # one thread: the number of threads is part of what makes bits the same
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> str:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    return errors.decode()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    began = time.monotonic()
    process = start(folder)
    while not (folder / "state").exists():
        time.sleep(0.002)
    trained_from = time.monotonic()
    errors = finish(process)
    seconds = time.monotonic() - trained_from
    assert trained_from > began
    assert errors.splitlines()[0].startswith("member 1  epoch 1/30")
    assert "done, the weights of epoch" in errors.splitlines()[-1]
    return safetensors.torch.load_file(folder / "out"), seconds


def check(folder, uninterrupted):
    finish(start(folder, resume=True))
    assert equal(safetensors.torch.load_file(folder / "out"), uninterrupted[0])


@pytest.mark.parametrize("when", ["half", "whole", "renamed"])
def test_killed_while_a_checkpoint_is_written(tmp_path, uninterrupted, when):
    process = start(tmp_path, kill=[3, when])
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    left_over = [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    assert len(left_over) == (when != "renamed")
    check(tmp_path, uninterrupted)


def test_killed_at_several_random_moments(tmp_path, uninterrupted):
    _, seconds = uninterrupted
    chance = random.Random(7)
    kills = 0
    for _ in range(3):
        process = start(tmp_path, resume=True)
        state = tmp_path / "state"
        before = state.stat().st_mtime_ns if state.exists() else None
        while process.poll() is None and (not state.exists() or state.stat().st_mtime_ns == before):
            time.sleep(0.002)
        time.sleep(chance.uniform(0, seconds / 3))
        process.kill()
        process.communicate(timeout=120)
        kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert kills >= 2
    check(tmp_path, uninterrupted)
